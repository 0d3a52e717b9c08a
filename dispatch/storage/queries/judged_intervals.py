"""What becomes of every interval of a period: SQL made from the definitions in `domain.intervals`.

All reports go on from this one beginning: `chosen` are the incidents, `judged` holds a row for each interval
that each of them, or each of their runs and legs, may have.

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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import Any

from sqlalchemy import TextClause, text

from dispatch.domain.assignment import FINAL_STATES, PROGRESS, STAMP_OF, AssignmentState
from dispatch.domain.intervals import Interval, Level
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

_JUDGED = Template(
    """
    WITH chosen AS MATERIALIZED (
        SELECT i.id, i.state, i.closing_code, i.village_code, i.speed_factor,
               coalesce(c.occurred_at, i.reported_at) AS called_at,
               c.source IS NOT DISTINCT FROM 'paper' AS paper
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
        SELECT s.incident_id, s.assignment_id, s.leg_id, s.name, s.occurred_at, s.source
        FROM chosen c JOIN stamp s ON s.regency_id = :regency AND s.incident_id = c.id
    ), sent AS MATERIALIZED (
        SELECT a.id, a.incident_id, a.state, a.created_at, a.released_at, u.tracking
        FROM chosen c
        JOIN assignment a ON a.regency_id = :regency AND a.incident_id = c.id
        JOIN unit u ON u.regency_id = a.regency_id AND u.id = a.unit_id
    ), way AS MATERIALIZED (
        SELECT l.id, l.assignment_id, s.incident_id, l.state, s.tracking, s.released_at,
               row_number() OVER (PARTITION BY l.assignment_id ORDER BY l.position) AS place
        FROM sent s JOIN leg l ON l.regency_id = :regency AND l.assignment_id = s.id
    ), run AS MATERIALIZED (
        SELECT s.id, s.incident_id, s.state, s.created_at, s.released_at, s.tracking,
               $run_stamps,
               -- the unit leaves the scene once, with its first leg; later legs leave from a facility
               min(m.occurred_at) FILTER (WHERE m.name = 'left_scene_at' AND w.place = 1) AS left_scene_at,
               greatest($state_rank, max($stamp_rank)) AS reached, $papers
        FROM sent s LEFT JOIN moment m ON m.assignment_id = s.id LEFT JOIN way w ON w.id = m.leg_id
        GROUP BY s.id, s.incident_id, s.state, s.created_at, s.released_at, s.tracking
    ), stretch AS (
        SELECT w.id, w.incident_id, w.tracking, w.released_at, $leg_stamps,
               greatest($leg_state_rank, max($stamp_rank)) AS reached, $papers
        FROM way w LEFT JOIN moment m ON m.leg_id = w.id
        GROUP BY w.id, w.incident_id, w.tracking, w.released_at, w.state
    ), fleet AS (
        SELECT incident_id, count(*) AS runs, max(reached) AS reached,
               (array_agg(tracking ORDER BY created_at, id))[1] AS tracking,
               bool_and(released_at IS NOT NULL) AS all_released,
               bool_or(state IN ('cleared', 'completed_without_transport')) AS any_served,
               bool_and(available_at IS NOT NULL)
                   FILTER (WHERE state IN ('cleared', 'completed_without_transport')) AS all_stamped
        FROM run GROUP BY incident_id
    ), contact AS (
        SELECT incident_id, $case_stamps, $papers,
               max(occurred_at) FILTER (WHERE name = 'available_at') AS last_back
        FROM moment m GROUP BY incident_id
    ), file AS (
        SELECT c.id, c.state, c.closing_code, f.tracking, coalesce(f.runs, 0) AS runs,
               coalesce(f.reached, -1) AS reached,
               c.state IN ('reported', 'confirmed') AS open, $case_columns, o.papers,
               c.state NOT IN ('reported', 'confirmed') AND coalesce(f.all_released AND f.any_served, false)
                   AS finished, f.all_stamped, o.last_back
        FROM chosen c LEFT JOIN fleet f ON f.incident_id = c.id LEFT JOIN contact o ON o.incident_id = c.id
    ), counted AS MATERIALIZED (
        SELECT *, CASE WHEN finished AND all_stamped THEN last_back END AS available_at
        FROM file WHERE state NOT IN ('cancelled', 'merged')
    ), pair AS (
        $pairs
    ), judged AS (
        SELECT name, incident_id, tracking, paper,
               CAST(extract(epoch FROM finish - start) AS double precision) AS seconds,
               CAST(extract(epoch FROM CAST(:now AS timestamptz) - start) AS double precision) AS waited,
               CASE WHEN finish >= start THEN 'measured'
                    WHEN finish < start THEN backwards
                    WHEN passed THEN 'missing'
                    WHEN open THEN 'pending' END AS fate
        FROM pair
    )$conclusion
    """
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which incidents: called within [begins, ends), of one district and colour or of all."""

    begins: datetime
    ends: datetime
    district_code: str | None
    triage: str | None

    def parameters(self, regency_id: int, now: datetime) -> dict[str, Any]:
        """Return what these queries ask for."""
        return {
            "regency": regency_id,
            "begins": self.begins,
            "ends": self.ends,
            "district": self.district_code,
            "triage": self.triage,
            "now": now,
        }


