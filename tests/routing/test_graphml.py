"""Graphs saved by osmnx: the same network comes out as from the map they were made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import osmnx
import pytest
from map_sketch import ROAD, write_map
from road_sketch import at

from routing import AMBULANCE, PROFILES, BadExtract
from routing.arrays import ROUNDABOUT, NetworkArrays
from routing.build import build_store
from routing.graph import build_arrays, build_graph
from routing.graphml import read_graphml
from routing.raw import RawRoads
from routing.store import read_store

# A street with a bend (100), a one-way street drawn against its direction (101), a roundabout (102), a lane
# (103), and one street that goes on under another number (104, 105).
NODES = {
    1: (0, 0), 2: (100, 40), 3: (200, 0), 4: (300, 0), 5: (300, 100), 6: (200, 100), 7: (0, 300),
    8: (-100, 300), 9: (-100, 0), 10: (-200, 0),
}  # fmt: skip
WAYS = [
    ([1, 2, 3], ROAD | {"name": "Jalan Contoh", "maxspeed": "30"}),
    ([7, 1], ROAD | {"oneway": "-1"}),
    ([3, 4, 5, 6, 3], ROAD | {"junction": "roundabout"}),
    ([5, 7], {"highway": "service"}),
    ([1, 9], ROAD | {"ref": "K1"}),
    ([9, 10, 8, 7], {"highway": "unclassified"}),
]


def read(path: Path) -> RawRoads:
    return read_graphml(path, PROFILES, frozenset(), None, lambda stage, share: None)


def edge_list(arrays: NetworkArrays) -> list[tuple[object, ...]]:
    """What the edges are, whichever way round they are stored and in whatever order."""
    edges = []
    for e in range(len(arrays.edge_from)):
        ends = [
            (round(float(arrays.node_lon[n]), 6), round(float(arrays.node_lat[n]), 6))
            for n in (arrays.edge_from[e], arrays.edge_to[e])
        ]
        times = [int(arrays.edge_ms_forward[0, e]), int(arrays.edge_ms_backward[0, e])]
        name = arrays.name(int(arrays.edge_name[e]))
        flags = int(arrays.edge_flags[e])
        turned = ends[0] > ends[1]
        if turned:
            ends, times = ends[::-1], times[::-1]
        edges.append((*ends, *times, name, flags, int(arrays.edge_mm[e])))
    return sorted(edges, key=repr)


def saved(folder: Path, *, simplify: bool) -> Path:
    """The sketch as osmnx reads and saves it."""
    xml = write_map(folder / "map.osm", NODES, WAYS)
    graph = osmnx.graph_from_xml(xml, simplify=simplify, retain_all=True)
    osmnx.save_graphml(graph, folder / "map.graphml")
    return folder / "map.graphml"


def from_map(folder: Path) -> NetworkArrays:
    path = write_map(folder / "map.osm.pbf", NODES, WAYS)
    build_store(path, folder / "pbf")
    return read_store(folder / "pbf").arrays


def test_an_unsimplified_graph_is_the_map(tmp_path: Path) -> None:
    roads = read(saved(tmp_path, simplify=False))
    graph = build_graph(roads)
    arrays, _ = build_arrays(roads, graph)
    assert edge_list(arrays) == edge_list(from_map(tmp_path))


def test_a_simplified_graph_has_the_same_times(tmp_path: Path) -> None:
    """osmnx merges what has no junction between, and speeds with it; lengths and directions stay."""
    build_store(saved(tmp_path, simplify=True), tmp_path / "store")
    arrays, truth = read_store(tmp_path / "store").arrays, from_map(tmp_path)
    assert arrays.edge_mm.sum() == pytest.approx(truth.edge_mm.sum(), abs=5)
    one_way = (arrays.edge_ms_forward[0] == -1) ^ (arrays.edge_ms_backward[0] == -1)
    assert arrays.edge_mm[one_way].sum() == pytest.approx(300_000 + 400_000, abs=50)
    assert ((arrays.edge_flags & ROUNDABOUT) > 0).any()
    bend = arrays.shape_lon[np.isclose(arrays.shape_lat, at(100, 40)[1], atol=1e-7)]
    assert bend == pytest.approx(at(100, 40)[0], abs=1e-6)


HEAD = """<?xml version='1.0' encoding='utf-8'?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="x" for="node" attr.name="x" attr.type="string"/>
<key id="y" for="node" attr.name="y" attr.type="string"/>
<key id="h" for="edge" attr.name="highway" attr.type="string"/>
<key id="o" for="edge" attr.name="osmid" attr.type="string"/>
<key id="m" for="edge" attr.name="maxspeed" attr.type="string"/>
<key id="g" for="edge" attr.name="geometry" attr.type="string"/>
<key id="a" for="edge" attr.name="access" attr.type="string"/>
<graph edgedefault="directed">"""
TWO = """<node id="1"><data key="x">107.4</data><data key="y">-6.5</data></node>
<node id="zwei"><data key="x">107.41</data><data key="y">-6.5</data></node>"""
TAIL = "</graph></graphml>"


def graphml(folder: Path, body: str, head: str = HEAD) -> Path:
    path = folder / "jalan.graphml"
    path.write_text(head + body + TAIL, encoding="utf-8")
    return path


def edge(tail: str, head: str, **data: str) -> str:
    values = "".join(f'<data key="{key}">{value}</data>' for key, value in data.items())
    return f'<edge source="{tail}" target="{head}" id="0">{values}</edge>'


def test_of_several_values_the_most_cautious_counts(tmp_path: Path) -> None:
    values = {"o": "[7, 8]", "h": "['primary', 'tertiary']", "m": "['60', '20']"}
    roads = read(graphml(tmp_path, TWO + edge("1", "zwei", **values) + edge("zwei", "1", **values)))
    assert roads.classes[roads.highway[0]] == "tertiary"
    assert roads.kmh[0].tolist() == [[20.0], [20.0]]
    assert roads.way.tolist() == [7]
    shut = read(graphml(tmp_path, TWO + edge("1", "zwei", h="primary", a="['yes', 'private']")))
    assert shut.kmh[0, 0, 0] == AMBULANCE.speed_kmh["primary"]
    with pytest.raises(BadExtract, match="access 1"):
        read(graphml(tmp_path, TWO + edge("1", "zwei", h="primary", a="['yes', 'no']")))


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("<node id='1'></node>", "no x and y"),
        (TWO + edge("1", "3", h="primary"), "no such node"),
        (TWO + edge("1", "zwei", h="primary", g="POINT (1 2)"), "LINESTRING"),
        (TWO + edge("1", "zwei", h="primary", g="LINESTRING (1 2, 3, 4 5)"), "LINESTRING"),
        (TWO.replace("107.4<", "771234.5<"), "projected"),
        (TWO + edge("1", "zwei", q="x"), "lacks 'q'"),
        (TWO, "no ways"),
        ("<node", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, body: str, hint: str) -> None:
    path = graphml(tmp_path, body)
    with pytest.raises(BadExtract, match=hint) as caught:
        read(path)
    assert str(path) in caught.value.message_id


def test_entities_are_refused(tmp_path: Path) -> None:
    """A document type can name other files, or grow without end."""
    head = HEAD.replace("<graphml", "<!DOCTYPE g [<!ENTITY a 'aaaa'>]>\n<graphml", 1)
    with pytest.raises(BadExtract, match="document type"):
        read(graphml(tmp_path, TWO, head))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadExtract, match="nowhere"):
        build_store(tmp_path / "nowhere.graphml", tmp_path / "store")
