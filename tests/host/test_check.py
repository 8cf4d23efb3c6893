"""``tinyproof check`` agrees with reality: what it accepts runs, what it states is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from numpy.random import default_rng
from test_arena import random_net

from native_cli import DIGITS, INT8, SAMPLES, assert_complains, call
from nn_net import FLOAT32, INT16, Net
from nn_net import INT8 as INT8_TYPE
from tinyproof.check.cost import PROCESSORS, estimate, kind_of, speed_of
from tinyproof.check.model import check_model
from tinyproof.check.operators import judge_operators
from tinyproof.check.render import text
from tinyproof.codegen import generate
from tinyproof.elf import Sizes
from tinyproof.errors import BuildError, ModelError, ReferenceFailedError, UnsupportedModelError
from tinyproof.graph.examine import examine
from tinyproof.project import Project
from tinyproof.targets import Target, load_targets

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "fixtures" / "models"
CHECK = ROOT / "host" / "tinyproof" / "check"


@pytest.fixture(scope="session")
def targets(shared_project: Project) -> dict[str, Target]:
    return load_targets(shared_project)


@pytest.fixture
def no_tflm(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFLM takes seconds, and is not the matter of most tests."""
    monkeypatch.setattr("tinyproof.check.model.arena_bytes", lambda model, pointer_bytes: 1000)


def checked(model: bytes, *chosen: Target, **options: Any) -> Any:
    return check_model(model, chosen, **options)


def wrong_net(*names: str) -> Net:
    """Return a row of float32 operators, of which the named are not engine aot's."""
    net = Net()
    x = net.input((1, 4), FLOAT32)
    for name in names:
        y = net.tensor((1, 4), FLOAT32)
        net.operator(name, [x], [y])
        x = y
    net.outputs.append(x)
    return net


def test_every_operator_that_is_refused_is_listed_with_what_to_do(no_tflm: None) -> None:
    found = checked(wrong_net("RELU", "ELU", "RELU", "GELU").build())
    assert [bool(operator.aot) for operator in found.operators] == [False, True, False, True]
    assert [operator.name for operator in found.operators] == ["RELU", "ELU", "RELU", "GELU"]
    assert "use ReLU or LeakyReLU, or use engine tflm" in found.operators[1].advice
    assert [bool(operator.tflm) for operator in found.operators] == [False, False, False, True]
    aot, _ = found.engines
    assert (aot.accepted, aot.arena_bytes) == (False, None)
    assert "operator 1 (ELU)" in aot.reason


@pytest.mark.parametrize(
    ("form", "words"), [("dynamic_range", "float16 or float32"), ("int16", "engine tflm")]
)
def test_the_advice_suits_the_refusal(form: str, words: str, no_tflm: None) -> None:
    if form == "int16":
        net = Net()
        x, y = net.input((1, 4), INT16, 0.5), net.output((1, 4), INT16, 0.5)
        net.operator("RELU", [x], [y])
        model = net.build()
    else:
        model = (DIGITS / f"{form}.tflite").read_bytes()
    refused = [operator for operator in checked(model).operators if operator.aot]
    assert refused
    assert all(words in operator.advice for operator in refused)


def spoiled(seed: int) -> bytes:
    """Return a random net in which, often, something is not supported."""
    rng = default_rng(seed)
    model = schema.ModelT.InitFromPackedBuf(random_net(rng), 0)
    graph = model.subgraphs[0]
    if rng.random() < 0.7:
        operator = graph.operators[int(rng.integers(len(graph.operators)))]
        what = int(rng.integers(3))
        if what == 0 and hasattr(operator.builtinOptions, "fusedActivationFunction"):
            operator.builtinOptions.fusedActivationFunction = 4  # TANH
        elif what == 1:
            graph.tensors[operator.outputs[0]].quantization.scale = np.array([0.25], np.float32)
        else:
            graph.tensors[operator.inputs[0]].type = schema.TensorType.INT16
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_verdict_on_any_net_is_that_of_the_generator() -> None:
    outcomes = {True: 0, False: 0}
    for seed in range(60):
        model = spoiled(seed)
        try:
            generate(model)
            accepted = True
        except UnsupportedModelError:
            accepted = False
        except ModelError:
            continue
        operators, reason = judge_operators(model)
        assert (not reason) is accepted, f"seed {seed}: {reason}"
        assert any(operator.aot for operator in operators) is not accepted, f"seed {seed}"
        outcomes[accepted] += 1
    assert min(outcomes.values()) > 10


