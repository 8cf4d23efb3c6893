"""The conversation: a board is met, known again, and answers each verb and sample."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from conversations import met, outputs, samples, until_error

from tinyproof.deadline import Deadline
from tinyproof.device import Device, Identity
from tinyproof.errors import (
    BootError,
    DeviceError,
    DeviceSilentError,
    EchoError,
    IdentityError,
    ProtocolError,
    ProtocolVersionError,
    SamplesError,
    TinyProofError,
)
from tinyproof.link import Link
from tinyproof.simulators.fake import (
    FakeBoard,
    FakeFirmware,
    FakeInferenceError,
    default_model,
    describe,
)
from tinyproof.simulators.faulty import Faults, FaultyLink


class Scripted(Link):
    """A port with something else on it: answers writes with what a function says."""

    def __init__(self, greeting: bytes = b"", echo: bool = False) -> None:
        super().__init__("scripted")
        self.now = 0.0
        self.pending = greeting
        self.echo = echo

    def clock(self) -> float:
        return self.now

    def _read(self, deadline: Deadline) -> bytes:
        if not self.pending:
            self.now += deadline.remaining
        data, self.pending = self.pending, b""
        return data

    def _write(self, data: bytes, deadline: Deadline) -> None:
        self.pending += data if self.echo else b""

    def _close(self) -> None:
        pass


# -- meeting


def test_a_board_is_met() -> None:
    device = met(FakeBoard())
    assert device.description == describe()
    assert device.events.hellos == 1


def test_a_device_that_was_not_met_says_so() -> None:
    with pytest.raises(TinyProofError, match="before hello"):
        _ = Device(FakeBoard()).description


def test_what_a_board_prints_while_it_boots_is_kept() -> None:
    device = met(FakeBoard(FakeFirmware(boot_text=b"rst:0x1 (POWERON)\r\n")))
    assert list(device.events.texts) == [r"rst:0x1 (POWERON)\r\n"]


def test_a_board_that_boots_slowly_is_waited_for() -> None:
    board = FakeBoard()
    link = FaultyLink(board, to_board=Faults(lose_frame=0.9), seed=3)
    assert met(link).description.target == "fake"
    assert board.clock() > 0.1


def test_a_silent_port_is_given_up_at_the_deadline() -> None:
    link = Scripted()
    with pytest.raises(DeviceSilentError, match="within 5 s") as caught:
        met(link, hello_seconds=5)
    assert "tinyproof flash" in caught.value.hint
    assert 5 <= link.now < 6


def test_something_else_on_the_port_is_shown_escaped() -> None:
    with pytest.raises(BootError) as caught:
        met(Scripted(b"\x1b[31mdebian login: "))
    assert caught.value.text == r"\x1b[31mdebian login: "
    assert "debian login" in caught.value.sentence


@pytest.mark.parametrize(
    ("noise", "count"),
    [(bytes(300), "300"), (b"\x80\0\xf8\xe0\0\0" * 50, "300"), (bytes(50) + b"\xfe", "51")],
    ids=["zeros", "high bits", "zeros and one byte"],
)
def test_bytes_that_are_no_text_are_told_from_silence(noise: bytes, count: str) -> None:
    with pytest.raises(BootError, match=f"no text, perhaps at another speed .{count} bytes") as e:
        met(Scripted(noise))
    assert "baud rate" in e.value.hint
    assert "tinyproof flash" in e.value.hint


def test_a_few_zeros_of_a_port_that_opens_are_silence() -> None:
    with pytest.raises(DeviceSilentError):
        met(Scripted(bytes(3)))


def test_a_port_that_echoes_is_told_from_a_board() -> None:
    with pytest.raises(EchoError, match="sends back what it receives"):
        met(Scripted(echo=True))


def test_firmware_of_another_protocol_is_refused() -> None:
    with pytest.raises(ProtocolVersionError, match="version 2, expected 1"):
        met(FakeBoard(FakeFirmware(protocol=2)))


MODEL = describe().model


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        (Identity(descriptor=replace(MODEL, engine_version="9")), "engine version"),
        (Identity(descriptor=replace(MODEL, layers=4)), "number of layers"),
        (Identity(descriptor=replace(MODEL, inputs=())), "description of its inputs"),
        (Identity(descriptor=replace(MODEL, outputs=MODEL.inputs)), "description of its outputs"),
        (Identity(model_sha256=bytes(32)), "model"),
        (Identity(build_id=b"\1" * 16), "build id"),
        (Identity(weights_crc32=1), "weights checksum"),
        (Identity(target="uno"), "target"),
        (Identity(engine="tflm"), "engine"),
        (Identity(model_format=2), "model format"),
    ],
)
def test_another_identity_is_refused_by_name(expected: Identity, field: str) -> None:
    with pytest.raises(IdentityError, match=f"The board's {field} is") as caught:
        met(FakeBoard()).check_identity(expected)
    assert caught.value.field == field
    assert caught.value.wanted != caught.value.got


@pytest.mark.parametrize("split", [0.0, 1.0], ids=["at once", "one after the other"])
def test_two_boards_on_one_line_are_refused(split: float) -> None:
    """Both answer, and the one that is asked for may be the first each time."""

    class Line(FakeBoard):
        other = FakeFirmware(hello=replace(describe(), build_id=bytes(16)))

        def _write(self, data: bytes, deadline: Deadline) -> None:
            super()._write(data, deadline)
            self._sent += self.firmware.take(bytes(self._received)) + self.other.take(data)
            self._received.clear()

    line = FaultyLink(Line(resets_on_open=False), seed=1, from_board=Faults(split=split))
    with pytest.raises(IdentityError, match="build id"):
        met(line).infer(bytes(64))


def test_the_expected_identity_is_let_through() -> None:
    device = met(FakeBoard())
    device.check_identity(Identity.of(describe()))
    device.check_identity(Identity())


# -- streaming


@pytest.mark.parametrize("window", [80, 100, 256, 4096])
def test_answers_come_in_order_and_the_window_is_kept(window: int) -> None:
    board = FakeBoard(FakeFirmware(hello=describe(window=window)))
    inputs = samples(300)
    answers = list(met(board).stream(inputs))
    assert [answer.output for answer in answers] == outputs(inputs)
    assert [answer.index for answer in answers] == list(range(300))
    assert {(answer.ticks, answer.attempts, answer.error) for answer in answers} == {
        (1000, 1, None)
    }
    assert board.overruns == 0


def test_a_frame_larger_than_the_window_is_sent_alone() -> None:
    board = FakeBoard(FakeFirmware(hello=describe(window=70)))
    answers = list(met(board).stream(samples(5)))
    assert [answer.output for answer in answers] == outputs(samples(5))


def test_samples_are_taken_only_as_they_are_needed() -> None:
    taken = itertools.count()
    endless = (index.to_bytes(64, "little") for index in taken)
    answers = list(itertools.islice(met(FakeBoard()).stream(endless), 1000))
    assert len(answers) == 1000
    assert next(taken) < 1100


def test_a_sample_that_fails_ends_that_sample_only() -> None:
    def model(sample: bytes) -> bytes:
        if sample == inputs[3]:
            raise FakeInferenceError
        return default_model(sample)

    inputs = samples(6)
    answers = list(met(FakeBoard(FakeFirmware(model=model))).stream(inputs))
    assert [answer.index for answer in answers if answer.error] == [3]
    assert "The inference failed" in str(answers[3].error)
    assert answers[5].output == default_model(inputs[5])


def test_a_sample_of_another_length_is_never_sent() -> None:
    board = FakeBoard()
    inputs = [*samples(3), b"short"]
    got, error = until_error(met(board).stream(inputs))
    assert isinstance(error, SamplesError)
    assert "Sample 3 has 5 bytes" in error.sentence
    assert board.firmware.inferences <= 3
    assert [answer.index for answer in got] == list(range(len(got)))


def test_an_answer_of_another_length_breaks_the_conversation() -> None:
    board = FakeBoard(FakeFirmware(model=lambda sample: sample[:9]))
    with pytest.raises(ProtocolError, match="14 bytes, expected 15"):
        met(board).infer(bytes(64))


@pytest.mark.parametrize("size", [200, 1000, 5000])
def test_large_samples_and_answers_travel_in_parts(size: int) -> None:
    hello = describe(size, size, window=600, largest_frame=128)
    board = FakeBoard(FakeFirmware(hello=hello, model=lambda sample: sample[::-1]))
    inputs = samples(20, size)
    answers = list(met(board).stream(inputs))
    assert [answer.output for answer in answers] == [sample[::-1] for sample in inputs]
    assert board.overruns == 0


def test_a_stream_that_is_left_does_not_disturb_the_next() -> None:
    device = met(FakeBoard())
    next(device.stream(samples(100)))
    inputs = samples(50)[::-1]
    assert [answer.output for answer in device.stream(inputs)] == outputs(inputs)


def test_other_verbs_may_be_used_within_a_stream() -> None:
    device = met(FakeBoard())
    inputs = samples(50)
    got = []
    for answer in device.stream(inputs):
        assert device.status().inferences > answer.index
        got.append(answer.output)
    assert got == outputs(inputs)


# -- the other verbs


def test_one_inference() -> None:
    answer = met(FakeBoard()).infer(bytes(64))
    assert (answer.output, answer.ticks) == (default_model(bytes(64)), 1000)


def test_a_failed_inference_raises_with_code_and_detail() -> None:
    def model(sample: bytes) -> bytes:
        raise FakeInferenceError

    with pytest.raises(DeviceError, match="refused infer") as caught:
        met(FakeBoard(FakeFirmware(model=model))).infer(bytes(64))
    assert (caught.value.code, caught.value.detail) == (5, 7)


def test_a_profile_has_the_ticks_of_each_layer() -> None:
    answer = met(FakeBoard()).profile(bytes(64))
    assert (answer.ticks, answer.layers) == (300, (100, 100, 100))


def test_a_trace_has_the_output_of_one_layer() -> None:
    device = met(FakeBoard())
    assert device.trace(2, bytes(64)).output == default_model(bytes(64))
    with pytest.raises(DeviceError, match="no such layer"):
        device.trace(3, bytes(64))


def test_a_large_trace_travels_in_parts_both_ways() -> None:
    hello = describe(700, 700, window=300, largest_frame=100)
    board = FakeBoard(FakeFirmware(hello=hello, model=bytes))
    assert met(board).trace(1, samples(1, 700)[0]).output == samples(1, 700)[0]


def test_the_clock_runs() -> None:
    device = met(FakeBoard())
    assert device.ticks() < device.ticks()


def test_reset_restarts_the_board_and_meets_it_again() -> None:
    device = met(FakeBoard())
    device.poison(True)
    device.infer(bytes(64))
    device.reset()
    assert device.status().inferences == 0
    assert device.events.hellos == 2
    assert device.events.restarts == 0
