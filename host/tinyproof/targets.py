"""What targets exist, and all there is to know of each: ``firmware/targets/*/target.ini``.

PlatformIO's own reader resolves paths against the process's current folder and mixes in its
environment, so these files are read with ``configparser``, under the three rules of PlatformIO
that matter here: ``[env]`` applies to all, ``extends`` names sections to inherit from, the section
itself wins. A test compares the outcome with ``pio project config``.
"""

from __future__ import annotations

import configparser
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinyproof.errors import UsageError
from tinyproof.project import Project

PREFIX = "custom_tp_"
"""PlatformIO leaves options that begin with ``custom_`` to others; ours begin with this."""
PROVENANCES = ("board", "cycle-exact", "emulator", "host")
SERIALS = ("bridge", "usb_cdc", "pty")
"""What the host's serial port ends in: a USB-serial chip that stays attached while the board
resets, the processor's own USB, which goes away and comes back, or a pseudo-terminal."""
RESETS = ("none", "dtr", "esp", "touch_1200", "dfu", "teensy")
"""How the host gets the board into its bootloader: not at all; a falling DTR resets it (also each
time the port opens); DTR and RTS drive Espressif's auto-reset circuit; opening and closing the port
at 1200 baud; a request of dfu-util, or of PJRC's loader, over USB."""
RESETS_WITHOUT_PORT = ("dfu", "teensy")
"""Those whose uploader takes no port but whichever board has the USB id."""


@dataclass(frozen=True)
class Target:
    """A kind of board.

    Attributes:
        name: the folder in ``firmware/targets`` and PlatformIO's environment.
        title: its name for people.
        folder: where ``target.ini`` lies.
        platform: the name of PlatformIO's platform, for example ``atmelavr``.
        platform_spec: what ``platform`` says: the name, with an owner and a version or as an
            archive's address where it is pinned. PlatformIO installs this.
        board: PlatformIO's board; empty for a target without one.
        frameworks: PlatformIO's frameworks, for example ``("arduino",)``.
        engines: engines it can be built with; the first is the default.
        simulator: what stands in for the board with ``--port sim``: ``program`` (the built program
            itself), the name of a simulator, or empty if there is none.
        provenance: what figures of a simulated run are worth: ``cycle-exact``, ``emulator``, or
            ``host`` for a program of this machine. On a real port they are ``board``.
        mcu: the simulator's name for the chip; empty where it needs none.
        clock_hz: the processor's clock, Hz; 0 if it is not fixed.
        flash_bytes: room for the image, bootloader excluded; 0 means unlimited.
        ram_bytes: all of the RAM; 0 means unlimited.
        ram_address: where the linker puts its first byte; 0 if that is not known.
        baud: the serial port's speed, bits per second.
        boot_ms: how long after a reset a bootloader may listen, milliseconds: nothing is sent in
            that time unless the firmware has spoken.
        serial: what the serial port ends in, one of ``SERIALS``.
        reset: how the board gets into its bootloader, one of ``RESETS``.
        usb_ids: (vendor, product) numbers that the board shows, in its bootloader too; with a
            bridge these are the bridge's own, which several targets share.
        tick_source: what the firmware's clock counts; a few words.
        quirks: what surprises with this board, a sentence each, its source in brackets at its end.
        esp_chip: esptool's name of the chip, for example ``esp32s3``; empty for other families.
        options: every option of the environment, interpolations left as they are.
    """

    name: str
    title: str
    folder: Path
    platform: str
    platform_spec: str
    board: str
    frameworks: tuple[str, ...]
    engines: tuple[str, ...]
    simulator: str
    provenance: str
    mcu: str
    clock_hz: int
    flash_bytes: int
    ram_bytes: int
    ram_address: int
    baud: int
    boot_ms: int
    serial: str
    reset: str
    usb_ids: tuple[tuple[int, int], ...]
    tick_source: str
    quirks: tuple[str, ...]
    esp_chip: str
    options: Mapping[str, str]

    @property
    def hosted(self) -> bool:
        """Whether the firmware is a program of this machine, so that there is no board to flash."""
        return self.simulator == "program"

    @property
    def line_baud(self) -> int | None:
        """Bits per second on the line to the board; None where no line has a speed."""
        return self.baud or None if self.serial == "bridge" else None

    def engine(self, name: str | None = None) -> str:
        """Return ``name`` if the target has this engine, its default if ``name`` is None.

        Raises:
            UsageError: the target has no such engine.
        """
        if name is None:
            return self.engines[0]
        if name not in self.engines:
            raise UsageError(
                f"Target {self.name} has no engine {name!r}.",
                hint=f"It has: {', '.join(self.engines)}.",
            )
        return name


