"""``tinyproof generate --explain``: what a model takes, and where it fits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinyproof.cli import main
from tinyproof.cli.generate import command
from tinyproof.codegen import generate
from tinyproof.codegen.explain import Room, excess, explanation, fit, text
from tinyproof.codegen.firmware import SHARED, Firmware, firmware_of

DIGITS = Path(__file__).resolve().parents[2] / "fixtures/digits/int8.tflite"
GENERATED = generate(DIGITS.read_bytes())
ALL, SUMS = SHARED["s8"]
ENDLESS = Room("native", 0, 0)
UNO = Room("uno", 32256, 2048, firmware_of("atmega328p"))


def test_a_model_must_leave_room_for_the_stack() -> None:
    room = Room("tight", 32256, 1000, Firmware(8000, 600, 300))
    (problem,) = fit(GENERATED, room).problems
    assert problem == "RAM: 772 of 1,000 bytes leave too little for a stack of about 300"
    assert fit(GENERATED, replace(room, ram=1072)).fits


@pytest.mark.parametrize(
    ("weights_and_layers", "kernels", "image"),
    [
        (20_886, ("fully_connected_s8", "fully_connected_s8"), 31_568),
        (1_576, ("conv_2d_s8", "conv_2d_s8", "fully_connected_s8"), 14_444),
        (20_816, ("fully_connected_f32", "fully_connected_f32"), 31_632),
    ],
)
def test_images_that_had_no_part_in_the_fit_are_not_larger_than_estimated(
    weights_and_layers: int, kernels: tuple[str, ...], image: int
) -> None:
    """Nets that fill an Uno; the second is one that was said to fit with too little stack."""
    firmware = firmware_of("atmega328p")
    estimated = firmware.flash + firmware.code(f"tp_{name}" for name in kernels)
    assert image <= estimated + weights_and_layers <= 1.02 * image


@pytest.mark.parametrize(
    ("kernels", "flash"),
    [
        ((), 0),
        (("relu_s8",), ALL + 47),
        (("conv_2d_s8",), ALL + SUMS + 792),
        (("conv_2d_s8", "conv_2d_s8", "fully_connected_s8"), ALL + SUMS + 792 + 1790 + 346),
        (("relu_s8", "relu_f32"), ALL + SHARED["f32"][0] + 47 + 30),
        (("new_s8",), ALL + 1000),
    ],
)
def test_kernels_take_flash_once_and_what_they_share_once(
    kernels: tuple[str, ...], flash: int
) -> None:
    named = [f"tp_{kernel}" for kernel in kernels]
    assert firmware_of("atmega328p").code(named) == flash
    assert firmware_of("").code(named) == 0, "not measured"


@pytest.mark.parametrize(
    ("form", "flash", "static_ram"), [("int8", 12_026, 814), ("float32", 14_708, 1_330)]
)
def test_the_uno_s_image_of_the_digits_is_not_larger_than_estimated(
    form: str, flash: int, static_ram: int
) -> None:
    """Sizes of the images, as a run reports them."""
    found = fit(generate(DIGITS.with_name(f"{form}.tflite").read_bytes()), UNO)
    assert flash <= found.flash <= 1.05 * flash
    assert found.ram == static_ram


def test_the_totals_are_the_sums_of_the_layers() -> None:
    told = explanation(GENERATED, [])
    assert told["totals"]["macs"] == sum(layer["macs"] for layer in told["layers"]) == 3312
    constants = sum(layer["weight_bytes"] for layer in told["layers"])
    assert told["totals"]["weight_bytes"] == constants
    assert told["totals"]["arena_bytes"] == GENERATED.arena_bytes


def test_each_layer_lies_within_the_arena() -> None:
    for layer in GENERATED.layers:
        for start, size in (*layer.arena_in, layer.arena_out):
            assert 0 <= start <= start + size <= GENERATED.arena_bytes


def test_the_table_names_fused_operators_shapes_and_places() -> None:
    told = text(GENERATED, [UNO])
    row = next(line for line in told.splitlines() if "CONV_2D" in line)
    assert "CONV_2D + MAX_POOL_2D" in row
    assert "1x8x8x1" in row
    assert "1x3x3x8" in row
    assert "2,592" in row


def test_a_model_that_fits_is_said_to_fit() -> None:
    assert fit(GENERATED, UNO).fits
    assert text(GENERATED, [UNO]).splitlines()[-4].endswith("fits")


def test_memory_without_a_limit_always_fits() -> None:
    assert fit(GENERATED, ENDLESS).fits


@pytest.mark.parametrize(
    ("room", "problem"),
    [
        (Room("tiny", 12000, 2048, Firmware(8500, 600)), "flash: 12,2"),
        (
            Room("tiny", 32256, 700, Firmware(8000, 600)),
            "RAM: 772 of 700 bytes, 172 of them the arena",
        ),
        (Room("bare", 500, 0), "954 of them weights"),
    ],
)
def test_what_is_too_large_is_told_with_its_figure(room: Room, problem: str) -> None:
    found = fit(GENERATED, room)
    assert not found.fits
    assert problem in found.problems[0]
    assert problem in text(GENERATED, [room])


def test_both_memories_can_be_too_small() -> None:
    assert len(fit(GENERATED, Room("tiny", 1, 1)).problems) == 2


def test_the_command_prints_the_tables_and_every_target() -> None:
    done = CliRunner().invoke(command, [str(DIGITS), "--explain"])
    assert done.exit_code == 0
    assert "CONV_2D + MAX_POOL_2D" in done.output
    assert "uno" in done.output
    assert "native" in done.output


def test_the_command_prints_json() -> None:
    done = CliRunner().invoke(command, [str(DIGITS), "--explain", "--json"])
    told = json.loads(done.output)
    assert told["sha256"] == GENERATED.sha256
    assert {target["target"] for target in told["targets"]} >= {"uno", "native"}
    assert all(target["fits"] for target in told["targets"])


def test_only_what_can_never_fit_is_refused_before_the_build() -> None:
    assert excess(GENERATED, Room("tight", 955, 172)) == ()
    assert excess(GENERATED, Room("small", 900, 171)) == (
        "its weights take 954 bytes of flash, there are 900",
        "its arena takes 172 bytes of RAM, there are 171",
    )


def test_building_a_model_that_cannot_fit_is_refused_with_the_memory_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = DIGITS.parents[1] / "models/image_classification.tflite"
    assert main(["build", "--target", "uno", "--model", str(model)]) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "does not fit uno: its weights take 80,793 bytes of flash, there are" in said
    assert "its arena takes 49,296 bytes of RAM, there are 2,048" in said
