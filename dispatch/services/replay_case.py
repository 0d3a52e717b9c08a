"""A case step by step: every event in the order in which the centre learnt of it, and the rows it left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import false, func, select

from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import WITHDRAWN
from dispatch.services.feed import head
from dispatch.services.replay_rows import ReplayRow, Seen, open_rows
from dispatch.services.replay_without_persons import bare_rows, bare_step
from dispatch.services.tenants import TenantEntry
from dispatch.services.views_log import log_view
from dispatch.storage.queries.case_events import (
    CaseEvent,
    case_bounds,
    case_events,
    first_event_about,
)
from dispatch.storage.queries.log_moments import last_event_up_to, recorded_at
from dispatch.storage.queries.units_then import first_id
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.call import Call, Callback
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.jobs import Outbox
from dispatch.storage.tables.notice import CrewNotice
from dispatch.storage.tables.regency import Village
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

MOST_STEPS = 500
_CLOCKS = timedelta(minutes=1)
"""The database's clock, which stamps events, may differ so much from the program's."""
_LOOSE = timedelta(days=2)
"""A call is linked, and its caller's registry has answered, within so long: it bounds the search."""
_AFTERWARDS = timedelta(days=1)
"""Messages of a case are looked for until so long after its end."""


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """One event. `recorded_at` is when the centre knew it, `occurred_at` when it happened, as told."""

    seq: int
    kind: str
    subject_type: str
    subject_id: str
    actor: str
    cause: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]
    rows: list[ReplayRow]


@dataclass(frozen=True, slots=True)
class ReplayMessage:
    """One message that the case sent. Its text may name persons and is not shown.

    One that was `withdrawn`, as it was answered or moot before it went out, has its `failed_at` as well.
    """

    id: UUID
    channel: str
    purpose: str
    subject_id: UUID
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    attempts: int
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class ReplayNames:
    """Words for the ids in steps: call signs, facilities, villages, and who acted."""

    units: dict[str, str]
    facilities: dict[str, str]
    villages: dict[str, str]
    staff: dict[str, str]


@dataclass(frozen=True, slots=True)
class CaseReplay:
    """The case's steps after a given one. With `next_after` there are more; `seq` is the log's head.

    Without `persons` it holds nothing that tells who the case is about or who worked on it.
    """

    incident_id: UUID
    number: str
    state: str
    seq: int
    at: datetime
    steps: list[ReplayStep]
    next_after: int | None
    persons: bool
    messages: list[ReplayMessage]
    names: ReplayNames


