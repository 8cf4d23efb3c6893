"""SCons script: the further images that PlatformIO's Arduino framework uploads, as placeholders."""

from pathlib import Path

from SCons.Script import DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
folder = Path(env.subst("$BUILD_DIR"))
folder.mkdir(parents=True, exist_ok=True)
for name, size in (("bootloader", 4096), ("partitions", 3072), ("boot_app0", 8192)):
    (folder / f"{name}.bin").write_bytes(f"stand-in of {name}\n".encode().ljust(size, b"\xa5"))
env.Append(
    FLASH_EXTRA_IMAGES=[
        (board.get("upload.bootloader_offset"), "$BUILD_DIR/bootloader.bin"),
        ("0x8000", "$BUILD_DIR/partitions.bin"),
        ("0xe000", "$BUILD_DIR/boot_app0.bin"),
    ]
)
