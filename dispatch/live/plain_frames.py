"""The short way past the WebSocket library: one whole small masked text frame, and nothing else.

Everything unusual, a second frame in the same bytes included, is left to the library, which must then see
every byte of it: `FrameEnds` follows where the frames end that the library is given.
"""

from __future__ import annotations

from websockets.speedups import apply_mask

_WHOLE_TEXT = 0x81  # FIN, no extension bits, text
_MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_LONGEST_HEAD = 14


def plain_text(data: bytes) -> bytes | None:
    """Return the text of bytes that are exactly one whole text frame of a client below 64 kB, else None.

    Whether the text is UTF-8 is for its reader to see.
    """
    size = len(data)
    if size < 6 or data[0] != _WHOLE_TEXT:
        return None
    length, start = data[1] - _MASKED, 2
    if length == _TWO_BYTES and size >= 8:
        length, start = data[2] << 8 | data[3], 4
    elif length < 0 or length >= _TWO_BYTES:
        return None
    if size != start + 4 + length:
        return None
    return apply_mask(data[start + 4 :], data[start : start + 4])


def whole_text(text: bytes) -> bytes:
    """Return the frame of a text below 64 kB, as a server sends it."""
    size = len(text)
    if size < _TWO_BYTES:
        return bytes((_WHOLE_TEXT, size)) + text
    return bytes((_WHOLE_TEXT, _TWO_BYTES, size >> 8, size & 0xFF)) + text


class FrameEnds:
    """Follows frames through a stream: whether the next byte is the first one of a frame."""

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        """The stream stands at a frame's beginning."""
        self._head = b""
        self._left = 0

    @property
    def between(self) -> bool:
        """Whether the bytes so far were whole frames."""
        return not self._left and not self._head

    def follow(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        at = min(self._left, len(data))
        self._left -= at
        if self._head:
            data, at, self._head = self._head + data, 0, b""
        while at < len(data):
            head = data[at : at + _LONGEST_HEAD]
            size = _head_size(head)
            if len(head) < size:
                self._head = head
                return
            length = _length(head)
            here = min(length, len(data) - at - size)
            self._left = length - here
            at += size + here


def _head_size(data: bytes) -> int:
    """How many bytes stand before a frame's payload, as far as the first two of them tell."""
    if len(data) < 2:
        return 2
    extended = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(data[1] & 0x7F, 0)
    return 2 + extended + (4 if data[1] & _MASKED else 0)


def _length(data: bytes) -> int:
    match data[1] & 0x7F:
        case 126:
            return int.from_bytes(data[2:4])
        case 127:
            return int.from_bytes(data[2:10])
        case length:
            return length
