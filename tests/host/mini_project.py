"""A project as small as can be: the real platformio.ini and targets, a firmware of a few lines."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tinyproof.project import Project

ROOT = Path(__file__).resolve().parents[2]
HEADER = '#define MODEL_NAME "one"\n'

MAIN = """
#include "model.h"
#include "tp_build.h"
extern "C" int tp_engine(void);
extern "C" void tp_say(const unsigned char *id, unsigned size, const char *model, int engine);
extern "C" void tp_firmware(void) {
    const unsigned char id[] = TP_BUILD_ID;
    tp_say(id, sizeof id, MODEL_NAME, tp_engine());
}
"""
POSIX = """
#include <stdio.h>
#include "port.h"
void tp_say(const unsigned char *id, unsigned size, const char *model, int engine);
void tp_say(const unsigned char *id, unsigned size, const char *model, int engine) {
    for (unsigned i = 0; i < size; i++) {
        printf("%02x", id[i]);
    }
    printf(" %s %s %d %d\\n", TP_TARGET_NAME, model, engine, PORT_H);
}
void tp_firmware(void);
int main(void) {
    tp_firmware();
    return 0;
}
"""
ARDUINO = """
#include <Arduino.h>
extern "C" void tp_firmware(void);
extern "C" void tp_say(const unsigned char *id, unsigned size, const char *model, int engine) {
    Serial.write(id, size);
    Serial.print(F(" " TP_TARGET_NAME " "));
    Serial.print(model);
    Serial.println(engine);
}
void setup() { Serial.begin(115200); tp_firmware(); }
void loop() { if (Serial.available()) Serial.write(Serial.read() + 1); }
"""
ENGINE = "int tp_engine(void);\nint tp_engine(void) { return %d; }\n"


def make_project(root: Path) -> Project:
    """Lay out the project in ``root``; engine_aot answers 1, engine_tflm 2."""
    firmware = root / "firmware"
    shutil.copytree(ROOT / "firmware" / "targets", firmware / "targets")
    for name in ("platformio.ini", "firmware/prepare.py", "firmware/upload.py"):
        shutil.copy(ROOT / name, root / name)
    ini = firmware / "targets" / "native" / "target.ini"
    # Its other engine needs no library from outside.
    outside = "custom_tp_lib_deps_tflm = symlink://${sysenv.TINYPROOF_TFLM}\n"
    assert outside in ini.read_text()
    ini.write_text(ini.read_text().replace(outside, ""))
    add(firmware / "src" / "main.cpp", MAIN)
    add(firmware / "include" / "port.h", "#define PORT_H 7\n")
    library(root, "port_posix", "port.c", POSIX)
    library(root, "port_arduino", "port.cpp", ARDUINO)
    library(root, "engine_aot", "engine.c", ENGINE % 1)
    library(root, "engine_tflm", "engine.c", ENGINE % 2)
    return Project(root, root / ".tinyproof")


def library(root: Path, name: str, file: str, text: str) -> None:
    """Write a library of one source."""
    folder = root / "firmware" / "lib" / name
    add(folder / "library.json", json.dumps({"name": name, "version": "1.0.0"}))
    add(folder / "src" / file, text)


def add(path: Path, text: str) -> None:
    """Write a file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def await_end(pid: int) -> None:
    """Wait until a process that was killed has ended; the test's time limit guards."""
    with suppress(FileNotFoundError, ProcessLookupError):
        # A zombie has ended: whoever takes in orphans may take its time to bury them.
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)


def await_text(path: Path) -> str:
    """Return the content of a file that another process is about to write."""
    while not (path.exists() and path.read_text()):
        time.sleep(0.01)
    return path.read_text()


def without(monkeypatch: pytest.MonkeyPatch, *tools: str) -> None:
    """Let ``shutil.which`` find none of ``tools``."""
    which = shutil.which
    monkeypatch.setattr(
        "shutil.which", lambda name, *rest: None if name in tools else which(name, *rest)
    )
