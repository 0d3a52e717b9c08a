"""What can go wrong with an extract, a store, a question or a change of the roads."""

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


class OutsideNetwork(BadPoint):
    """A point lies so far outside the network's box that no answer about it would mean anything."""


class Unreachable(RoutingError):
    """No permitted way leads from the origin to the target; `doubts` as in `Travel`."""

    def __init__(self, message_id: str, message_en: str, doubts: tuple[str, ...] = ()) -> None:
        super().__init__(message_id, message_en)
        self.doubts = doubts


class UnknownProfile(RoutingError):
    """The store holds no such profile: `value` was asked for, `known` are there."""

    def __init__(self, value: str, known: Sequence[str]) -> None:
        names = ", ".join(known)
        super().__init__(
            f"Profil {value!r} tidak dikenal; yang ada: {names}",
            f"Profile {value!r} is unknown; known are: {names}",
        )
        self.value = value
        self.known = tuple(known)


class NoUnits(RoutingError):
    """A question that needs at least one place got none; `value` names the empty argument."""

    def __init__(self, value: str) -> None:
        super().__init__(f"Daftar {value!r} kosong", f"The list {value!r} is empty")
        self.value = value


class TooLarge(RoutingError):
    """More was asked in one go than is allowed: `value` asked, `limit` allowed."""

    def __init__(self, what_id: str, what_en: str, value: int, limit: int) -> None:
        super().__init__(
            f"Terlalu banyak {what_id}: {value}, paling banyak {limit}",
            f"Too many {what_en}: {value}, at most {limit}",
        )
        self.value = value
        self.limit = limit


class BadChange(RoutingError):
    """A change of the roads that cannot be applied; `value` is what is wrong with it, `change` its id.

    `reason_id` and `reason_en` are the message without the id: for whoever has the change in hand.
    """

    def __init__(self, message_id: str, message_en: str, value: object, change: str) -> None:
        super().__init__(f"Perubahan {change!r}: {message_id}", f"Change {change!r}: {message_en}")
        self.reason_id, self.reason_en = message_id, message_en
        self.value = value
        self.change = change


class BadTrack(RoutingError):
    """A recorded track that cannot be matched; `value` is what is wrong with it, `row` the fix concerned."""

    def __init__(self, message_id: str, message_en: str, value: object, row: int) -> None:
        super().__init__(message_id, message_en)
        self.value = value
        self.row = row


class BadQuestion(RoutingError, ValueError):
    """A figure in a question makes no sense (a speed of zero, a limit below one); `value` is that figure."""

    def __init__(self, message_id: str, message_en: str, value: object) -> None:
        super().__init__(message_id, message_en)
        self.value = value
