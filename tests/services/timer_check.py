"""Which timers must be open by the table of deadlines, from what the tables say; and which are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from case_scene import Case

from dispatch.domain.assignment import AssignmentState, LegState
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import (
    CALLS,
    DEADLINES,
    ERRANDS,
    LEGS,
    NEEDS,
    TimerKind,
    cancel_waits,
    leg_wait,
    needs,
    of_run,
    rungs_left,
)
from dispatch.domain.incident import IncidentState
from dispatch.domain.unit import Tracking
from dispatch.services.alarms import LEFT_TO_REPORTS

Timers = set[tuple[UUID, TimerKind]]

_INCIDENTS = """
    SELECT i.id, i.state, i.waiting_since IS NOT NULL AS waiting,
        EXISTS (SELECT 1 FROM assignment a WHERE a.incident_id = i.id AND a.released_at IS NULL) AS runs,
        CASE WHEN EXISTS (SELECT 1 FROM patient p WHERE p.incident_id = i.id)
            THEN EXISTS (SELECT 1 FROM patient p WHERE p.incident_id = i.id AND p.outcome IS NULL)
            ELSE NOT EXISTS (SELECT 1 FROM assignment a WHERE a.incident_id = i.id
                             AND a.state IN ('cleared', 'completed_without_transport')) END AS in_need
    FROM incident i WHERE i.regency_id = :r
"""
_CALLS = """
    SELECT c.id, c.state, c.cancel_asked_at IS NOT NULL AS asked,
        coalesce(i.state IN ('reported', 'confirmed'), false) AS case_open,
        EXISTS (SELECT 1 FROM callback b WHERE b.call_id = c.id AND b.outcome = 'answered'
                AND b.attempted_at >= c.cancel_asked_at) AS answered
    FROM call c LEFT JOIN incident i ON i.id = c.incident_id WHERE c.regency_id = :r
"""
_RUNS = """
    SELECT a.id, a.state, u.tracking FROM assignment a JOIN unit u ON u.id = a.unit_id WHERE a.regency_id = :r
"""
_LEGS = """
    SELECT l.*, coalesce(f.ems_status = 'closed', false) AS closed
    FROM leg l LEFT JOIN facility f ON f.id = l.facility_id WHERE l.regency_id = :r
"""
_LEFT = """
    SELECT subject_id FROM timer WHERE regency_id = :r AND kind = 'handover_countersign' AND result = :left
"""


async def timers_by_the_table(case: Case) -> Timers:
    """Every timer that must be open now: subject and kind."""
    about: dict[str, Any] = {"r": case.entry.tenant.id}
    wanted: Timers = set()
    for row in await case.rows(_CALLS, **about):
        wanted |= {(row.id, d.kind) for d in CALLS[CallState(row.state)]}
        asked, case_open, answered = row.asked, row.case_open, row.answered
        if cancel_waits(CallState(row.state), asked=asked, case_open=case_open, answered=answered):
            wanted.add((row.id, TimerKind.CANCEL_UNHEEDED))
    for row in await case.rows(_INCIDENTS, **about):
        state = IncidentState(row.state)
        found = needs(state, open_runs=row.runs, in_need=row.in_need, waiting=row.waiting)
        wanted |= {(row.id, d.kind) for need in found for d in NEEDS[need]}
    for row in await case.rows(_RUNS, **about):
        deadlines = of_run(AssignmentState(row.state), Tracking(row.tracking))
        wanted |= {(row.id, d.kind) for d in deadlines}
    left = {row.subject_id for row in await case.rows(_LEFT, left=LEFT_TO_REPORTS, **about)}
    for row in await case.rows(_LEGS, **about):
        listed, signed = row.facility_id is not None, row.countersigned_at is not None
        wait = leg_wait(
            LegState(row.state), row.answer, listed=listed, closed=row.closed, countersigned=signed
        )
        if wait is not None and row.id not in left:
            wanted |= {(row.id, d.kind) for d in LEGS[wait]}
    notices = await case.rows("SELECT * FROM crew_notice WHERE regency_id = :r", **about)
    for row in notices:
        ended, pushed, texted = (at is not None for at in (row.ended_at, row.push_at, row.sms_at))
        wanted |= {(row.id, d.kind) for d in rungs_left(ended=ended, pushed=pushed, texted=texted)}
    silences = await case.rows(
        "SELECT id FROM unit_silence WHERE regency_id = :r AND ended_at IS NULL", **about
    )
    wanted |= {(row.id, TimerKind.SIGNAL_LOST) for row in silences}
    done = "SELECT subject_id, kind FROM timer WHERE regency_id = :r AND result = 'done'"
    away = await case.rows(
        "SELECT id FROM unavailability WHERE regency_id = :r AND ended_at IS NULL", **about
    )
    wanted |= {(row.id, TimerKind.NOT_BACK) for row in away}
    passed = {(row.subject_id, row.kind) for row in await case.rows(done, **about)}
    return {timer for timer in wanted if not (DEADLINES[timer[1]].once and timer in passed)}


async def timers_that_run(case: Case) -> Timers:
    """Every timer that is open, without the errands: nothing waits on those."""
    rows = await case.rows(
        "SELECT subject_id, kind FROM timer WHERE regency_id = :r AND done_at IS NULL", r=case.entry.tenant.id
    )
    return {(row.subject_id, TimerKind(row.kind)) for row in rows if row.kind not in ERRANDS}


async def check_timers(case: Case) -> None:
    """Each open thing has exactly the timers that the table says."""
    wanted, found = await timers_by_the_table(case), await timers_that_run(case)
    assert sorted((kind, str(subject)) for subject, kind in wanted - found) == [], "forgotten"
    assert sorted((kind, str(subject)) for subject, kind in found - wanted) == [], "left over"


async def jump(case: Case, *seconds: float) -> None:
    """Move the clock on in these steps, with the worker at work and the timers looked at after each."""
    for step in seconds:
        case.pass_time(step)
        await case.work()
        await check_timers(case)
