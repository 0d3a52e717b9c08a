"""Timers that are due: claimed one at a time under a lease, then done, moved on, or tried again later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.transaction import Transaction

LEASE = timedelta(seconds=30)
LONGEST_PAUSE_S = 60.0
ALARM_AT = 5  # attempts after which the operators are told that a timer does not get through
ALARM_EVERY = 60
_CAUSE = "timer"
_WORDS = 500


@dataclass(frozen=True, slots=True)
class Firing:
    """One claim of one timer. It holds while the timer is open, with this lease and this attempt."""

    id: UUID
    kind: str
    subject_id: UUID
    data: dict[str, Any]
    leased_until: datetime
    attempt: int


# The lease moves `due_at`: should this process die, the timer is due again by itself; at once, where it was
# claimed by a worker that had shown that it lived (`dead_claims`).
_CLAIM = text(
    """
    WITH next AS MATERIALIZED (
        SELECT id FROM timer
        WHERE regency_id = :regency AND done_at IS NULL AND due_at <= :now AND kind = ANY(:kinds)
        ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE timer t SET due_at = :lease, attempts = t.attempts + 1, claimed_by = CAST(:worker AS integer),
        claimed_until = CASE WHEN CAST(:worker AS integer) IS NOT NULL THEN CAST(:lease AS timestamptz) END
    FROM next WHERE t.regency_id = :regency AND t.id = next.id
    RETURNING t.id, t.kind, t.subject_id, t.data, t.due_at, t.attempts
    """
)
_HOLD = text(
    "SELECT 1 FROM timer WHERE regency_id = :regency AND id = :id AND done_at IS NULL "
    "AND due_at = :lease AND attempts = :attempt FOR UPDATE"
)
_DONE = text(
    "UPDATE timer SET done_at = :now, result = :result WHERE regency_id = :regency AND id = :id "
    "AND done_at IS NULL AND due_at = :lease AND attempts = :attempt"
)
_POSTPONE = text(
    "UPDATE timer SET due_at = :due, last_error = :error WHERE regency_id = :regency AND id = :id "
    "AND done_at IS NULL AND due_at = :lease AND attempts = :attempt"
)


def _held(tx: Transaction, firing: Firing) -> dict[str, object]:
    return {
        "regency": tx.tenant.id,
        "id": firing.id,
        "lease": firing.leased_until,
        "attempt": firing.attempt,
    }


async def claim_timer(
    centre: Centre, entry: TenantEntry, kinds: Sequence[str], worker: int | None = None
) -> Firing | None:
    """Claim the timer of these kinds that has been due longest, for 30 s; None when none can be had.

    A claim under the number of a `worker` ends with it (`dead_claims`), if that is sooner.
    """
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        given = {"regency": tx.tenant.id, "now": tx.now, "lease": tx.now + LEASE, "worker": worker}
        row = (await tx.session.execute(_CLAIM, {**given, "kinds": list(kinds)})).one_or_none()
    return Firing(*row) if row else None


async def still_held(tx: Transaction, firing: Firing) -> bool:
    """Tell whether the claim holds, and keep it until the transaction ends.

    It does not when the timer was cleared or set anew meanwhile, or when another worker took over. Ask after
    the subject's row is locked: everybody else changes timers in that order.
    """
    return (await tx.session.execute(_HOLD, _held(tx, firing))).first() is not None


async def end_firing(tx: Transaction, firing: Firing, result: str = "done") -> None:
    """End the timer as a part of the transaction that has its effect. Harmless when it ended already."""
    await tx.session.execute(_DONE, {**_held(tx, firing), "now": tx.now, "result": result})


async def settle_timer(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """End a timer that its handler neither ended nor moved."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        await end_firing(tx, firing)


async def postpone_timer(centre: Centre, entry: TenantEntry, firing: Firing, error: str) -> datetime:
    """Keep a timer whose handler failed, to be tried again after a growing pause; return when.

    The fifth failure, and every sixtieth after it, is told to the operators: the timer itself is never given
    up.
    """
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        due = tx.now + pause(firing.attempt, firing.id)
        await tx.session.execute(_POSTPONE, {**_held(tx, firing), "due": due, "error": error[:_WORDS]})
        if firing.attempt == ALARM_AT or firing.attempt % ALARM_EVERY == 0:
            data = {"kind": firing.kind, "subject_id": str(firing.subject_id), "attempts": firing.attempt}
            await tx.record(EventKind.TIMER_FAILING, ("timer", str(firing.id)), data=data)
    return due


def pause(attempt: int, row_id: UUID) -> timedelta:
    """Return how long to wait after the given failure: 1 s doubling to a minute.

    Spread by a fifth either way, from the row's id: rows that failed together do not come back together.
    """
    spread = 0.8 + 0.4 * (row_id.int % 1009) / 1008
    return timedelta(seconds=min(2.0 ** min(attempt - 1, 10), LONGEST_PAUSE_S) * spread)
