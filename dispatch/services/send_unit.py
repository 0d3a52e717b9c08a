"""Sending a unit: rank first, then lock by id; assignment, claim, event and timers in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import (
    ContentDiffers,
    IllegalStep,
    InvalidInput,
    ReasonNeeded,
    Unavailable,
    UnitNotAvailable,
    UnitTaken,
)
from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentState
from dispatch.domain.roles import Actor
from dispatch.domain.selection import minutes
from dispatch.domain.stamps import Stamp, StampSource
from dispatch.domain.unit import Tracking, UnitStatus
from dispatch.domain.words import words
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import raise_notice
from dispatch.services.deadlines import watch_incident, watch_run
from dispatch.services.rank_units import RankedUnit, UnitRanking, rank_for_incident
from dispatch.services.stamping import Moment, first_stamp
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import status_of
from dispatch.storage.queries.units import UnitRow, one_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

ONE_OPEN = "assignment_one_open_per_unit"
_OPEN = (
    select(Assignment)
    .where(
        Assignment.regency_id == bindparam("regency"),
        Assignment.incident_id == bindparam("incident"),
        Assignment.released_at.is_(None),
    )
    .order_by(Assignment.created_at, Assignment.id)
)
_OPEN_LOCKED = _OPEN.with_for_update().execution_options(populate_existing=True)


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """A unit's run as the one who sent it sees it."""

    id: UUID
    incident_id: UUID
    unit_id: UUID
    call_sign: str
    state: AssignmentState
    rank: int
    predicted_s: float | None
    created_at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Which unit is wanted for which incident, and how the ranking saw it a moment ago.

    `choice` is None when it was not among the candidates; `origin` is `operator` or `widened`. `id` is the
    client's name for this very sending.
    """

    incident_id: UUID
    unit_id: UUID
    choice: RankedUnit | None
    roads_version: str | None
    reason: str | None = None
    origin: str = "operator"
    id: UUID | None = None


Guard = Callable[[Transaction], Awaitable[None]]


async def send_unit(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    incident_id: UUID,
    unit_id: UUID,
    reason: str | None,
    *,
    cause: str,
    assignment_id: UUID | None = None,
) -> AssignmentView:
    """Claim the unit for the incident and alert it.

    Sending the same unit to the same incident again returns the first assignment while that is open; with an
    id made by the client the same sending returns it for ever, also when the run has ended meanwhile.

    Raises:
        ContentDiffers: the id was used to send another unit, or to another incident.
        ReasonNeeded: it is not the unit proposed first, and no reason was given.
        UnitTaken: it has an open assignment; the error names the case.
        UnitNotAvailable: it is off shift or not ready.
        Conflict: the incident has no place. IllegalStep: the incident has ended.
    """
    try:
        ranking = await rank_for_incident(centre, entry, incident_id)
    except (Unavailable, InvalidInput):
        # no minutes, as the roads cannot be read or the place is far outside them: nothing may keep a person
        # who knows the place from sending
        claim = Claim(incident_id, unit_id, None, None, reason, id=assignment_id)
        return await claim_unit(centre, entry, actor, claim, cause=cause)
    choice = next((c for c in ranking.candidates if c.unit.id == unit_id), None)
    if choice is not None and choice.rank > 1 and not (reason or "").strip():
        raise _reason_needed(ranking, choice)
    claim = Claim(incident_id, unit_id, choice, ranking.roads_version, reason, id=assignment_id)
    return await claim_unit(centre, entry, actor, claim, cause=cause)


async def claim_unit(
    centre: Centre, entry: TenantEntry, actor: Actor, claim: Claim, *, cause: str, guard: Guard | None = None
) -> AssignmentView:
    """Lock by id and claim, in one transaction; `guard` may refuse once the incident is locked.

    Raises:
        UnitTaken, UnitNotAvailable, IllegalStep: as `send_unit`; and whatever the guard raises.
    """
    try:
        async with centre.begin(entry.tenant, actor, cause) as tx:
            return await _claim(tx, claim, guard)
    except IntegrityError as clash:
        if ONE_OPEN not in str(clash.orig):
            raise
        async with centre.read(entry.tenant) as tx:
            unit = await one_unit(tx.session, entry.tenant.id, tx.now, claim.unit_id)
        raise UnitTaken(
            unit.call_sign if unit else str(claim.unit_id), (unit and unit.incident_number) or "?"
        ) from clash


def _reason_needed(ranking: UnitRanking, choice: RankedUnit) -> ReasonNeeded:
    first = ranking.candidates[0]
    gap = minutes(max(0.0, choice.total_s - first.total_s))
    return ReasonNeeded(
        f"{choice.unit.call_sign} bukan usulan pertama; {first.unit.call_sign} lebih cepat {gap}. "
        "Tuliskan alasannya",
        f"{choice.unit.call_sign} is not proposed first; {first.unit.call_sign} is {gap} faster. "
        "Give a reason",
        proposed=first.unit.call_sign,
        proposed_id=str(first.unit.id),
    )


async def _claim(tx: Transaction, claim: Claim, guard: Guard | None) -> AssignmentView:
    incident = await tx.get(Incident, claim.incident_id, lock=True)
    if claim.id is not None and (sent := await tx.find(Assignment, claim.id)) is not None:
        return await _sent_before(tx, claim, sent)
    if incident.state not in (IncidentState.REPORTED, IncidentState.CONFIRMED):
        raise IllegalStep("incident", incident.state, "send", ())
    if guard is not None:
        await guard(tx)
    await tx.get(Unit, claim.unit_id, lock=True)
    unit = await one_unit(tx.session, tx.tenant.id, tx.now, claim.unit_id)
    if unit is None:
        raise UnitNotAvailable("Unit ini tidak dipakai lagi", "This unit is no longer in use")
    if unit.assignment_id is not None and unit.incident_id == incident.id:
        row = await tx.get(Assignment, unit.assignment_id)
        return _view(row, unit.call_sign, repeated=True)
    refuse_unless_free(unit)
    row = _assignment(tx, incident, claim)
    await _announce(tx, incident, row, unit, claim.choice)
    return _view(row, unit.call_sign, repeated=False)


async def _sent_before(tx: Transaction, claim: Claim, sent: Assignment) -> AssignmentView:
    if (sent.incident_id, sent.unit_id) != (claim.incident_id, claim.unit_id):
        raise ContentDiffers(
            f"Nomor penugasan {sent.id} sudah dipakai untuk yang lain; buat nomor baru",
            f"Assignment id {sent.id} was used for another sending; make a new id",
        )
    return _view(sent, (await tx.get(Unit, sent.unit_id)).call_sign, repeated=True)


def refuse_unless_free(unit: UnitRow) -> None:
    """The rule of every claim.

    Raises:
        UnitTaken, UnitNotAvailable: it is on a run, not ready, or off shift.
    """
    match status_of(unit):
        case UnitStatus.AVAILABLE:
            return
        case UnitStatus.BUSY:
            raise UnitTaken(unit.call_sign, unit.incident_number or "?")
        case UnitStatus.UNAVAILABLE:
            reason = words("unavailability", unit.unavailable_reason)
            raise UnitNotAvailable(
                f"{unit.call_sign} tidak siap: {reason.id}",
                f"{unit.call_sign} is not ready: {reason.en}",
                unit=unit.call_sign,
                unit_status="unavailable",
            )
        case UnitStatus.OFF_SHIFT:
            raise UnitNotAvailable(
                f"{unit.call_sign} tidak sedang dinas",
                f"{unit.call_sign} is off shift",
                unit=unit.call_sign,
                unit_status="off_shift",
            )


def _assignment(tx: Transaction, incident: Incident, claim: Claim) -> Assignment:
    choice, reason = claim.choice, (claim.reason or "").strip()
    return Assignment(
        regency_id=tx.tenant.id,
        id=claim.id or tx.id(),
        incident_id=incident.id,
        origin_incident_id=incident.id,
        unit_id=claim.unit_id,
        state=AssignmentState.OFFERED.value,
        origin=claim.origin,
        # 0: it was not among the candidates a moment ago and has become free since
        rank=choice.rank if choice else 0,
        override_reason=reason or None,
        predicted_s=choice.total_s if choice else None,
        predicted_m=choice.road_m if choice else None,
        roads_version=claim.roads_version,
        created_at=tx.now,
        acknowledged_at=None,
        stand_down_acknowledged_at=None,
        exit_reason=None,
        released_at=None,
        freed_place=None,
    )


async def _announce(
    tx: Transaction, incident: Incident, row: Assignment, unit: UnitRow, choice: RankedUnit | None
) -> None:
    now = Moment(tx.now)
    stamps = [first_stamp(tx, Stamp.ASSIGNED, now, _by(row.origin), incident.id, row.id)]
    if unit.tracking == Tracking.APP:
        # the offer is on the crew's screen with the commit of this very event
        stamps.append(first_stamp(tx, Stamp.OFFERED, now, StampSource.SYSTEM, incident.id, row.id))
    await tx.add(row, *stamps)
    watch_run(tx, row, incident, Tracking(unit.tracking))
    await raise_notice(tx, incident, row, NoticeKind.OFFER)
    incident.waiting_since = None
    await watch_incident(tx, incident, sent=True)
    await tx.record(
        EventKind.UNIT_ASSIGNED,
        row,
        incident_id=incident.id,
        data={
            "number": incident.number,
            "unit_id": str(unit.id),
            "call_sign": unit.call_sign,
            "tracking": unit.tracking,
            "origin": row.origin,
            "rank": row.rank,
            "override": row.override_reason is not None,
            "predicted_s": row.predicted_s,
            "why_id": choice.why_id if choice else None,
            "why_en": choice.why_en if choice else None,
        },
    )


def _by(origin: str) -> StampSource:
    return StampSource.OPERATOR if origin == "operator" else StampSource.SYSTEM


def _view(row: Assignment, call_sign: str, *, repeated: bool) -> AssignmentView:
    return AssignmentView(
        row.id,
        row.incident_id,
        row.unit_id,
        call_sign,
        AssignmentState(row.state),
        row.rank,
        row.predicted_s,
        row.created_at,
        repeated,
    )


async def open_assignments(tx: Transaction, incident_id: UUID, *, lock: bool = False) -> list[Assignment]:
    """Return the incident's open assignments, oldest first."""
    given = {"regency": tx.tenant.id, "incident": incident_id}
    return list((await tx.session.execute(_OPEN_LOCKED if lock else _OPEN, given)).scalars())
