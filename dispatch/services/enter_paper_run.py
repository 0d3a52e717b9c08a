"""A run that was kept on paper for a case the system knows: its unit was sent while the system was away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.errors import AlreadyEntered, Conflict, ContentDiffers, IllegalStep
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.paper import PaperEnd, PaperGap
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import Stamp
from dispatch.services.centre import Centre
from dispatch.services.deadlines import (
    has_open_run,
    tracking_of,
    watch_incident,
    watch_last_leg,
    watch_run,
)
from dispatch.services.legs import patients_for, patients_without_outcome
from dispatch.services.paper_form import PaperRun, check_gap, check_run
from dispatch.services.paper_runs import insert_run
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp as StampRow
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class LateRun:
    """A unit's row on the printed board. `id` is made by the client and names the run.

    `gap` says why times are missing. `confirm_overlap`: as on a form.
    """

    id: UUID
    run: PaperRun
    gap: PaperGap | None = None
    confirm_overlap: bool = False


@dataclass(frozen=True, slots=True)
class RunEntered:
    """The run that was entered. `repeated`: it was stored before."""

    incident_id: UUID
    assignment_id: UUID
    state: AssignmentState
    repeated: bool


async def enter_paper_run(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, late: LateRun, *, cause: str
) -> RunEntered:
    """Store the run with its own times, marked as from paper. The same run with the same id is harmless.

    The case stays open and has its timers; one that has no patient left in need can be closed.

    Raises:
        InvalidInput, IllegalStep: the run cannot have been, as on a form; or the case has ended.
        AlreadyEntered: this unit's run of that time is entered; the error names the case.
        Conflict: the unit is on its run for this case by the system: its times are added to that one.
        ContentDiffers: the id was used for another run.
        UnitOverlap: the unit had another run at the same time; may be confirmed.
        UnitTaken, UnitNotAvailable: the run is under way and its unit is not free.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        called_at = await _called_at(tx, incident)
        begins = min(late.run.stamps.values(), default=called_at)
        known = await tx.find(Assignment, late.id)
        if known is not None:
            if (known.incident_id, known.unit_id, known.created_at) != (
                incident.id,
                late.run.unit_id,
                begins,
            ):
                raise ContentDiffers(
                    f"Nomor tugas {late.id} sudah dipakai untuk yang lain; buat nomor baru",
                    f"Run id {late.id} was used for another run; make a new id",
                )
            return _entered(known, repeated=True)
        if IncidentState(incident.state) in FINAL_STATES:
            raise IllegalStep("incident", incident.state, "send", ())
        # red is sent before anybody takes or judges the call: the call alone must come first
        check_run(late.run, {Stamp.CALLED: called_at}, late.gap, tx.now, tx.tenant.zone, "run")
        check_gap([late.run], late.gap)
        unit = await tx.get(Unit, late.run.unit_id, lock=True)
        await _refuse_twice(tx, incident, unit, late.run, begins)
        row = await insert_run(
            tx,
            incident,
            late.run,
            called_at,
            await patients_for(tx, incident.id, late.id),
            confirm_overlap=late.confirm_overlap,
            live=True,
            run_id=late.id,
            gap=late.gap,
        )
        await _go_on(tx, incident, late.run, row)
        return _entered(row, repeated=False)


def _entered(row: Assignment, *, repeated: bool) -> RunEntered:
    return RunEntered(row.incident_id, row.id, AssignmentState(row.state), repeated)


async def _called_at(tx: Transaction, incident: Incident) -> datetime:
    query = select(StampRow.occurred_at).where(
        StampRow.regency_id == tx.tenant.id,
        StampRow.incident_id == incident.id,
        StampRow.name == Stamp.CALLED.value,
    )
    return (await tx.session.execute(query)).scalar_one_or_none() or incident.reported_at


async def _refuse_twice(
    tx: Transaction, incident: Incident, unit: Unit, run: PaperRun, begins: datetime
) -> None:
    """Refuse what is on this case already: the same row of paper, or the run that the system follows."""
    rows = await tx.session.execute(
        select(Assignment).where(
            Assignment.regency_id == tx.tenant.id,
            Assignment.incident_id == incident.id,
            Assignment.unit_id == unit.id,
        )
    )
    ends = tx.now if run.end is None else max(run.stamps.values(), default=begins)
    for row in rows.scalars():
        since, until = _minute(row.created_at), _minute(row.released_at or tx.now)
        if since != _minute(begins) and not (since < ends and until > begins):
            continue
        at = f"{row.created_at.astimezone(tx.tenant.zone):%d-%m %H:%M}"
        if row.origin == "paper":
            raise AlreadyEntered(
                f"Tugas {unit.call_sign} sejak {at} sudah dimasukkan untuk {incident.number}",
                f"The run of {unit.call_sign} since {at} was entered before for {incident.number}",
                incident_id=str(incident.id),
                incident=incident.number,
            )
        if row.released_at is None:
            raise Conflict(
                f"{unit.call_sign} bertugas untuk {incident.number} sejak {at}; tambahkan jamnya di sana",
                f"{unit.call_sign} is on its run for {incident.number} since {at}; add the times to that run",
            )


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


async def _go_on(tx: Transaction, incident: Incident, run: PaperRun, row: Assignment) -> None:
    watch_run(tx, row, incident, await tracking_of(tx, row.unit_id))
    await watch_last_leg(tx, row)
    if row.released_at is None:
        await watch_incident(tx, incident, sent=True)
        return
    if run.end is PaperEnd.COMPLETED_WITHOUT_TRANSPORT and run.code is not None:
        await _end_care(tx, incident, run.code.value, row.released_at)
    await watch_incident(tx, incident)
    await wait_for_unit(tx, incident, "paper")


async def _end_care(tx: Transaction, incident: Incident, outcome: str, at: datetime) -> None:
    """As when a run ends so on the screen: with a second unit on the way the patients are still its care."""
    if await has_open_run(tx, incident.id):
        return
    left = await patients_without_outcome(tx, incident.id)
    for patient in left:
        patient.outcome, patient.outcome_at = outcome, at
    if left:
        incident.waiting_since = None
    for patient in left:
        data = {"position": patient.position, "outcome": outcome, "triage": patient.triage}
        await tx.record(EventKind.PATIENT_CHANGED, patient, incident_id=incident.id, data=data)
