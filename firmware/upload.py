"""PlatformIO post-script of every target: completes uploads for which nothing is built again.

Some platforms leave out then what they upload after a build. So a build notes the images that go to
the flash besides the firmware, and such an upload, which TINYPROOF_IMAGES tells, reads the note.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

Import("env")  # type: ignore[name-defined]  # noqa: F821  SCons gives scripts their names this way.
env: Any = env  # type: ignore[name-defined]  # noqa: F821

BUILD = Path(env.subst("$BUILD_DIR"))
NOTE = BUILD / "flash_images.json"
APPLICATION = "0x10000"
"""Where both of the ESP32 cores' partition tables that are used here have app0."""


def note_images() -> None:
    """Write down address and file of each further image; those of the build by name alone."""
    images = []
    for address, file in env.get("FLASH_EXTRA_IMAGES", []):
        path = Path(env.subst(file))
        images.append((address, path.name if path.parent == BUILD else str(path)))
    if images:
        BUILD.mkdir(parents=True, exist_ok=True)
        NOTE.write_text(json.dumps(images), encoding="utf-8")


def name_images() -> None:
    """Have the ESP32's bootloader and partition table uploaded too, and the firmware to its place.

    platformio/platform-espressif32 issues 861 and 1142; pioarduino/platform-espressif32 issue 359.
    """
    if not NOTE.is_file() or env.get("FLASH_EXTRA_IMAGES"):
        return
    for address, file in json.loads(NOTE.read_text(encoding="utf-8")):
        env.Append(UPLOADERFLAGS=[address, str(BUILD / file)])
    if not env.get("ESP32_APP_OFFSET"):
        env.Replace(ESP32_APP_OFFSET=APPLICATION)


def provide_plain_image() -> None:
    """Give bossac its plain image under the name that nordicnrf52 looks for when nothing is built.

    platformio/platform-nordicnrf52 v10.11.0, builder/main.py.
    """
    plain, looked_for = BUILD / "firmware.bin", BUILD / "firmware.hex"
    if env.subst("$UPLOAD_PROTOCOL") == "sam-ba" and plain.is_file() and not looked_for.exists():
        shutil.copy2(plain, looked_for)


if os.environ.get("TINYPROOF_IMAGES"):
    name_images()
    provide_plain_image()
else:
    note_images()