def from_judged(intervals: Sequence[Interval], conclusion: str) -> TextClause:
    """Return the statement whose conclusion follows the WITH queries `chosen` .. `judged`.

    `judged` has name, incident_id, tracking, paper (whether a time of it was kept on paper), seconds, waited
    (seconds since the start) and fate.
    """
    at_case = [s for s in Stamp if s is not Stamp.AVAILABLE]
    made = _JUDGED.substitute(
        run_stamps=_pivot(_RUN_STAMPS),
        leg_stamps=_pivot(_LEG_STAMPS),
        case_stamps=_pivot(at_case),
        case_columns=", ".join(f"o.{s}" for s in at_case),
        state_rank=_ranks("s.state", _STATE_RANK.items()),
        leg_state_rank=_ranks("w.state", _LEG_STATE_RANK.items()),
        stamp_rank=_ranks("m.name", _RANK.items()),
        papers="array_agg(m.name) FILTER (WHERE m.source = 'paper') AS papers",
        pairs=" UNION ALL ".join(map(_pair, intervals)),
        conclusion=conclusion,
    )
    return text(made)


def _pivot(stamps: Sequence[Stamp]) -> str:
    column = "min(m.occurred_at) FILTER (WHERE m.name = "
    return ", ".join(f"{column}'{s}') AS {s}" for s in stamps)


def _ranks(subject: str, ranks: Iterable[tuple[str, int]]) -> str:
    whens = " ".join(f"WHEN '{word}' THEN {rank}" for word, rank in ranks)
    return f"CASE {subject} {whens} ELSE -1 END"


_PAIR = Template(
    "SELECT '$name' AS name, $incident AS incident_id, tracking, $start AS start, $finish AS finish, "
    "($passed) AS passed, $open AS open, '$backwards' AS backwards, "
    "coalesce(papers && ARRAY['$start', '$finish'], false) AS paper FROM $source"
)


def _pair(interval: Interval) -> str:
    """Return the SELECT that lists one interval's start and finish, one row for each that may have it."""
    both = {interval.start, interval.end}
    if interval.level is Level.INCIDENT:
        source, incident, passed, still_open = "counted", "id", _CASE_PASSED[interval.end], "open"
    else:
        # an interval that begins before there is a leg is the run's: it happens once, however many legs
        source = "stretch" if both <= set(_LEG_STAMPS) else "run"
        incident, passed, still_open = (
            "incident_id",
            f"reached >= {_RANK[interval.end]}",
            "released_at IS NULL",
        )
    return _PAIR.substitute(
        name=interval.name,
        incident=incident,
        start=interval.start,
        finish=interval.end,
        passed=passed,
        open=still_open,
        source=source,
        backwards="ahead" if interval.end is Stamp.ASSIGNED else "implausible",
    )