@pytest.mark.parametrize("seed", [3, 8])
def test_a_random_net_that_is_accepted_proves_on_native_with_the_arena_stated(
    seed: int, project: Project, out: Path, tmp_path: Path
) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(random_net(default_rng(seed)))
    stated = prove(model, out)
    assert json.loads((out / "report.json").read_text())["memory"]["arena"] == stated


def prove(model: Path, out: Path) -> int:
    """Run a model that check accepts; return the arena that check states."""
    told = call("check", model, "--json")
    assert told.code == 0, told.err
    aot, tflm = json.loads(told.out)["engines"]
    assert aot["accepted"]
    assert tflm["arena_bytes"] >= aot["arena_bytes"]
    ended = call("run", "--model", model, "--random", "50", "--out", out)
    assert ended.code == 0, ended.err
    return int(aot["arena_bytes"])


def test_the_digits_prove_with_the_arena_and_the_sizes_stated(project: Project, out: Path) -> None:
    told = call("check", INT8, "--build", "--json", "--samples", SAMPLES)
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert call("run", "--model", INT8, "--samples", SAMPLES, "--out", out).code == 0
    memory = json.loads((out / "report.json").read_text())["memory"]
    assert found["engines"][0]["arena_bytes"] == memory["arena"]
    (native,) = found["targets"]
    assert (native["exact"], native["flash"], native["ram"]) == (
        True, memory["flash"], memory["static_ram"],
    )  # fmt: skip
    assert found["warnings"] == []


def test_no_layer_uses_more_than_the_arena_and_one_uses_all(no_tflm: None) -> None:
    for path in sorted(MODELS.glob("*.tflite")):
        found = checked(path.read_bytes())
        arena = found.engines[0].arena_bytes
        assert max(layer.live_bytes for layer in found.layers) <= arena
        # A constant that two layers read is told of twice.
        assert sum(layer.weight_bytes for layer in found.layers) >= (
            generate(path.read_bytes()).weight_bytes
        )


def test_a_model_too_large_names_the_layers_to_change(
    targets: dict[str, Target], no_tflm: None
) -> None:
    found = checked((MODELS / "keyword_spotting.tflite").read_bytes(), targets["uno"])
    (uno,) = found.targets
    assert not uno.fits
    assert [problem.split(":")[0] for problem in uno.problems] == ["flash", "RAM"]
    assert "4,672 of the 27,433 bytes of weights" in uno.changes[0]
    assert "16,576 bytes of arena" in uno.changes[1]
    assert "TOO LARGE" in text(found)


def test_a_float_model_too_large_is_advised_to_become_int8(
    targets: dict[str, Target], no_tflm: None
) -> None:
    (uno,) = checked(
        (MODELS / "image_example1.float32.tflite").read_bytes(), targets["uno"]
    ).targets
    assert any("convert to int8" in change for change in uno.changes)


def test_a_build_s_word_stands_above_the_estimate(
    targets: dict[str, Target], no_tflm: None
) -> None:
    uno = targets["uno"]
    exact = checked(INT8.read_bytes(), uno, build=lambda *_: Sizes(10_000, 20, 700)).targets[0]
    assert (exact.exact, exact.flash, exact.ram, exact.fits) == (True, 10_020, 720, True)

    def fails(*_: Any) -> Sizes:
        raise BuildError("It needs 40,000 bytes of flash.")

    refused = checked(INT8.read_bytes(), uno, build=fails).targets[0]
    assert (refused.fits, refused.problems) == (False, ("It needs 40,000 bytes of flash.",))


