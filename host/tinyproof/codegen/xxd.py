"""The plain array that ``xxd -i`` writes, with ``const`` added."""

from __future__ import annotations

BYTES_PER_LINE = 12


def xxd_name(path: str) -> str:
    """Return ``xxd -i``'s C name for a path: bytes that are no letter or digit become ``_``."""
    characters = map(chr, path.encode())
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in characters)
    return f"__{name}" if name[:1].isdigit() else name


def xxd(model: bytes, path: str) -> str:
    """Return what ``xxd -i PATH`` writes for a file with the bytes ``model``, with ``const`` added.

    Args:
        model: the file's bytes.
        path: the path as it would be given to xxd; the array's name is made of it.
    """
    name = xxd_name(path)
    lines = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in model[start : start + BYTES_PER_LINE])
        for start in range(0, len(model), BYTES_PER_LINE)
    ]
    body = ",\n".join(lines) + "\n" if lines else ""
    return (
        f"const unsigned char {name}[] = {{\n{body}}};\n"
        f"const unsigned int {name}_len = {len(model)};\n"
    )
