"""The operator's board: every open call, every open incident with its runs, and every unit, at one moment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from dispatch.domain.assignment import TRANSITIONS, AssignmentState
from dispatch.domain.call import CallState, Channel
from dispatch.domain.incident import IncidentKind, IncidentState
from dispatch.domain.stamps import IN_ORDER
from dispatch.domain.triage import URGENCY, Triage
from dispatch.services.centre import Centre
from dispatch.services.crew_calls import CrewCall, crew_calls
from dispatch.services.feed import log_end_within
from dispatch.services.notice_views import NoticeView, notices_of_runs
from dispatch.services.placing import Point, point_of
from dispatch.services.step_proposals import ProposalView, open_proposals
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import all_units
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.call import Call, Callback
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.regency import District, Village
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.tables.stamp import Stamp
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

HISTORY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call in the queue. `earlier_calls` and `earlier_pranks` count the same caller's last 30 days."""

    id: UUID
    channel: Channel
    state: CallState
    received_at: datetime
    trust: str
    place: Point | None
    place_accuracy_m: float | None
    village: str | None
    district: str | None
    outside: bool
    taken_by: str | None
    taken_at: datetime | None
    callbacks: int
    cancel_asked_at: datetime | None
    earlier_calls: int
    earlier_pranks: int
    incident_id: UUID | None
    disposal: str | None
    speed_factor: float | None


@dataclass(frozen=True, slots=True)
class StampView:
    """One stamp of a case."""

    name: str
    occurred_at: datetime
    source: str
    clock_corrected: bool
    leg_id: UUID | None


@dataclass(frozen=True, slots=True)
class LegView:
    """One leg: its destination, with a place where it is a listed one, its answer, and the handover."""

    id: UUID
    position: int
    state: str
    facility_id: UUID | None
    facility: str | None
    place: Point | None
    answer: str | None
    answer_reason: str | None
    bed: str | None
    receiver: str | None
    room: str | None
    countersigned_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunView:
    """One unit's run with its stamps, legs and the moves that are legal now; `proposals` await the crew."""

    id: UUID
    unit_id: UUID
    call_sign: str
    tracking: str
    state: AssignmentState
    moves: list[AssignmentState]
    origin: str
    rank: int
    override_reason: str | None
    predicted_s: float | None
    created_at: datetime
    acknowledged_at: datetime | None
    released_at: datetime | None
    exit_reason: str | None
    stamps: list[StampView]
    legs: list[LegView]
    notices: list[NoticeView]
    proposals: list[ProposalView]


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident as the queue shows it; `waiting_since` is set while no unit could be found."""

    id: UUID
    number: str
    kind: IncidentKind
    state: IncidentState
    triage: Triage | None
    place: Point | None
    place_accuracy_m: float | None
    village: str | None
    district: str | None
    outside: bool
    reported_at: datetime
    waiting_since: datetime | None
    ended_at: datetime | None
    closing_code: str | None
    patients: int
    calls: int
    speed_factor: float | None
    stamps: list[StampView]
    runs: list[RunView]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything open. `seq` is the last event it contains, recorded at `seq_recorded_at`: ask the feed for
    what follows."""

    seq: int
    seq_recorded_at: datetime
    at: datetime
    regency: str
    name: str
    training: bool
    calls: list[CallRow]
    incidents: list[IncidentRow]
    units: list[UnitView]
    crew_calls: list[CrewCall]


async def read_board(centre: Centre, entry: TenantEntry) -> Board:
    """Return the board as of one event; red first, then by age."""
    async with centre.snapshot(entry.tenant) as tx:
        return await board_within(tx, entry)


async def board_within(tx: Transaction, entry: TenantEntry) -> Board:
    """Return the board as a transaction sees it; of one event when that is a snapshot."""
    tenant = entry.tenant
    open_calls = Call.state.in_([CallState.RINGING.value, CallState.TAKEN.value])
    open_incidents = Incident.state.in_([IncidentState.REPORTED.value, IncidentState.CONFIRMED.value])
    incidents = await incident_rows(tx, open_incidents)
    incidents.sort(key=lambda i: (URGENCY[i.triage], i.reported_at))
    end = await log_end_within(tx)
    return Board(
        seq=end.seq,
        seq_recorded_at=end.recorded_at,
        at=tx.now,
        regency=tenant.slug,
        name=tenant.name,
        training=tenant.training,
        calls=await call_rows(tx, open_calls),
        incidents=incidents,
        units=[view_unit(r, tx.now) for r in await all_units(tx.session, tenant.id, tx.now)],
        crew_calls=await crew_calls(tx),
    )


