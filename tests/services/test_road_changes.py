"""Closed and slow roads: in the next answer of every process, for as long as they last, and no longer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import shapely
from case_scene import CAUSE, SCENE, Case, along, stores

from dispatch.domain.errors import Conflict, ContentDiffers, InvalidInput, NotFound
from dispatch.domain.events import EventKind
from dispatch.domain.road_change import RoadChangeReason, RoadChangeState, RoadEffect
from dispatch.jobs.timers import HANDLERS
from dispatch.services.change_roads import (
    Drawn,
    NewRoadChange,
    RoadChangeView,
    change_roads,
    extend_road_change,
    lift_road_change,
    list_road_changes,
    road_change_starts,
)
from dispatch.services.due_timers import LEASE, claim_timer
from dispatch.services.feed import events_after
from dispatch.services.preview_roads import preview_road_change
from dispatch.services.rank_units import rank_for_place
from dispatch.services.roads import Roads
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.transaction import new_id


def drawn(start_m: float, stop_m: float) -> shapely.LineString:
    """A line along the road."""
    points = [along(start_m + (stop_m - start_m) * part / 4) for part in range(5)]
    return shapely.LineString([(p.lon, p.lat) for p in points])


def wish(shape: Drawn, effect: RoadEffect = RoadEffect.CLOSE, **given: Any) -> NewRoadChange:
    fields = {
        "id": new_id(),
        "speed_factor": 0.5 if effect is RoadEffect.SLOW else None,
        "reason": RoadChangeReason.FLOOD,
        "note": None,
        "starts_at": None,
        "ends_at": None,
    }
    return NewRoadChange(shape=shape, effect=effect, **{**fields, **given})


async def put(case: Case, asked: NewRoadChange) -> RoadChangeView:
    return await change_roads(case.centre, case.entry, case.operator, asked, cause=CAUSE)


async def seconds(case: Case) -> dict[str, float | None]:
    """Road seconds of every unit that can be sent to the scene; None where no road leads."""
    ranking = await rank_for_place(case.centre, case.entry, SCENE, None, frozenset())
    times: dict[str, float | None] = {c.unit.call_sign: c.road_s for c in ranking.candidates}
    times |= {h.unit.call_sign: None for h in ranking.not_offered if h.code == "unreachable"}
    return times


async def test_a_closed_road_counts_in_the_next_answer(case: Case) -> None:
    before = await seconds(case)
    closed = await put(case, wish(drawn(1_400, 1_600)))

    assert closed.state is RoadChangeState.ACTIVE
    assert closed.roads.edges == 1
    after = await seconds(case)
    assert after["A-1"] == before["A-1"]  # it stands on the near side of the water
    assert after["A-2"] is None
    assert after["A-3"] is None


async def test_a_slow_stretch_costs_its_own_length_more(case: Case) -> None:
    before = await seconds(case)
    await put(case, wish(drawn(500, 1_500), RoadEffect.SLOW, speed_factor=0.5))

    after = await seconds(case)
    per_km = 3600 / 45  # a secondary road
    assert before["A-2"] is not None
    assert after["A-2"] == pytest.approx(before["A-2"] + per_km, rel=0.02)
    assert before["A-1"] is not None
    assert after["A-1"] == pytest.approx(before["A-1"] + per_km / 2, rel=0.03)


async def test_other_processes_and_restarts_see_it(case: Case) -> None:
    await put(case, wish(drawn(1_400, 1_600)))
    case.centre.roads = Roads(stores())  # what a new process begins with

    assert (await seconds(case))["A-2"] is None


async def test_it_begins_and_ends_by_the_clock_alone(case: Case) -> None:
    before = await seconds(case)
    planned = await put(
        case,
        wish(
            drawn(1_400, 1_600),
            starts_at=case.now + timedelta(minutes=10),
            ends_at=case.now + timedelta(minutes=20),
        ),
    )
    assert planned.state is RoadChangeState.PLANNED
    assert await seconds(case) == before
    case.pass_time(600)
    assert (await seconds(case))["A-2"] is None
    case.pass_time(600)  # no worker ran in between
    assert await seconds(case) == before
    assert await list_road_changes(case.centre, case.entry) == []
    lately = await list_road_changes(case.centre, case.entry, ended_since=case.now - timedelta(hours=1))
    assert [c.state for c in lately] == [RoadChangeState.ENDED]


async def test_the_screens_are_told_of_beginning_and_end(case: Case) -> None:
    await put(
        case,
        wish(
            drawn(1_400, 1_600),
            starts_at=case.now + timedelta(seconds=5),
            ends_at=case.now + timedelta(seconds=9),
        ),
    )
    await case.later(12)

    kinds = [e.kind for e in await events_after(case.centre, case.entry, 0) if "road_change" in e.kind]
    assert kinds == [EventKind.ROAD_CHANGED, EventKind.ROAD_CHANGE_STARTED, EventKind.ROAD_CHANGE_ENDED]


async def test_a_worker_that_was_slow_tells_no_beginning_a_second_time(case: Case) -> None:
    await put(case, wish(drawn(1_400, 1_600), starts_at=case.now + timedelta(seconds=5)))
    case.pass_time(5)
    first = await claim_timer(case.centre, case.entry, list(HANDLERS))
    case.pass_time(LEASE.total_seconds() + 1)
    second = await claim_timer(case.centre, case.entry, list(HANDLERS))
    assert first is not None
    assert second is not None
    for firing in (second, first):
        await road_change_starts(case.centre, case.entry, firing)
    assert len(await case.events(EventKind.ROAD_CHANGE_STARTED)) == 1


async def test_lifting_opens_the_road_again(case: Case) -> None:
    before = await seconds(case)
    closed = await put(case, wish(drawn(1_400, 1_600), ends_at=case.now + timedelta(hours=4)))
    lifted = await lift_road_change(case.centre, case.entry, case.colleague, closed.id, cause=CAUSE)

    assert lifted.state is RoadChangeState.LIFTED
    assert await seconds(case) == before
    again = await lift_road_change(case.centre, case.entry, case.operator, closed.id, cause=CAUSE)
    assert again == lifted
    with pytest.raises(Conflict):
        await extend_road_change(case.centre, case.entry, case.operator, closed.id, None, cause=CAUSE)


async def test_another_end(case: Case) -> None:
    closed = await put(case, wish(drawn(1_400, 1_600), ends_at=case.now + timedelta(minutes=5)))
    longer = case.now + timedelta(minutes=30)
    await extend_road_change(case.centre, case.entry, case.operator, closed.id, longer, cause=CAUSE)
    case.pass_time(600)
    assert (await seconds(case))["A-2"] is None
    past = case.now - timedelta(minutes=1)
    with pytest.raises(InvalidInput):
        await extend_road_change(case.centre, case.entry, case.operator, closed.id, past, cause=CAUSE)
    forever = await extend_road_change(case.centre, case.entry, case.operator, closed.id, None, cause=CAUSE)
    assert forever.ends_at is None


async def test_the_same_drawing_twice_is_one_and_another_is_refused(case: Case) -> None:
    asked = wish(drawn(1_400, 1_600))
    assert await put(case, asked) == await put(case, asked)
    assert len(await list_road_changes(case.centre, case.entry)) == 1
    with pytest.raises(ContentDiffers):
        await put(case, wish(drawn(1_400, 1_700), id=asked.id))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"shape": shapely.Point(108.9, -6.0)}, "shape"),
        ({"ends_at": timedelta(minutes=-1)}, "ends_at"),
        ({"starts_at": timedelta(days=-2)}, "starts_at"),
        ({"starts_at": timedelta(days=400)}, "starts_at"),
        ({"effect": RoadEffect.SLOW, "speed_factor": None}, "speed_factor"),
        ({"effect": RoadEffect.SLOW, "speed_factor": 0.99}, "speed_factor"),
        ({"effect": RoadEffect.CLOSE, "speed_factor": 0.5}, "speed_factor"),
    ],
)
async def test_nonsense_is_named_and_nothing_kept(case: Case, given: dict[str, Any], field: str) -> None:
    values = {k: case.now + v if isinstance(v, timedelta) else v for k, v in given.items()}
    shape, effect = values.pop("shape", drawn(1_400, 1_600)), values.pop("effect", RoadEffect.CLOSE)
    with pytest.raises(InvalidInput) as refused:
        await put(case, wish(shape, effect, **values))
    assert [p.field for p in refused.value.problems] == [field]
    assert await list_road_changes(case.centre, case.entry) == []


async def test_unknown_ids_are_named(case: Case) -> None:
    with pytest.raises(NotFound):
        await lift_road_change(case.centre, case.entry, case.operator, UUID(int=1), cause=CAUSE)


async def test_the_preview_says_whose_minutes_change_and_keeps_nothing(case: Case) -> None:
    incident_id = await case.incident()
    await case.send("A-2", incident_id)
    before = await seconds(case)

    shown = await preview_road_change(case.centre, case.entry, wish(drawn(1_400, 1_600)))

    assert shown.roads.edges == 1
    changed = {a.call_sign: a for a in shown.arrivals}
    assert set(changed) == {"A-2", "A-3", "M-1", "M-2"}
    assert shown.arrivals[0].call_sign == "A-2"  # the one on its way stands first
    assert changed["A-2"].sent
    assert changed["A-2"].after_s is None
    assert "A-1" not in changed
    assert await seconds(case) == before
    assert await list_road_changes(case.centre, case.entry) == []


async def test_the_log_rebuilds_them(case: Case) -> None:
    closed = await put(case, wish(drawn(1_400, 1_600), note="Jembatan putus"))
    await lift_road_change(case.centre, case.entry, case.colleague, closed.id, cause=CAUSE)
    async with case.centre.read(case.entry.tenant) as tx:
        assert list(differences(await rebuild(tx), await current(tx))) == []


async def test_a_unit_that_no_known_road_leads_from_can_be_sent_all_the_same(case: Case) -> None:
    """Its crew may know a way that the map does not: a closed road must never keep anybody from sending."""
    incident_id = await case.incident()
    await put(case, wish(drawn(1_400, 1_600)))
    assert (await seconds(case))["A-2"] is None

    sent = await case.send("A-2", incident_id, None)

    assert (sent.predicted_s, sent.rank) == (None, 0)
    assert await case.open_runs(incident_id) == {"A-2": "offered"}
