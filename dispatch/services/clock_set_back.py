"""The server's clock was ahead and has been put right: what it timed is due too late, what it dated too new.

A machine whose battery is dead starts in another year; until it has heard of the right time, calls come in.
No timer waits for longer than its kind ever does, so one that is due later than that was set by a clock that
was wrong. What a person has named a time for is left alone. Markers of units are dated by the present.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from dispatch.domain.deadlines import TimerKind, longest_wait
from dispatch.domain.roles import SYSTEM
from dispatch.services.alarms import OFTEN, SELDOM
from dispatch.services.centre import Centre
from dispatch.services.due_timers import LEASE, LONGEST_PAUSE_S
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.positions import pull_in_markers

_CAUSE = "clock"
_SLACK = timedelta(seconds=5)  # serve and worker may run on two machines, whose clocks are nearly the same
_MESSAGE = timedelta(seconds=2.4 * LONGEST_PAUSE_S)  # the longest pause between two attempts, and its spread

# told more often than OFTEN times, an alarm comes at the slow rate; of a return a person may have named when
_TIMERS = text(
    """
    WITH late AS (
        SELECT t.id, greatest(x.expected_until, CAST(:now AS timestamptz) + make_interval(secs => CASE
            WHEN x.expected_until IS NOT NULL THEN CAST(:lease AS float8)
            WHEN CAST(t.data->>'times' AS integer) >= :often THEN greatest(CAST(:seldom AS float8), k.again_s)
            WHEN CAST(t.data->>'times' AS integer) > 0 THEN k.again_s
            ELSE k.first_s END)) AS latest
        FROM timer t
        JOIN unnest(CAST(:kinds AS text[]), CAST(:first AS float8[]), CAST(:again AS float8[]))
            AS k (kind, first_s, again_s) ON k.kind = t.kind
        LEFT JOIN unavailability x ON x.regency_id = t.regency_id AND x.id = t.subject_id
            AND t.kind = :not_back AND t.data->>'times' IS NULL
        WHERE t.regency_id = :regency AND t.done_at IS NULL AND t.due_at > CAST(:now AS timestamptz))
    UPDATE timer t SET due_at = late.latest
    FROM late WHERE t.regency_id = :regency AND t.id = late.id AND t.done_at IS NULL
        AND t.due_at > late.latest + CAST(:slack AS interval)
    RETURNING t.id
    """
)
_MESSAGES = text(
    "UPDATE outbox SET due_at = :now WHERE regency_id = :regency AND sent_at IS NULL AND failed_at IS NULL "
    "AND due_at > CAST(:now AS timestamptz) + CAST(:longest AS interval) RETURNING id"
)


async def pull_in(centre: Centre, entry: TenantEntry) -> int:
    """Have a tenant's timers wait no longer than their kinds do, its messages go out, and its markers move.

    Returns how many there were; none while the clock is right. A timer that a worker has claimed just now is
    tried again.
    """
    kinds = [kind for kind in TimerKind if longest_wait(kind, entry.settings, told=False) is not None]
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        about = {"regency": tx.tenant.id, "now": tx.now}
        timers = await tx.session.execute(
            _TIMERS,
            {
                **about,
                "kinds": [kind.value for kind in kinds],
                "first": [_longest_s(kind, entry, told=False) for kind in kinds],
                "again": [_longest_s(kind, entry, told=True) for kind in kinds],
                "often": OFTEN - 1,
                "seldom": SELDOM.total_seconds(),
                "not_back": TimerKind.NOT_BACK.value,
                "lease": LEASE.total_seconds(),
                "slack": _SLACK,
            },
        )
        messages = await tx.session.execute(_MESSAGES, {**about, "longest": _MESSAGE + _SLACK})
        markers = await pull_in_markers(tx.session, tx.tenant.id, tx.now)
        return len(timers.all()) + len(messages.all()) + markers


def _longest_s(kind: TimerKind, entry: TenantEntry, *, told: bool) -> float:
    """In seconds; never less than a claim: what a worker has in hand is not taken from it."""
    longest_s = longest_wait(kind, entry.settings, told=told)
    assert longest_s is not None, "asked before"
    return max(longest_s, LEASE.total_seconds())
