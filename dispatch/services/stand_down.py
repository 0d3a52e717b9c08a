"""The operator stands a unit down; the crew acknowledges it."""

from __future__ import annotations

from uuid import UUID

from dispatch.domain.assignment import AssignmentState, step_assignment
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import Stamp, StampSource
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import answered_by, end_notices, raise_notice
from dispatch.services.legs import require_crew
from dispatch.services.release_run import release
from dispatch.services.stamping import Moment, first_stamp
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction


async def stand_down(
    centre: Centre, entry: TenantEntry, actor: Actor, assignment_id: UUID, reason: str, *, cause: str
) -> AssignmentState:
    """Stand the unit down and free it; a case left without any unit waits for one.

    Raises:
        IllegalStep: the run carries a patient or has ended.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.pointed_at(Incident, Assignment.incident_id, assignment_id)
        run = await tx.get(Assignment, assignment_id, lock=True)
        if run.state == AssignmentState.STOOD_DOWN:
            return AssignmentState.STOOD_DOWN
        if not await stand_down_within(tx, incident, run, reason):
            await wait_for_unit(tx, incident, "unit stood down", alone=True)
        return AssignmentState(run.state)


async def stand_down_within(
    tx: Transaction, incident: Incident, run: Assignment, reason: str
) -> list[Assignment]:
    """As `stand_down`, as a part of a larger transaction that holds both rows; return the other open runs."""
    before = run.state
    run.state = step_assignment(AssignmentState(run.state), AssignmentState.STOOD_DOWN).value
    run.released_at = tx.now
    run.exit_reason = reason.strip()[:500]
    when = Moment(tx.now)
    # under the run's lock, out of a state before it: there can be none yet
    await tx.add(first_stamp(tx, Stamp.STOOD_DOWN, when, StampSource.OPERATOR, incident.id, run.id))
    await raise_notice(tx, incident, run, NoticeKind.STAND_DOWN)
    data = {"number": incident.number, "unit_id": str(run.unit_id), "from": before, "to": run.state}
    return await release(tx, incident, run, data, when=when)


async def acknowledge_stand_down(
    centre: Centre, entry: TenantEntry, actor: Actor, assignment_id: UUID, *, cause: str
) -> None:
    """The crew has seen that it was stood down. Twice is harmless."""
    async with centre.begin(entry.tenant, actor, cause) as tx:
        run = await tx.get(Assignment, assignment_id, lock=True)
        await require_crew(tx, run, actor)
        if run.state != AssignmentState.STOOD_DOWN:
            raise Conflict("Unit tidak dipanggil kembali dari tugas ini", "This run was not stood down")
        if run.stand_down_acknowledged_at is None:
            run.stand_down_acknowledged_at = tx.now
            await end_notices(tx, run, answered_by(actor), NoticeKind.STAND_DOWN)
            await tx.record(
                EventKind.STAND_DOWN_ACKNOWLEDGED,
                run,
                incident_id=run.incident_id,
                data={"unit_id": str(run.unit_id)},
            )
