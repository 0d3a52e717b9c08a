"""One interval in detail agrees with the report, day by day and value by value."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from report_scene import NOON, NORTH, SOUTH_VILLAGE, MadeDatabase, Scene, open_scene

from dispatch.domain.errors import InvalidInput
from dispatch.services.list_districts import list_districts
from dispatch.services.report_interval import IntervalCourse, Step, bins_of, report_interval
from dispatch.services.report_response_times import IntervalReport, report_response_times
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 16)


@pytest.fixture
async def scene(database: MadeDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, tmp_path, settings={"targets": {"to_patient_s": 600}}) as made:
        yield made


async def whole(scene: Scene, name: str, first: date, last: date) -> IntervalReport:
    report = await report_response_times(scene.centre, scene.entry, first, last)
    return next(i for i in report.intervals if i.name == name)


async def played(scene: Scene, days_ago: int, *minutes: float, **different: object) -> None:
    """Closed cases that reached their patients after so many minutes, one for each."""
    cases: list[Incident] = []
    stamps: list[Stamp] = []
    for number, length in enumerate(minutes):
        called = NOON - timedelta(days=days_ago, minutes=number)
        case = scene.incident(called, state="closed", closing_code="completed", ended_at=NOON, **different)
        cases.append(case)
        stamps.append(scene.stamp("called_at", called, case))
        stamps.append(scene.stamp("at_patient_at", called + timedelta(minutes=length), case))
    await scene.put(cases, stamps)


async def course(scene: Scene, first: date, last: date, step: Step = Step.DAY) -> IntervalCourse:
    return await report_interval(scene.centre, scene.entry, "to_patient", first, last, step)


async def test_every_day_has_a_point_and_empty_ones_no_figure(scene: Scene) -> None:
    await played(scene, 2, 4, 6, 14)
    await played(scene, 0, 8, speed_factor=60.0)

    found = await course(scene, MONDAY, FRIDAY)

    assert [p.from_day.day for p in found.points] == [16, 17, 18, 19, 20]
    assert [p.n for p in found.points] == [0, 0, 3, 0, 1]
    assert [p.simulated for p in found.points] == [0, 0, 0, 0, 1]
    assert [p.within for p in found.points] == [0, 0, 2, 0, 1]
    assert [p.p50_s for p in found.points] == [None, None, 360.0, None, 480.0]
    assert found.points[2].p90_s == pytest.approx((6 + 0.8 * 8) * 60)
    assert all(p.small for p in found.points)


async def test_a_week_is_counted_over_its_raw_values_and_only_over_the_period(scene: Scene) -> None:
    await played(scene, 4, 2, 3)  # Monday
    await played(scene, 3, 20)
    await played(scene, 0, 5, 7, 9)

    found = await course(scene, MONDAY + timedelta(days=1), FRIDAY + timedelta(days=3), Step.WEEK)

    assert [(p.from_day, p.to_day) for p in found.points] == [
        (date(2026, 11, 17), date(2026, 11, 22)),
        (date(2026, 11, 23), date(2026, 11, 23)),
    ]
    report = await whole(scene, "to_patient", MONDAY + timedelta(days=1), FRIDAY + timedelta(days=3))
    week = found.points[0]
    assert (week.n, week.p50_s, week.p90_s, week.within) == (4, report.p50_s, report.p90_s, report.within)


async def test_missing_ones_stand_on_their_day(scene: Scene) -> None:
    unit = scene.unit("UJI-01", "manual")
    case = scene.incident(NOON - timedelta(days=1), state="closed", closing_code="completed", ended_at=NOON)
    run = scene.assignment(case, unit, "cleared")
    await scene.put([unit], [case], [run], [scene.stamp("called_at", case.reported_at, case)])

    found = await course(scene, FRIDAY - timedelta(days=1), FRIDAY)

    assert [(p.n, p.missing, p.missing_manual) for p in found.points] == [(0, 1, 1), (0, 0, 0)]
    assert (await whole(scene, "to_patient", FRIDAY - timedelta(days=1), FRIDAY)).missing == 1
    assert found.bins == []


async def test_days_are_local_days(scene: Scene) -> None:
    evening = scene.incident(NOON.replace(hour=17, minute=30), state="confirmed")  # 0.30 in Jakarta
    await scene.put(
        [evening],
        [
            scene.stamp("called_at", evening.reported_at, evening),
            scene.stamp("at_patient_at", evening.reported_at + timedelta(minutes=5), evening),
        ],
    )
    scene.now = evening.reported_at + timedelta(hours=1)
    found = await course(scene, FRIDAY, FRIDAY + timedelta(days=1))
    assert [p.n for p in found.points] == [0, 1]


async def test_the_bins_hold_every_measured_value(scene: Scene) -> None:
    await played(scene, 0, 0.5, 4, 9.99, 10.01, 11, 300)

    found = await course(scene, FRIDAY, FRIDAY)

    assert sum(b.n for b in found.bins) == found.points[0].n == 6
    assert found.bins[0].from_s == 0
    assert found.bins[-1].to_s is None
    assert all(b.to_s == after.from_s for b, after in zip(found.bins, found.bins[1:], strict=False))


def test_bins_are_round_and_reach_beyond_the_target() -> None:
    made = bins_of([(second, 1) for second in range(100)], 600.0)
    assert [made[0].from_s, made[0].to_s, made[-1].to_s] == [0, 30, None]
    assert made[-1].from_s >= 600
    far = bins_of([(5, 100), (90_000, 1)], None)
    assert (far[0].to_s, far[-1].n, sum(b.n for b in far)) == (1, 1, 101)


async def test_a_district_narrows_both(scene: Scene) -> None:
    await played(scene, 0, 4)
    await played(scene, 0, 6, 7, village_code=SOUTH_VILLAGE)

    found = await report_interval(
        scene.centre, scene.entry, "to_patient", FRIDAY, FRIDAY, district_code=NORTH
    )

    assert ([p.n for p in found.points], sum(b.n for b in found.bins)) == ([1], 1)
    assert [d.code for d in await list_districts(scene.centre, scene.entry)] == ["99.01.02", "99.01.01"]


@pytest.mark.parametrize(
    ("name", "first", "step", "district", "field"),
    [
        ("to_the_moon", FRIDAY, Step.DAY, None, "interval"),
        ("response", date(2020, 1, 1), Step.DAY, None, "step"),
        ("response", FRIDAY + timedelta(days=1), Step.DAY, None, "to_day"),
        ("response", FRIDAY, Step.WEEK, "99.01.99", "district_code"),
    ],
)
async def test_refusals_name_the_field(
    scene: Scene, name: str, first: date, step: Step, district: str | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await report_interval(scene.centre, scene.entry, name, first, FRIDAY, step, district)
    assert [p.field for p in refused.value.problems] == [field]
