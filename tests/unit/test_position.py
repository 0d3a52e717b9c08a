"""Which fixes are believed: accuracy, the speed it would take, and what restores trust."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.position import (
    COARSE_AFTER_S,
    COARSE_M,
    CONSISTENT,
    TOP_SPEED_MS,
    FixQuality,
    Seen,
    Trail,
    metres_apart,
    reachable,
)

GOOD, COARSE, JUMP = FixQuality.GOOD, FixQuality.COARSE, FixQuality.JUMP
HOME = (107.4434, -6.5567)
METRE = 1 / 111_195


def seen(north_m: float, at: float, accuracy_m: float | None = 8.0) -> Seen:
    return Seen(HOME[0], HOME[1] + north_m * METRE, accuracy_m, at)


def judged(*fixes: Seen) -> list[FixQuality]:
    trail = Trail()
    return [trail.judge(n, fix) for n, fix in enumerate(fixes)]


def test_distances_are_those_of_the_sphere() -> None:
    assert math.isclose(metres_apart(0, 0, 0, 1), 111_195, rel_tol=1e-6)
    assert math.isclose(
        metres_apart(107, -6.5, 108, -6.5), 111_195 * math.cos(math.radians(6.5)), rel_tol=1e-4
    )
    assert metres_apart(179.999, 0, -179.999, 0) < 250  # over the date line


def test_one_wrong_fix_is_a_jump_and_the_next_right_one_is_good() -> None:
    assert judged(seen(0, 0), seen(50_000, 5), seen(60, 10)) == [GOOD, JUMP, GOOD]


def test_wrong_fixes_that_disagree_with_each_other_are_never_believed() -> None:
    wild = [seen((-1) ** n * 50_000, 5.0 * n) for n in range(1, 20)]
    assert set(judged(seen(0, 0), *wild)[1:]) == {JUMP}


def test_a_wrong_first_fix_is_overruled_by_consistent_ones() -> None:
    right = [seen(50_000 + 60 * n, 5.0 * n) for n in range(1, 6)]
    assert judged(seen(0, 0), *right) == [GOOD, *[JUMP] * (CONSISTENT - 1), GOOD, GOOD, GOOD]


def test_a_good_fix_between_them_takes_away_what_jumps_agreed_on() -> None:
    away = [seen(50_000, 5.0 * n) for n in range(1, CONSISTENT)]
    assert judged(seen(0, 0), *away, seen(0, 60), seen(50_000, 65))[-2:] == [GOOD, JUMP]


def test_out_of_the_tunnel_time_makes_a_way_possible() -> None:
    assert judged(seen(0, 0), seen(20_000, 300)) == [
        GOOD,
        JUMP if 300 * TOP_SPEED_MS + 100 < 20_000 else GOOD,
    ]
    assert judged(seen(0, 0), seen(14_000, 300)) == [GOOD, GOOD]


def test_accuracy_is_room_to_move() -> None:
    assert reachable(seen(0, 0, 5), seen(100, 0, 5))
    assert not reachable(seen(0, 0, 5), seen(240, 0, 5))
    assert reachable(seen(0, 0, 5), seen(240, 0, 140))


def test_a_coarse_fix_is_neither_believed_nor_held_against_the_next() -> None:
    trail = Trail()
    assert trail.judge(1, seen(0, 0)) is GOOD
    vague = seen(3_000, 5, COARSE_M + 1)
    assert trail.judge(2, vague) is COARSE
    assert not trail.moves_marker(COARSE, vague)
    assert trail.judge(3, seen(50, 10)) is GOOD
    late = seen(3_000, 10 + COARSE_AFTER_S + 1, COARSE_M + 1)
    assert trail.judge(4, late) is COARSE
    assert trail.moves_marker(COARSE, late)


def test_a_training_case_may_run_faster_than_life() -> None:
    trail = Trail(seen(0, 0), 0)
    assert trail.judge(1, seen(1_000, 1), pace=60.0) is GOOD
    assert Trail(seen(0, 0), 0).judge(1, seen(1_000, 1)) is JUMP


def test_the_backlog_after_the_newest_fix_is_believed_and_changes_nothing() -> None:
    trail = Trail(seen(0, 0), 0)
    assert trail.judge(100, seen(20_000, 500)) is GOOD
    believed = trail.believed
    backlog = [trail.judge(n, seen(40 * 5 * n, 5.0 * n)) for n in range(99, 0, -1)]
    assert set(backlog) == {GOOD}
    assert (trail.believed, trail.newest) == (believed, 100)
    assert trail.judge(50, seen(-80_000, 250)) is JUMP


steps = st.lists(
    st.tuples(st.floats(1, 400), st.floats(-TOP_SPEED_MS, TOP_SPEED_MS), st.floats(1, COARSE_M)), max_size=40
)


def drive(legs: list[tuple[float, float, float]]) -> list[Seen]:
    at, north, found = 0.0, 0.0, [seen(0, 0)]
    for seconds, speed, accuracy in legs:
        at, north = at + seconds, north + seconds * speed
        found.append(seen(north, at, accuracy))
    return found


@given(steps)
def test_what_a_vehicle_can_drive_is_never_a_jump(legs: list[tuple[float, float, float]]) -> None:
    assert set(judged(*drive(legs))) == {GOOD}


@given(steps, st.permutations(range(12)))
def test_whatever_order_a_drive_comes_in_none_of_it_is_a_jump(
    legs: list[tuple[float, float, float]], order: list[int]
) -> None:
    """Newest first, backlog after, frames overtaking each other."""
    fixes = drive(legs)[:12]
    trail = Trail()
    told = [trail.judge(n, fixes[n]) for n in order if n < len(fixes)]
    assert set(told) == {GOOD}
    assert trail.newest == len(fixes) - 1


@given(st.lists(st.tuples(st.floats(-9e5, 9e5), st.floats(0, 1e4)), max_size=30), st.floats(-9e5, 9e5))
def test_after_anything_consistent_fixes_are_believed(past: list[tuple[float, float]], north: float) -> None:
    trail = Trail()
    for n, (where, at) in enumerate(past):
        trail.judge(n, seen(where, at))
    told = [trail.judge(1000 + n, seen(north, 20_000.0 + 5 * n)) for n in range(CONSISTENT)]
    assert told[-1] is GOOD
    assert trail.believed == seen(north, 20_000.0 + 5 * (CONSISTENT - 1))


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(-9e5, 9e5), st.floats(0, 1e4)), max_size=40))
def test_only_newer_fixes_move_what_is_believed(fixes: list[tuple[int, float, float]]) -> None:
    trail = Trail()
    for sequence, where, at in fixes:
        newest, believed = trail.newest, trail.believed
        trail.judge(sequence, seen(where, at))
        if sequence <= newest and believed is not None:
            assert (trail.newest, trail.believed) == (newest, believed)
