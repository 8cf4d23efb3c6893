"""LiteRT in its child process: right answers, bounded memory, and nothing that escapes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from litert_models import INT8, quantize_model, subtract_model

from tinyproof import reference
from tinyproof.errors import ReferenceFailedError
from tinyproof.records import Records
from tinyproof.reference import ReferenceRun, describe, run_reference
from tinyproof.samples import load_samples, prepare
from tinyproof.tensors import TensorDescription

DIGITS = Path(__file__).resolve().parents[2] / "fixtures" / "digits"
MODELS = ["int8", "float32", "dynamic_range", "int8_float_io"]


def digits_input(model: bytes) -> TensorDescription:
    detail = Interpreter(model_content=model).get_input_details()[0]
    shape = tuple(int(n) for n in detail["shape"])
    return TensorDescription("x", np.dtype(detail["dtype"]), shape, *detail["quantization"])


def records_of(*samples: bytes) -> Records:
    records = Records(len(samples[0]))
    for sample in samples:
        records.append(sample)
    return records


@pytest.mark.parametrize("name", MODELS)
def test_the_digits_equal_the_golden_answers(name: str) -> None:
    model = (DIGITS / f"{name}.tflite").read_bytes()
    samples = prepare(load_samples(DIGITS / "test.npz"), [digits_input(model)])
    outputs = run_reference(model, samples.records)
    golden = np.load(DIGITS / "golden.npz")[name]
    assert list(outputs.records) == [row.tobytes() for row in golden]
    assert outputs.tensors[0].shape == (1, 10)
    assert outputs.tensors[0].dtype == golden.dtype


def test_outputs_equal_an_interpreter_of_our_own() -> None:
    model = quantize_model(6, INT8, 0.1, 3)
    samples = np.random.default_rng(3).normal(size=(50, 1, 6)).astype(np.float32)
    own = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    own.allocate_tensors()
    expected = []
    for sample in samples:
        own.set_tensor(own.get_input_details()[0]["index"], sample)
        own.invoke()
        expected.append(own.get_tensor(own.get_output_details()[0]["index"]).tobytes())
    outputs = run_reference(model, [sample.tobytes() for sample in samples])
    assert list(outputs.records) == expected
    found = outputs.tensors[0]
    assert found == TensorDescription("stored", np.dtype(np.int8), (1, 6), found.scale, 3)
    assert found.scale == np.float32(0.1)


def test_several_inputs_arrive_in_the_models_order() -> None:
    a, b = np.array([5, 7, 9], np.float32), np.array([1, 2, 3], np.float32)
    outputs = run_reference(subtract_model(3), [a.tobytes() + b.tobytes()])
    assert np.array_equal(np.frombuffer(outputs.records[0], np.float32), [4, 5, 6])


def test_the_output_of_every_layer_can_be_had() -> None:
    model = (DIGITS / "int8.tflite").read_bytes()
    samples = prepare(load_samples(DIGITS / "test.npz"), [digits_input(model)])
    conv, pool, flat, logits = 6, 7, 8, 9
    outputs = run_reference(model, samples.records[:3], tensors=(conv, pool, flat, logits))
    assert [t.shape for t in outputs.tensors] == [(1, 6, 6, 8), (1, 3, 3, 8), (1, 72), (1, 10)]
    golden = np.load(DIGITS / "golden.npz")["int8"]
    for record, wanted in zip(outputs.records, golden, strict=False):
        values = np.frombuffer(record, np.int8)
        maps, pooled, flattened, last = np.split(values, np.cumsum([288, 72, 72]))
        blocks = maps.reshape(3, 2, 3, 2, 8).max(axis=(1, 3)).reshape(-1)
        assert np.array_equal(blocks, pooled)
        assert np.array_equal(pooled, flattened)
        assert np.array_equal(last, wanted.reshape(-1))


def test_a_tensor_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(ReferenceFailedError, match="it has no tensor 99"):
        run_reference(quantize_model(4, INT8, 0.5, 0), [bytes(16)], tensors=(99,))


def test_it_works_while_the_caller_does_something_else() -> None:
    model = quantize_model(4, INT8, 0.5, 0)
    with ReferenceRun(
        model, records_of(*(np.full(4, i, np.float32).tobytes() for i in range(9)))
    ) as run:
        outputs = run.collect()
    assert [record[0] for record in outputs.records] == [2 * i for i in range(9)]
    outputs.close()
    assert len(outputs.records) == 0


def test_the_description_names_kernels_and_version() -> None:
    found = describe()
    assert (found.interpreter, found.kernels) == ("LiteRT", "BUILTIN_REF")
    assert found.version.count(".") >= 1


# What goes wrong


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "zeroed"])
def test_a_model_that_is_none_is_refused(damage: str) -> None:
    whole = (DIGITS / "int8.tflite").read_bytes()
    content = {
        "empty": b"",
        "text": b"not a model",
        "truncated": whole[: len(whole) // 2],
        "zeroed": whole[:64] + bytes(len(whole) - 64),
    }[damage]
    with pytest.raises(ReferenceFailedError, match="cannot run the model") as caught:
        run_reference(content, [bytes(64)])
    assert caught.value.exit_code == 4


def test_flipped_models_end_in_an_answer_or_in_our_error() -> None:
    whole = (DIGITS / "int8.tflite").read_bytes()
    rng = np.random.default_rng(11)
    for _ in range(12):
        flipped = bytearray(whole)
        for position in rng.integers(0, len(whole), 8):
            flipped[position] ^= int(rng.integers(1, 256))
        try:
            outputs = run_reference(bytes(flipped), [bytes(64)], deadline_s=20)
        except ReferenceFailedError:
            continue
        assert len(outputs.records) == 1


def test_samples_of_another_size_are_refused() -> None:
    with pytest.raises(ReferenceFailedError, match="take 16 bytes, the samples have 12"):
        run_reference(quantize_model(4, INT8, 0.5, 0), [bytes(12)])


def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let ``code`` stand in for the program that runs LiteRT."""
    program = tmp_path / "worker.py"
    program.write_text(code)
    monkeypatch.setattr(reference, "_WORKER", program)


