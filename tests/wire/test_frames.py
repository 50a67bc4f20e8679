import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_wire import frames
from pyvorin_wire.errors import FrameError, WireError


def stream(*parts):
    out = io.BytesIO()
    for part in parts:
        if isinstance(part, bytes):
            frames.write_bytes(out, part)
        else:
            frames.write_json(out, part)
    frames.write_end(out)
    return out.getvalue()


@given(st.lists(st.binary(max_size=50) | st.dictionaries(st.text("ab"), st.integers(0, 9))))
def test_round_trip(parts):
    read = list(frames.read_message(io.BytesIO(stream(*parts))))
    assert [f.payload if f.kind == frames.BYTES else f.json() for f in read] == parts


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_first_frame_is_there_as_soon_as_it_is_whole(one, other):
    data = stream(one, other)
    whole = len(stream(one)) - len(stream())
    for end in range(len(data) + 1):
        expected = frames.Frame(frames.BYTES, one) if end >= whole else None
        assert frames.first_frame(bytearray(data[:end])) == expected


@given(st.binary(max_size=100))
def test_a_first_frame_of_any_bytes_is_that_of_a_message_or_refused(data):
    def read(read_it):
        try:
            return read_it()
        except WireError as error:
            return None if error.code == "frame_eof" else error.code

    message = read(lambda: next(frames.read_message(io.BytesIO(data)), None))
    assert read(lambda: frames.first_frame(data)) == message


def test_reading_stops_at_the_end_frame():
    source = io.BytesIO(stream(b"a") + b"next")
    list(frames.read_message(source))
    assert source.read() == b"next"


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data):
    try:
        for frame in frames.read_message(io.BytesIO(data)):
            assert frame.kind in (frames.JSON, frames.BYTES)
    except WireError:
        pass


@pytest.mark.parametrize("cut", range(1, 15))
def test_an_early_end_is_refused(cut):
    with pytest.raises(FrameError) as caught:
        list(frames.read_message(io.BytesIO(stream(b"abc")[:-cut])))
    assert caught.value.code in ("frame_eof",)


class Endless(io.RawIOBase):
    """Answers every read with as much as was asked for, and counts it."""

    def __init__(self, head):
        self.head, self.given = head, 0

    def read(self, size=-1, /):
        part, self.head = self.head[:size], self.head[size:]
        part = part or bytes(size)
        self.given += len(part)
        return part


def test_a_huge_length_is_refused_before_it_is_read():
    source = Endless(struct.pack(">Ic", 2**32 - 1, b"B"))
    with pytest.raises(FrameError) as caught:
        list(frames.read_message(source))
    assert caught.value.code == "frame_cap"
    assert source.given == 5


def test_the_total_and_the_number_of_frames_are_capped():
    with pytest.raises(FrameError):
        list(frames.read_message(io.BytesIO(stream(b"aa", b"bb")), frames.Caps(total_bytes=3)))
    with pytest.raises(FrameError):
        list(frames.read_message(io.BytesIO(stream(b"", b"")), frames.Caps(frames=2)))


@pytest.mark.parametrize("data", [b"\0\0\0\1Ex", b"\0\0\0\0Q", b"\0\0\0\0j"])
def test_unknown_frames_are_refused(data):
    with pytest.raises(FrameError):
        list(frames.read_message(io.BytesIO(data + bytes(20))))


def test_a_bytes_frame_is_not_json():
    with pytest.raises(FrameError):
        frames.Frame(frames.BYTES, b"1").json()