async def call_rows(tx: Transaction, which: ColumnElement[bool]) -> list[CallRow]:
    """Return the calls that meet a condition on `Call`, oldest first."""
    rows = (
        await tx.session.execute(
            select(Call, Village.name, District.name, StaffUser.display_name)
            .outerjoin(Village, (Village.regency_id == Call.regency_id) & (Village.code == Call.village_code))
            .outerjoin(
                District,
                (District.regency_id == Call.regency_id) & (District.code == Village.district_code),
            )
            .outerjoin(StaffUser, (StaffUser.regency_id == Call.regency_id) & (StaffUser.id == Call.taken_by))
            .where(Call.regency_id == tx.tenant.id, which)
            .order_by(Call.received_at)
        )
    ).all()
    callbacks = await _callbacks(tx, [row[0].id for row in rows])
    history = await _history(tx, [row[0] for row in rows])
    return [
        CallRow(
            id=call.id,
            channel=Channel(call.channel),
            state=CallState(call.state),
            received_at=call.received_at,
            trust=call.caller_trust,
            place=point_of(call.place),
            place_accuracy_m=call.place_accuracy_m,
            village=village,
            district=district,
            outside=call.outside,
            taken_by=operator,
            taken_at=call.taken_at,
            callbacks=callbacks.get(call.id, 0),
            cancel_asked_at=call.cancel_asked_at,
            earlier_calls=history.get(call.id, (0, 0))[0],
            earlier_pranks=history.get(call.id, (0, 0))[1],
            incident_id=call.incident_id,
            disposal=call.disposal,
            speed_factor=call.speed_factor,
        )
        for call, village, district, operator in rows
    ]


async def _callbacks(tx: Transaction, ids: list[UUID]) -> dict[UUID, int]:
    rows = await tx.session.execute(
        select(Callback.call_id, func.count())
        .where(Callback.regency_id == tx.tenant.id, Callback.call_id.in_(ids))
        .group_by(Callback.call_id)
    )
    return {row[0]: row[1] for row in rows}


async def _history(tx: Transaction, calls: list[Call]) -> dict[UUID, tuple[int, int]]:
    hashes = {c.caller_phone_hash for c in calls if c.caller_phone_hash is not None}
    if not hashes:
        return {}
    rows = await tx.session.execute(
        select(Call.caller_phone_hash, Call.id, Call.received_at, Call.disposal).where(
            Call.regency_id == tx.tenant.id,
            Call.caller_phone_hash.in_(hashes),
            Call.received_at > tx.now - HISTORY,
        )
    )
    earlier = defaultdict(list)
    for phone, call_id, received_at, disposal in rows:
        earlier[phone].append((call_id, received_at, disposal))
    counted = {}
    for call in calls:
        before = [e for e in earlier[call.caller_phone_hash] if e[1] < call.received_at and e[0] != call.id]
        counted[call.id] = (len(before), sum(1 for e in before if e[2] == "prank"))
    return counted


async def incident_rows(tx: Transaction, which: ColumnElement[bool]) -> list[IncidentRow]:
    """Return the incidents that meet a condition on `Incident`, oldest first, with all their runs."""
    rows = (
        await tx.session.execute(
            select(Incident, Village.name, District.name)
            .outerjoin(
                Village,
                (Village.regency_id == Incident.regency_id) & (Village.code == Incident.village_code),
            )
            .outerjoin(
                District,
                (District.regency_id == Incident.regency_id) & (District.code == Village.district_code),
            )
            .where(Incident.regency_id == tx.tenant.id, which)
            .order_by(Incident.reported_at)
        )
    ).all()
    ids = [row[0].id for row in rows]
    stamps = await _stamps(tx, ids)
    runs = await _runs(tx, ids, stamps)
    patients = await _count(tx, Patient.incident_id, ids)
    calls = await _count(tx, Call.incident_id, ids)
    return [
        IncidentRow(
            id=incident.id,
            number=incident.number,
            kind=IncidentKind(incident.kind),
            state=IncidentState(incident.state),
            triage=Triage(incident.triage) if incident.triage else None,
            place=point_of(incident.place),
            place_accuracy_m=incident.place_accuracy_m,
            village=village,
            district=district,
            outside=incident.outside,
            reported_at=incident.reported_at,
            waiting_since=incident.waiting_since,
            ended_at=incident.ended_at,
            closing_code=incident.closing_code,
            patients=patients.get(incident.id, 0),
            calls=calls.get(incident.id, 0),
            speed_factor=incident.speed_factor,
            stamps=[_stamp_view(s) for s in stamps.get(incident.id, []) if s.assignment_id is None],
            runs=runs.get(incident.id, []),
        )
        for incident, village, district in rows
    ]