async def replay_case(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    incident_id: UUID,
    reason: str,
    *,
    after: int = 0,
    most: int = MOST_STEPS,
    persons: bool = True,
    cause: str,
) -> CaseReplay:
    """Return up to `most` steps of the case that follow event `after`; whose data they show is logged.

    Without `persons` nothing personal is opened, and nothing is logged as seen.

    Folding the rows of all steps up to an event, later ones of an id over earlier ones, gives the case as it
    was known at that event.

    Raises:
        NotFound: there is no such incident.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id)
        events = await _events(tx, incident, after, most + 1)
        steps: list[ReplayStep] = []
        seen: list[Seen] = []
        for event in events[:most]:
            step, shown = await _step(tx, event, persons)
            steps.append(step)
            seen.extend(shown)
        await _log_views(tx, actor, seen, reason)
        return CaseReplay(
            incident_id=incident.id,
            number=incident.number,
            state=incident.state,
            seq=await head(tx),
            at=tx.now,
            steps=steps,
            next_after=steps[-1].seq if len(events) > most else None,
            persons=persons,
            messages=await _messages(tx, incident) if after == 0 else [],
            names=await _names(tx, steps, persons),
        )


async def _events(tx: Transaction, incident: Incident, after: int, most: int) -> list[CaseEvent]:
    session, regency_id = tx.session, tx.tenant.id
    bounds = await case_bounds(session, regency_id, incident.id)
    if bounds is None:
        return []
    calls = (
        await session.execute(
            select(Call.id, Call.resident_id, Call.received_at).where(
                Call.regency_id == regency_id, Call.incident_id == incident.id
            )
        )
    ).all()
    began = min([call.received_at for call in calls], default=incident.reported_at)
    earliest = await last_event_up_to(session, regency_id, began - _CLOCKS)
    call_ids = [str(call.id) for call in calls]
    # most call-backs are made before there is an incident that they could name
    of_calls = Callback.call_id.in_([call.id for call in calls])
    callbacks = await _ids(tx, select(Callback.id).where(Callback.regency_id == regency_id, of_calls))
    # what an account did in the minute before it called is no part of the case
    rang = await first_event_about(session, regency_id, call_ids, earliest, bounds[0])
    # an interval between two moments of the program's clock, from one of the log's: they may differ
    rang_on = max([call.received_at for call in calls], default=began) - began
    known_at = await recorded_at(session, regency_id, rang or bounds[0])
    assert known_at is not None, "an event of the case was read a moment ago"
    last = await last_event_up_to(session, regency_id, known_at + rang_on + _LOOSE)
    return await case_events(
        session,
        regency_id,
        incident.id,
        subjects=[
            *call_ids,
            *map(str, callbacks),
            *(str(call.resident_id) for call in calls if call.resident_id is not None),
        ],
        first=(rang or bounds[0]) - 1,
        last=last,
        after=after,
        most=most,
    )


async def _step(tx: Transaction, event: CaseEvent, persons: bool) -> tuple[ReplayStep, list[Seen]]:
    body = json.loads(event.body)
    rows, seen = await open_rows(tx, body["changes"]) if persons else (bare_rows(body["changes"]), [])
    step = ReplayStep(
        seq=event.seq,
        kind=event.kind,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        actor=event.actor,
        cause=event.cause,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        data=body["data"],
        rows=rows,
    )
    return step if persons else bare_step(step), seen


async def _log_views(tx: Transaction, actor: Actor, seen: Iterable[Seen], reason: str) -> None:
    fields: dict[tuple[str, UUID, UUID], set[str]] = {}
    for one in seen:
        fields.setdefault((one.subject_type, one.subject_id, one.key_id), set()).update(one.fields)
    for (subject_type, subject_id, key_id), shown in fields.items():
        await log_view(tx, actor, subject_type, subject_id, key_id, sorted(shown), reason)


async def _messages(tx: Transaction, incident: Incident) -> list[ReplayMessage]:
    subjects = [
        incident.id,
        *await _ids(
            tx, select(Call.id).where(Call.regency_id == tx.tenant.id, Call.incident_id == incident.id)
        ),
        *await _ids(
            tx,
            select(Assignment.id).where(
                Assignment.regency_id == tx.tenant.id, Assignment.incident_id == incident.id
            ),
        ),
        *await _ids(
            tx,
            select(Leg.id)
            .join(
                Assignment, (Assignment.regency_id == Leg.regency_id) & (Assignment.id == Leg.assignment_id)
            )
            .where(Leg.regency_id == tx.tenant.id, Assignment.incident_id == incident.id),
        ),
    ]
    subjects += await _ids(
        tx,
        select(CrewNotice.id).where(
            CrewNotice.regency_id == tx.tenant.id, CrewNotice.assignment_id.in_(subjects)
        ),
    )
    # ids are made in the order of time: a range of the primary key, without an index by subject
    until = (incident.ended_at or tx.now) + _AFTERWARDS
    rows = await tx.session.execute(
        select(
            Outbox.id,
            Outbox.channel,
            Outbox.purpose,
            Outbox.subject_id,
            Outbox.created_at,
            Outbox.due_at,
            Outbox.sent_at,
            Outbox.failed_at,
            Outbox.attempts,
            func.coalesce(Outbox.last_error == WITHDRAWN, false()).label("withdrawn"),
        )
        .where(
            Outbox.regency_id == tx.tenant.id,
            Outbox.id > first_id(incident.reported_at - _AFTERWARDS),
            Outbox.id < first_id(until),
            Outbox.subject_id.in_(subjects),
        )
        .order_by(Outbox.created_at)
    )
    return [ReplayMessage(**row._asdict()) for row in rows]


async def _ids(tx: Transaction, query: Any) -> Sequence[UUID]:
    return list((await tx.session.execute(query)).scalars())


async def _names(tx: Transaction, steps: list[ReplayStep], persons: bool) -> ReplayNames:
    def ids(*columns: str) -> set[str]:
        found = (row.fields.get(column) for step in steps for row in step.rows for column in columns)
        return {str(value) for value in found if value is not None}

    staff = ids("taken_by", "staff_id", "countersigned_by", "call_owner")
    staff |= {step.actor.split(":")[-1] for step in steps if step.actor.startswith("staff:")}
    if not persons:
        staff = set()
    regency_id = tx.tenant.id
    return ReplayNames(
        units=await _named(tx, Unit.id, Unit.call_sign, Unit.regency_id == regency_id, ids("unit_id")),
        facilities=await _named(
            tx, Facility.id, Facility.name, Facility.regency_id == regency_id, ids("facility_id")
        ),
        villages=await _villages(tx, ids("village_code")),
        staff=await _named(
            tx, StaffUser.id, StaffUser.display_name, StaffUser.regency_id == regency_id, staff
        ),
    )


async def _named(tx: Transaction, key: Any, name: Any, own: Any, wanted: set[str]) -> dict[str, str]:
    if not wanted:
        return {}
    rows = await tx.session.execute(select(key, name).where(own, key.in_([UUID(one) for one in wanted])))
    return {str(row[0]): str(row[1]) for row in rows}


async def _villages(tx: Transaction, codes: set[str]) -> dict[str, str]:
    if not codes:
        return {}
    rows = await tx.session.execute(
        select(Village.code, Village.name).where(Village.regency_id == tx.tenant.id, Village.code.in_(codes))
    )
    return {row.code: row.name for row in rows}