def load_targets(project: Project) -> dict[str, Target]:
    """Read every target of ``project``; name to target, in order of name.

    Raises:
        UsageError: a ``target.ini`` is malformed; names file, option and reason. Or a section is
            not named as its folder, or is there twice; names both files.
    """
    common = _parse(project.platformio_ini)
    sources = dict.fromkeys(common.sections(), project.platformio_ini)
    for path in sorted(project.firmware.glob("targets/*/target.ini")):
        for section in _parse(path, into=common).sections():
            _check_section(section, path, sources.get(section))
            sources[section] = path
    targets = {}
    for section, path in sources.items():
        if section.startswith("env:"):
            name = section.removeprefix("env:")
            targets[name] = _target(name, path, _options(common, section, path))
    return dict(sorted(targets.items()))


def _check_section(section: str, path: Path, elsewhere: Path | None) -> None:
    """Refuse a section that would change another file's target in silence."""
    own = f"env:{path.parent.name}"
    if section.startswith("env:") and section != own:
        rightful = path.parent.parent / section.removeprefix("env:") / path.name
        taken = f", and {rightful} has that one" if rightful.exists() else ""
        raise UsageError(
            f"{path} has a section [{section}], expected [{own}] as its folder is named{taken}.",
            hint=f"Rename the section to [{own}].",
        )
    if elsewhere is not None:
        raise UsageError(
            f"The section [{section}] is in {elsewhere} and again in {path}.",
            hint="Rename one of the two sections.",
        )


def find_target(project: Project, name: str) -> Target:
    """Return the target ``name``.

    Raises:
        UsageError: there is none; lists the known ones and the closest.
    """
    targets = load_targets(project)
    if name in targets:
        return targets[name]
    close = difflib.get_close_matches(name, targets, n=1)
    guess = f"Did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"There is no target {name!r}.", hint=f"{guess}Known targets: {', '.join(targets)}."
    )


def platform_name(spec: str) -> str:
    """Return the name in a platform's specification.

    ``platformio/espressif32@6.13.0`` and ``https://HOST/.../platform-espressif32.zip`` both name
    ``espressif32``, as the ``name`` in the package's own platform.json does.
    """
    last = spec.split("@")[0].split("#")[0].rstrip("/").rsplit("/", 1)[-1]
    return last.removesuffix(".zip").removesuffix(".git").removeprefix("platform-").strip()


def _parse(
    path: Path, *, into: configparser.ConfigParser | None = None
) -> configparser.ConfigParser:
    """Read one file with PlatformIO's syntax, into an existing set of sections if one is given.

    Returns the file's own sections.
    """
    alone = configparser.ConfigParser(inline_comment_prefixes=("#", ";"), interpolation=None)
    try:
        text = path.read_text(encoding="utf-8")
        alone.read_string(text, source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = str(error).replace("\n", " ")
        raise UsageError(f"Cannot read {path}: {reason}.", hint="Mend this file.") from error
    alone.remove_section("DEFAULT")
    if into is not None:
        into.read_dict({name: dict(alone[name]) for name in alone.sections()})
    return alone


def _options(
    config: configparser.ConfigParser, section: str, path: Path, seen: tuple[str, ...] = ()
) -> dict[str, str]:
    """Merge ``[env]``, what ``section`` extends, and ``section`` itself; the later wins."""
    if section in seen or not config.has_section(section):
        raise UsageError(
            f"{path} extends [{section}], which is not there or extends itself.",
            hint="Mend the option extends.",
        )
    own = dict(config[section])
    merged = dict(config["env"]) if not seen and config.has_section("env") else {}
    for base in _words(own.pop("extends", "")):
        merged |= _options(config, base, path, (*seen, section))
    return merged | own


def _words(value: str) -> tuple[str, ...]:
    """Split a list as PlatformIO does: by line, or by comma."""
    return tuple(word.strip() for word in value.replace("\n", ",").split(",") if word.strip())


_USB_ID = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})")