async def _count(tx: Transaction, column: InstrumentedAttribute[Any], ids: list[UUID]) -> dict[UUID, int]:
    rows = await tx.session.execute(select(column, func.count()).where(column.in_(ids)).group_by(column))
    return {row[0]: row[1] for row in rows}


async def _stamps(tx: Transaction, ids: list[UUID]) -> dict[UUID, list[Stamp]]:
    found: dict[UUID, list[Stamp]] = defaultdict(list)
    rows = await tx.session.execute(
        select(Stamp).where(Stamp.regency_id == tx.tenant.id, Stamp.incident_id.in_(ids))
    )
    # those written down on paper share minutes: then they stand in the order in which a case goes
    for row in sorted(rows.scalars(), key=lambda stamp: (stamp.occurred_at, IN_ORDER[stamp.name])):
        found[row.incident_id].append(row)
    return found


def _stamp_view(row: Stamp) -> StampView:
    return StampView(row.name, row.occurred_at, row.source, row.clock_corrected, row.leg_id)


async def _runs(
    tx: Transaction, ids: list[UUID], stamps: dict[UUID, list[Stamp]]
) -> dict[UUID, list[RunView]]:
    rows = (
        await tx.session.execute(
            select(Assignment, Unit.call_sign, Unit.tracking)
            .join(Unit, (Unit.regency_id == Assignment.regency_id) & (Unit.id == Assignment.unit_id))
            .where(Assignment.regency_id == tx.tenant.id, Assignment.incident_id.in_(ids))
            .order_by(Assignment.created_at, Assignment.id)
        )
    ).all()
    legs = await legs_of_runs(tx, [row[0].id for row in rows])
    notices = await notices_of_runs(tx, [row[0].id for row in rows])
    proposals = await open_proposals(tx, ids, {row[0].id: _stands(row[0], stamps) for row in rows})
    found: dict[UUID, list[RunView]] = defaultdict(list)
    for run, call_sign, tracking in rows:
        state = AssignmentState(run.state)
        found[run.incident_id].append(
            RunView(
                id=run.id,
                unit_id=run.unit_id,
                call_sign=call_sign,
                tracking=tracking,
                state=state,
                moves=list(TRANSITIONS[state]),
                origin=run.origin,
                rank=run.rank,
                override_reason=run.override_reason,
                predicted_s=run.predicted_s,
                created_at=run.created_at,
                acknowledged_at=run.acknowledged_at,
                released_at=run.released_at,
                exit_reason=run.exit_reason,
                stamps=[_stamp_view(s) for s in stamps[run.incident_id] if s.assignment_id == run.id],
                legs=legs.get(run.id, []),
                notices=notices.get(run.id, []),
                proposals=proposals.get(run.id, []),
            )
        )
    return found


def _stands(run: Assignment, stamps: dict[UUID, list[Stamp]]) -> tuple[AssignmentState, datetime | None]:
    own = (s.occurred_at for s in stamps[run.incident_id] if s.assignment_id == run.id)
    return AssignmentState(run.state), max(own, default=None)


async def legs_of_runs(tx: Transaction, run_ids: list[UUID]) -> dict[UUID, list[LegView]]:
    """Return the legs of runs, by run, in their order."""
    rows = await tx.session.execute(
        select(Leg, Facility.name, Facility.place)
        .outerjoin(Facility, (Facility.regency_id == Leg.regency_id) & (Facility.id == Leg.facility_id))
        .where(Leg.regency_id == tx.tenant.id, Leg.assignment_id.in_(run_ids))
        .order_by(Leg.position)
    )
    found: dict[UUID, list[LegView]] = defaultdict(list)
    for leg, facility, place in rows:
        found[leg.assignment_id].append(
            LegView(
                id=leg.id,
                position=leg.position,
                state=leg.state,
                facility_id=leg.facility_id,
                facility=facility or leg.outside_name,
                place=point_of(place),
                answer=leg.answer,
                answer_reason=leg.answer_reason,
                bed=leg.bed,
                receiver=leg.receiver_name,
                room=leg.room,
                countersigned_at=leg.countersigned_at,
            )
        )
    return found
