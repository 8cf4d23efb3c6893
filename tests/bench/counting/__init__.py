"""Counts what one inference executes on a processor: instructions or cycles, the same every time.

``count(MACHINES["cortex-m4"], model)`` generates, compiles and runs one inference on a fixed input
and compares the answer with LiteRT's. x86-64 is counted by callgrind, ARM and RISC-V by a plugin in
QEMU, AVR by libsimavr. Sizes are those of an image of engine, model and kernels alone, without
protocol, board support and start-up code.
"""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from numpy.typing import NDArray

from tinyproof.codegen import Generated, generate
from tinyproof.elf import sizes

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KERNELS = ROOT / "firmware/lib/nn"
ENGINE = ROOT / "firmware/lib/engine_aot/src/engine_aot.c"
INCLUDES = (
    HERE,
    KERNELS / "include",
    KERNELS / "src",
    ROOT / "firmware/include",
    ROOT / "firmware/lib/engine_aot/src",
    ROOT / "firmware/lib/wire/include",
)
FLAGS = ("-ffp-contract=off", "-ffunction-sections", "-fdata-sections", "-w")
START, STOP = "tp_engine_invoke", "bench_stop"
SECONDS = 600


@dataclass(frozen=True)
class Machine:
    """A processor, its compiler and the program that counts.

    Attributes:
        title: processor and optimisation, for people.
        unit: what is counted, ``instructions`` or ``cycles``.
        method: how, for people.
        compiler: command and options that choose the processor.
        optimise: the optimisation level.
        machine: source that fills ``bench.h``.
        script: linker script; empty: the compiler's own.
        runner: command of the simulator, without program and addresses; empty: callgrind.
        tools: programs that must be installed.
    """

    title: str
    unit: str
    method: str
    compiler: tuple[str, ...]
    optimise: str
    machine: str
    script: str = ""
    runner: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """Programs that must be installed to count."""
        runner = self.runner[0] if self.runner else "valgrind"
        return (self.compiler[0], "gcc", *([] if runner == "simavr" else [runner]))


def _arm(cpu: str, optimise: str, board: str, *flags: str) -> Machine:
    return Machine(
        f"{cpu.title()} {optimise}",
        "instructions",
        "QEMU",
        ("arm-none-eabi-gcc", f"-mcpu={cpu}", "-mthumb", *flags),
        optimise,
        "machine_arm.c",
        "machine_arm.ld",
        ("qemu-system-arm", "-M", board, "-semihosting", "-kernel"),
    )


_FPU = ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
_RISCV = ("riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs")

MACHINES: Mapping[str, Machine] = {
    "x86-64": Machine("x86-64 -O2", "instructions", "callgrind", ("gcc",), "-O2", "machine_host.c"),
    "cortex-m4": _arm("cortex-m4", "-O2", "mps2-an386", *_FPU),
    "cortex-m4-os": _arm("cortex-m4", "-Os", "mps2-an386", *_FPU),
    "cortex-m3": _arm("cortex-m3", "-O2", "mps2-an385"),
    # A Cortex-M3 executes the Cortex-M0's instructions, as many of them.
    "cortex-m0": _arm("cortex-m0", "-Os", "mps2-an385"),
    "rv32imc": Machine(
        "RV32IMC -O2",
        "instructions",
        "QEMU",
        _RISCV,
        "-O2",
        "machine_riscv.c",
        "machine_riscv.ld",
        ("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-kernel"),
    ),
    "atmega328p": Machine(
        "ATmega328P -O2",
        "cycles",
        "libsimavr",
        ("avr-gcc", "-mmcu=atmega328p", "-std=gnu11"),
        "-O2",
        "machine_avr.c",
        runner=("simavr", "atmega328p"),
    ),
}


@dataclass(frozen=True)
class Count:
    """What one inference costs on a machine.

    Attributes:
        executed: instructions or cycles, see the machine's ``unit``.
        stack: bytes of stack that the inference used, at least 64.
        flash: bytes of engine, model and kernels.
        ram: bytes of their static RAM, mostly the arena.
        exact: whether the answer is LiteRT's (float32: within 1e-5 of its largest value).
    """

    executed: int
    stack: int
    flash: int
    ram: int
    exact: bool


def count(machine: Machine, model: bytes) -> Count:
    """Compile ``model``, the bytes of a ``.tflite``, for ``machine``, run it once and count."""
    generated = generate(model)
    with tempfile.TemporaryDirectory(prefix="tinyproof-count-") as name:
        folder = Path(name)
        (folder / "model.h").write_text(generated.header)
        objects = _objects(machine, generated, folder)
        image = _link(machine, objects, folder / "image.elf", alone=True)
        program = _link(machine, objects, folder / "program.elf", alone=False)
        executed, sent = _run(machine, program, folder)
        size = sizes(image)
    (stack,) = struct.unpack_from("<I", sent)
    exact = _same(model, generated, sent[4:])
    return Count(executed, stack, size.flash, size.static_ram, exact)


def _call(command: Iterable[str | Path], folder: Path) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{done.args[0]} failed: {done.stderr.decode()[-2000:]}")
    return done


def _objects(machine: Machine, generated: Generated, folder: Path) -> list[Path]:
    """Compile what depends on the model; return all objects, the two of the program last."""
    real = {item.type.name for item in generated.inputs} == {"FLOAT32"}
    own = [ENGINE, HERE / machine.machine, HERE / "bench.c"]
    own_objects = _compile(machine, own, folder, *(["-DBENCH_FLOAT"] if real else []))
    return [*_kernels(machine), *own_objects]