class _Reader:
    """One target's options, with errors that name file and option."""

    def __init__(self, path: Path, options: Mapping[str, str]) -> None:
        self._path = path
        self._options = options

    def text(self, key: str, default: str | None = "") -> str:
        value = self._options.get(key, default)
        if value is None:
            raise self.wrong(key, "is missing")
        return value.strip()

    def number(self, key: str, default: int = 0) -> int:
        value = self.text(key, str(default))
        try:
            number = int(value, 0)
        except ValueError:
            number = -1
        if number < 0:
            raise self.wrong(key, f"is {value!r}, not a whole number")
        return number

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise self.wrong(key, f"is none of {', '.join(allowed)}")
        return value

    def usb_ids(self, key: str) -> tuple[tuple[int, int], ...]:
        ids = []
        for word in _words(self.text(key)):
            match = _USB_ID.fullmatch(word)
            if match is None:
                raise self.wrong(key, f"has {word!r}, not vendor:product in four hex digits each")
            ids.append((int(match[1], 16), int(match[2], 16)))
        if len(set(ids)) != len(ids):
            raise self.wrong(key, "names an id twice")
        return tuple(ids)

    def lines(self, key: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in self.text(key).splitlines() if line.strip())

    def wrong(self, key: str, what: str) -> UsageError:
        return UsageError(f"{self._path}: {key} {what}.", hint="Mend this option.")


def _target(name: str, path: Path, options: dict[str, str]) -> Target:
    read = _Reader(path, options)
    known = {f"{PREFIX}{key}" for key in _OWN_KEYS}
    for key in options:
        if key.startswith(PREFIX) and key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise read.wrong(key, f"is unknown; did you mean {close[0]}" if close else "is unknown")
    engines = _words(read.text(PREFIX + "engines", None))
    if not engines:
        raise read.wrong(PREFIX + "engines", "names no engine")
    return Target(
        name=name,
        title=read.text(PREFIX + "title", name),
        folder=path.parent,
        platform=platform_name(read.text("platform", None)),
        platform_spec=read.text("platform", None),
        board=read.text("board"),
        frameworks=_words(read.text("framework")),
        engines=engines,
        simulator=read.text(PREFIX + "simulator"),
        provenance=read.choice(PREFIX + "provenance", PROVENANCES, "board"),
        mcu=read.text(PREFIX + "mcu"),
        clock_hz=read.number(PREFIX + "clock_hz"),
        flash_bytes=read.number(PREFIX + "flash_bytes"),
        ram_bytes=read.number(PREFIX + "ram_bytes"),
        ram_address=read.number(PREFIX + "ram_address"),
        baud=read.number(PREFIX + "baud", 115200),
        boot_ms=read.number(PREFIX + "boot_ms"),
        serial=read.choice(PREFIX + "serial", SERIALS, "bridge"),
        reset=read.choice(PREFIX + "reset", RESETS, "none"),
        usb_ids=read.usb_ids(PREFIX + "usb_ids"),
        tick_source=read.text(PREFIX + "tick_source"),
        quirks=read.lines(PREFIX + "quirks"),
        esp_chip=read.text(PREFIX + "esp_chip"),
        options=options,
    )


_OWN_KEYS = (
    "title",
    "engines",
    "simulator",
    "provenance",
    "mcu",
    "clock_hz",
    "flash_bytes",
    "ram_bytes",
    "ram_address",
    "baud",
    "boot_ms",
    "lib_deps_tflm",
    "serial",
    "reset",
    "usb_ids",
    "tick_source",
    "quirks",
    "esp_chip",
    "budget_latency_p50_us",
    "budget_latency_p99_us",
    "budget_flash_bytes",
    "budget_static_ram_bytes",
    "budget_arena_bytes",
    "budget_stack_bytes",
    "budget_accuracy",
    "budget_max_lsb",
)
