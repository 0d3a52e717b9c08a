"""Every interval of a period in one statement, generated from the definitions in `domain.intervals`.

Which cases count. The period, district and colour choose incidents of kind emergency by their first contact.

* Incident level: those that were not cancelled or merged. A case that was cancelled before anybody could
  arrive is therefore never missing an arrival.
* Assignment and leg level: the runs and legs of all of them, also of cancelled ones: what a crew did, it did.

What becomes of each:

* measured: both stamps exist, and the end is not before the start;
* implausible: the end is before the start, a clock that lied; in no figure;
* ahead: the same where a unit was sent before the verdict, as it should be for red;
* missing: a stamp was not made although the case, run or leg went past it. A run that was declined, timed
  out, stood down or diverted before the end is not missing it. A closed case without an arrival is, except
  "at the patient" where there was none to be found;
* pending: not past it yet, and still open.

`response` and `to_patient` end with the earliest unit, `total` with the last one, once none is on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.assignment import FINAL_STATES, PROGRESS, STAMP_OF, AssignmentState
from dispatch.domain.intervals import INTERVALS, Interval, Level
from dispatch.domain.stamps import INCIDENT_STAMPS, Stamp

S = AssignmentState

_LEG_STAMPS = (Stamp.LEFT_SCENE, Stamp.AT_FACILITY, Stamp.HANDED_OVER)
_RUN_STAMPS = tuple(s for s in Stamp if s not in (*INCIDENT_STAMPS, *_LEG_STAMPS))

# how far along a run or leg is, in the order of the run
_RANK = {STAMP_OF[state]: place for place, state in enumerate(PROGRESS) if state is not S.CLEARED}
_STATE_RANK = {
    **{state: place for place, state in enumerate(PROGRESS)},
    S.COMPLETED_WITHOUT_TRANSPORT: PROGRESS.index(S.ON_SCENE),
    **dict.fromkeys(FINAL_STATES - {S.CLEARED, S.COMPLETED_WITHOUT_TRANSPORT}, -1),
}
_LEG_STATE_RANK = {
    "transporting": PROGRESS.index(S.LEFT_SCENE),
    "at_facility": PROGRESS.index(S.AT_FACILITY),
    "handed_over": PROGRESS.index(S.HANDED_OVER),
}

# when a case as a whole has gone past an incident-level end
_CASE_PASSED = {
    Stamp.TAKEN: "true",
    Stamp.CONFIRMED: "state IN ('confirmed', 'closed')",
    Stamp.ASSIGNED: "runs > 0 OR state = 'closed'",
    Stamp.ON_SCENE: f"reached >= {_RANK[Stamp.ON_SCENE]} OR state = 'closed'",
    Stamp.AT_PATIENT: f"reached >= {_RANK[Stamp.AT_PATIENT]} OR "
    "(state = 'closed' AND closing_code NOT IN ('not_found', 'no_patient'))",
    Stamp.AVAILABLE: "finished",
}

_STATEMENT = Template(
    """
    WITH chosen AS MATERIALIZED (
        SELECT i.id, i.state, i.closing_code, i.village_code, i.speed_factor
        FROM incident i
        LEFT JOIN stamp c ON c.regency_id = i.regency_id AND c.incident_id = i.id
            AND c.assignment_id IS NULL AND c.leg_id IS NULL AND c.name = 'called_at'
        LEFT JOIN village v ON v.regency_id = i.regency_id AND v.code = i.village_code
        -- an incident is reported after its first contact, never before: the index bounds the search
        WHERE i.regency_id = :regency AND i.kind = 'emergency' AND i.reported_at >= :begins
          AND coalesce(c.occurred_at, i.reported_at) >= :begins
          AND coalesce(c.occurred_at, i.reported_at) < :ends
          AND (CAST(:triage AS text) IS NULL OR i.triage = :triage)
          AND (CAST(:district AS text) IS NULL OR v.district_code = :district)
    ), moment AS MATERIALIZED (
        SELECT s.incident_id, s.assignment_id, s.leg_id, s.name, s.occurred_at
        FROM chosen c JOIN stamp s ON s.regency_id = :regency AND s.incident_id = c.id
    ), sent AS MATERIALIZED (
        SELECT a.id, a.incident_id, a.state, a.created_at, a.released_at, u.tracking
        FROM chosen c
        JOIN assignment a ON a.regency_id = :regency AND a.incident_id = c.id
        JOIN unit u ON u.regency_id = a.regency_id AND u.id = a.unit_id
    ), way AS MATERIALIZED (
        SELECT l.id, l.assignment_id, l.state, s.tracking, s.released_at,
               row_number() OVER (PARTITION BY l.assignment_id ORDER BY l.position) AS place
        FROM sent s JOIN leg l ON l.regency_id = :regency AND l.assignment_id = s.id
    ), run AS MATERIALIZED (
        SELECT s.id, s.incident_id, s.state, s.created_at, s.released_at, s.tracking,
               $run_stamps,
               -- the unit leaves the scene once, with its first leg; later legs leave from a facility
               min(m.occurred_at) FILTER (WHERE m.name = 'left_scene_at' AND w.place = 1) AS left_scene_at,
               greatest($state_rank, max($stamp_rank)) AS reached
        FROM sent s LEFT JOIN moment m ON m.assignment_id = s.id LEFT JOIN way w ON w.id = m.leg_id
        GROUP BY s.id, s.incident_id, s.state, s.created_at, s.released_at, s.tracking
    ), stretch AS (
        SELECT w.id, w.tracking, w.released_at, $leg_stamps,
               greatest($leg_state_rank, max($stamp_rank)) AS reached
        FROM way w LEFT JOIN moment m ON m.leg_id = w.id
        GROUP BY w.id, w.tracking, w.released_at, w.state
    ), fleet AS (
        SELECT incident_id, count(*) AS runs, max(reached) AS reached,
               (array_agg(tracking ORDER BY created_at, id))[1] AS tracking,
               bool_and(released_at IS NOT NULL) AS all_released,
               bool_or(state IN ('cleared', 'completed_without_transport')) AS any_served,
               bool_and(available_at IS NOT NULL)
                   FILTER (WHERE state IN ('cleared', 'completed_without_transport')) AS all_stamped
        FROM run GROUP BY incident_id
    ), contact AS (
        SELECT incident_id, $case_stamps, max(occurred_at) FILTER (WHERE name = 'available_at') AS last_back
        FROM moment GROUP BY incident_id
    ), file AS (
        SELECT c.id, c.state, c.closing_code, f.tracking, coalesce(f.runs, 0) AS runs,
               coalesce(f.reached, -1) AS reached,
               c.state IN ('reported', 'confirmed') AS open, $case_columns,
               c.state NOT IN ('reported', 'confirmed') AND coalesce(f.all_released AND f.any_served, false)
                   AS finished, f.all_stamped, o.last_back
        FROM chosen c LEFT JOIN fleet f ON f.incident_id = c.id LEFT JOIN contact o ON o.incident_id = c.id
    ), counted AS MATERIALIZED (
        SELECT *, CASE WHEN finished AND all_stamped THEN last_back END AS available_at
        FROM file WHERE state NOT IN ('cancelled', 'merged')
    ), pair AS (
        $pairs
    ), judged AS (
        SELECT name, tracking,
               CAST(extract(epoch FROM finish - start) AS double precision) AS seconds,
               CAST(extract(epoch FROM CAST(:now AS timestamptz) - start) AS double precision) AS waited,
               CASE WHEN finish >= start THEN 'measured'
                    WHEN finish < start THEN backwards
                    WHEN passed THEN 'missing'
                    WHEN open THEN 'pending' END AS fate
        FROM pair
    ), figure AS (
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
               avg(seconds) FILTER (WHERE fate = 'measured') AS mean_s,
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
               count(*) FILTER (WHERE speed_factor IS NOT NULL) AS simulated
        FROM chosen
    )
    SELECT h.*, f.* FROM head h LEFT JOIN figure f ON true
    """
)


def _pivot(stamps: Sequence[Stamp], table: str = "m") -> str:
    column = f"min({table}.occurred_at) FILTER (WHERE {table}.name = "
    return ", ".join(f"{column}'{s}') AS {s}" for s in stamps)


def _ranks(subject: str, ranks: Iterable[tuple[str, int]]) -> str:
    whens = " ".join(f"WHEN '{word}' THEN {rank}" for word, rank in ranks)
    return f"CASE {subject} {whens} ELSE -1 END"


_PAIR = Template(
    "SELECT '$name' AS name, tracking, $start AS start, $finish AS finish, ($passed) AS passed, "
    "$open AS open, '$backwards' AS backwards FROM $source"
)


def _pair(interval: Interval) -> str:
    """Return the SELECT that lists one interval's start and finish, one row for each that may have it."""
    both = {interval.start, interval.end}
    if interval.level is Level.INCIDENT:
        source, passed, still_open = "counted", _CASE_PASSED[interval.end], "open"
    else:
        # an interval that begins before there is a leg is the run's: it happens once, however many legs
        source = "stretch" if both <= set(_LEG_STAMPS) else "run"
        passed, still_open = f"reached >= {_RANK[interval.end]}", "released_at IS NULL"
    return _PAIR.substitute(
        name=interval.name,
        start=interval.start,
        finish=interval.end,
        passed=passed,
        open=still_open,
        source=source,
        backwards="ahead" if interval.end is Stamp.ASSIGNED else "implausible",
    )


