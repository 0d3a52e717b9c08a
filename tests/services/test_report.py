"""The report on response times, case by case: borders of days, skipped stamps, two units, and refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from report_scene import (
    NOON,
    NORTH,
    SOUTH,
    SOUTH_VILLAGE,
    MadeDatabase,
    Scene,
    open_scene,
)

from dispatch.domain.call import Disposal
from dispatch.domain.errors import InvalidInput
from dispatch.domain.triage import Triage
from dispatch.services.report_response_times import (
    IntervalReport,
    ResponseTimes,
    report_response_times,
)
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp

DAY = date(2026, 11, 20)


@pytest.fixture
async def scene(database: MadeDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, tmp_path) as made:
        yield made


async def of_day(scene: Scene, district: str | None = None, triage: Triage | None = None) -> ResponseTimes:
    return await report_response_times(scene.centre, scene.entry, DAY, DAY, district, triage)


def interval(report: ResponseTimes, name: str) -> IntervalReport:
    return next(i for i in report.intervals if i.name == name)


def stamps(
    scene: Scene, incident: Incident, run: Assignment | None = None, leg: Leg | None = None, **at: float
) -> list[Stamp]:
    """Stamps named without `_at`, in seconds after the call."""
    start = incident.reported_at
    return [scene.stamp(f"{n}_at", start + timedelta(seconds=s), incident, run, leg) for n, s in at.items()]


async def test_an_empty_period_has_counts_and_no_figures(scene: Scene) -> None:
    report = await of_day(scene)

    assert report.incidents.total == 0
    assert report.calls is not None
    assert report.calls.total == 0
    assert len(report.intervals) == 12
    for found in report.intervals:
        assert (found.n, found.missing, found.pending, found.implausible) == (0, 0, 0, 0)
        assert (found.mean_s, found.p50_s, found.p90_s) == (None, None, None)
        assert (found.share_within_of_measured, found.share_within_of_all) == (None, None)
        assert found.small


async def test_days_are_local_days(scene: Scene) -> None:
    midnight = datetime(2026, 11, 19, 17, tzinfo=UTC)  # in Jakarta
    tick = timedelta(microseconds=1)
    moments = [midnight - tick, midnight, midnight + timedelta(days=1) - tick, midnight + timedelta(days=1)]
    cases = [scene.incident(m + timedelta(seconds=30)) for m in moments]
    called = [scene.stamp("called_at", m, c) for m, c in zip(moments, cases, strict=True)]
    await scene.put(cases, called)

    report = await of_day(scene)

    assert (report.begins, report.ends) == (midnight, midnight + timedelta(days=1))
    assert report.incidents.total == 2
    whole = await report_response_times(
        scene.centre, scene.entry, DAY - timedelta(days=1), DAY + timedelta(days=1)
    )
    assert whole.incidents.total == 4


async def test_the_first_unit_answers_and_the_last_one_ends(scene: Scene) -> None:
    case = scene.incident(NOON, state="closed", closing_code="handed_over")
    units = [scene.unit("A-1", "manual"), scene.unit("A-2", "app")]
    first = scene.assignment(case, units[0], "completed_without_transport")
    second = scene.assignment(case, units[1], "cleared", created_at=NOON + timedelta(minutes=1))
    leg = scene.leg(second, "handed_over")
    await scene.put(
        [case],
        units,
        [first, second],
        [leg],
        [
            *stamps(scene, case, called=0, taken=10, confirmed=40),
            *stamps(scene, case, first, assigned=50, on_scene=500, at_patient=520, available=2000),
            *stamps(scene, case, second, assigned=110, on_scene=420, at_patient=530, available=5000),
            *stamps(scene, case, second, leg, left_scene=900, at_facility=1500, handed_over=1800),
        ],
    )

    report = await of_day(scene)

    values = {i.name: (i.n, i.mean_s) for i in report.intervals}
    assert values["answer"] == (1, 10.0)
    assert values["confirm"] == (1, 30.0)
    assert values["assign"] == (1, 10.0)
    assert values["response"] == (1, 420.0)  # the second unit was there first
    assert values["to_patient"] == (1, 520.0)  # and the first one at the patient
    assert values["scene"] == (1, 480.0)
    assert values["transport"] == (1, 600.0)
    assert values["handover"] == (1, 300.0)
    assert values["total"] == (1, 5000.0)
    promise = interval(report, "to_patient")
    assert promise.share_within_of_all is not None
    assert promise.share_within_of_all.value == 1.0
    assert promise.share_within_of_all.low < 0.3  # one case proves little


async def test_a_skipped_stamp_is_missing_and_never_zero(scene: Scene) -> None:
    case = scene.incident(NOON, state="closed", closing_code="handed_over")
    unit = scene.unit("M-1", "manual")
    run = scene.assignment(case, unit, "cleared")
    await scene.put(
        [case],
        [unit],
        [run],
        [
            *stamps(scene, case, called=0, taken=5, confirmed=20),
            *stamps(scene, case, run, assigned=30, offered=31, accepted=60, on_scene=700, available=3000),
        ],
    )

    report = await of_day(scene)

    for name in ("turnout", "travel", "to_patient"):
        found = interval(report, name)
        assert (found.n, found.missing, found.missing_manual) == (0, 1, 1), name
    assert interval(report, "accept").mean_s == 29.0
    promise = interval(report, "to_patient")
    assert promise.share_within_of_measured is None
    assert promise.share_within_of_all is not None
    assert promise.share_within_of_all.value == 0.0  # missing counts as late


@pytest.mark.parametrize("state", ["declined", "timed_out", "stood_down", "diverted"])
async def test_who_was_called_off_misses_nothing(scene: Scene, state: str) -> None:
    case = scene.incident(NOON, state="cancelled")
    unit = scene.unit("A-1", "app")
    run = scene.assignment(case, unit, state)
    await scene.put([case], [unit], [run], stamps(scene, case, called=0), stamps(scene, case, run, offered=9))

    report = await of_day(scene)

    assert (report.incidents.total, report.incidents.counted, report.incidents.cancelled) == (1, 0, 1)
    assert {i.missing + i.pending + i.n for i in report.intervals} == {0}


async def test_a_measured_run_of_a_cancelled_case_counts_for_the_crew(scene: Scene) -> None:
    case = scene.incident(NOON, state="cancelled")
    unit = scene.unit("A-1", "app")
    run = scene.assignment(case, unit, "stood_down")
    await scene.put(
        [case],
        [unit],
        [run],
        [*stamps(scene, case, called=0), *stamps(scene, case, run, offered=9, accepted=20, en_route=65)],
    )

    report = await of_day(scene)

    assert interval(report, "accept").mean_s == 11.0
    assert interval(report, "turnout").mean_s == 45.0
    assert interval(report, "travel").missing == 0


async def test_open_cases_are_pending_and_late_once_the_target_is_past(scene: Scene) -> None:
    fresh, stale = (scene.incident(NOON - timedelta(minutes=m)) for m in (3, 30))
    await scene.put(
        [fresh, stale], [*stamps(scene, fresh, called=0, taken=5), *stamps(scene, stale, called=0, taken=5)]
    )

    found = interval(await of_day(scene), "to_patient")

    assert (found.n, found.missing, found.pending, found.overdue) == (0, 0, 2, 1)
    assert found.share_within_of_all is not None
    assert found.share_within_of_all.value == 0.0


async def test_a_closed_case_that_nobody_was_sent_to_misses_the_promise(scene: Scene) -> None:
    lost = scene.incident(NOON, state="closed", closing_code="referred")
    empty = scene.incident(NOON, state="closed", closing_code="not_found")
    await scene.put([lost, empty], [*stamps(scene, lost, called=0), *stamps(scene, empty, called=0)])

    report = await of_day(scene)

    promise, response = interval(report, "to_patient"), interval(report, "response")
    assert (promise.missing, promise.missing_no_unit) == (1, 1)  # there was no patient in the other one
    assert (response.missing, response.missing_no_unit) == (2, 2)


async def test_lying_clocks_and_units_sent_ahead_are_told_apart(scene: Scene) -> None:
    case = scene.incident(NOON)
    unit = scene.unit("A-1", "app")
    run = scene.assignment(case, unit, "on_scene")
    await scene.put(
        [case],
        [unit],
        [run],
        [
            *stamps(scene, case, called=0, taken=5, confirmed=90),
            *stamps(scene, case, run, assigned=20, accepted=30, en_route=400, on_scene=300),
        ],
    )

    report = await of_day(scene)

    assert (interval(report, "assign").n, interval(report, "assign").ahead) == (0, 1)
    assert interval(report, "assign").implausible == 0
    assert (interval(report, "travel").n, interval(report, "travel").implausible) == (0, 1)
    assert interval(report, "response").mean_s == 300.0


async def test_a_second_leg_leaves_from_a_facility_not_from_the_scene(scene: Scene) -> None:
    case = scene.incident(NOON, state="closed", closing_code="handed_over")
    unit = scene.unit("A-1", "app")
    run = scene.assignment(case, unit, "cleared")
    turned_away = scene.leg(run, "diverted", position=1)
    taken_in = scene.leg(run, "handed_over", position=2)
    await scene.put(
        [case],
        [unit],
        [run],
        [turned_away, taken_in],
        [
            *stamps(scene, case, called=0),
            *stamps(scene, case, run, on_scene=300),
            *stamps(scene, case, run, turned_away, at_facility=1000),
            *stamps(scene, case, run, taken_in, left_scene=1300, at_facility=1900, handed_over=2000),
        ],
    )

    report = await of_day(scene)

    on_scene = interval(report, "scene")
    assert (on_scene.n, on_scene.missing_app) == (0, 1)
    transport = interval(report, "transport")
    assert (transport.n, transport.mean_s, transport.missing_app) == (1, 600.0, 1)
    handover = interval(report, "handover")
    assert (handover.n, handover.mean_s, handover.missing) == (1, 100.0, 0)  # the first leg had none


async def test_district_colour_and_kind_choose_the_cases(scene: Scene) -> None:
    cases = [
        scene.incident(NOON, triage="red"),
        scene.incident(NOON, triage="green", village_code=SOUTH_VILLAGE, speed_factor=20.0),
        scene.incident(NOON, triage="red", village_code=None, outside=True),
        scene.incident(NOON, kind="interfacility"),
    ]
    await scene.put(cases, [s for c in cases for s in stamps(scene, c, called=0)])

    whole = await of_day(scene)
    assert (whole.incidents.total, whole.incidents.without_village, whole.incidents.simulated) == (3, 1, 1)
    south = await of_day(scene, SOUTH)
    assert (south.incidents.total, south.district_name) == (1, "Kecamatan Selatan")
    assert (await of_day(scene, NORTH, Triage.GREEN)).incidents.total == 0
    red = await of_day(scene, None, Triage.RED)
    assert red.incidents.total == 2
    assert red.calls is None


async def test_calls_are_counted_by_how_they_ended(scene: Scene) -> None:
    case = scene.incident(NOON)
    prank = {"disposal": "prank", "disposed_at": NOON}
    await scene.put(
        [case],
        [
            scene.call(NOON, "ringing"),
            scene.call(NOON, "linked", incident_id=case.id),
            scene.call(NOON, "disposed", **prank),
            scene.call(NOON, "disposed", village_code=SOUTH_VILLAGE, **prank),
            scene.call(NOON - timedelta(days=1), "disposed", **prank),
        ],
    )

    calls = (await of_day(scene)).calls
    assert calls is not None
    assert (calls.total, calls.linked, calls.waiting) == (4, 1, 1)
    assert calls.disposed == dict.fromkeys(Disposal, 0) | {Disposal.PRANK: 2}
    south = (await of_day(scene, SOUTH)).calls
    assert south is not None
    assert (south.total, south.disposed[Disposal.PRANK]) == (1, 1)


async def test_the_tenants_targets_override_the_defaults(database: MadeDatabase, tmp_path: Path) -> None:
    targets = {"to_patient_s": 720, "to_patient_share": 0.8, "taken_s": 20, "response_s": 500}
    async with open_scene(database, tmp_path, settings={"targets": targets}) as scene:
        report = await of_day(scene)

    aims = {i.name: i.target_s for i in report.intervals}
    assert (aims["to_patient"], aims["answer"], aims["response"]) == (720.0, 20.0, 500.0)
    assert (aims["handover"], aims["travel"]) == (900.0, None)
    assert interval(report, "to_patient").target_share == 0.8


async def test_another_tenants_cases_are_not_counted(
    scene: Scene, database: MadeDatabase, tmp_path: Path
) -> None:
    async with open_scene(database, tmp_path, realm="live") as other:
        case = other.incident(NOON)
        await other.put([case], stamps(other, case, called=0, taken=5))
        assert (await of_day(other)).incidents.total == 1
    assert (await of_day(scene)).incidents.total == 0


@pytest.mark.parametrize(
    ("first", "last", "district", "field"),
    [
        (DAY, DAY - timedelta(days=1), None, "to_day"),
        (date.min, DAY, None, "from_day"),
        (DAY, date.max, None, "to_day"),
        (DAY, DAY, "99.99.99", "district_code"),
        (DAY, DAY, "' OR 1=1", "district_code"),
    ],
)
async def test_impossible_questions_are_refused_by_name(
    scene: Scene, first: date, last: date, district: str | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await report_response_times(scene.centre, scene.entry, first, last, district)
    assert [p.field for p in refused.value.problems] == [field]
