"""Which kernels a model needs, in one folder that any Arduino builder compiles.

TinyProof's own builds choose files and pass options; an Arduino sketch can do neither. So files for
one processor guard themselves, and every source begins with ``tp_sketch.h``, which says the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tinyproof.project import Project
from tinyproof.storage import storage_errors

PRELUDE = "tp_sketch.h"
LICENCE = "/* From TinyProof. SPDX-License-Identifier: Apache-2.0 */"
PRELUDE_TEXT = f"""\
{LICENCE}
/* What TinyProof's own builds pass as compiler options; every source of this folder begins here. */
#ifndef TP_SKETCH_H
#define TP_SKETCH_H

#if defined(__AVR__)
#include <avr/io.h>
#if FLASHEND > 0xFFFF /* weights may lie beyond the first 64 KiB */
#define TP_FLASH_FAR
#endif
#ifdef __ASSEMBLER__
#undef RAMPZ /* assembler sources name its address themselves */
#endif
#endif

#if defined(__GNUC__) && !defined(__clang__) && !defined(__ASSEMBLER__)
/* Contracted multiplications and additions round differently from the reference. */
#pragma GCC optimize("O2", "fp-contract=off")
#if defined(__AVR__)
/* With it gcc 5.4 forgets in loops that a table is in flash, and reads RAM instead. */
#pragma GCC optimize("no-ivopts")
#endif
#endif

#endif
"""
_ENGINE = "engine_aot.c"
_MACHINES = {"avr": "__AVR__"}
"""Folders of ``lib/nn/src`` for one processor, and the macro that its compilers define."""
_NO_STACK = """\
#elif defined(__ELF__) /* or linkers warn of an executable stack */
        .section .note.GNU-stack,"",%progbits
"""


@dataclass(frozen=True)
class Library:
    """The firmware's sources that a sketch may take.

    Attributes:
        headers: name to text, of kernels, engine and port.
        interfaces: names of the headers that only declare what sources define.
        sources: path below ``lib/nn/src`` to text: ``tp_copy_s8.c``, ``avr/tp_multiply.S``.
        engine: text of ``engine_aot.c``.
    """

    headers: Mapping[str, str]
    interfaces: frozenset[str]
    sources: Mapping[str, str]
    engine: str


def load_library(project: Project) -> Library:
    """Read the firmware's sources.

    Raises:
        StorageError: they cannot be read.
    """
    library, include = project.firmware / "lib", project.firmware / "include"
    nn, engine = library / "nn", library / "engine_aot" / "src"
    interfaces = [*(nn / "include").glob("*.h")]
    headers = [*interfaces, *(nn / "src").rglob("*.h"), *engine.glob("*.h")]
    headers += [include / "engine.h", include / "tp_flash.h"]
    headers.append(library / "wire" / "include" / "tp_protocol.h")
    sources = [*(nn / "src").rglob("*.[cS]")]
    with storage_errors(project.firmware):
        return Library(
            {path.name: path.read_text("utf-8") for path in headers},
            frozenset(path.name for path in interfaces),
            {path.relative_to(nn / "src").as_posix(): path.read_text("utf-8") for path in sources},
            (engine / _ENGINE).read_text("utf-8"),
        )


def select(library: Library, model: str) -> dict[str, str]:
    """Return the files of the engine and of the kernels that ``model``, a ``model.h``, calls.

    Name to text; all belong into one folder, ``model.h`` beside them. Nothing else is needed there.
    """
    chosen = _closure(library, model)
    files = {PRELUDE: PRELUDE_TEXT, _ENGINE: _begun(library.engine)}
    for path in chosen:
        files[_flat(path)] = _guarded(library, path)
    headers = _included(library, [model, library.engine, *(library.sources[p] for p in chosen)])
    files |= {name: f"{LICENCE}\n{library.headers[name]}" for name in headers}
    return dict(sorted(files.items()))


def _closure(library: Library, model: str) -> list[str]:
    """Return the paths of all sources whose function is named in ``model`` or in one another.

    A function has a file of its own name; a suffix ``_inner`` is another entry of the same.
    """
    by_stem: dict[str, list[str]] = {}
    for path in library.sources:
        by_stem.setdefault(Path(path).stem, []).append(path)
    chosen: set[str] = set()
    texts = [model]
    while texts:
        named = {word.removesuffix("_inner") for word in _words(texts.pop())}
        for path in (path for stem in named & set(by_stem) for path in by_stem[stem]):
            if path not in chosen:
                chosen.add(path)
                texts += [library.sources[path], *_private(library, path)]
    return sorted(chosen)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\btp_\w+", text))


def _private(library: Library, path: str) -> Iterable[str]:
    """Yield the headers of a source that hold code: walks, jobs, helpers."""
    for name in _included(library, [library.sources[path]]):
        if name not in library.interfaces:
            yield library.headers[name]


def _included(library: Library, texts: Iterable[str]) -> set[str]:
    """Return the names of the library's headers that ``texts`` include, directly or not."""
    found: set[str] = set()
    rest = list(texts)
    while rest:
        for name in re.findall(r'#include "([\w.]+)"', rest.pop()):
            if name in library.headers and name not in found:
                found.add(name)
                rest.append(library.headers[name])
    return found


def _flat(path: str) -> str:
    return path.replace("/", "_")


def _guarded(library: Library, path: str) -> str:
    """Return a source that is empty on processors that have another, or that it is not for."""
    folder, text = PurePosixPath(path).parent.name, library.sources[path]
    if folder:
        elsewhere = _NO_STACK if path.endswith(".S") else ""
        return _begun(f"#if defined({_MACHINES[folder]})\n{text}{elsewhere}#endif\n")
    stems = {other.rpartition(".")[0] for other in library.sources}
    macros = [m for name, m in _MACHINES.items() if f"{name}/{Path(path).stem}" in stems]
    if not macros:
        return _begun(text)
    elsewhere = " && ".join(f"!defined({macro})" for macro in macros)
    return _begun(f"#if {elsewhere}\n{text}#endif\n")


def _begun(text: str) -> str:
    return f'{LICENCE}\n#include "{PRELUDE}"\n{text}'