@pytest.mark.parametrize(("arena", "verdict"), [(200_000, "may fit"), (300_000, "TOO LARGE")])
@pytest.mark.parametrize("refused_by_aot", [False, True])
def test_engine_tflm_is_held_against_a_target_by_the_least_that_it_takes(
    arena: int,
    verdict: str,
    refused_by_aot: bool,
    targets: dict[str, Target],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tinyproof.check.model.arena_bytes", lambda model, pointer_bytes: arena)
    model = (DIGITS / "dynamic_range.tflite" if refused_by_aot else INT8).read_bytes()
    found = checked(model, targets["nano33ble"], targets["uno"])
    nano, uno = found.targets
    assert uno.tflm is None, "TFLM does not support AVR"
    assert nano.tflm
    assert (nano.tflm.flash, nano.tflm.ram) == (len(model), arena)
    assert bool(nano.tflm.problems) is (verdict == "TOO LARGE")
    said = text(found)
    row = f"nano33ble, engine tflm {verdict} >{len(model):,} 983,040 >{arena:,} 262,144 not known"
    assert row in " ".join(said.split())
    assert ("nano33ble, engine tflm: its arena takes" in said) is (verdict == "TOO LARGE")
    assert "> is the least" in said
    assert nano.fits is not refused_by_aot


@pytest.mark.parametrize(
    ("error", "accepted"),
    [
        (ReferenceFailedError("TFLM cannot: operator X."), False),
        (ReferenceFailedError("TFLM (package tflite-micro) is not installed."), None),
    ],
)
def test_a_missing_tflm_is_not_taken_for_a_refusal(
    error: Exception, accepted: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: bytes, pointer_bytes: int) -> int:
        raise error

    monkeypatch.setattr("tinyproof.check.model.arena_bytes", fail)
    found = checked(INT8.read_bytes())
    assert found.engines[1].accepted is accepted
    assert ("not tried" in text(found)) is (accepted is None)


def test_estimates_state_their_error_and_it_is_what_it_was(targets: dict[str, Target]) -> None:
    """The digits on an Uno take 69,093 cycles (golden_cycles.json)."""
    speed = speed_of("uno")
    assert speed
    assert speed.unit == "cycles"
    golden = json.loads((Path(__file__).parent / "golden_cycles.json").read_text())
    cycles = next(iter(golden.values()))["uno"]["inference"]
    estimated = sum(estimate(generate(INT8.read_bytes()), speed.rates))
    assert abs(100 * (estimated / cycles - 1)) <= speed.error(real=False) + 1


@pytest.mark.parametrize("name", sorted(set(PROCESSORS.values())))
def test_no_estimate_is_worse_than_a_factor_of_two(name: str) -> None:
    target = next(target for target, processor in PROCESSORS.items() if processor == name)
    speed = speed_of(target)
    assert speed
    assert speed.errors
    assert all(-50 < error < 100 for error in speed.errors.values())
    assert {"tp_conv_2d_s8", "tp_fully_connected_s8", "tp_conv_2d_f32"} <= set(speed.rates)


def test_the_page_states_the_errors_of_the_rates() -> None:
    page = (ROOT / "docs" / "check.md").read_text()
    block = page.split("<!-- errors")[1].split("<!-- end")[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in block.splitlines()[1:] if line]
    told = {
        name: {row[0]: float(cell) for row in rows if (cell := row[column]) != "-"}
        for column, name in enumerate(head)
        if column
    }
    rates = json.loads((CHECK / "rates.json").read_text())["processors"]
    assert told == {name: found["errors_percent"] for name, found in rates.items()}


@pytest.mark.parametrize("name", sorted(set(PROCESSORS.values())))
def test_the_error_stated_holds_for_small_models_too(name: str) -> None:
    """For most of them the cost of a layer that does almost nothing decides."""
    speed = speed_of(next(target for target, chip in PROCESSORS.items() if chip == name))
    assert speed
    for net in ("small CNN", "small averaged CNN", "dense tanh dense", "dense logistic"):
        assert abs(speed.errors[f"{net} int8"]) <= speed.error(real=False)
    assert speed.rates["tp_fully_connected_s8"]["per_layer"] > 0


def test_a_small_net_that_nobody_fitted_is_estimated_within_the_error_stated() -> None:
    """A regression by Keras, 6 values to 10, tanh, to 2, takes 6,337 to 6,349 cycles on an Uno."""
    speed = speed_of("uno")
    assert speed
    net = Net()
    first = dense(net, net.input((1, 6), INT8_TYPE, 0.03, -128), 6, 10)
    tanh = net.tensor((1, 10), INT8_TYPE, 1 / 128, 0)
    net.operator("TANH", [first], [tanh])
    net.outputs.append(dense(net, tanh, 10, 2))
    estimated = sum(estimate(generate(net.build()), speed.rates))
    assert abs(100 * (estimated / 6343 - 1)) <= speed.error(real=False)


def dense(net: Net, x: int, inputs: int, outputs: int) -> int:
    scale = 0.01 * float(net.tensors[x].quantization.scale[0])
    y = net.tensor((1, outputs), INT8_TYPE, 0.1, 1)
    weights = net.constant(np.ones((outputs, inputs), np.int8), scale=[0.01] * outputs)
    bias = net.constant(np.zeros(outputs, np.int32), scale=[scale] * outputs)
    net.operator("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions", 5)
    return y


def test_a_target_without_a_measurement_has_no_estimate(
    targets: dict[str, Target], no_tflm: None
) -> None:
    found = checked(INT8.read_bytes(), targets["esp32dev"], targets["uno"], targets["pico"])
    none, cycles, instructions = found.targets
    assert (none.cost, none.latency_us, none.unit) == (None, None, "")
    assert cycles.latency_us
    assert cycles.cost
    assert round(cycles.latency_us * 16) == round(cycles.cost)
    assert (instructions.unit, instructions.latency_us) == ("instructions", None)
    said = text(found)
    assert "this processor was not measured" in said
    assert "instructions, not cycles" in said
    assert "off by at most" in said


def test_every_target_with_an_estimate_exists(targets: dict[str, Target]) -> None:
    assert set(PROCESSORS) <= set(targets)


def test_kinds_are_those_of_the_generated_layers() -> None:
    kinds = {kind_of(layer) for layer in generate(INT8.read_bytes()).layers}
    assert kinds == {"tp_conv_2d_s8 + MAX_POOL_2D", "tp_fully_connected_s8"}


def forged(builtin: int, custom: str = "") -> bytes:
    """Return a model of one operator of a number of our choice."""
    net = wrong_net("RELU")
    net.codes[0].builtinCode = builtin
    net.codes[0].deprecatedBuiltinCode = min(builtin, 127)
    net.codes[0].customCode = custom or None
    return net.build()


@pytest.mark.parametrize(
    ("model", "words", "hint"),
    [
        (forged(32, "FlexErf"), "FlexErf.*SELECT_TF_OPS", "tinyproof convert"),
        (forged(32, "MyOwn"), "MyOwn.*custom operator", "before or after the inference"),
        (forged(142), "VAR_HANDLE.*resource variable", "an input and an output"),
        (forged(143), "READ_VARIABLE.*resource variable", "an input and an output"),
        (forged(144), "ASSIGN_VARIABLE.*resource variable", "an input and an output"),
        (forged(999), "BUILTIN_999.*newer LiteRT", "tensorflow release"),
        (INT8.read_bytes()[:2000], "malformed", "again"),
        (b"", "empty", "again"),
    ],
)
def test_what_no_engine_runs_is_refused_with_the_next_step(
    model: bytes, words: str, hint: str
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        examine(model)
    assert hint in caught.value.hint


def test_an_input_of_a_free_size_is_refused() -> None:
    net = wrong_net("RELU")
    net.tensors[0].shapeSignature = np.array([-1, -1], np.int32)
    net.tensors[0].shape = np.array([1, 1], np.int32)
    with pytest.raises(ModelError, match=r"besides the batch no size") as caught:
        examine(net.build())
    assert "--input-shape" in caught.value.hint


def test_the_command_tells_by_its_exit_code(no_tflm: None, tmp_path: Path) -> None:
    assert call("check", INT8, "--target", "uno").code == 0
    assert call("check", MODELS / "keyword_spotting.tflite", "--target", "uno").code == 1
    assert call("check", MODELS / "keyword_spotting.tflite", "--target", "all").code == 0
    assert call("check", MODELS / "keyword_spotting.tflite", "--target", "pico,uno").code == 1
    assert call("check", DIGITS / "dynamic_range.tflite").code == 1
    assert_complains(call("check", INT8, "--target", "unn"), 2, "Did you mean uno")
    assert_complains(call("check", tmp_path / "none.tflite"), 2, "cannot be read")
    with np.load(SAMPLES) as file:
        np.savez(tmp_path / "wide.npz", x=file["x"] * 255)
    ended = call("check", INT8, "--samples", tmp_path / "wide.npz")
    assert_complains(ended, 2, "would saturate")
