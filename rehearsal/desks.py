"""The answers of the public API that the desks of facilities, drivers and the health office read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from rehearsal.shapes import Place


@dataclass(frozen=True, slots=True)
class IncomingRun:
    """One run on its way to a facility."""

    leg_id: UUID
    incident_number: str
    simulated: bool
    call_sign: str
    minutes: str | None
    answer: str | None
    bed: str | None


@dataclass(frozen=True, slots=True)
class UnsignedHandover:
    """A handover that waits for the facility's countersignature."""

    leg_id: UUID
    receiver_name: str
    room: str


@dataclass(frozen=True, slots=True)
class FacilityDesk:
    """What a facility sees."""

    facility_id: UUID
    name: str
    incoming: list[IncomingRun]
    to_countersign: list[UnsignedHandover]


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """A leg as its facility left it."""

    answer: str | None
    bed: str | None
    countersigned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval of the report."""

    name: str
    n: int
    missing: int
    missing_app: int
    missing_manual: int
    pending: int
    implausible: int
    ahead: int
    p50_s: float | None
    p90_s: float | None


@dataclass(frozen=True, slots=True)
class IncidentCounts:
    """How many incidents the report is about."""

    total: int
    open: int
    cancelled: int
    simulated: int


@dataclass(frozen=True, slots=True)
class CallCounts:
    """How many calls, and what became of them."""

    total: int
    linked: int
    waiting: int
    disposed: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """The report on response times; days are local days of `timezone`."""

    training: bool
    timezone: str
    made_at: datetime
    incidents: IncidentCounts
    intervals: list[Interval]
    calls: CallCounts | None


@dataclass(frozen=True, slots=True)
class Aboard:
    """A crew member's place on a unit."""

    unit_id: UUID
    call_sign: str


@dataclass(frozen=True, slots=True)
class RunSheet:
    """The run a crew is on."""

    assignment_id: UUID
    incident_id: UUID
    incident_number: str
    state: str
    moves: list[str]
    triage: str | None
    place: Place | None
    speed_factor: float | None


@dataclass(frozen=True, slots=True)
class Desk:
    """The driver's screen."""

    training: bool
    aboard: Aboard | None
    run: RunSheet | None
    stood_down: list[UUID] = field(default_factory=list)
