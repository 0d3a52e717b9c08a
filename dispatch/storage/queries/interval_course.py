"""One interval in detail: its figures for each local day or week, and how its measured values are spread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.intervals import INTERVALS
from dispatch.storage.queries.judged_intervals import Choice, from_judged

# a case belongs to the day of its first contact, as it does to the period
_TREND = """
    SELECT CAST(date_trunc(CAST(:step AS text), c.called_at AT TIME ZONE CAST(:zone AS text)) AS date) AS day,
           count(*) FILTER (WHERE fate = 'measured') AS n,
           count(*) FILTER (WHERE fate = 'missing') AS missing,
           count(*) FILTER (WHERE fate = 'missing' AND tracking = 'app') AS missing_app,
           count(*) FILTER (WHERE fate = 'missing' AND tracking = 'manual') AS missing_manual,
           count(*) FILTER (WHERE fate = 'pending') AS pending,
           count(*) FILTER (WHERE fate = 'pending' AND waited > CAST(:target AS double precision)) AS overdue,
           count(*) FILTER (WHERE fate = 'measured' AND seconds <= CAST(:target AS double precision))
               AS within,
           count(*) FILTER (WHERE fate = 'measured' AND c.speed_factor IS NOT NULL) AS simulated,
           percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds)
               FILTER (WHERE fate = 'measured') AS percentiles
    FROM judged j JOIN chosen c ON c.id = j.incident_id
    GROUP BY 1 ORDER BY 1
    """

_SPREAD = """
    SELECT CAST(floor(seconds) AS bigint) AS second, count(*) AS n
    FROM judged WHERE fate = 'measured'
    GROUP BY 1 ORDER BY 1
    """


@dataclass(frozen=True, slots=True)
class StepFigure:
    """What was counted of the interval in the day or week that begins with `day` (Monday, for a week)."""

    day: date
    n: int = 0
    missing: int = 0
    missing_app: int = 0
    missing_manual: int = 0
    pending: int = 0
    overdue: int = 0
    within: int = 0
    simulated: int = 0
    p50_s: float | None = None
    p90_s: float | None = None


@cache
def _statement(interval: str, conclusion: str) -> TextClause:
    return from_judged([i for i in INTERVALS if i.name == interval], conclusion)


async def interval_trend(
    session: AsyncSession,
    regency_id: int,
    choice: Choice,
    interval: str,
    target_s: float | None,
    step: str,
    zone: str,
    now: datetime,
) -> list[StepFigure]:
    """Count by `step` (`day` or `week`), local to `zone`; days without a case are left out."""
    # PostgreSQL would compile so many aggregates, which takes longer than the work itself
    await session.execute(text("SET LOCAL jit = off"))
    rows = await session.execute(
        _statement(interval, _TREND),
        choice.parameters(regency_id, now) | {"step": step, "zone": zone, "target": target_s},
    )
    return [StepFigure(*row[:-1], *(row.percentiles or (None, None))) for row in rows]


async def interval_spread(
    session: AsyncSession, regency_id: int, choice: Choice, interval: str, now: datetime
) -> list[tuple[int, int]]:
    """Return (whole second, how many measured values lie within it), ascending, without empty ones."""
    await session.execute(text("SET LOCAL jit = off"))
    rows = await session.execute(_statement(interval, _SPREAD), choice.parameters(regency_id, now))
    return [(row.second, row.n) for row in rows]
