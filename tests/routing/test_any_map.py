"""Whatever a map holds, what comes out hangs together: drawn at random, with barriers and restrictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from map_sketch import Built, built
from numpy.typing import NDArray

from routing.arrays import CLOSED_MS, FERRY, GATE
from routing.edges import times_ms
from routing.profile import class_names
from routing.profiles import PROFILES
from routing.restrictions import RestrictionCount

NODES = st.integers(1, 9)
TAGS = st.fixed_dictionaries(
    {"highway": st.sampled_from(["primary", "tertiary", "residential", "pedestrian", "footway"])},
    optional={
        "oneway": st.sampled_from(["yes", "-1", "reversible"]),
        "junction": st.just("roundabout"),
        "access": st.sampled_from(["private", "no"]),
        "name": st.sampled_from(["Jalan A", "Jalan B", "日本通り"]),
        "bridge": st.just("yes"),
    },
)
FERRIES = st.fixed_dictionaries({"route": st.just("ferry"), "motor_vehicle": st.just("yes")})
BARRIERS = st.fixed_dictionaries(
    {"barrier": st.sampled_from(["gate", "bollard", "kerb"])},
    optional={"access": st.sampled_from(["yes", "no", "private"])},
)
KINDS = st.sampled_from(
    ["no_left_turn", "no_u_turn", "only_straight_on", "no_entry", "only_right_turn", "no_fun"]
)
Sketch = tuple[
    dict[int, tuple[float, float]],
    list[tuple[list[int], Mapping[str, str]]],
    list[tuple[list[tuple[str, int, str]], dict[str, str]]],
    dict[int, Mapping[str, str]],
]


@st.composite
def sketches(draw: DrawFn) -> Sketch:
    places = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=9, max_size=9))
    nodes = {number: (100.0 * x, 100.0 * y) for number, (x, y) in enumerate(places, start=1)}
    # two streets through all nodes, so that something hangs together
    ways: list[tuple[list[int], Mapping[str, str]]] = [
        (list(range(1, 10)), {"highway": "tertiary"}),
        ([9, 5, 1], {"highway": "primary"}),
    ]
    for _ in range(draw(st.integers(0, 6))):
        refs = draw(st.lists(NODES, min_size=2, max_size=4))
        ways.append((refs, draw(st.one_of(TAGS, TAGS, TAGS, FERRIES))))
    way = st.integers(100, 99 + len(ways))
    relations = []
    for _ in range(draw(st.integers(0, 5))):
        via = draw(st.one_of(NODES.map(lambda n: ("n", n, "via")), way.map(lambda w: ("w", w, "via"))))
        members = [("w", draw(way), "from"), via, ("w", draw(way), "to")]
        relations.append((members, {"type": "restriction", "restriction": draw(KINDS)}))
    return nodes, ways, relations, draw(st.dictionaries(NODES, BARRIERS, max_size=3))


def reach(found: Built, row: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(nodes, nodes) who reaches whom by arcs that profile `row` may use; and those arcs."""
    a = found.arrays
    times = np.stack([a.edge_ms_forward[row], a.edge_ms_backward[row]])
    usable = (times[a.out_ref & 1, a.out_ref >> 1] != CLOSED_MS) & ((a.out_banned >> row & 1) == 0)
    count = len(a.node_lon)
    tail = np.repeat(np.arange(count), np.diff(a.out_first))
    can = np.eye(count, dtype=np.bool_)
    can[tail[usable], a.out_head[usable]] = True
    for _ in range(count.bit_length()):
        can = can | (can.astype(np.uint8) @ can.astype(np.uint8) > 0)
    return can, usable


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sketches())
def test_all_places_of_a_part_reach_each_other(tmp_path: Path, sketch: Sketch) -> None:
    """As answers do it: out by the first arc of a direction, in by any arc that is not banned."""
    found = built(tmp_path, *sketch)
    a = found.arrays
    tail = np.repeat(np.arange(len(a.node_lon)), np.diff(a.out_first))
    for row in range(len(PROFILES)):
        can, usable = reach(found, row)
        for one in np.flatnonzero(a.edge_in_part >> row & 1):
            refs = [ref for ref in (2 * one, 2 * one + 1) if a.ref_first[ref] < a.ref_first[ref + 1]]
            first = [int(a.ref_arc[a.ref_first[ref]]) for ref in refs]
            out = [int(a.out_head[arc]) for arc in first if usable[arc]]
            for other in np.flatnonzero(a.edge_in_part >> row & 1):
                arcs = a.ref_arc[a.ref_first[2 * other] : a.ref_first[2 * other + 2]]
                into = [int(tail[arc]) for arc in arcs if usable[arc]]
                assert can[np.ix_(out, into)].any()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sketches())
def test_the_arrays_fit_each_other(tmp_path: Path, sketch: Sketch) -> None:
    found = built(tmp_path, *sketch)
    a, report = found.arrays, found.report
    nodes, edges = len(a.node_lon), len(a.edge_from)
    assert (a.edge_in_part > 0).all() or (a.edge_flags[a.edge_in_part == 0] & GATE).all()
    for ends in (a.edge_from, a.edge_to, a.out_head, a.node_origin):
        assert ((ends >= 0) & (ends < nodes)).all()
    assert (a.node_origin[a.edge_from] == a.edge_from).all()
    assert a.shape_first[-1] == len(a.shape_lon) == len(a.segment_edge)
    assert (np.diff(a.shape_first) >= 2).all()
    assert (a.shape_mm[a.shape_first[1:] - 1] == a.edge_mm).all()
    for end, points in ((a.edge_from, a.shape_first[:-1]), (a.edge_to, a.shape_first[1:] - 1)):
        assert (a.node_lon[end] == a.shape_lon[points]).all()
        assert (a.node_lat[end] == a.shape_lat[points]).all()
    road = (a.edge_flags & (GATE | FERRY)) == 0
    for row, profile in enumerate(PROFILES):
        speeds = np.array([profile.speed_kmh.get(name, 0.0) for name in class_names(PROFILES)])
        for times in (a.edge_ms_forward[row], a.edge_ms_backward[row]):
            open_ = road & (times != CLOSED_MS)
            kmh = speeds[a.edge_class[open_]]
            assert (times[open_] == times_ms(a.edge_mm[open_], kmh)).all()
    assert edges == report.edges
    assert {a.name(int(number)) for number in a.edge_name} <= {None, "Jalan A", "Jalan B", "日本通り"}
    count = report.restrictions
    assert isinstance(count, RestrictionCount)
    said = sum(count.kinds.values()) + sum(count.ignored.values()) + sum(count.broken.values())
    assert said == count.read == len(sketch[2])
    assert report.ways_kept + sum(report.ways_dropped.values()) == report.ways_read