@cache
def _kernels(machine: Machine) -> list[Path]:
    """Compile all kernels for ``machine``, once; as ``lib/nn/select.py`` selects them."""
    folder = Path(_tools_folder().name) / machine.title.replace(" ", "")
    folder.mkdir()
    family = _call([machine.compiler[0], "-dumpmachine"], folder).stdout.decode()
    faster = sorted((KERNELS / "src" / family.split("-")[0].strip()).glob("*.[cS]"))
    names = {path.stem for path in faster}
    portable = [path for path in sorted((KERNELS / "src").glob("*.c")) if path.stem not in names]
    return _compile(machine, [*portable, *faster], folder)


def _compile(machine: Machine, sources: Sequence[Path], folder: Path, *flags: str) -> list[Path]:
    includes = [f"-I{path}" for path in (folder, *INCLUDES)]
    options = [*machine.compiler, machine.optimise, *FLAGS, *flags, *includes]
    _call([*options, "-c", *sources], folder)
    return [folder / f"{source.stem}.o" for source in sources]


def _link(machine: Machine, objects: Sequence[Path], program: Path, *, alone: bool) -> Path:
    """Link everything that is counted, or the engine ``alone``: what the firmware adds for it."""
    flags: list[str | Path] = ["-Wl,--gc-sections", "-o", program]
    if machine.script:
        flags += ["-nostartfiles", "-T", HERE / machine.script]
    if alone:
        names = ("invoke", "write_input", "read_output")
        flags += ["-nostartfiles", "-Wl,-e,tp_engine_invoke"]
        flags += [f"-Wl,-u,tp_engine_{name}" for name in names]
        objects = objects[:-2]
    _call([*machine.compiler, *objects, *flags, "-lm", "-lc", "-lgcc"], program.parent)
    return program


def _run(machine: Machine, program: Path, folder: Path) -> tuple[int, bytes]:
    """Return the count and what the program sent."""
    if not machine.runner:
        options = ["--tool=callgrind", f"--toggle-collect={START}", "--callgrind-out-file=out"]
        done = _call(["valgrind", *options, program], folder)
        return _number(rb"Collected : (\d+)", done.stderr), done.stdout
    start, stop = (_address(program, name) for name in (START, STOP))
    if machine.runner[0] == "simavr":
        done = _call([_avr_counter(), machine.runner[1], program, start, stop], folder)
        sent = b"".join(re.findall(rb"^sent (..)$", done.stderr, re.MULTILINE))
        return _number(rb"cycles (\d+)", done.stderr), bytes.fromhex(sent.decode())
    plugin = f"{_qemu_plugin()},start={start},stop={stop}"
    quiet = ("-display", "none", "-monitor", "none", "-serial", "stdio", "-plugin", plugin)
    done = _call([*machine.runner, program, *quiet], folder)
    return _number(rb"instructions (\d+)", done.stderr), done.stdout


def _number(pattern: bytes, text: bytes) -> int:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"no count in: {text.decode()[-500:]}")
    return int(found[1])


def _address(program: Path, name: str) -> str:
    """Return a function's address without ARM's Thumb bit, hexadecimal."""
    with program.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = table.get_symbol_by_name(name)
        assert symbols, f"{program} has no {name}"
        mask = ~1 if elf["e_machine"] == "EM_ARM" else ~0
        return hex(symbols[0]["st_value"] & mask)


@cache
def _tools_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tinyproof-count-tools-")


@cache
def _qemu_plugin() -> Path:
    plugin = Path(_tools_folder().name) / "qemu_count.so"
    _call(["gcc", "-O2", "-shared", "-fPIC", HERE / "qemu_count.c", "-o", plugin], HERE)
    return plugin


@cache
def _avr_counter() -> Path:
    program = Path(_tools_folder().name) / "avr_count"
    headers = ("-isystem", "/usr/include/simavr")
    _call(["gcc", "-O2", *headers, HERE / "avr_count.c", "-lsimavr", "-o", program], HERE)
    return program


def fixed_input(generated: Generated) -> list[NDArray[Any]]:
    """Return the inputs that ``bench.c`` writes."""
    real = {item.type.name for item in generated.inputs} == {"FLOAT32"}
    size = sum(item.bytes for item in generated.inputs)
    state, values = 1, bytearray()
    for _ in range(size // 4 if real else size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(state >> 24)
    data = bytes(values)
    if real:
        data = (np.frombuffer(data, np.uint8).astype(np.float32) * np.float32(0.25) - 32).tobytes()
    arrays = []
    for item in generated.inputs:
        arrays.append(np.frombuffer(data[: item.bytes], item.dtype).reshape(item.shape))
        data = data[item.bytes :]
    return arrays


def _same(model: bytes, generated: Generated, answer: bytes) -> bool:
    """Return whether ``answer``, all outputs' bytes, is what LiteRT's reference kernels say."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), fixed_input(generated), strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        wanted = interpreter.get_tensor(detail["index"])
        got = np.frombuffer(answer[: wanted.nbytes], wanted.dtype).reshape(wanted.shape)
        answer = answer[wanted.nbytes :]
        bound = 1e-5 * float(np.abs(wanted).max()) if wanted.dtype == np.float32 else 0
        if not np.all(np.abs(got.astype(np.float64) - wanted) <= bound):
            return False
    return not answer
