"""Reports on a night that was worked from paper: counted in, shown apart, missing times missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from case_scene import NOON, Case, S
from paper_scene import at, enter, filled, run_of

from dispatch.domain.paper import PaperGap
from dispatch.domain.stamps import Stamp
from dispatch.services.report_csv import report_csv
from dispatch.services.report_response_times import IntervalReport, report_response_times


async def report(case: Case) -> tuple[Any, dict[str, IntervalReport]]:
    day = NOON.date()
    made = await report_response_times(case.centre, case.entry, day, day)
    return made, {i.name: i for i in made.intervals}


async def by_the_system(case: Case) -> None:
    """One case of half past ten, ten seconds a step, three minutes to the scene."""
    case.now = at(90)
    incident_id = await case.incident()
    run = await case.send("A-2", incident_id)
    await case.steps(run.id, S.ACCEPTED, S.EN_ROUTE)
    case.pass_time(160)
    await case.steps(run.id, S.ON_SCENE)
    case.now = NOON


async def test_paper_counts_and_is_shown_apart(case: Case) -> None:
    await by_the_system(case)
    await enter(case, filled(case))
    whole, intervals = await report(case)
    assert (whole.incidents.total, whole.incidents.paper) == (2, 1)
    response = intervals["response"]
    assert (response.n, response.paper_n) == (2, 1)
    assert (response.paper_p50_s, response.paper_p90_s) == (600.0, 600.0)
    assert response.mean_s == pytest.approx((600 + 190) / 2)
    promise = intervals["to_patient"]
    assert (promise.n, promise.paper_n, promise.paper_within) == (1, 1, 0), "eleven minutes on paper"
    handover = intervals["handover"]
    assert (handover.n, handover.paper_n, handover.paper_within) == (1, 1, 1)
    assert intervals["travel"].paper_p50_s == 360.0
    rows = report_csv(whole).decode().splitlines()
    head = rows[0].split(",")
    assert {"incidents_paper", "paper_n", "paper_p50_s", "paper_p90_s", "paper_within"} <= set(head)


async def test_times_that_nobody_wrote_are_missing_as_always(case: Case) -> None:
    run = run_of(case, stamps={Stamp.ON_SCENE: at(10), Stamp.AVAILABLE: at(50)})
    await enter(case, filled(case, run, taken_at=None, confirmed_at=None, gap=PaperGap.NOT_WRITTEN))
    _, intervals = await report(case)
    assert (intervals["answer"].n, intervals["answer"].missing) == (0, 1)
    assert (intervals["to_patient"].missing, intervals["travel"].missing, intervals["accept"].missing) == (
        1,
        1,
        1,
    )
    assert (intervals["response"].n, intervals["response"].paper_n) == (1, 1)


async def test_the_night_counts_where_it_happened_not_where_it_was_entered(case: Case) -> None:
    case.now = NOON + timedelta(days=3)
    await enter(case, filled(case))
    whole, _ = await report(case)
    assert whole.incidents.paper == 1
    assert whole.calls is not None
    assert whole.calls.linked == 1


async def test_a_report_without_paper_says_none(case: Case) -> None:
    await by_the_system(case)
    whole, intervals = await report(case)
    assert whole.incidents.paper == 0
    assert {i.paper_n for i in intervals.values()} == {0}
    assert intervals["response"].paper_p50_s is None
