"""Incidents that wait for a unit, and the alarm when one becomes free."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, select

from dispatch.domain.deadlines import DEADLINES, TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.selection import suits
from dispatch.domain.triage import Triage
from dispatch.services.deadlines import has_open_run, in_need, watch_incident
from dispatch.storage.queries.units import UnitRow
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

_WAITING = (
    # columns, not objects: where many wait, a unit that comes free would make an object of each
    select(Incident.id, Incident.number, Incident.triage, Incident.needs)
    .where(
        Incident.regency_id == bindparam("regency"),
        Incident.state.in_([IncidentState.REPORTED.value, IncidentState.CONFIRMED.value]),
        Incident.waiting_since.is_not(None),
    )
    .order_by(Incident.waiting_since)
)


async def wait_for_unit(tx: Transaction, incident: Incident, why: str, *, alone: bool = False) -> bool:
    """Mark an incident that no unit is sent to as waiting; false when one is, or it waits already.

    `alone` says that the caller knows of no unit that is sent to it.

    The wait is timed: every minute somebody is told. An incident may wait before its verdict, when a unit
    was sent to it and is not coming. One that needs no unit any more gets a timer for its closing instead.
    """
    if incident.waiting_since is not None or IncidentState(incident.state) in FINAL_STATES:
        return False
    if not alone and await has_open_run(tx, incident.id):
        return False
    needed = await in_need(tx, incident.id)
    if needed:
        incident.waiting_since = tx.now
    await watch_incident(tx, incident, open_runs=False, needed=needed)
    if not needed:
        return False
    # also when it is this very timer that found nobody sent: from now on it reminds
    within = DEADLINES[TimerKind.UNASSIGNED].seconds(tx.tenant.settings)
    tx.set_timer(TimerKind.UNASSIGNED, incident.id, tx.now + timedelta(seconds=within))
    await tx.record(
        EventKind.INCIDENT_WAITING,
        incident,
        incident_id=incident.id,
        data={"number": incident.number, "triage": incident.triage, "why": why},
    )
    return True


async def ring_for_waiting(tx: Transaction, unit: Unit | UnitRow) -> int:
    """A unit has become free: raise an alarm for every waiting incident it suits; return how many."""
    waiting = await tx.session.execute(_WAITING, {"regency": tx.tenant.id})
    rung = 0
    for incident in waiting:
        triage = Triage(incident.triage) if incident.triage else None
        fits = suits(frozenset(unit.capabilities), triage, frozenset(incident.needs))
        if not fits and triage is not Triage.RED:
            continue
        rung += 1
        await tx.record(
            EventKind.UNIT_FOUND_FOR_WAITING,
            (Incident.__tablename__, str(incident.id)),
            incident_id=incident.id,
            data={
                "number": incident.number,
                "triage": incident.triage,
                "unit_id": str(unit.id),
                "call_sign": unit.call_sign,
                "suits": fits,
            },
        )
    return rung
