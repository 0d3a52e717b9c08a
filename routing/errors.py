"""What can go wrong with an extract, a store, a point or a journey."""

from __future__ import annotations

from collections.abc import Sequence


class RoutingError(Exception):
    """Base of every error this package raises on purpose; carries the message in both languages."""

    def __init__(self, message_id: str, message_en: str) -> None:
        super().__init__(f"{message_id} | {message_en}")
        self.message_id = message_id
        self.message_en = message_en


class BadExtract(RoutingError):
    """The road extract cannot be read or holds no usable road; the message names the file and the remedy."""


class BadStore(RoutingError):
    """The store is missing, incomplete, damaged or of another schema; the message names it and the remedy."""


class BadPoint(RoutingError):
    """A point is no place on earth, or its lon and lat are swapped.

    `value` is the point as given, `index` its row in the array it came in.
    """

    def __init__(self, message_id: str, message_en: str, value: Sequence[float], index: int) -> None:
        super().__init__(message_id, message_en)
        self.value = tuple(value)
        self.index = index


class Unreachable(RoutingError):
    """No permitted way leads from the origin to the target."""
