"""What a rehearsal demands of the system, and the ways in which it can fail."""

from __future__ import annotations

from typing import Any, TypeVar

import httpx
import msgspec
from websockets.exceptions import WebSocketException

Value = TypeVar("Value")


class Mismatch(Exception):
    """The system answered, but not what it should have."""

    def __init__(self, what: str, expected: object, actual: object) -> None:
        super().__init__(f"{what}: expected {expected}, actual {actual}")
        self.what, self.expected, self.actual = what, expected, actual


class Refused(Exception):
    """The system refused a request; `problem` is its problem document."""

    def __init__(self, request: str, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{request}: {status} {problem.get('code', '')}")
        self.request, self.status, self.problem = request, status, problem

    @property
    def code(self) -> str:
        """The problem's stable code; empty when the answer was no problem document."""
        return str(self.problem.get("code", ""))

    @property
    def words(self) -> str:
        """What the problem document says, in both languages."""
        said = [self.problem.get(key) for key in ("detail", "detail_en")]
        return " / ".join(str(text) for text in said if text) or str(self.problem)


class NotPossible(Exception):
    """The rehearsal cannot be played here: nothing was started."""

    def __init__(self, words_id: str, words_en: str) -> None:
        super().__init__(f"{words_id} / {words_en}")


FAILURES = (Mismatch, Refused, httpx.HTTPError, WebSocketException, OSError, msgspec.ValidationError)
"""Everything by which the system under rehearsal can fail; all else is a fault of the rehearsal itself."""


def demand(holds: bool, what: str, expected: object, actual: object) -> None:
    """Raise Mismatch unless it holds."""
    if not holds:
        raise Mismatch(what, expected, actual)


def demand_equal(what: str, actual: Value, expected: Value) -> None:
    """Raise Mismatch unless both are equal."""
    demand(actual == expected, what, repr(expected), repr(actual))


def describe(failure: BaseException) -> list[str]:
    """Return what went wrong, line by line."""
    match failure:
        case Mismatch():
            return [failure.what, f"expected: {failure.expected}", f"actual:   {failure.actual}"]
        case Refused():
            lines = [f"{failure.request} -> {failure.status} {failure.code}".rstrip(), failure.words]
            fields = failure.problem.get("fields")
            named = fields if isinstance(fields, list) else []
            lines += [f"{f.get('field')}: {f.get('id')} / {f.get('en')}" for f in named]
            if "allowed" in failure.problem:
                lines.append(f"allowed: {failure.problem['allowed']}")
            return lines
        case msgspec.ValidationError():
            return ["an answer is not in the agreed form", str(failure)]
        case _:
            return [f"{type(failure).__name__}: {failure}"]
