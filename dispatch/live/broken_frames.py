"""Frames that cannot be read: what is wrong with them, in both languages."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec

from dispatch.domain.errors import DispatchError

FRAME_LIMIT = 64 * 1024
"""Bytes that one frame of a client may have."""

_PATH = re.compile(r" - at `\$\.?(.*)`$")
_WORDS = (
    (re.compile(r"Expected (.*), got (.*)"), r"seharusnya \1, bukan \2"),
    (re.compile(r"Expected (.*)"), r"seharusnya \1"),
    (re.compile(r"Object missing required field (.*)"), r"bagian \1 wajib ada"),
    (re.compile(r"Invalid (?:enum )?value (.*)"), r"\1 tidak dikenal"),
    (re.compile(r"Invalid (.*)"), r"bukan \1 yang sah"),
    (re.compile(r"JSON is malformed: (.*)|Input data was truncated"), r"bukan JSON yang benar"),
)


class BrokenFrame(DispatchError):
    """A frame that is no JSON object of a known form; the connection goes on."""

    code: ClassVar[str] = "broken_frame"
    status: ClassVar[int] = 422


class FrameTooLarge(DispatchError):
    """A frame above the limit; it was not read."""

    code: ClassVar[str] = "too_large"
    status: ClassVar[int] = 413

    def __init__(self, size: int) -> None:
        super().__init__(
            f"Bingkai {size} bita melebihi batas {FRAME_LIMIT}",
            f"The frame of {size} bytes exceeds the limit of {FRAME_LIMIT}",
            limit=FRAME_LIMIT,
        )


def in_indonesian(reason: str) -> str:
    """Return the decoder's reason in Indonesian; as it is when it is not a known one."""
    for pattern, words in _WORDS:
        if pattern.fullmatch(reason):
            return pattern.sub(words, reason)
    return reason


def broken_frame(error: msgspec.DecodeError) -> BrokenFrame:
    """Say what cannot be read in a frame, and where."""
    told = str(error)
    at = _PATH.search(told)
    if at is None:
        return BrokenFrame(
            f"Bingkai tidak dapat dibaca: {in_indonesian(told)}", f"The frame cannot be read: {told}"
        )
    field, reason = at.group(1) or "t", told[: at.start()]
    alasan = in_indonesian(reason)
    return BrokenFrame(
        f"Isi '{field}' tidak sah: {alasan}",
        f"The value of '{field}' cannot be accepted: {reason}",
        fields=[{"field": field, "id": alasan, "en": reason}],
    )