def test_a_crash_is_reported_with_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(
        tmp_path,
        monkeypatch,
        "import os, sys\nsys.stderr.write('\\x1b[31mboom')\nsys.stderr.flush()\nos.abort()\n",
    )
    with pytest.raises(ReferenceFailedError, match="SIGABRT") as caught:
        run_reference(b"any", [bytes(4)])
    assert r"\x1b[31mboom" in caught.value.sentence


def test_fewer_answers_than_samples_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = '[{"name": "o", "dtype": "int8", "shape": [1, 2], "scale": 1, "zero": 0}]'
    child(
        tmp_path,
        monkeypatch,
        f"import os, sys\nos.write(int(sys.argv[3]), b'xxxx')\nprint('{summary}')\n",
    )
    with pytest.raises(ReferenceFailedError, match="answered 2 of 3 samples"):
        run_reference(b"any", [bytes(4)] * 3)


def test_a_child_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child(tmp_path, monkeypatch, "import time\ntime.sleep(1000)\n")
    with ReferenceRun(b"any", records_of(bytes(4)), deadline_s=0.2) as run:
        with pytest.raises(ReferenceFailedError, match=r"within 0\.2 s"):
            run.collect()
        assert run._process.returncode == -signal.SIGKILL


def test_leaving_early_leaves_no_process_and_no_file_behind() -> None:
    samples = records_of(*[bytes(16)] * 100_000)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with ReferenceRun(quantize_model(4, INT8, 0.5, 0), samples) as run:
        pass
    assert run._process.returncode is not None
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_model_that_wants_too_much_memory_ends_in_our_error() -> None:
    model = quantize_model(1 << 28, INT8, 0.5, 0)
    records = records_of(bytes(4))
    with (
        ReferenceRun(model, records, memory_bytes=1 << 29) as run,
        pytest.raises(ReferenceFailedError),
    ):
        run.collect()


def test_an_orphan_ends_by_itself(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from tinyproof.records import Records, open_unnamed\n"
        "from tinyproof.reference import ReferenceRun\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from litert_models import INT8, quantize_model\n"
        "descriptor = open_unnamed()\n"
        "os.ftruncate(descriptor, 1 << 36)  # Minutes of work, without a byte on the disk.\n"
        "samples = Records(16384, descriptor=descriptor)\n"
        "run = ReferenceRun(quantize_model(4096, INT8, 0.5, 0), samples)\n"
        "print(run._process.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    orphan = int(done.stdout)
    for _ in range(200):
        if not Path(f"/proc/{orphan}").exists() or "Z (" in _state(orphan):
            return
        time.sleep(0.05)
    pytest.fail("the child outlived its parent")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return "Z ("


def test_a_hundred_thousand_samples_stay_small() -> None:
    code = (
        "import resource, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from litert_models import INT8, quantize_model\n"
        "from tinyproof.records import Records\n"
        "from tinyproof.reference import run_reference\n"
        "samples = Records(256)\n"
        "for i in range(100): samples.append(bytes([i]) * 256_000)\n"
        "outputs = run_reference(quantize_model(64, INT8, 0.01, 0), samples)\n"
        "assert sum(map(len, outputs.records)) == 6_400_000\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert max(map(int, done.stdout.split())) < 150 * 1024  # KiB


def test_neither_tensorflow_nor_litert_is_imported_by_the_caller() -> None:
    code = (
        "import sys, tinyproof.reference\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'ai_edge_litert')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
