"""Silence is a state: noticed for the whole fleet at once, told again by a timer, ended by the next fix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from dispatch.domain.deadlines import SIGNAL, SIGNAL_IDLE_EVERY_S, TimerKind, silence
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing, end_firing, still_held
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.positions import pull_in_markers
from dispatch.storage.queries.signals import SignalRow, changed_signals
from dispatch.storage.tables.unit import UnitSilence
from dispatch.storage.transaction import Transaction

_CAUSE = "signals"
_EVENTS_AT_ONCE = 50
_LOCK = 7_362_719  # with the tenant: one worker at a time looks at its fleet


async def watch_signals(centre: Centre, entry: TenantEntry) -> int:
    """Notice units that have fallen silent and those that are heard again; return how many were told.

    Any number of workers may call this: one at a time does it, the others return at once.
    """
    told = 0
    while changed := await _one_pass(centre, entry):
        told += changed
        if changed < _EVENTS_AT_ONCE:
            break
    return told


async def _one_pass(centre: Centre, entry: TenantEntry) -> int:
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        alone = text("SELECT pg_try_advisory_xact_lock(:lock, :regency)")
        if not await tx.session.scalar(alone, {"lock": _LOCK, "regency": tx.tenant.id}):
            return 0
        await pull_in_markers(tx.session, tx.tenant.id, tx.now)
        rows = await _changed(tx)
        for row in rows[:_EVENTS_AT_ONCE]:
            await _take(tx, row)
        return len(rows[:_EVENTS_AT_ONCE])


async def _changed(tx: Transaction) -> Sequence[SignalRow]:
    return await changed_signals(tx.session, tx.tenant.id, tx.now, silence(tx.tenant.settings))


async def _take(tx: Transaction, row: SignalRow) -> None:
    if row.silence_id is None:
        await _begin(tx, row)
        return
    found = await tx.get(UnitSilence, row.silence_id, lock=True)
    if found.ended_at is not None:
        return
    if not row.silent:
        await _end(tx, found, row)
    elif row.run_id is not None and not found.on_run:
        # it was sent all the same: from now on it is told as often as on any run
        found.on_run = True
        await _tell(tx, found, row, 1)


async def _begin(tx: Transaction, row: SignalRow) -> None:
    found = UnitSilence(
        regency_id=tx.tenant.id,
        id=tx.id(),
        unit_id=row.unit_id,
        heard_at=row.heard_at or tx.now,
        noticed_at=tx.now,
        on_run=row.run_id is not None,
        ended_at=None,
        ended_why=None,
    )
    await tx.add(found)
    await _tell(tx, found, row, 1)


async def _end(tx: Transaction, found: UnitSilence, row: SignalRow) -> None:
    found.ended_at = tx.now
    found.ended_why = "heard" if row.on_duty else "off_duty"
    tx.clear_timers(found.id, [TimerKind.SIGNAL_LOST])
    data = {
        "unit_id": str(found.unit_id),
        "call_sign": row.call_sign,
        "why": found.ended_why,
        "silent_s": _silent_s(tx, found),
    }
    await tx.record(EventKind.SIGNAL_BACK, found, incident_id=row.incident_id, data=data)


async def _tell(tx: Transaction, found: UnitSilence, row: SignalRow, times: int) -> None:
    again_s = SIGNAL.seconds(tx.tenant.settings) if row.run_id is not None else SIGNAL_IDLE_EVERY_S
    due = tx.now + timedelta(seconds=again_s)
    tx.set_timer(TimerKind.SIGNAL_LOST, found.id, due, {"times": times})
    data: dict[str, Any] = {
        "unit_id": str(found.unit_id),
        "call_sign": row.call_sign,
        "on_run": row.run_id is not None,
        "heard_at": found.heard_at.isoformat(),
        "silent_s": _silent_s(tx, found),
        "times": times,
    }
    await tx.record(EventKind.SIGNAL_LOST, found, incident_id=row.incident_id, data=data)


def _silent_s(tx: Transaction, found: UnitSilence) -> int:
    """For how many seconds; none when it began by a clock that was ahead, for nobody knows."""
    return max(0, round((tx.now - found.heard_at).total_seconds()))


async def still_lost(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """Tell a silence again, on a run every minute; or end it, when the unit was heard or went off duty."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        found = await tx.get(UnitSilence, firing.subject_id, lock=True)
        if found.ended_at is not None or not await still_held(tx, firing):
            await end_firing(tx, firing, "over")
            return
        limits = silence(tx.tenant.settings)
        (row,) = await changed_signals(tx.session, tx.tenant.id, tx.now, limits, found.unit_id)
        if not row.silent:
            await _end(tx, found, row)
            return
        found.on_run = row.run_id is not None
        await _tell(tx, found, row, int(firing.data.get("times", 1)) + 1)
