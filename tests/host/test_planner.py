"""The arena: what may share memory does, what must not does not, and the proof of it can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from nn_net import INT8, Net
from tinyproof.codegen import generate
from tinyproof.codegen.layer import Layer
from tinyproof.codegen.normalise import Normalised
from tinyproof.codegen.plan import ALIGNMENT, Plan, check_plan, plan_arena
from tinyproof.graph import Graph, Operator, Tensor, TensorType
from tinyproof.graph.options import Options

OPERATOR = Operator("ADD", 0, 1, (), (), Options())


def tensor(index: int, size: int) -> Tensor:
    return Tensor(index, f"t{index}", (size,), TensorType.INT8, None, None)


def layer(inputs: tuple[int, ...], output: int, *, scratch: int = 0, shares: bool = False) -> Layer:
    shared = inputs if shares else ()
    return Layer("x", "s8", {}, inputs, output, (OPERATOR,), scratch_bytes=scratch, in_place=shared)


def normalised(sizes: list[int], outputs: tuple[int, ...]) -> Normalised:
    tensors = tuple(tensor(index, size) for index, size in enumerate(sizes))
    return Normalised(Graph(tensors, (), (0,), outputs), {})


def random_program(rng: Generator) -> tuple[Normalised, list[Layer]]:
    """Return a graph of one input, with layers that read any tensors written before."""
    count = int(rng.integers(1, 25))
    sizes = [int(size) for size in rng.integers(1, 200, count + 1)]
    layers = []
    for output in range(1, count + 1):
        reads = {int(index) for index in rng.integers(max(0, output - 5), output, 2)}
        scratch = int(rng.integers(1, 99)) if rng.random() < 0.3 else 0
        shares = rng.random() < 0.4
        if shares:
            sizes[output] = sizes[min(reads)]
        layers.append(layer(tuple(sorted(reads)), output, scratch=scratch, shares=shares))
    return normalised(sizes, (count, int(rng.integers(0, count + 1)))), layers


def lower_bound(program: Normalised, layers: list[Layer]) -> int:
    """Return the bytes that the largest layer alone needs, unless it works in place."""
    sizes = [item.bytes for item in program.graph.tensors]
    return max(
        sum(sizes[index] for index in item.inputs) + sizes[item.output] * (not item.in_place)
        for item in layers
    )


@pytest.mark.parametrize("seed", range(300))
def test_any_program_gets_a_plan_that_holds(seed: int) -> None:
    program, layers = random_program(default_rng(seed))
    plan = plan_arena(program, layers)
    check_plan(program, layers, plan)
    everything = sum(-(-item.bytes // 4) * 4 for item in program.graph.tensors)
    everything += sum(-(-item.scratch_bytes // 4) * 4 for item in layers)
    assert lower_bound(program, layers) <= plan.bytes <= everything


def test_a_chain_takes_the_memory_of_its_largest_pair() -> None:
    program = normalised([100, 40, 80, 20, 60], (4,))
    plan = plan_arena(program, [layer((index,), index + 1) for index in range(4)])
    assert plan.bytes == 140


def test_a_layer_in_place_takes_its_inputs_memory() -> None:
    program = normalised([100, 100, 100], (2,))
    plan = plan_arena(program, [layer((0,), 1, shares=True), layer((1,), 2, shares=True)])
    assert plan.bytes == 100
    assert plan.tensors == {0: 0, 1: 0, 2: 0}


def test_an_input_that_is_read_again_is_not_overwritten_in_place() -> None:
    program = normalised([100, 100, 100], (2,))
    plan = plan_arena(program, [layer((0,), 1, shares=True), layer((0, 1), 2)])
    assert plan.tensors[0] != plan.tensors[1]


def test_an_output_read_after_the_run_keeps_its_memory() -> None:
    program = normalised([8, 8, 8, 8], (1, 3))
    plan = plan_arena(program, [layer((index,), index + 1) for index in range(3)])
    assert len({plan.tensors[1], plan.tensors[2], plan.tensors[3]}) == 3


def test_everything_starts_aligned() -> None:
    program = normalised([1, 3, 5, 7], (3,))
    layers = [layer((index,), index + 1, scratch=3) for index in range(3)]
    plan = plan_arena(program, layers)
    assert all(at % ALIGNMENT == 0 for at in (*plan.tensors.values(), *plan.scratch))


@pytest.mark.parametrize(
    ("tensors", "scratch", "reason"),
    [
        ({0: 0, 1: 0, 2: 8}, (16,), "overwrites its input 0"),
        ({0: 0, 1: 16, 2: 0}, (4,), "is done with its scratch"),
        ({0: 0, 1: 8, 2: 16}, (8,), "writes into its own scratch"),
        ({0: 0, 1: 8, 2: 16}, (99,), "scratch lies outside"),
        ({0: 0, 1: 99, 2: 16}, (24,), "lies outside the arena"),
        ({0: 0, 1: 9, 2: 24}, (20,), "not aligned"),
        ({0: 0, 1: 8, 2: 8}, (16,), "overwrites its input 1"),
    ],
)
def test_the_proof_finds_a_wrong_plan(
    tensors: dict[int, int], scratch: tuple[int], reason: str
) -> None:
    program = normalised([8, 8, 8], (1, 2))
    layers = [layer((0,), 1, scratch=8), layer((1,), 2)]
    good = Plan({0: 0, 1: 8, 2: 0}, (16, -1), 32)
    check_plan(program, layers, good)
    with pytest.raises(AssertionError, match=reason):
        check_plan(program, layers, replace(good, tensors=tensors, scratch=(*scratch, -1)))


def test_reshapes_take_no_memory_and_no_layer() -> None:
    net = Net()
    x = net.input((1, 2, 3, 4), INT8, 0.5, 0)
    flat, y = net.tensor((1, 24), INT8, 0.5, 0), net.output((1, 24), INT8, 0.25, 0)
    shape = net.constant(np.array([1, 24], np.int32))
    net.operator("RESHAPE", [x, shape], [flat], "ReshapeOptions", newShape=[1, 24])
    net.operator("QUANTIZE", [flat], [y], "QuantizeOptions")
    generated = generate(net.build())
    assert [layer.operators for layer in generated.layers] == [("QUANTIZE",)]
    assert generated.arena_bytes == 24
