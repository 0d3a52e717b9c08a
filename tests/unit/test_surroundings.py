"""Fixes that are looked at by the thousand speak for the same steps as one after the other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.assignment import AssignmentState as S
from dispatch.domain.geofence import Proposal, Watch, WatchedRun
from dispatch.live.surroundings import Surroundings
from dispatch.services.save_positions import Fix, as_records

HERE = (107.4434, -6.5567)
METRE = 1 / 111_195
UNITS = [UUID(int=n + 1) for n in range(4)]
STATES = [S.ACCEPTED, S.EN_ROUTE, S.STAGED, S.ON_SCENE, S.AT_PATIENT, S.LEFT_SCENE]


def fix(unit: UUID, at: float, north_m: float, **members: Any) -> Fix:
    return Fix(
        unit, 1, at, at, HERE[0], HERE[1] + north_m * METRE, at=at, unit_id=unit, **members
    )  # fmt: skip


def watch(state: S, since: float = 0.0) -> Watch:
    return Watch(WatchedRun(state, since, HERE, 20.0, 10.0, (HERE[0], HERE[1] + 5_000 * METRE)))


def one_by_one(watches: dict[UUID, Watch], batch: list[Fix]) -> list[tuple[bytes, Proposal]]:
    return [
        (each.unit_id.bytes, proposal)
        for each in batch
        if each.unit_id in watches and each.quality == "good"
        for proposal in watches[each.unit_id].take(each, each.speed_ms)
    ]


def together(surroundings: Surroundings, batch: list[Fix]) -> list[tuple[bytes, Proposal]]:
    return [(unit, one) for unit, new in surroundings.take(as_records(batch)) for one in new]


fixes = st.builds(
    fix,
    st.sampled_from(UNITS),
    st.integers(0, 120).map(float),
    st.sampled_from([0.0, 40.0, 90.0, 120.0, 160.0, 300.0, 2_000.0, 4_900.0, 5_000.0, -2_000.0]),
    accuracy_m=st.sampled_from([None, 5.0, 60.0, 149.0]),
    speed_ms=st.sampled_from([None, 0.0, 20.0]),
    quality=st.sampled_from(["good", "good", "good", "jump"]),
)


@given(
    st.lists(st.sampled_from(STATES), min_size=3, max_size=3),
    st.lists(st.lists(fixes, max_size=12), max_size=8),
    st.integers(0, 60).map(float),
)
def test_the_same_steps_are_spoken_for(states: list[S], batches: list[list[Fix]], since: float) -> None:
    surroundings = Surroundings()
    watches: dict[UUID, Watch] = {}
    for unit, state in zip(UNITS, states, strict=False):
        watches[unit] = watch(state, since)
        surroundings.watch(unit.bytes, watch(state, since))
    for batch in batches:
        # of each unit in the order in which they came; units stand for themselves
        assert sorted(together(surroundings, batch)) == sorted(one_by_one(watches, batch))


def test_who_drives_by_far_away_is_remembered_when_somebody_comes_near() -> None:
    """Fixes from before the vehicle was last outside do not make an arrival, whenever they come in."""
    surroundings = Surroundings()
    surroundings.watch(UNITS[0].bytes, watch(S.EN_ROUTE))
    assert together(surroundings, [fix(UNITS[0], 50.0, 3_000.0)]) == []
    early = [fix(UNITS[0], at, 10.0, speed_ms=0.0) for at in (30.0, 35.0, 40.0)]
    assert together(surroundings, early) == []
    late = [fix(UNITS[0], at, 10.0, speed_ms=0.0) for at in (60.0, 65.0)]
    assert together(surroundings, late) == [(UNITS[0].bytes, Proposal(S.ON_SCENE, 60.0))]


def test_a_unit_that_is_watched_anew_or_no_more_begins_from_nothing() -> None:
    surroundings = Surroundings()
    arrival = [fix(UNITS[0], at, 10.0, speed_ms=0.0) for at in (60.0, 65.0)]
    surroundings.watch(UNITS[0].bytes, watch(S.EN_ROUTE))
    assert together(surroundings, [fix(UNITS[0], 90.0, 3_000.0)]) == []
    surroundings.forget(UNITS[0].bytes)
    assert together(surroundings, arrival) == []
    surroundings.watch(UNITS[0].bytes, watch(S.EN_ROUTE))
    assert together(surroundings, arrival) == [(UNITS[0].bytes, Proposal(S.ON_SCENE, 60.0))]
    surroundings.clear()
    surroundings.watch(UNITS[1].bytes, watch(S.EN_ROUTE))
    assert together(surroundings, arrival) == []
