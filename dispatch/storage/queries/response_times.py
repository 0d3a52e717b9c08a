"""The figures of every interval of a period, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.intervals import INTERVALS
from dispatch.storage.queries.judged_intervals import Choice, from_judged

_RESPONSE_TIMES = from_judged(
    INTERVALS,
    """, figure AS (
        SELECT j.name,
               count(*) FILTER (WHERE fate = 'measured') AS n,
               count(*) FILTER (WHERE fate = 'missing') AS missing,
               count(*) FILTER (WHERE fate = 'missing' AND tracking = 'app') AS missing_app,
               count(*) FILTER (WHERE fate = 'missing' AND tracking = 'manual') AS missing_manual,
               count(*) FILTER (WHERE fate = 'pending') AS pending,
               count(*) FILTER (WHERE fate = 'pending' AND waited > t.target) AS overdue,
               count(*) FILTER (WHERE fate = 'implausible') AS implausible,
               count(*) FILTER (WHERE fate = 'ahead') AS ahead,
               count(*) FILTER (WHERE fate = 'measured' AND seconds <= t.target) AS within,
               count(*) FILTER (WHERE fate = 'measured' AND paper) AS paper_n,
               count(*) FILTER (WHERE fate = 'measured' AND paper AND seconds <= t.target) AS paper_within,
               avg(seconds) FILTER (WHERE fate = 'measured') AS mean_s,
               percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds)
                   FILTER (WHERE fate = 'measured' AND paper) AS paper_percentiles,
               percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds)
                   FILTER (WHERE fate = 'measured') AS percentiles
        FROM judged j
        JOIN unnest(CAST(:names AS text[]), CAST(:targets AS double precision[])) AS t(name, target)
            ON t.name = j.name
        GROUP BY j.name
    ), head AS (
        SELECT count(*) AS total, count(*) FILTER (WHERE state NOT IN ('cancelled', 'merged')) AS counted,
               count(*) FILTER (WHERE state IN ('reported', 'confirmed')) AS open,
               count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE state = 'merged') AS merged,
               count(*) FILTER (WHERE state = 'forwarded') AS forwarded,
               count(*) FILTER (WHERE village_code IS NULL) AS without_village,
               count(*) FILTER (WHERE speed_factor IS NOT NULL) AS simulated,
               count(*) FILTER (WHERE paper) AS paper
        FROM chosen
    )
    SELECT h.*, f.* FROM head h LEFT JOIN figure f ON true
    """,
)

_CALLS = text(
    """
    SELECT CASE WHEN c.state = 'disposed' THEN c.disposal ELSE c.state END AS word, count(*) AS n
    FROM call c
    LEFT JOIN village v ON v.regency_id = c.regency_id AND v.code = c.village_code
    WHERE c.regency_id = :regency AND c.received_at >= :begins AND c.received_at < :ends
      AND (CAST(:district AS text) IS NULL OR v.district_code = :district)
    GROUP BY word
    """
)


@dataclass(frozen=True, slots=True)
class IncidentCounts:
    """How many incidents were chosen; `counted` are those of the incident-level intervals.

    `without_village` are in the whole and in no district. `simulated` ones were played faster than life;
    `paper` ones were entered from paper.
    """

    total: int
    counted: int
    open: int
    cancelled: int
    merged: int
    forwarded: int
    without_village: int
    simulated: int
    paper: int


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted of one interval; seconds are None without a measured one. `paper_*`: of those measured
    ones with a time that was kept on paper, and so to the minute."""

    name: str
    n: int = 0
    missing: int = 0
    missing_app: int = 0
    missing_manual: int = 0
    pending: int = 0
    overdue: int = 0
    implausible: int = 0
    ahead: int = 0
    within: int = 0
    paper_n: int = 0
    paper_within: int = 0
    mean_s: float | None = None
    paper_p50_s: float | None = None
    paper_p90_s: float | None = None
    p50_s: float | None = None
    p90_s: float | None = None


async def response_times(
    session: AsyncSession,
    regency_id: int,
    choice: Choice,
    targets: Mapping[str, float | None],
    now: datetime,
) -> tuple[IncidentCounts, dict[str, Figure]]:
    """Count everything at once, so that all figures are of one moment. `targets` names every interval."""
    # PostgreSQL would compile so many aggregates, which takes longer than the work itself
    await session.execute(text("SET LOCAL jit = off"))
    rows = (
        await session.execute(
            _RESPONSE_TIMES,
            choice.parameters(regency_id, now) | {"names": list(targets), "targets": list(targets.values())},
        )
    ).all()
    width = len(IncidentCounts.__slots__)
    figures = {name: Figure(name) for name in targets}
    for row in rows:
        if row.name is not None:
            values: list[Any] = list(row[width:-2])
            for percentiles in row[-2:]:
                values += percentiles or (None, None)
            figures[row.name] = Figure(*values)
    return IncidentCounts(*rows[0][:width]), figures


async def calls_by_end(session: AsyncSession, regency_id: int, choice: Choice) -> dict[str, int]:
    """Count the period's calls by disposal, or by state where they were not disposed of."""
    rows = await session.execute(
        _CALLS,
        {
            "regency": regency_id,
            "begins": choice.begins,
            "ends": choice.ends,
            "district": choice.district_code,
        },
    )
    return {row.word: row.n for row in rows}
