"""Runs esp32-mock-bootloader, and has it fail as chips do: ``mock.py CHIP pty|tcp DUMP [FAULT]``.

It prints ``port NAME``, ends with its standard input, and writes its flash to DUMP then. Faults:
``corrupt`` (the flash does not keep a byte), ``refuse`` (writes are answered with an error),
``vanish`` (the port breaks down in the middle of a write), ``mute`` (nothing is answered).
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from esp32_mock_bootloader import protocol, server

BLOCKS_BEFORE_THE_END = 2
PATIENCE_SECONDS = 30.0
"""How long it waits for an acknowledgement: on a busy machine its own second is too short."""
FAILED = {"status": 1, "error": 6}
_write = server.FlashImage.write_defl_block
_respond = server.make_response
_listen = server._tcp_listen_loop
_set_timeout = server.BootloaderConnection.set_timeout
_blocks = iter(range(BLOCKS_BEFORE_THE_END))


def _corrupt(flash: Any, payload: bytes) -> None:
    _write(flash, payload)
    flash.data[0x10100] ^= 1


def _vanish(flash: Any, payload: bytes) -> None:
    if next(_blocks, None) is None:
        os._exit(0)
    _write(flash, payload)


def _refuse(command: int, *rest: int, **named: Any) -> bytes:
    if command == protocol.CMD_FLASH_DEFL_DATA:
        return bytes(_respond(command, **FAILED, stub=named.get("stub", False)))
    return bytes(_respond(command, *rest, **named))


def _mute(connection: Any, data: bytes) -> None:
    del connection, data


FAULTS = {
    "corrupt": (server.FlashImage, "write_defl_block", _corrupt),
    "vanish": (server.FlashImage, "write_defl_block", _vanish),
    "refuse": (server, "make_response", _refuse),
    "mute": (server.BootloaderConnection, "sendall", _mute),
}


def _announce(_: object, name: str) -> None:
    print("port", name, flush=True)


def _announce_and_listen(listener: Any, *rest: Any, **named: Any) -> None:
    _announce(None, f"socket://127.0.0.1:{listener.getsockname()[1]}")
    _listen(listener, *rest, **named)


def _end_with_input(dump: str) -> None:
    sys.stdin.read()
    Path(dump).write_bytes(server.get_flash_image().data)
    os._exit(0)


def _patient(connection: Any, seconds: float) -> None:
    _set_timeout(connection, max(seconds, PATIENCE_SECONDS))


def main(chip: str, wire: str, dump: str, fault: str = "") -> None:
    """Serve until the standard input ends."""
    threading.Thread(target=_end_with_input, args=(dump,), daemon=True).start()
    server.BootloaderConnection.set_timeout = _patient
    if fault:
        setattr(*FAULTS[fault])
    if wire == "pty":
        server._write_serial_endpoint = _announce
        server.run_pty_server(None, None, chip)
    else:
        server._tcp_listen_loop = _announce_and_listen
        server.run_server(0, None, chip)


if __name__ == "__main__":
    main(*sys.argv[1:])