def _statement(intervals: Sequence[Interval]) -> str:
    at_case = [s for s in Stamp if s is not Stamp.AVAILABLE]
    return _STATEMENT.substitute(
        run_stamps=_pivot(_RUN_STAMPS),
        leg_stamps=_pivot(_LEG_STAMPS),
        case_stamps=_pivot(at_case, "moment"),
        case_columns=", ".join(f"o.{s}" for s in at_case),
        state_rank=_ranks("s.state", _STATE_RANK.items()),
        leg_state_rank=_ranks("w.state", _LEG_STATE_RANK.items()),
        stamp_rank=_ranks("m.name", _RANK.items()),
        pairs=" UNION ALL ".join(map(_pair, intervals)),
    )


_RESPONSE_TIMES = text(_statement(INTERVALS))

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
class Choice:
    """Which incidents: called within [begins, ends), of one district and colour or of all."""

    begins: datetime
    ends: datetime
    district_code: str | None
    triage: str | None


@dataclass(frozen=True, slots=True)
class IncidentCounts:
    """How many incidents were chosen; `counted` are those of the incident-level intervals.

    `without_village` are in the whole and in no district. `simulated` ones were played faster than life.
    """

    total: int
    counted: int
    open: int
    cancelled: int
    merged: int
    forwarded: int
    without_village: int
    simulated: int


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted of one interval; seconds are None without a measured one."""

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
    mean_s: float | None = None
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
            {
                "regency": regency_id,
                "begins": choice.begins,
                "ends": choice.ends,
                "district": choice.district_code,
                "triage": choice.triage,
                "now": now,
                "names": list(targets),
                "targets": list(targets.values()),
            },
        )
    ).all()
    width = len(IncidentCounts.__slots__)
    figures = {name: Figure(name) for name in targets}
    for row in rows:
        if row.name is not None:
            p50, p90 = row.percentiles or (None, None)
            values: list[Any] = [*row[width:-1], p50, p90]
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
