"""Refusals the system speaks: each knows its code, its HTTP status and its words in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from dispatch.domain.words import listed, words


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that cannot be accepted: where it is, and why, in Indonesian and English."""

    field: str
    reason_id: str
    reason_en: str


class DispatchError(Exception):
    """Base of every refusal. `extra` is shown to the client as further members of the problem document."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message_id: str, message_en: str, **extra: Any) -> None:
        super().__init__(message_en)
        self.message_id = message_id
        self.message_en = message_en
        self.extra: Mapping[str, Any] = extra


class InvalidInput(DispatchError):
    """A value that cannot be accepted; names every field with its reason."""

    code = "invalid_input"
    status = 422

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__(
            "; ".join(p.reason_id for p in problems),
            "; ".join(p.reason_en for p in problems),
            fields=[{"field": p.field, "id": p.reason_id, "en": p.reason_en} for p in problems],
        )
        self.problems = problems


class NotSignedIn(DispatchError):
    """No session, or one that has ended."""

    code = "not_signed_in"
    status = 401

    def __init__(self, message_id: str = "Belum masuk", message_en: str = "Not signed in") -> None:
        super().__init__(message_id, message_en)


class Forbidden(DispatchError):
    """Signed in, but this role may not do this."""

    code = "forbidden"
    status = 403


class NotFound(DispatchError):
    """No such thing within this tenant."""

    code = "not_found"
    status = 404

    def __init__(self, what: str, key: object) -> None:
        thing = words("thing", what)
        # an id says nothing to a person; names and codes do
        said = "" if isinstance(key, UUID) else f" {key}"
        super().__init__(
            f"{thing.id}{said} tidak ditemukan", f"There is no such {thing.en}{said}", what=what, key=str(key)
        )


class Conflict(DispatchError):
    """The request contradicts the present state."""

    code = "conflict"
    status = 409


class IllegalStep(Conflict):
    """A step the transition table does not allow from here; `allowed` lists those it does."""

    code = "illegal_step"

    def __init__(self, subject: str, state: str, step: str, allowed: tuple[str, ...]) -> None:
        what, now, wish = words("subject", subject), words(subject, state), words(f"{subject} step", step)
        legal = listed(f"{subject} step", allowed)
        super().__init__(
            f"Langkah '{wish.id}' tidak sah untuk {what.id} dalam keadaan '{now.id}'; yang sah: {legal.id}",
            f"Step '{wish.en}' is not legal for a {what.en} in state '{now.en}'; legal: {legal.en}",
            subject=subject,
            state=state,
            step=step,
            allowed=list(allowed),
        )
        self.state = state
        self.step = step
        self.allowed = allowed


class UnitTaken(Conflict):
    """The unit has an open assignment for another case."""

    code = "unit_taken"

    def __init__(self, call_sign: str, incident_number: str) -> None:
        super().__init__(
            f"{call_sign} sudah bertugas untuk kejadian {incident_number}; pilih unit lain",
            f"{call_sign} is already assigned to incident {incident_number}; choose another unit",
            unit=call_sign,
            incident=incident_number,
        )


class UnitNotAvailable(Conflict):
    """The unit may not be sent now: off shift or not ready."""

    code = "unit_not_available"


class UnitOverlap(Conflict):
    """By the system's own times the unit was on another run then; `overlaps` lists them. May be confirmed."""

    code = "unit_overlap"


class AlreadyEntered(Conflict):
    """The paper form with this number has its case already: `incident_id`, `incident`."""

    code = "already_entered"


class ContentDiffers(Conflict):
    """The same client-made id came again with other content."""

    code = "content_differs"


class ReasonNeeded(DispatchError):
    """The choice differs from the proposal and must be explained."""

    code = "reason_needed"
    status = 422


class Unavailable(DispatchError):
    """A part the answer depends on is not there now; trying again later may help."""

    code = "unavailable"
    status = 503


class TooManyRequests(DispatchError):
    """Slowed down on purpose, after repeated failures."""

    code = "too_many_requests"
    status = 429
