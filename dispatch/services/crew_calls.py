"""Calls that operators are asked to make to crews: who takes one, and whether the crew was reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import record_notice, settle
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.notice import CrewNotice
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction


class CallOutcome(StrEnum):
    """What an operator says of a call to a crew."""

    TAKEN = "taken"
    REACHED = "reached"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class CrewCall:
    """A crew that has to be phoned; it stays until somebody was reached or nothing is left to be said.

    `phone` is the unit's, None when none is known. `taken_by` names the operator who makes the call; `tries`
    counts those that reached nobody.
    """

    notice_id: UUID
    notice: NoticeKind
    unit_id: UUID
    call_sign: str
    phone: str | None
    assignment_id: UUID
    incident_id: UUID
    incident_number: str
    asked_at: datetime
    taken_by: str | None
    tries: int


@dataclass(frozen=True, slots=True)
class CrewCallNow:
    """A call as it stands after what the operator said."""

    notice_id: UUID
    open: bool
    taken_by: UUID | None
    tries: int


async def crew_calls(tx: Transaction) -> list[CrewCall]:
    """Return the calls to be made, the one that waits longest first."""
    rows = await tx.session.execute(
        select(CrewNotice, Unit, Incident.id, Incident.number, StaffUser.display_name)
        .join(Unit, (Unit.regency_id == CrewNotice.regency_id) & (Unit.id == CrewNotice.unit_id))
        .join(
            Assignment,
            (Assignment.regency_id == CrewNotice.regency_id) & (Assignment.id == CrewNotice.assignment_id),
        )
        .join(
            Incident,
            (Incident.regency_id == Assignment.regency_id) & (Incident.id == Assignment.incident_id),
        )
        .outerjoin(
            StaffUser,
            (StaffUser.regency_id == CrewNotice.regency_id) & (StaffUser.id == CrewNotice.call_owner),
        )
        .where(
            CrewNotice.regency_id == tx.tenant.id,
            CrewNotice.ended_at.is_(None),
            CrewNotice.call_at.is_not(None),
        )
        .order_by(CrewNotice.call_at, CrewNotice.id)
    )
    return [
        CrewCall(
            notice_id=notice.id,
            notice=NoticeKind(notice.kind),
            unit_id=unit.id,
            call_sign=unit.call_sign,
            phone=unit.phone,
            assignment_id=notice.assignment_id,
            incident_id=incident_id,
            incident_number=number,
            asked_at=notice.call_at or notice.made_at,
            taken_by=owner,
            tries=notice.call_tries,
        )
        for notice, unit, incident_id, number, owner in rows
    ]


async def answer_crew_call(
    centre: Centre, entry: TenantEntry, actor: Actor, notice_id: UUID, outcome: CallOutcome, *, cause: str
) -> CrewCallNow:
    """Take a call upon oneself, or say whether the crew was reached. The same again is harmless.

    A crew that was reached has heard of its stand-down or its destination. An offer it still has to accept:
    record that step as it tells.

    Raises:
        NotFound: no such call. Conflict: a colleague has taken it; the answer names them.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        notice = await tx.get(CrewNotice, notice_id)
        run = await tx.get(Assignment, notice.assignment_id, lock=True)
        notice = await tx.get(CrewNotice, notice_id, lock=True)
        if notice.ended_at is not None:
            return _view(notice)
        match outcome:
            case CallOutcome.TAKEN:
                await _take(tx, actor, notice)
            case CallOutcome.REACHED:
                notice.call_owner = actor.id
                await settle(tx, run, notice, "phoned")
                await record_notice(tx, EventKind.CREW_CALLED, notice, reached=True)
            case CallOutcome.NOT_REACHED:
                notice.call_owner = actor.id
                notice.call_tries += 1
                await record_notice(tx, EventKind.CREW_CALLED, notice, reached=False, tries=notice.call_tries)
        return _view(notice)


async def _take(tx: Transaction, actor: Actor, notice: CrewNotice) -> None:
    if notice.call_owner == actor.id:
        return
    if notice.call_owner is not None:
        colleague = await tx.get(StaffUser, notice.call_owner)
        raise Conflict(
            f"{colleague.display_name} sedang menelepon awak ini",
            f"{colleague.display_name} is calling this crew",
            taken_by=colleague.display_name,
        )
    notice.call_owner = actor.id
    await record_notice(tx, EventKind.CREW_CALL_TAKEN, notice, by=str(actor.id))


def _view(notice: CrewNotice) -> CrewCallNow:
    return CrewCallNow(notice.id, notice.ended_at is None, notice.call_owner, notice.call_tries)
