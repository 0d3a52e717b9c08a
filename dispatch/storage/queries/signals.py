"""Which tracked units on duty have fallen silent, and which silences are over: one look at the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.deadlines import Silence

# A phone is given its interval anew when somebody comes aboard, and when a run begins: a silence begins later
# for that. It ends by a fix alone, one that was made after it had begun. `latest_position` has one narrow row
# per unit: 5,000 units are one pass over small tables. It holds the sender that moves the marker; where that
# is silent, another one aboard may speak: only then the fixes themselves are asked, of a time by the senders'
# own clocks that allows those to be wrong by minutes. What lies ahead was dated by a clock that was wrong:
# it does not count.
_CHANGED = text(
    """
    WITH manned AS (
        SELECT u.id AS unit_id, u.call_sign, a.id AS run_id, a.incident_id,
            CASE WHEN p.fixed_at <= CAST(:latest AS timestamptz) THEN p.fixed_at END AS spoke_at,
            greatest(CASE WHEN m.joined_at <= CAST(:latest AS timestamptz) THEN m.joined_at END,
                     CASE WHEN a.created_at <= CAST(:latest AS timestamptz) THEN a.created_at END) AS came_at,
            CAST(:now AS timestamptz) - CASE WHEN a.id IS NOT NULL THEN CAST(:on_run AS interval)
                 WHEN x.id IS NOT NULL THEN CAST(:parked AS interval)
                 ELSE CAST(:idle AS interval) END AS since
        FROM unit u
        JOIN shift s ON s.regency_id = u.regency_id AND s.unit_id = u.id
            AND s.opened_at IS NOT NULL AND s.closed_at IS NULL
        JOIN (SELECT shift_id, max(joined_at) AS joined_at FROM crew_membership
              WHERE regency_id = :regency AND left_at IS NULL GROUP BY shift_id) m ON m.shift_id = s.id
        LEFT JOIN assignment a ON a.regency_id = u.regency_id AND a.unit_id = u.id AND a.released_at IS NULL
        LEFT JOIN unavailability x ON x.regency_id = u.regency_id AND x.unit_id = u.id AND x.ended_at IS NULL
        LEFT JOIN latest_position p ON p.regency_id = u.regency_id AND p.unit_id = u.id
        WHERE u.regency_id = :regency AND u.active AND u.tracking = 'app'
    ), duty AS (
        SELECT m.unit_id, m.call_sign, m.run_id, m.incident_id, m.since, m.came_at,
            greatest(m.spoke_at, CASE WHEN m.spoke_at >= m.since THEN NULL ELSE (
                SELECT max(f.at) FROM (
                    SELECT fixed_at + make_interval(secs => clock_offset_s) AS at FROM position
                    WHERE regency_id = :regency AND unit_id = m.unit_id
                    AND fixed_at BETWEEN m.since - CAST(:wrong AS interval)
                        AND CAST(:now AS timestamptz) + CAST(:wrong AS interval)
                ) f WHERE f.at <= CAST(:latest AS timestamptz)
            ) END) AS spoke_at
        FROM manned m
    ), open_ones AS (
        SELECT id, unit_id, on_run, heard_at FROM unit_silence
        WHERE regency_id = :regency AND ended_at IS NULL
    ), fleet AS (
    SELECT coalesce(d.unit_id, q.unit_id) AS unit_id, d.call_sign, d.run_id, d.incident_id,
        greatest(d.spoke_at, d.came_at) AS heard_at, q.id AS silence_id,
        CASE WHEN d.unit_id IS NULL THEN false
             WHEN q.id IS NULL THEN coalesce(greatest(d.spoke_at, d.came_at) < d.since, true)
             ELSE NOT coalesce(d.spoke_at >= d.since AND (
                 d.spoke_at > q.heard_at OR q.heard_at > CAST(:latest AS timestamptz)), false) END AS silent,
        d.unit_id IS NOT NULL AS on_duty,
        coalesce(d.run_id IS NOT NULL AND NOT q.on_run, false) AS now_on_run
    FROM duty d FULL JOIN open_ones q ON q.unit_id = d.unit_id)
    SELECT unit_id, call_sign, run_id, incident_id, heard_at, silence_id, silent, on_duty FROM fleet
    WHERE unit_id = CAST(:unit AS uuid)
        OR (CAST(:unit AS uuid) IS NULL AND ((silence_id IS NOT NULL) <> silent OR now_on_run))
    ORDER BY unit_id
    """
)


_WRONG_CLOCK = timedelta(minutes=10)
_SLACK = timedelta(seconds=5)  # serve and worker may run on two machines, whose clocks are nearly the same


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One unit whose silence begins, ends, or has become that of a unit on a run.

    `heard_at` is None when all that is known of it is dated ahead, by a clock that was wrong.
    """

    unit_id: UUID
    call_sign: str | None
    run_id: UUID | None
    incident_id: UUID | None
    heard_at: datetime | None
    silence_id: UUID | None
    silent: bool
    on_duty: bool


async def changed_signals(
    session: AsyncSession, regency_id: int, now: datetime, limits: Silence, unit_id: UUID | None = None
) -> Sequence[SignalRow]:
    """Return what has changed, by unit; with `unit_id` that unit as it is, changed or not."""
    values = {
        "regency": regency_id,
        "now": now,
        "latest": now + _SLACK,
        "unit": unit_id,
        "on_run": timedelta(seconds=limits.on_run_s),
        "idle": timedelta(seconds=limits.idle_s),
        "parked": timedelta(seconds=limits.parked_s),
        "wrong": _WRONG_CLOCK,
    }
    return [SignalRow(*row) for row in await session.execute(_CHANGED, values)]
