"""The short way past the WebSocket library takes what the library would have read alike, and nothing else."""

from __future__ import annotations

import os
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from dispatch.live.plain_frames import FrameEnds, plain_text, whole_text

SIZES = st.sampled_from([0, 1, 5, 124, 125, 126, 127, 300, 65535, 65536])
frames = st.one_of(
    st.builds(
        lambda code, size, fin: Frame(code, os.urandom(size), fin),
        st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
        SIZES,
        st.booleans(),
    ),
    st.builds(
        lambda code, size: Frame(code, os.urandom(size)),
        st.sampled_from([Opcode.PING, Opcode.PONG]),
        st.integers(0, 125),
    ),
)


def read_by_library(data: bytes) -> list[Frame]:
    protocol = Protocol(SERVER, max_size=None)
    protocol.receive_data(data)
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


@given(SIZES)
def test_a_whole_text_frame_is_read_as_the_library_reads_it(size: int) -> None:
    data = Frame(Opcode.TEXT, b"x" * size).serialize(mask=True)
    (read,) = read_by_library(data)
    assert plain_text(data) == (bytes(read.data) if size <= 65535 else None)


@given(frames.filter(lambda f: f.opcode is not Opcode.TEXT or not f.fin), st.booleans())
def test_every_other_frame_is_left_to_the_library(frame: Frame, mask: bool) -> None:
    assert plain_text(frame.serialize(mask=mask)) is None


@given(st.binary(max_size=80), st.data())
def test_a_part_more_than_one_or_an_unmasked_frame_is_left_to_the_library(
    text: bytes, data: st.DataObject
) -> None:
    whole = Frame(Opcode.TEXT, text).serialize(mask=True)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert plain_text(whole[:cut]) is None
    assert plain_text(whole + whole[: cut + 1]) is None
    assert plain_text(Frame(Opcode.TEXT, text).serialize(mask=False)) is None
    for reserved in (0x40, 0x20, 0x10):
        assert plain_text(bytes([whole[0] | reserved]) + whole[1:]) is None


@given(SIZES.filter(lambda size: size <= 65535))
def test_what_the_server_says_is_what_the_library_would_write(size: int) -> None:
    text = os.urandom(size)
    assert whole_text(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


@given(st.lists(st.tuples(frames, st.booleans()), max_size=6), st.data())
def test_frames_are_followed_however_the_stream_is_cut(
    sent: list[tuple[Frame, bool]], data: st.DataObject
) -> None:
    stream, ends = b"", {0}
    for frame, mask in sent:
        stream += frame.serialize(mask=mask)
        ends.add(len(stream))
    near = [min(max(end + off, 0), len(stream)) for end in ends for off in range(-3, 16)]
    cuts = sorted({0, len(stream), *data.draw(st.lists(st.sampled_from(near), max_size=12))})
    followed = FrameEnds()
    for begin, end in pairwise(cuts):
        followed.follow(stream[begin:end])
        assert followed.between == (end in ends), (begin, end, sorted(ends))
