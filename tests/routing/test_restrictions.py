"""Turn restrictions: what is understood, whom it binds, and what is left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from map_sketch import ROAD, Built, Relations, built

# A cross with a ring around it, so that every banned turn has a way round:
#   100 from the west, 101 to the east, 102 to the north, 103 to the south; 104 to 107 join the outer ends.
CROSS = {1: (0, 0), 2: (-100, 0), 3: (100, 0), 4: (0, 100), 5: (0, -100)}
WEST, EAST, NORTH, SOUTH = 100, 101, 102, 103
ROADS = [
    ([2, 1], ROAD),
    ([1, 3], ROAD),
    ([1, 4], ROAD),
    ([1, 5], ROAD),
    ([2, 4], ROAD),
    ([4, 3], ROAD),
    ([3, 5], ROAD),
    ([5, 2], ROAD),
]


def relation(
    kind: str, start: int = WEST, stop: int = NORTH, via: Sequence[tuple[str, int]] = (("n", 1),), **tags: str
) -> tuple[list[tuple[str, int, str]], dict[str, str]]:
    members = [("w", start, "from"), *((what, ref, "via") for what, ref in via), ("w", stop, "to")]
    return members, {"type": "restriction", "restriction": kind} | tags


def cross(folder: Path, *relations: Relations[0]) -> Built:
    return built(folder, CROSS, ROADS, relations)


def straight(found: Built, start: int, stop: int, profile: str = "ambulance") -> bool:
    """Whether one may turn from the one road into the other without another between."""
    drive = found.drive(start, stop, profile)
    assert drive is not None  # there is a way round for everybody
    return drive.ways == (start, stop)


def test_a_forbidden_turn(tmp_path: Path) -> None:
    found = cross(tmp_path, relation("no_left_turn"))
    assert not straight(found, WEST, NORTH)
    assert straight(found, WEST, EAST)
    assert straight(found, EAST, NORTH)
    assert straight(found, NORTH, WEST)
    assert not straight(found, WEST, NORTH, "car")
    assert straight(found, WEST, NORTH, "ambulance_siren")
    count = found.report.restrictions
    assert count is not None
    assert (count.read, count.kinds) == (1, {"no_left_turn": 1})
    assert count.kept == {"ambulance": 1, "ambulance_siren": 0, "car": 1}
    assert found.report.turn_copies == 1


def test_the_only_permitted_turn(tmp_path: Path) -> None:
    found = cross(tmp_path, relation("only_straight_on", WEST, EAST))
    assert straight(found, WEST, EAST)
    assert not straight(found, WEST, NORTH)
    assert not straight(found, WEST, SOUTH)
    assert straight(found, SOUTH, NORTH)


def test_no_turning_round(tmp_path: Path) -> None:
    free, bound = tmp_path / "free", tmp_path / "bound"
    free.mkdir()
    bound.mkdir()
    back = ([2, 6], ROAD)
    nodes, roads = CROSS | {6: (-200, 0)}, [ROADS[0], *ROADS[1:4], *ROADS[4:], back]
    banned = built(bound, nodes, roads, [relation("no_u_turn", WEST, WEST)])
    a = banned.arrays
    copy = len(a.node_lon) - 1
    refs = a.out_ref[a.out_first[copy] : a.out_first[copy + 1]]
    masks = a.out_banned[a.out_first[copy] : a.out_first[copy + 1]]
    turned = a.edge_way[refs >> 1] == WEST
    assert masks[turned].tolist() == [0b101]
    assert not masks[~turned].any()
    assert built(free, nodes, roads).report.turn_copies == 0


def test_who_is_excepted(tmp_path: Path) -> None:
    rules = relation("no_left_turn", **{"except": "bus;emergency"})
    found = cross(tmp_path, rules)
    assert straight(found, WEST, NORTH)
    assert not straight(found, WEST, NORTH, "car")
    assert found.report.restrictions.kept == {"ambulance": 0, "ambulance_siren": 0, "car": 1}


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (
            {"type": "restriction", "restriction:conditional": "no_left_turn @ (Mo-Fr 07:00-09:00)"},
            "conditional",
        ),
        ({"type": "restriction", "restriction": "no_left_turn", "hour_on": "07:00"}, "conditional"),
        ({"type": "restriction", "restriction:hgv": "no_left_turn"}, "other vehicles"),
        ({"type": "restriction:bus", "restriction": "no_left_turn"}, "other vehicles"),
        ({"type": "restriction", "restriction": "no_left_turn", "except": "emergency;motorcar"}, "excepted"),
    ],
)
def test_what_binds_nobody_here(tmp_path: Path, tags: dict[str, str], reason: str) -> None:
    members = [("w", WEST, "from"), ("n", 1, "via"), ("w", NORTH, "to")]
    found = cross(tmp_path, (members, tags))
    assert straight(found, WEST, NORTH, "car")
    assert found.report.restrictions.ignored == {reason: 1}
    assert found.report.restrictions.broken == {}


def test_a_rule_for_cars_alone(tmp_path: Path) -> None:
    members = [("w", WEST, "from"), ("n", 1, "via"), ("w", NORTH, "to")]
    found = cross(tmp_path, (members, {"type": "restriction", "restriction:motorcar": "no_left_turn"}))
    assert not straight(found, WEST, NORTH, "car")
    assert not straight(found, WEST, NORTH, "ambulance")  # a motor car like any other
    found = cross(tmp_path, (members, {"type": "restriction", "restriction:emergency": "no_left_turn"}))
    assert straight(found, WEST, NORTH, "car")
    assert not straight(found, WEST, NORTH, "ambulance")


@pytest.mark.parametrize(
    ("members", "kind", "reason"),
    [
        ([("w", WEST, "from"), ("w", NORTH, "to")], "no_left_turn", "member missing"),
        ([("n", 1, "via"), ("w", NORTH, "to")], "no_left_turn", "member missing"),
        (
            [("w", WEST, "from"), ("n", 2, "via"), ("w", NORTH, "to")],
            "no_left_turn",
            "ways do not meet at via",
        ),
        ([("w", WEST, "from"), ("n", 1, "via"), ("w", NORTH, "to")], "no_fun", "unknown kind"),
        (
            [("w", WEST, "from"), ("w", SOUTH, "from"), ("n", 1, "via"), ("w", NORTH, "to")],
            "no_left_turn",
            "too many members",
        ),
        ([("w", WEST, "from"), ("w", 106, "via"), ("w", NORTH, "to")], "no_u_turn", "via does not join"),
        (
            [("w", WEST, "from"), ("n", 1, "via"), ("n", 2, "via"), ("w", NORTH, "to")],
            "no_left_turn",
            "via is neither one node nor ways",
        ),
    ],
)
def test_what_is_broken(tmp_path: Path, members: list[tuple[str, int, str]], kind: str, reason: str) -> None:
    found = cross(tmp_path, (members, {"type": "restriction", "restriction": kind}))
    assert straight(found, WEST, NORTH)
    count = found.report.restrictions
    assert count.broken == {reason: 1}
    assert [(one.relation, one.reason) for one in count.broken_ones] == [(900, reason)]
    assert count.kinds == {}


def test_ways_that_are_not_driven_are_no_mistake(tmp_path: Path) -> None:
    roads = [*ROADS, ([1, 6], {"highway": "footway"})]
    found = built(tmp_path, CROSS | {6: (50, 50)}, roads, [relation("no_left_turn", WEST, 108)])
    assert found.report.restrictions.ignored == {"way not drivable here": 1}


def test_several_ways_in_and_out(tmp_path: Path) -> None:
    entry = [("w", WEST, "from"), ("w", SOUTH, "from"), ("n", 1, "via"), ("w", NORTH, "to")]
    found = cross(tmp_path, (entry, {"type": "restriction", "restriction": "no_entry"}))
    assert not straight(found, WEST, NORTH)
    assert not straight(found, SOUTH, NORTH)
    assert straight(found, EAST, NORTH)
    assert not straight(found, WEST, NORTH, "ambulance_siren")  # who comes out there does not look this way
    leave = [("w", WEST, "from"), ("n", 1, "via"), ("w", EAST, "to"), ("w", NORTH, "to")]
    found = cross(tmp_path, (leave, {"type": "restriction", "restriction": "no_exit"}))
    assert not straight(found, WEST, NORTH)
    assert not straight(found, WEST, EAST)
    assert straight(found, WEST, SOUTH)


def test_two_restrictions_on_one_road(tmp_path: Path) -> None:
    found = cross(tmp_path, relation("no_left_turn"), relation("no_right_turn", WEST, SOUTH))
    assert not straight(found, WEST, NORTH)
    assert not straight(found, WEST, SOUTH)
    assert straight(found, WEST, EAST)
    assert found.report.turn_copies == 1


def test_a_gate_at_the_junction(tmp_path: Path) -> None:
    """A gate gives every road an end of its own; the turn through it is forbidden all the same."""
    for kind, stop in (("no_left_turn", NORTH), ("only_straight_on", EAST)):
        found = built(tmp_path, CROSS, ROADS, [relation(kind, WEST, stop)], {1: {"barrier": "gate"}})
        assert found.report.restrictions.kinds == {kind: 1}
        assert not straight(found, WEST, NORTH)
        assert straight(found, WEST, EAST)
        assert straight(found, SOUTH, NORTH)
    # without the ring one has to turn round at the end of another road; two gates do not make a way
    cut = built(tmp_path, CROSS, ROADS[:4], [relation("no_left_turn")], {1: {"barrier": "gate"}})
    assert cut.drive(WEST, NORTH).ways == (WEST, EAST, EAST, NORTH)
    assert cut.drive(WEST, NORTH, "ambulance_siren").seconds == 15.0
    assert cut.drive(SOUTH, NORTH).seconds == 15.0


# Two carriageways joined by a short link; turning from one into the other over the link is forbidden.
#   2 -100-> 3 -101-> 4      eastwards
#   7 <-103- 6 <-102- 5      westwards, 30 m north; 104 is the link 3-6, 105 and 106 join them at the ends
DUAL = {2: (-200, 0), 3: (0, 0), 4: (200, 0), 5: (200, 30), 6: (0, 30), 7: (-200, 30)}
ONE_WAY = ROAD | {"oneway": "yes"}
LINKED = [
    ([2, 3], ONE_WAY), ([3, 4], ONE_WAY), ([5, 6], ONE_WAY), ([6, 7], ONE_WAY),
    ([3, 6], ROAD), ([4, 5], ROAD), ([7, 2], ROAD),
]  # fmt: skip


def test_a_forbidden_way_over_a_way(tmp_path: Path) -> None:
    rule = relation("no_u_turn", 100, 103, via=[("w", 104)])
    found = built(tmp_path, DUAL, LINKED, [rule])
    # over the link, the way back is banned; but the link can be crossed from the other side
    assert found.drive(100, 103).ways == (100, 101, 105, 102, 103)
    assert found.drive(102, 101).ways == (102, 104, 101)
    assert found.drive(100, 103, "ambulance_siren").ways == (100, 104, 103)
    # whoever starts on the link itself did not come from there
    assert found.drive(104, 103).ways == (104, 103)
    assert found.report.restrictions.via_way == 1
    assert found.report.turn_copies == 2


def test_the_only_way_over_a_way(tmp_path: Path) -> None:
    rule = relation("only_u_turn", 100, 103, via=[("w", 104)])
    found = built(tmp_path, DUAL, LINKED, [rule])
    assert found.drive(100, 103).ways == (100, 104, 103)
    assert found.drive(100, 101) is None  # no longer straight on
    assert found.drive(100, 101, "ambulance_siren").ways == (100, 101)


def test_a_via_of_two_ways_in_any_order(tmp_path: Path) -> None:
    nodes = DUAL | {8: (0, 15)}
    roads = [*LINKED[:4], ([3, 8], ROAD), *LINKED[5:], ([8, 6], ROAD)]
    for via in ([("w", 104), ("w", 107)], [("w", 107), ("w", 104)]):
        found = built(tmp_path, nodes, roads, [relation("no_u_turn", 100, 103, via=via)])
        assert found.drive(100, 103).ways == (100, 101, 105, 102, 103)
        assert found.report.turn_copies == 3


def test_a_road_that_goes_on_behind_the_junction(tmp_path: Path) -> None:
    """Mappers should cut roads where a restriction holds; the bend tells which half is meant."""
    roads = [([2, 1, 3], ROAD), ([1, 4], ROAD), ([1, 5], ROAD), *ROADS[4:]]
    found = built(tmp_path, CROSS, roads, [relation("no_left_turn", 100, 101)])
    a = found.arrays
    assert found.report.restrictions.kinds == {"no_left_turn": 1}
    banned = [(a.edge_way[a.out_ref[arc] >> 1]) for arc in a.out_banned.nonzero()[0]]
    assert banned == [101]
    (into,) = [arc for arc, head in enumerate(a.out_head) if a.node_origin[head] != head]
    west = min(a.node_lon)
    tail = next(node for node in range(len(a.node_lon)) if a.out_first[node] <= into < a.out_first[node + 1])
    assert a.node_lon[tail] == west
    vague = built(tmp_path, CROSS, roads, [relation("no_entry", 100, 101)])
    assert vague.report.restrictions.broken == {"ambiguous": 1}
