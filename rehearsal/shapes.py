"""The answers of the public API as far as a rehearsal reads them; members not named here are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Place:
    """A point in WGS84 degrees."""

    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Tenant:
    """One regency of the deployment."""

    slug: str
    name: str
    training: bool
    timezone: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session just made."""

    token: str
    session_id: UUID


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A signed-in account; residents have no role."""

    session: Session
    training: bool
    staff_id: UUID | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What the resident registry said."""

    result: str
    trust: str
    words_id: str
    words_en: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A new resident's account."""

    resident_id: UUID
    verification: Verification
    session: Session


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement of a call."""

    call_id: UUID
    state: str
    received_at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a point lies."""

    village: str | None
    district: str | None
    outside: bool


@dataclass(frozen=True, slots=True)
class Ambulance:
    """The ambulance as the caller sees it. `eta_s` is None when no minutes can be given."""

    call_sign: str
    state: str
    lon: float
    lat: float
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class CallStatus:
    """A call as its caller sees it."""

    call_id: UUID
    state: str
    progress: str
    words_id: str
    words_en: str
    incident_number: str | None
    place: Place | None
    speed_factor: float | None
    ambulances: list[Ambulance]
    destination: str | None


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit as the board shows it."""

    id: UUID
    call_sign: str
    tracking: str
    status: str
    assignment_id: UUID | None
    lon: float
    lat: float
    place_source: str
    position_quality: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be sent, and why it stands at its rank."""

    rank: int
    unit: Unit
    total_s: float
    why_id: str
    why_en: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A unit that is not offered, and why not."""

    unit: Unit
    code: str
    total_s: float | None
    why_id: str
    why_en: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """All units ranked for one place."""

    candidates: list[Candidate]
    not_offered: list[HeldBack]


@dataclass(frozen=True, slots=True)
class Stamp:
    """One stamp of a case."""

    name: str
    occurred_at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a run."""

    id: UUID
    state: str
    facility_id: UUID | None
    facility: str | None
    answer: str | None
    bed: str | None
    receiver: str | None
    room: str | None
    countersigned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """One unit's run for an incident."""

    id: UUID
    unit_id: UUID
    call_sign: str
    tracking: str
    state: str
    origin: str
    released_at: datetime | None
    stamps: list[Stamp]
    legs: list[Leg]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident with its runs."""

    id: UUID
    number: str
    state: str
    closing_code: str | None
    place: Place | None
    speed_factor: float | None
    stamps: list[Stamp]
    runs: list[Run]


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call in the operator's queue."""

    id: UUID
    channel: str
    state: str
    place: Place | None
    taken_by: str | None
    incident_id: UUID | None
    speed_factor: float | None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything open, as of event `seq`."""

    seq: int
    regency: str
    training: bool
    calls: list[CallRow]
    incidents: list[Incident]
    units: list[Unit]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called."""

    name: str | None
    phone: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Callback:
    """One attempt to call back."""

    outcome: str


@dataclass(frozen=True, slots=True)
class CallFile:
    """A call with its caller."""

    call: CallRow
    caller: Caller
    callbacks: list[Callback]


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient."""

    position: int
    triage: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the log."""

    seq: int
    kind: str
    subject_id: str
    incident_id: UUID | None
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """An incident with everything that belongs to it."""

    incident: Incident
    triage_answers: dict[str, Any] | None
    patients: list[Patient]
    events: list[Event]


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """The incident a call led to."""

    incident_id: UUID
    number: str
    state: str
    outside: bool
    village: str | None
    has_place: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """A run as the one who sent the unit sees it."""

    id: UUID
    unit_id: UUID
    call_sign: str
    state: str
    rank: int
    predicted_s: float | None
    created_at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class StepTaken:
    """What came of a step."""

    assignment_id: UUID
    state: str
    moves: list[str]
    occurred_at: datetime
    reported: bool
    repeated: bool


@dataclass(frozen=True, slots=True)
class IncidentEnded:
    """How an incident ended."""

    number: str
    state: str
    closing_code: str | None


@dataclass(frozen=True, slots=True)
class Facility:
    """One facility and the way to it. Times are None where no road leads."""

    id: UUID
    name: str
    kind: str
    lon: float
    lat: float
    minutes: str | None
    total_s: float | None
    proposable: bool
    why_not_id: str | None
    why_not_en: str | None


@dataclass(frozen=True, slots=True)
class Facilities:
    """Facilities, nearest in time first."""

    facilities: list[Facility]


@dataclass(frozen=True, slots=True)
class Route:
    """A way by road: seconds, metres, and its line as [lon, lat]."""

    total_s: float
    road_s: float
    road_m: float
    access_m: float
    geometry: list[tuple[float, float]]
