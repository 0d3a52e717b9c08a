"""Steps that positions speak for: proposed, shown until the crew confirms or dismisses them, never stamped.

A proposal is an event and nothing else. It is open while its step lies ahead of the run and nobody has
dismissed it; a step that is taken, by hand or by confirming, ends it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from dispatch.domain.assignment import PROGRESS, AssignmentState, crew_moves
from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM, Actor, Role
from dispatch.services import legs
from dispatch.services.centre import Centre
from dispatch.services.stamping import CLOCK_TOLERANCE
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.event import Event
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp
from dispatch.storage.transaction import Transaction

S = AssignmentState


@dataclass(frozen=True, slots=True)
class ProposalView:
    """One step that awaits the crew's word: `at` is when the line was crossed, `seq` its event."""

    seq: int
    to: AssignmentState
    at: datetime


@dataclass(frozen=True, slots=True)
class _Said:
    proposal: ProposalView
    dismissed_at: datetime | None


async def propose_step(
    centre: Centre, entry: TenantEntry, assignment_id: UUID, to: AssignmentState, at: datetime
) -> bool:
    """Write down that positions speak for a step; return whether that was news.

    Nothing is written when the run has gone on, when the same or an earlier crossing is known, or when the
    crew has dismissed this step since the crossing.
    """
    async with centre.begin(entry.tenant, SYSTEM, "geofence") as tx:
        run = await tx.find(Assignment, assignment_id)
        if run is None:
            return False
        incident = await tx.get(Incident, run.incident_id, lock=True)
        run = await tx.get(Assignment, assignment_id, lock=True)
        if not _ahead(S(run.state), to):
            return False
        last = await _last_stamp(tx, run)
        if last is not None and at < last:
            return False
        said = (await _said(tx, [run.incident_id]))[run.id].get(to)
        if said is not None and (
            said.proposal.at <= at if said.dismissed_at is None else at <= said.dismissed_at <= _latest(tx)
        ):
            return False
        await tx.record(
            EventKind.STEP_PROPOSED,
            run,
            incident_id=incident.id,
            data={"number": incident.number, "unit_id": str(run.unit_id), "to": to.value},
            occurred_at=at,
        )
        return True


async def dismiss_proposal(
    centre: Centre, entry: TenantEntry, actor: Actor, assignment_id: UUID, seq: int, *, cause: str
) -> None:
    """The crew says that a proposed step has not happened. Saying so again is harmless.

    Raises:
        Forbidden: a driver who is not on this run's crew. Conflict: there is no such proposal.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        run = await tx.get(Assignment, assignment_id, lock=True)
        if actor.role is Role.DRIVER:
            await legs.require_crew(tx, run, actor, at=tx.now)
        proposal = await proposal_of(tx, run, seq)
        said = (await _said(tx, [run.incident_id]))[run.id][proposal.to]
        if said.dismissed_at is not None:
            return
        await tx.record(
            EventKind.STEP_PROPOSAL_DISMISSED,
            run,
            incident_id=run.incident_id,
            data={"unit_id": str(run.unit_id), "to": proposal.to.value, "proposal": seq},
        )


async def proposal_of(tx: Transaction, run: Assignment, seq: int) -> ProposalView:
    """Return the proposal of this run with this sequence.

    Raises:
        Conflict: there is none.
    """
    event = (
        await tx.session.execute(
            select(Event.data, Event.occurred_at).where(
                Event.regency_id == tx.tenant.id,
                Event.seq == seq,
                Event.kind == EventKind.STEP_PROPOSED.value,
                Event.subject_id == str(run.id),
            )
        )
    ).one_or_none()
    if event is None:
        raise Conflict(f"Tugas ini tidak punya usulan {seq}", f"This run has no proposal {seq}")
    return ProposalView(seq, S(event.data["to"]), event.occurred_at)


async def open_proposals(
    tx: Transaction, incident_ids: Iterable[UUID], states: dict[UUID, tuple[S, datetime | None]]
) -> dict[UUID, list[ProposalView]]:
    """Return by run the proposals that await the crew's word, in the order of a run.

    `states` gives the state of each run and its last stamp: what was crossed before that has been overtaken,
    unless the stamp lies ahead.
    """
    found: dict[UUID, list[ProposalView]] = {}
    for run_id, by_step in (await _said(tx, list(incident_ids))).items():
        state, last = states.get(run_id, (S.CLEARED, None))
        found[run_id] = [
            by_step[to].proposal
            for to in PROGRESS
            if to in by_step
            and by_step[to].dismissed_at is None
            and _ahead(state, to)
            and (last is None or last > _latest(tx) or by_step[to].proposal.at >= last)
        ]
    return found


def _ahead(state: AssignmentState, to: AssignmentState) -> bool:
    return state in PROGRESS and to in crew_moves(state) and PROGRESS.index(to) > PROGRESS.index(state)


async def _said(tx: Transaction, incident_ids: Sequence[UUID]) -> dict[UUID, dict[S, _Said]]:
    """The last word on each proposed step of the runs of these cases."""
    said: defaultdict[UUID, dict[S, _Said]] = defaultdict(dict)
    if not incident_ids:
        return said
    rows = await tx.session.execute(
        select(Event.seq, Event.kind, Event.subject_id, Event.occurred_at, Event.recorded_at, Event.data)
        .where(
            Event.regency_id == tx.tenant.id,
            Event.incident_id.in_(incident_ids),
            Event.kind.in_([EventKind.STEP_PROPOSED.value, EventKind.STEP_PROPOSAL_DISMISSED.value]),
        )
        .order_by(Event.seq)
    )
    for row in rows:
        by_step, to = said[UUID(row.subject_id)], S(row.data["to"])
        if row.kind == EventKind.STEP_PROPOSED.value:
            by_step[to] = _Said(ProposalView(row.seq, to, row.occurred_at), None)
        elif to in by_step:
            by_step[to] = _Said(by_step[to].proposal, row.occurred_at)
    return said


def _latest(tx: Transaction) -> datetime:
    """What is dated later was dated by a clock that was ahead: nobody knows what it was before or after."""
    return tx.now + CLOCK_TOLERANCE


async def _last_stamp(tx: Transaction, run: Assignment) -> datetime | None:
    """When the run came to its state; None when that lies ahead."""
    last = await tx.session.execute(
        select(func.max(Stamp.occurred_at)).where(
            Stamp.regency_id == tx.tenant.id,
            Stamp.incident_id == run.incident_id,
            Stamp.assignment_id == run.id,
        )
    )
    at = last.scalar_one() or run.created_at
    return at if at <= _latest(tx) else None
