"""What a data steward is shown: places where a map is probably drawn wrong."""

from __future__ import annotations

from pathlib import Path

from map_sketch import ROAD, Built, built

from routing.suspicious import KINDS, LISTED_PER_KIND, first_of

# A square of roads (100) that everything else hangs on.
SQUARE = {1: (0, 0), 2: (1000, 0), 3: (1000, 1000), 4: (0, 1000)}
AROUND = ([1, 2, 3, 4, 1], ROAD)


def found(built_map: Built) -> dict[str, list[tuple[int, str]]]:
    """Ways and details per kind."""
    places: dict[str, list[tuple[int, str]]] = {}
    for one in built_map.report.suspicious:
        places.setdefault(one.kind, []).append((one.way, one.detail))
    assert {kind: len(those) for kind, those in places.items()} == built_map.report.suspicions
    return places


def test_nothing_is_wrong_with_a_square(tmp_path: Path) -> None:
    assert found(built(tmp_path, SQUARE, [AROUND])) == {}


def test_a_gap(tmp_path: Path) -> None:
    nodes = SQUARE | {5: (500, 3), 6: (500, 500), 7: (500, 994)}
    roads = [AROUND, ([5, 6], ROAD), ([6, 7], ROAD), ([6, 4], ROAD)]
    assert found(built(tmp_path, nodes, roads)) == {"gap": [(101, "3.00 m, way 100")]}


def test_a_short_stub_is_no_gap(tmp_path: Path) -> None:
    nodes = SQUARE | {5: (500, 0), 6: (500, 4)}
    roads = [([1, 5, 2, 3, 4, 1], ROAD), ([5, 6], ROAD)]
    assert found(built(tmp_path, nodes, roads)) == {}


def test_roads_that_cross(tmp_path: Path) -> None:
    nodes = SQUARE | {5: (500, 200), 6: (500, -200), 7: (1000, 200)}
    roads = [([1, 2, 7, 3, 4, 1], ROAD), ([6, 5], ROAD), ([5, 7], ROAD)]
    crossed = found(built(tmp_path, nodes, roads))
    assert {(way, detail) for way, detail in crossed["crossing"]} <= {(100, "way 101"), (101, "way 100")}
    assert len(crossed["crossing"]) == 1
    bridged = [roads[0], ([6, 5], ROAD | {"bridge": "yes"}), roads[2]]
    assert found(built(tmp_path, nodes, bridged)) == {}


def test_one_way_without_return(tmp_path: Path) -> None:
    nodes = SQUARE | {5: (-300, 0), 6: (1300, 0)}
    one_way = ROAD | {"oneway": "yes"}
    traps = found(built(tmp_path, nodes, [AROUND, ([1, 5], one_way), ([6, 2], one_way)]))
    assert traps == {"one_way_trap": [(101, "300 m"), (102, "300 m")]}


def test_two_ways_in_one_place(tmp_path: Path) -> None:
    twice = found(built(tmp_path, SQUARE, [AROUND, ([3, 2], ROAD)]))
    assert twice == {"duplicate": [(101, "way 100")]}


def test_tags_and_shapes(tmp_path: Path) -> None:
    nodes = SQUARE | {5: (0, 0), 6: (1000, -2500), 7: (1000, -25_000)}
    roads = [
        ([1, 2, 3, 4, 1], ROAD | {"maxspeed": "pelan"}),
        ([1, 5], ROAD),
        ([2, 6, 7], ROAD),
    ]
    seen = found(built(tmp_path, nodes, roads))
    assert seen["maxspeed"] == [(100, "pelan")]
    assert seen["zero_length"] == [(101, "")]
    assert sorted(seen["long_segment"]) == [(102, "2.5 km"), (102, "22.5 km")]
    assert seen["long_edge"] == [(102, "25.0 km")]


def test_a_road_to_the_other_end_of_the_world_is_closed(tmp_path: Path) -> None:
    nodes = SQUARE | {5: (-9_000_000, 0)}
    far = built(tmp_path, nodes, [AROUND, ([2, 5, 3], ROAD)])
    seen = found(far)
    assert [way for way, _ in seen["long_edge"]] == [101]
    assert set(far.arrays.edge_way.tolist()) == {100}
    assert far.report.largest_part_share == 1.0


def test_the_list_is_cut_and_the_count_is_not(tmp_path: Path) -> None:
    many = LISTED_PER_KIND + 5
    nodes = {number: (10.0 * number, 0.0) for number in range(1, many + 2)}
    roads = [([number, number + 1], ROAD | {"maxspeed": "?"}) for number in range(1, many + 1)]
    report = built(tmp_path, nodes, roads).report
    assert report.suspicions == {"maxspeed": many}
    assert len(report.suspicious) == LISTED_PER_KIND
    assert len(first_of(report.suspicious, "maxspeed", 3)) == 3
    assert first_of(report.suspicious, "gap", 3) == ()
    assert set(report.suspicions) <= set(KINDS)
