"""Live changes: what a drawing hits, when it counts, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from road_sketch import Edge, Scatter, at, network_of
from shapely import LineString, MultiLineString, Point, Polygon

from routing import BadChange, ChangeReport, Network, RoadChange, Unreachable, next_change_at
from routing.arrays import CLOSED_MS

NOW = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def close(*places: tuple[float, float], effect: float | str = "close", **more: object) -> RoadChange:
    """A change drawn in metres: a point, a line, or an area when the last place is the first."""
    corners = [at(*place) for place in places]
    if len(corners) == 1:
        shape: object = Point(corners[0])
    elif corners[0] == corners[-1]:
        shape = Polygon(corners)
    else:
        shape = LineString(corners)
    return RoadChange(**{"id": "c", "geometry": shape, "effect": effect, "starts_at": NOW, **more})


@pytest.fixture
def ladder() -> Network:
    """A straight road of 2 km, 100 s, and a way round it of 200 s; a lane crosses it in the middle."""
    nodes = [(0.0, 0.0), (2000.0, 0.0), (0.0, 900.0), (2000.0, 900.0), (1000.0, 0.0), (1000.0, -500.0)]
    edges = [
        Edge(0, 4, 50_000, 50_000, name="Jalan Raya"),
        Edge(4, 1, 50_000, 50_000, name="Jalan Raya"),
        Edge(0, 2, 50_000, 50_000),
        Edge(2, 3, 100_000, 100_000, name="Jalan Utara"),
        Edge(3, 1, 50_000, 50_000),
        Edge(4, 5, 25_000, 25_000, name="Gang"),
    ]
    return network_of(nodes, edges)


WEST, EAST = at(0, 0), at(2000, 0)


def test_a_closed_point_is_driven_around(ladder: Network) -> None:
    assert ladder.route(WEST, EAST).road_s == 100.0
    closed = ladder.with_changes([close((500, 20))], NOW)
    assert closed.route(WEST, EAST).road_s == 200.0
    assert ladder.route(WEST, EAST).road_s == 100.0
    assert closed.version != ladder.version
    assert closed.route(WEST, EAST).version == f"{closed.version}.ambulance.base"
    assert ladder.route(WEST, EAST).version == f"{ladder.version}.ambulance.base"
    (report,) = closed.changes
    assert (report.edges, report.streets, report.km) == (1, ("Jalan Raya",), 0.03)
    assert report.lines.length > 0


def test_places_on_both_sides_of_a_closure_are_reached_from_their_side(ladder: Network) -> None:
    closed = ladder.with_changes([close((500, 0))], NOW)
    before, behind = at(400, 0), at(600, 0)
    assert closed.route(WEST, before).road_s == pytest.approx(20.0, abs=0.01)
    assert closed.route(EAST, behind).road_s == pytest.approx(70.0, abs=0.01)
    # between them the way leads all the way round
    assert closed.route(before, behind).road_s == pytest.approx(20 + 200 + 70, abs=0.02)
    assert closed.route(at(300, 0), before).road_s == pytest.approx(5.0, abs=0.01)


def test_a_place_inside_a_closure_is_unreachable_and_says_so(ladder: Network) -> None:
    closed = ladder.with_changes([close((400, 0), (700, 0))], NOW)
    inside = at(550, 0)
    (travel,) = closed.to_one([WEST], inside)
    assert not travel.reachable
    assert {"closed_road", "cut_off"} <= set(travel.doubts)
    assert travel.target.closed
    with pytest.raises(Unreachable) as caught:
        closed.route(inside, WEST)
    assert "closed_road" in caught.value.doubts
    assert closed.times_to_one([WEST], inside).road_ms.tolist() == [1 << 29]
    assert np.isinf(closed.matrix([WEST], [inside]).seconds).all()


def test_what_closures_cut_off_says_so(ladder: Network) -> None:
    """The lane has one entrance."""
    closed = ladder.with_changes([close((1000, -40))], NOW)
    (travel,) = closed.to_one([at(1000, -400)], WEST)
    assert (travel.reachable, travel.doubts) == (False, ("cut_off",))


def test_a_slow_stretch_counts_by_its_part(ladder: Network) -> None:
    area = [(500, -50), (1000, -50), (1000, 50), (500, 50), (500, -50)]
    slow = ladder.with_changes([close(*area, effect=0.5)], NOW)
    assert slow.route(WEST, at(500, 0)).road_s == pytest.approx(25.0, abs=0.01)
    assert slow.route(WEST, at(750, 0)).road_s == pytest.approx(50.0, abs=0.02)
    assert slow.route(WEST, EAST).road_s == pytest.approx(125.0, abs=0.01)
    # of two changes in one place the worse one counts
    both = ladder.with_changes([close(*area, effect=0.5), close(*area, effect=0.25, id="d")], NOW)
    assert both.route(WEST, EAST).road_s == pytest.approx(175.0, abs=0.01)


def test_an_area_hits_all_that_runs_through_it(ladder: Network) -> None:
    flood = close((900, -100), (1100, -100), (1100, 100), (900, 100), (900, -100))
    report = ladder.changes_report(flood)
    assert report.edges == 3
    assert report.streets == ("Jalan Raya", "Gang")
    assert report.km == pytest.approx(0.3, abs=0.002)
    assert ladder.with_changes([flood], NOW).route(WEST, EAST).road_s == 200.0


def test_an_area_that_meets_an_edge_twice_leaves_the_middle() -> None:
    network = network_of([(0.0, 0.0), (1000.0, 0.0)], [Edge(0, 1, 100_000, 100_000)])
    corners = [(100, -50), (900, -50), (900, 50), (800, 50), (800, -40), (200, -40), (200, 50), (100, 50)]
    closed = network.with_changes([close(*corners, corners[0])], NOW)
    assert closed.route(at(300, 0), at(700, 0)).road_s == pytest.approx(40.0, abs=0.01)
    with pytest.raises(Unreachable):
        closed.route(at(0, 0), at(500, 0))


def test_a_line_hits_what_it_follows_not_what_it_crosses(ladder: Network) -> None:
    report = ladder.changes_report(close((20, 8), (500, -9), (990, 6)))
    assert (report.edges, report.streets, report.off_road_m) == (1, ("Jalan Raya",), 0.0)
    assert report.km == pytest.approx(1.0, abs=0.025)
    astray = ladder.changes_report(close((500, 0), (900, 0), (900, 300)))
    assert astray.off_road_m == pytest.approx(285, abs=25)


@pytest.mark.parametrize(("direction", "there", "back"), [("along", 200.0, 100.0), ("against", 100.0, 200.0)])
def test_one_direction_of_a_line(ladder: Network, direction: str, there: float, back: float) -> None:
    closed = ladder.with_changes([close((200, 0), (800, 0), direction=direction)], NOW)
    assert closed.route(WEST, EAST).road_s == there
    assert closed.route(EAST, WEST).road_s == back


def test_several_lines_make_one_change(ladder: Network) -> None:
    lines = MultiLineString([[at(100, 0), at(900, 0)], [at(0, 100), at(0, 800)]])
    closed = ladder.with_changes([replace(close((0, 0)), geometry=lines)], NOW)
    with pytest.raises(Unreachable):
        closed.route(WEST, EAST)


def test_a_change_has_its_time(ladder: Network) -> None:
    change = close((500, 0), starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
    for minutes, seconds in ((0, 100.0), (60, 200.0), (119, 200.0), (120, 100.0)):
        view = ladder.with_changes([change], NOW + timedelta(minutes=minutes))
        assert view.route(WEST, EAST).road_s == seconds
        assert (view is ladder) == (seconds == 100.0)
    assert next_change_at([change], NOW) == NOW + HOUR
    assert next_change_at([change], NOW + HOUR) == NOW + 2 * HOUR
    assert next_change_at([change], NOW + 2 * HOUR) is None


def test_equal_effects_give_one_version(ladder: Network) -> None:
    one, other = close((500, 0)), close((1500, 0), id="d")
    version = ladder.with_changes([one, other], NOW).version
    again = [replace(other, id="x", reason="banjir"), replace(one, author="y")]
    assert ladder.with_changes(again, NOW).version == version
    assert ladder.with_changes([one], NOW).version != version
    # a view of a view is one of the whole network
    assert ladder.with_changes([one], NOW).with_changes([other], NOW).route(WEST, EAST).road_s == 200.0
    assert ladder.with_changes([one], NOW).with_changes([], NOW) is ladder


def test_a_change_off_the_map_is_refused_and_the_others_count(ladder: Network) -> None:
    far = close((500, 400), id="far")
    with pytest.raises(BadChange, match="30 m") as caught:
        ladder.changes_report(far)
    assert caught.value.change == "far"
    view = ladder.with_changes([far, close((500, 0))], NOW)
    assert view.route(WEST, EAST).road_s == 200.0
    refused, placed = view.changes
    assert isinstance(refused.refused, BadChange)
    assert placed.refused is None


BOW_TIE = Polygon([at(0, 0), at(100, 100), at(100, 0), at(0, 100)])


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ({"effect": 0}, 0),
        ({"effect": 1.5}, 1.5),
        ({"effect": float("nan")}, None),
        ({"effect": "slow"}, "slow"),
        ({"effect": True}, True),
        ({"geometry": BOW_TIE}, "Polygon"),
        ({"geometry": Polygon()}, "Polygon"),
        ({"geometry": "jalan"}, "str"),
        ({"direction": "north"}, "north"),
        ({"direction": "along"}, "along"),
        ({"starts_at": NOW.replace(tzinfo=None)}, None),
        ({"ends_at": NOW}, NOW),
    ],
)
def test_what_is_no_change(wrong: dict[str, object], value: object) -> None:
    good: dict[str, object] = {"id": "c", "geometry": Point(at(0, 0)), "effect": "close", "starts_at": NOW}
    with pytest.raises(BadChange) as caught:
        RoadChange(**{**good, **wrong})
    if value is not None:
        assert caught.value.value == value
    assert caught.value.message_id != caught.value.message_en


def test_swapped_drawings_are_named(ladder: Network) -> None:
    lon, lat = at(500, 0)
    with pytest.raises(BadChange, match="swapped"):
        ladder.changes_report(replace(close((0, 0)), geometry=Point(lat, lon)))


def test_a_one_way_street_stays_one_way() -> None:
    network = network_of([(0.0, 0.0), (500.0, 0.0)], [Edge(0, 1, 50_000, CLOSED_MS)])
    view = network.with_changes([close((250, 0), effect=0.5)], NOW)
    assert view.route(at(0, 0), at(500, 0)).road_s > 50
    with pytest.raises(Unreachable):
        view.route(at(500, 0), at(0, 0))


def random_changes(network: Network, points: np.ndarray) -> Iterator[list[RoadChange]]:
    snapped = [Point(snap.lon, snap.lat) for snap in network.snap(points)]
    for turn in range(4):
        shapes = [*snapped[turn::8], snapped[turn].buffer(0.01)]
        yield [
            RoadChange(f"{turn}-{number}", shape, "close" if number % 2 else 0.3, NOW)
            for number, shape in enumerate(shapes)
        ]


def test_a_changed_metric_is_the_one_made_anew(batang: Network, scatter: Scatter) -> None:
    """Partly renewed weights equal those poured in from the start."""
    from routing.engine import customise

    for changes in random_changes(batang, scatter(batang, 64)):
        view = batang.with_changes(changes, NOW)
        metric = view._metrics.get("ambulance", None)
        anew = customise(batang._core.hierarchy, metric.weights.arc_cost)
        assert (anew.up == metric.weights.up).all()
        assert (anew.down == metric.weights.down).all()


def test_many_threads_change_and_ask_at_once(batang: Network, scatter: Scatter) -> None:
    points = scatter(batang, 64)
    sets = list(random_changes(batang, points))

    def ask(turn: int) -> list[object]:
        view = batang.with_changes(sets[turn % 4], NOW)
        return [view.version, view.to_one(points, points[0]), view.to_one(points, points[1], profile="car")]

    alone = [ask(turn) for turn in range(4)]
    batang._views._made.clear()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, range(32)))
    for turn, answer in enumerate(together):
        assert answer == alone[turn % 4]


def test_a_report_says_what_kind_of_road_it_hits(batang: Network) -> None:
    snap = batang.snap([(109.73, -6.91)])[0]
    area = Point(snap.lon, snap.lat).buffer(0.01)
    report: ChangeReport = batang.changes_report(RoadChange("a", area, "close", NOW))
    assert report.edges > 1
    assert sum(report.km_by_class.values()) == pytest.approx(report.km, abs=0.01)
    assert area.buffer(1e-6).contains(report.lines)
