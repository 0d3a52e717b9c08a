"""Crossings into and out of surroundings: uncertain fixes, passing by, and any order of arrival."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.assignment import AssignmentState as S
from dispatch.domain.geofence import (
    DEPARTURE_M,
    DWELL_S,
    FACILITY_M,
    LARGEST_M,
    SCENE_M,
    Circle,
    Crossing,
    Proposal,
    Watch,
    WatchedRun,
    scene_circle,
)
from dispatch.domain.position import Seen

HOME = (107.4434, -6.5567)
METRE = 1 / 111_195
FAR = (107.6, -6.4)


def at(metres: float, when: float, accuracy_m: float | None = 8.0) -> Seen:
    """A fix so many metres north of the scene."""
    return Seen(HOME[0], HOME[1] + metres * METRE, accuracy_m, when)


def run(state: S, **more: object) -> WatchedRun:
    known: dict[str, object] = {
        "state": state, "since": 0.0, "scene": HOME, "scene_m": 10.0, "road_m": 5.0, "destination": None,
    }  # fmt: skip
    return WatchedRun(**(known | more))  # type: ignore[arg-type]


def told(watch: Watch, *fixes: tuple[Seen, float | None]) -> list[Proposal]:
    return [proposal for seen, speed in fixes for proposal in watch.take(seen, speed)]


def test_arriving_proposes_on_scene_with_the_time_of_entering() -> None:
    watch = Watch(run(S.EN_ROUTE))
    drive = [(at(1000 - 55 * n, 5.0 * n), 11.0) for n in range(18)]
    rest = [(at(20, 90.0 + 5 * n), 0.5) for n in range(3)]
    assert told(watch, *drive) == []
    assert told(watch, *rest) == [Proposal(S.ON_SCENE, 85.0)]


def test_driving_past_proposes_nothing() -> None:
    watch = Watch(run(S.EN_ROUTE))
    assert told(watch, *[(at(1000 - 55 * n, 5.0 * n), 11.0) for n in range(40)]) == []


def test_who_stays_has_arrived_also_without_a_speed() -> None:
    watch = Watch(run(S.EN_ROUTE))
    fixes = [(at(500, 0.0), None), *[(at(50, 10.0 + 5 * n), None) for n in range(5)]]
    assert told(watch, *fixes[:5]) == []
    assert told(watch, *fixes[5:]) == [Proposal(S.ON_SCENE, 10.0)]
    assert DWELL_S == 20.0


def test_one_fix_is_not_enough_nor_the_same_one_twice() -> None:
    watch = Watch(run(S.EN_ROUTE))
    assert told(watch, (at(10, 5.0), 0.0), (at(10, 5.0), 0.0)) == []
    assert told(watch, (at(10, 6.0), 0.0)) == [Proposal(S.ON_SCENE, 5.0)]


def test_an_uncertain_fix_says_nothing() -> None:
    watch = Watch(run(S.EN_ROUTE))
    assert told(watch, *[(at(10, 5.0 * n, SCENE_M + 50), 0.0) for n in range(9)]) == []
    # and in the band between in and out neither: the crossing stays where it was
    watch = Watch(run(S.EN_ROUTE))
    fixes = [(at(50, 5.0), 3.0), (at(SCENE_M + 20, 10.0), 3.0), (at(40, 15.0), 3.0)]
    assert told(watch, *fixes) == [Proposal(S.ON_SCENE, 5.0)]


def test_leaving_again_begins_anew() -> None:
    watch = Watch(run(S.EN_ROUTE))
    assert told(watch, (at(50, 5.0), 9.0), (at(400, 10.0), 9.0), (at(50, 60.0), 1.0)) == []
    assert told(watch, (at(45, 65.0), 1.0)) == [Proposal(S.ON_SCENE, 60.0)]


def test_a_second_crossing_is_told_too() -> None:
    watch = Watch(run(S.EN_ROUTE))
    assert told(watch, (at(50, 5.0), 1.0), (at(50, 10.0), 1.0)) == [Proposal(S.ON_SCENE, 5.0)]
    assert told(watch, (at(400, 60.0), 9.0), (at(50, 90.0), 1.0)) == []
    assert told(watch, (at(50, 95.0), 1.0)) == [Proposal(S.ON_SCENE, 90.0)]


@pytest.mark.parametrize("state", [S.ON_SCENE, S.AT_PATIENT])
def test_leaving_the_scene_proposes_left_scene(state: S) -> None:
    watch = Watch(run(state))
    assert told(watch, (at(5, 10.0), 0.0), (at(140, 100.0), 5.0), (at(220, 105.0), 9.0)) == []
    assert told(watch, (at(300, 110.0), 9.0)) == [Proposal(S.LEFT_SCENE, 105.0)]


def test_moving_off_after_acceptance_proposes_en_route() -> None:
    watch = Watch(run(S.ACCEPTED, scene=FAR))
    stands = [(at(1.0 * n, 10.0 + n), 0.0) for n in range(5)]
    assert told(watch, *stands, (at(DEPARTURE_M * 1.4, 30.0), 8.0)) == []
    assert told(watch, (at(200, 35.0), 8.0), (at(260, 40.0), 8.0)) == [Proposal(S.EN_ROUTE, 35.0)]


def test_where_the_crew_accepted_counts_also_when_it_is_told_last() -> None:
    watch = Watch(run(S.ACCEPTED, scene=FAR))
    fixes = [(at(0, 10.0), 0.0), (at(200, 35.0), 8.0), (at(260, 40.0), 8.0)]
    assert told(watch, *reversed(fixes))[-1] == Proposal(S.EN_ROUTE, 35.0)


def test_arriving_at_the_destination_proposes_at_facility() -> None:
    watch = Watch(run(S.LEFT_SCENE, scene=FAR, destination=HOME))
    fixes = [(at(900, 5.0), 9.0), (at(FACILITY_M - 20, 10.0), 6.0), (at(60, 15.0), 2.0)]
    assert told(watch, *fixes) == [Proposal(S.AT_FACILITY, 10.0)]
    # where the scene is the facility itself, being there is no arriving
    assert told(Watch(run(S.LEFT_SCENE, destination=HOME)), *fixes) == []


def test_fixes_from_before_the_last_stamp_say_nothing() -> None:
    watch = Watch(run(S.EN_ROUTE, since=100.0))
    assert told(watch, (at(5, 90.0), 0.0), (at(5, 99.0), 0.0), (at(5, 101.0), 0.0)) == []


@pytest.mark.parametrize("state", [S.OFFERED, S.AT_FACILITY, S.HANDED_OVER, S.CLEARED])
def test_other_states_have_nothing_to_cross(state: S) -> None:
    assert told(Watch(run(state)), *[(at(500 - 5 * n, 5.0 * n), 1.0) for n in range(100)]) == []


def test_surroundings_are_as_wide_as_the_place_is_unsure_up_to_a_limit() -> None:
    def radius(**more: object) -> float | None:
        circle = scene_circle(run(S.EN_ROUTE, **more))
        return circle.radius_m if circle else None

    assert radius() == SCENE_M
    assert radius(scene_m=250.0) == 250.0
    assert radius(road_m=300.0) == 350.0  # the house is away from the road the unit stops on
    assert radius(scene_m=LARGEST_M + 1) is None
    assert radius(scene=None) is None


_fixes = st.lists(
    st.tuples(st.floats(0, 400), st.integers(0, 600), st.floats(1, 120), st.booleans()), max_size=60
)


@given(_fixes.flatmap(lambda fixes: st.tuples(st.just(fixes), st.permutations(fixes))))
def test_the_crossing_does_not_depend_on_the_order_of_arrival(
    both: tuple[list[tuple[float, int, float, bool]], list[tuple[float, int, float, bool]]],
) -> None:
    """The newest first and the backlog after it come to the same crossing as a drive with a signal."""
    ends = []
    for fixes in both:
        known: dict[int, tuple[float, float, bool]] = {}
        for metres, when, accuracy, slow in both[0]:
            known.setdefault(when, (metres, accuracy, slow))  # a moment has one fix
        crossing = Crossing(S.ON_SCENE, Circle(*HOME, SCENE_M), inward=True)
        for _, when, _, _ in fixes:
            metres, accuracy, slow = known[when]
            crossing.take(at(metres, float(when), accuracy), 1.0 if slow else 9.0)
        ends.append(crossing.crossed_at())
    assert ends[0] == ends[1]


@given(st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 600), st.floats(1, 300)), max_size=80))
def test_nothing_is_proposed_that_was_not_seen(fixes: list[tuple[float, float, float]]) -> None:
    watch = Watch(run(S.EN_ROUTE))
    inside = {when for metres, when, accuracy in fixes if metres <= SCENE_M and accuracy <= SCENE_M}
    for metres, when, accuracy in fixes:
        for proposal in watch.take(at(metres, when, accuracy), 1.0):
            assert proposal.to is S.ON_SCENE
            assert proposal.at in inside
