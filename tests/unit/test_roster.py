"""Rosters: the same for the same seed, right across clock changes, near the share they aim at."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from dispatch.domain.roster import Roster, ShiftRule

JAKARTA = ZoneInfo("Asia/Jakarta")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = ShiftRule("malam", time(21), time(7), 1.0)
FRIDAY = date(2026, 11, 20)


def fleet(size: int) -> list[tuple[UUID, str]]:
    return [(UUID(int=n), f"U-{n:03d}") for n in range(1, size + 1)]


def test_a_night_shift_ends_on_the_next_day() -> None:
    assert NIGHT.span(FRIDAY, JAKARTA) == (
        datetime(2026, 11, 20, 14, tzinfo=UTC),
        datetime(2026, 11, 21, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 28), 9), (date(2026, 10, 24), 11), (date(2026, 6, 1), 10)]
)
def test_a_night_shift_over_a_clock_change_keeps_its_wall_clock(day: date, hours: int) -> None:
    span = NIGHT.span(day, BERLIN)
    assert span is not None
    assert span[1] - span[0] == timedelta(hours=hours)


def test_a_shift_inside_the_hour_that_a_clock_change_leaves_out_does_not_happen() -> None:
    rule = ShiftRule("x", time(2, 30), time(3, 15), 1.0)
    assert rule.span(date(2026, 3, 29), BERLIN) is None
    assert rule.span(date(2026, 3, 30), BERLIN) is not None


def test_a_whole_day_shift() -> None:
    span = ShiftRule("x", time(7), time(7), 1.0).span(FRIDAY, JAKARTA)
    assert span is not None
    assert span[1] - span[0] == timedelta(days=1)


def test_the_roster_of_a_unit_depends_on_nobody_else() -> None:
    roster = Roster(7, 3, (ShiftRule("pagi", time(7), time(14), 0.5), NIGHT))
    few, many = (roster.plan_day(FRIDAY, JAKARTA, fleet(n)) for n in (40, 80))
    assert few == roster.plan_day(FRIDAY, JAKARTA, reversed(fleet(40)))
    assert {s for s in many if s.unit_id.int <= 40} == set(few)


def test_seed_and_day_change_the_roster() -> None:
    rule = (ShiftRule("pagi", time(7), time(14), 0.5),)
    manned = {
        (seed, day): {s.unit_id for s in Roster(seed, 1, rule).plan_day(day, JAKARTA, fleet(100))}
        for seed in (1, 2)
        for day in (FRIDAY, FRIDAY + timedelta(days=1))
    }
    assert len({frozenset(units) for units in manned.values()}) == 4


def test_the_share_of_manned_units_is_near_what_is_aimed_at() -> None:
    roster = Roster(3214, 1, (ShiftRule("pagi", time(7), time(14), 0.9),))
    days = [FRIDAY + timedelta(days=n) for n in range(50)]
    manned = sum(len(roster.plan_day(day, JAKARTA, fleet(120))) for day in days)
    assert 0.88 < manned / (50 * 120) < 0.92


def test_of_two_shifts_that_begin_together_the_first_counts() -> None:
    rules = (ShiftRule("a", time(7), time(14), 1.0), ShiftRule("b", time(7), time(9), 1.0))
    assert [s.code for s in Roster(1, 1, rules).plan_day(FRIDAY, JAKARTA, fleet(1))] == ["a"]


def test_what_settings_keep_is_the_roster() -> None:
    roster = Roster(1, 7, (NIGHT, ShiftRule("pagi", time(7, 30), time(14), 0.75)))
    assert Roster.from_settings(roster.as_settings()) == roster


def test_without_shifts_nothing_is_planned() -> None:
    empty = Roster(1, 7, ())
    assert empty.plan_day(FRIDAY, JAKARTA, fleet(3)) == []
    assert empty.last_start(FRIDAY, JAKARTA) is None
