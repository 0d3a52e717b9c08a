"""Runs that were written on paper, as rows with their events in legal order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from dispatch.domain.assignment import STAMP_OF, AssignmentState
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import UnitNotAvailable, UnitOverlap
from dispatch.domain.events import EventKind
from dispatch.domain.paper import PaperEnd, PaperGap
from dispatch.domain.patient import Outcome
from dispatch.domain.stamps import Stamp, StampSource
from dispatch.services.alarms import LEFT_TO_REPORTS
from dispatch.services.deadlines import in_need
from dispatch.services.paper_form import ON_LEG, UNWRITTEN, PaperRun, path_of
from dispatch.services.placing import geometry, point_of
from dispatch.services.release_run import ENDED_AS
from dispatch.services.send_unit import refuse_unless_free
from dispatch.services.stamping import Moment, stamp
from dispatch.storage.queries.paper import OtherRun, overlapping_runs
from dispatch.storage.queries.units import one_unit
from dispatch.storage.tables.assignment import Assignment, Leg, LegPatient
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.jobs import Timer
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

S = AssignmentState
_LEG_STATE = {
    S.LEFT_SCENE: "transporting",
    S.AT_FACILITY: "at_facility",
    S.HANDED_OVER: "handed_over",
    S.CLEARED: "handed_over",
}


async def insert_run(
    tx: Transaction,
    incident: Incident,
    run: PaperRun,
    called_at: datetime,
    waiting: list[Patient],
    *,
    confirm_overlap: bool,
    live: bool,
    run_id: UUID | None = None,
    gap: PaperGap | None = None,
) -> Assignment:
    """Store one run with its stamps, leg and events; `waiting` loses the patients it carried.

    The caller holds the unit's lock, and sets the timers of a case that is `live`. A run that has ended
    claims nothing; one that is under way claims its unit by the rule of every claim. A case that waited for
    a unit waits no longer when this one is on its way, or has left nobody in need. `gap` is kept with the
    run where no form of the case keeps it.

    Raises:
        UnitTaken, UnitNotAvailable: a run under way, and the unit is not free.
        UnitOverlap: by the system's times the unit had another run then, and nobody has confirmed it.
    """
    unit = await tx.get(Unit, run.unit_id)
    path = path_of(run)
    first = min(run.stamps.values(), default=called_at)
    last = max(run.stamps.values(), default=called_at)
    if run.end is None:
        await _claim(tx, run)
    others = await overlapping_runs(
        tx.session, tx.tenant.id, unit.id, first, last if run.end is not None else tx.now
    )
    if others and not confirm_overlap:
        raise _overlap(tx, unit, others)
    row = _assignment(tx, incident, run, path, first, last, run_id)
    await tx.add(row)
    leg = await _leg(tx, row, run, path, first) if ON_LEG & set(path) else None
    if leg is not None:
        await _carry(tx, leg, run, path, last, waiting)
        if not live:
            await _leave_to_reports(tx, leg)
    row.freed_place = await _freed_place(tx, incident, run, leg)
    if incident.waiting_since is not None and (run.end is None or not await in_need(tx, incident.id)):
        incident.waiting_since = None
    about: dict[str, Any] = {"overlaps": [o.number for o in others]} if others else {}
    if gap is not None:
        about["gap"] = gap.value
    await _tell(tx, incident, unit, row, leg, run, path, about)
    return row


async def _claim(tx: Transaction, run: PaperRun) -> None:
    unit = await one_unit(tx.session, tx.tenant.id, tx.now, run.unit_id)
    if unit is None:
        raise UnitNotAvailable("Unit ini tidak dipakai lagi", "This unit is no longer in use")
    refuse_unless_free(unit)


def _overlap(tx: Transaction, unit: Unit, others: Sequence[OtherRun]) -> UnitOverlap:
    zone = tx.tenant.zone

    def span(other: OtherRun, until_now: str) -> str:
        until = f"{other.until.astimezone(zone):%H:%M}" if other.until else until_now
        return f"{other.number} ({other.since.astimezone(zone):%d-%m %H:%M}–{until})"

    return UnitOverlap(
        f"Menurut sistem {unit.call_sign} bertugas pada waktu itu: "
        f"{', '.join(span(o, 'sekarang') for o in others)}. Periksa jamnya, atau nyatakan memang benar",
        f"By the system's times {unit.call_sign} was on another run then: "
        f"{', '.join(span(o, 'now') for o in others)}. Check the times, or confirm that it is so",
        unit=unit.call_sign,
        overlaps=[
            {
                "incident": o.number,
                "since": o.since.isoformat(),
                "until": o.until.isoformat() if o.until else None,
            }
            for o in others
        ],
    )


def _assignment(
    tx: Transaction,
    incident: Incident,
    run: PaperRun,
    path: Sequence[AssignmentState],
    first: datetime,
    last: datetime,
    run_id: UUID | None,
) -> Assignment:
    answered = [at for name, at in run.stamps.items() if name not in (Stamp.ASSIGNED, Stamp.OFFERED)]
    return Assignment(
        regency_id=tx.tenant.id,
        id=run_id or tx.id(),
        incident_id=incident.id,
        origin_incident_id=incident.id,
        unit_id=run.unit_id,
        state=path[-1].value,
        origin="paper",
        rank=0,  # nobody ranked
        override_reason=None,
        predicted_s=None,
        predicted_m=None,
        roads_version=None,
        created_at=first,
        acknowledged_at=min(answered, default=first),
        # whoever wrote it down was told
        stand_down_acknowledged_at=last if run.end is PaperEnd.STOOD_DOWN else None,
        exit_reason=run.code.value if run.code and run.end is PaperEnd.COMPLETED_WITHOUT_TRANSPORT else None,
        released_at=last if run.end is not None else None,
        freed_place=None,
    )


async def _leg(
    tx: Transaction, row: Assignment, run: PaperRun, path: Sequence[AssignmentState], first: datetime
) -> Leg:
    facility = await tx.get(Facility, run.facility_id) if run.facility_id else None
    handed_over = S.HANDED_OVER in path
    on_way = [run.stamps[STAMP_OF[s]] for s in path if s in ON_LEG and STAMP_OF[s] in run.stamps]
    leg = Leg(
        regency_id=tx.tenant.id,
        id=tx.id(),
        assignment_id=row.id,
        position=1,
        facility_id=facility.id if facility else None,
        outside_name=None if facility else (run.outside_name or "").strip()[:200],
        state=_LEG_STATE[path[-1]],
        created_at=min(on_way, default=first),
        answer=None,
        answer_reason=None,
        answered_at=None,
        bed=None,
        receiver_name=((run.receiver or "").strip() or UNWRITTEN)[:200] if handed_over else None,
        room=((run.room or "").strip() or UNWRITTEN)[:100] if handed_over else None,
        countersigned_at=None,
        countersigned_by=None,
    )
    await tx.add(leg)
    return leg


async def _carry(
    tx: Transaction,
    leg: Leg,
    run: PaperRun,
    path: Sequence[AssignmentState],
    last: datetime,
    waiting: list[Patient],
) -> None:
    carried = waiting[: run.patients if run.patients is not None else len(waiting)]
    del waiting[: len(carried)]
    for patient in carried:
        await tx.add(LegPatient(regency_id=tx.tenant.id, leg_id=leg.id, patient_id=patient.id))
        if S.HANDED_OVER in path:
            patient.outcome = Outcome.HANDED_OVER.value
            patient.outcome_at = run.stamps.get(Stamp.HANDED_OVER, last)


async def _leave_to_reports(tx: Transaction, leg: Leg) -> None:
    """Whoever received the patient stands on the form: the facility may sign, and is not reminded."""
    if leg.state != "handed_over" or leg.facility_id is None:
        return
    await tx.add(
        Timer(
            regency_id=tx.tenant.id,
            id=tx.id(),
            kind=TimerKind.COUNTERSIGN.value,
            subject_id=leg.id,
            due_at=tx.now,
            data={},
            attempts=0,
            done_at=tx.now,
            result=LEFT_TO_REPORTS,
        )
    )


async def _freed_place(tx: Transaction, incident: Incident, run: PaperRun, leg: Leg | None) -> Any:
    """Where the unit was free again; counts for its place only until something newer is known."""
    if run.end is None:
        return None
    if leg is not None and leg.facility_id is not None:
        return (await tx.get(Facility, leg.facility_id)).place
    place = point_of(incident.place)
    if run.end is PaperEnd.COMPLETED_WITHOUT_TRANSPORT and place:
        return geometry(place)
    return None


async def _tell(
    tx: Transaction,
    incident: Incident,
    unit: Unit,
    row: Assignment,
    leg: Leg | None,
    run: PaperRun,
    path: Sequence[AssignmentState],
    more: dict[str, Any],
) -> None:
    """Record the run as if it had been followed, one event a step, each at its own time with its stamp.

    `more` is said of the whole run, with its beginning.
    """
    about = {"number": incident.number, "unit_id": str(unit.id), "source": StampSource.PAPER.value}
    for name in (Stamp.ASSIGNED, Stamp.OFFERED):
        await _stamp(tx, incident, row, None, run, name)
    await tx.record(
        EventKind.UNIT_ASSIGNED,
        row,
        incident_id=incident.id,
        data=about
        | {"call_sign": unit.call_sign, "tracking": unit.tracking, "origin": row.origin, "rank": 0}
        | more,
        occurred_at=row.created_at,
    )
    before, at = S.OFFERED, row.created_at
    for to in path:
        of_leg = leg if to in ON_LEG else None
        written = await _stamp(tx, incident, row, of_leg, run, STAMP_OF[to])
        ends = to is path[-1] and run.end is not None
        at = written or (row.released_at if ends and row.released_at else at)
        if written is None and not ends:
            continue  # passed, nobody knows when: the next step says from where
        kind = EventKind.PATIENT_HANDED_OVER if to is S.HANDED_OVER else EventKind.ASSIGNMENT_STEPPED
        await tx.record(
            ENDED_AS[to] if ends else kind,
            row,
            incident_id=incident.id,
            data=about
            | {
                "from": before.value,
                "to": to.value,
                "time_known": written is not None,
                "leg_id": str(of_leg.id) if of_leg else None,
                "facility_id": str(leg.facility_id) if leg and leg.facility_id and of_leg else None,
                "code": row.exit_reason if ends else None,
            },
            occurred_at=at,
        )
        before = to


async def _stamp(
    tx: Transaction, incident: Incident, row: Assignment, leg: Leg | None, run: PaperRun, name: Stamp
) -> datetime | None:
    at = run.stamps.get(name)
    if at is not None:
        await stamp(
            tx,
            name,
            Moment(at),
            StampSource.PAPER,
            incident_id=incident.id,
            assignment_id=row.id,
            leg_id=leg.id if leg else None,
        )
    return at
