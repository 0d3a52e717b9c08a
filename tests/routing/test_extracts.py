"""Real maps: everything that is in them is accounted for, counted once more without our own reader."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import osmium
import pytest
from road_sketch import REPOSITORY

from routing import AMBULANCE, PROFILES
from routing.account import draw_up
from routing.arrays import NetworkArrays
from routing.extract import read_extract
from routing.graph import Graph, build_arrays, build_graph
from routing.metric import metres_per_degree
from routing.raw import RawRoads
from routing.report import BuildReport

DATA = Path(__file__).parent / "data"
ANDORRA = DATA / "andorra.osm.pbf"
OTHERS = {"tangerang-selatan": 0.92, "kota-tegal": 0.999, "kota-blitar": 0.95}

Made = tuple[RawRoads, Graph, NetworkArrays, BuildReport]


def made(path: Path) -> Made:
    roads = read_extract(path, PROFILES, frozenset(), None, lambda stage, share: None)
    graph = build_graph(roads)
    arrays, _ = build_arrays(roads, graph)
    return roads, graph, arrays, draw_up(roads, graph, arrays, path.name, "", "")


@pytest.fixture(scope="module")
def andorra() -> Made:
    return made(ANDORRA)


def test_every_way_of_andorra_is_accounted_for(andorra: Made) -> None:
    """Counted by osmium alone: a way is left out for a reason, or kept."""
    classes: Counter[str] = Counter()
    for way in osmium.FileProcessor(str(ANDORRA), osmium.osm.WAY):
        if "highway" in way.tags:
            classes[way.tags["highway"]] += 1
        elif way.tags.get("route") == "ferry":
            classes["ferry"] += 1
    report = andorra[3]
    assert report.ways_read == classes.total() == 6466
    assert report.ways_kept + sum(report.ways_dropped.values()) == report.ways_read
    for name in ("path", "footway", "steps", "cycleway", "construction", "raceway"):
        assert report.ways_dropped[f"class:{name}"] == classes[name]
    driven = sum(classes[name] for name in AMBULANCE.speed_kmh)
    others = sum(report.ways_dropped.get(why, 0) for why in ("access", "impassable", "area", "reversible"))
    pedestrian = classes["pedestrian"] - report.ways_dropped["class:pedestrian"]
    assert report.ways_kept == driven - others + pedestrian


def test_the_lengths_of_andorra(andorra: Made) -> None:
    """Kilometres of three classes without access tags, measured on a plane by osmium's own reading."""
    wanted = ("primary", "secondary", "tertiary")
    km = dict.fromkeys(wanted, 0.0)
    for way in osmium.FileProcessor(str(ANDORRA)).with_locations():
        if isinstance(way, osmium.osm.Way) and way.tags.get("highway") in wanted:
            places = np.array([(n.lon, n.lat) for n in way.nodes])
            scale = metres_per_degree(float(places[:, 1].mean()))
            km[way.tags["highway"]] += np.hypot(*(np.diff(places, axis=0) * scale).T).sum() / 1000
    report = andorra[3]
    for name in wanted:
        assert report.km_by_class[name] == pytest.approx(km[name], rel=1e-4)


def test_the_restrictions_of_andorra(andorra: Made) -> None:
    _, _, arrays, report = andorra
    count = report.restrictions
    assert count is not None
    relations = [r for r in osmium.FileProcessor(str(ANDORRA), osmium.osm.RELATION) if is_restriction(r)]
    assert count.read == len(relations) == 66
    assert count.kept == {"ambulance": 62, "ambulance_siren": 0, "car": 62}
    assert sum(count.kinds.values()) + sum(count.ignored.values()) + sum(count.broken.values()) == 66
    # three name no way to come from or to go to, one a node that the first way leads away from
    assert {one.relation: one.reason for one in count.broken_ones} == {
        3648983: "member missing",
        3648984: "member missing",
        3648986: "member missing",
        7225445: "ways do not meet at via",
    }
    assert report.turn_copies == (arrays.node_origin != np.arange(len(arrays.node_origin))).sum() > 50


def is_restriction(relation: object) -> bool:
    return isinstance(relation, osmium.osm.Relation) and relation.tags.get("type") == "restriction"


def test_a_banned_turn_of_andorra_is_banned(andorra: Made) -> None:
    """Each ban in the store stems from a relation's ways, and each copy is entered by one of them."""
    roads, graph, arrays, _ = andorra
    named = {}
    for restriction in roads.restrictions:
        ways = {m.role: m.ref for m in restriction.members if m.kind == "way"}
        if {"from", "to"} <= set(ways):
            named.setdefault(ways["from"], []).append((restriction.tags["restriction"], ways["to"]))
    assert len(graph.bans) > 50
    for ban in graph.bans:
        first, last = (int(arrays.edge_way[ref >> 1]) for ref in (ban.refs[0], ban.refs[-1]))
        rules = named[first]
        assert any(kind.startswith("only_") or to == last for kind, to in rules)
        assert ban.mask == 0b101
    tails = np.repeat(np.arange(len(arrays.node_lon)), np.diff(arrays.out_first))
    for arc in np.flatnonzero(arrays.out_banned):
        copy = tails[arc]
        entering = arrays.in_arc[arrays.in_first[copy] : arrays.in_first[copy + 1]]
        assert {int(arrays.edge_way[arrays.out_ref[a] >> 1]) for a in entering} <= set(named)


def test_the_findings_in_andorra(andorra: Made) -> None:
    report = andorra[3]
    assert report.data_date == "2023-05-02T20:16:04Z"
    shares = [profile.largest_part_share for profile in report.profiles]
    assert shares == pytest.approx([0.9663, 0.9675, 0.9632], abs=0.0005)
    siren, plain, car = (report.profiles[i].km for i in (1, 0, 2))
    assert siren > plain > car
    assert report.barriers is not None
    assert report.barriers.kinds["lift_gate"] == 28
    assert report.barriers.closed["car"] > report.barriers.closed["ambulance"]
    assert set(report.suspicions) == {"gap", "crossing", "one_way_trap"}
    west, south, east, north = report.box
    for one in report.suspicious:
        assert west - 0.05 < one.lon < east + 0.05
        assert south - 0.05 < one.lat < north + 0.05


def test_names_of_andorra(andorra: Made) -> None:
    arrays = andorra[2]
    names = {arrays.name(int(number)) for number in np.unique(arrays.edge_name)}
    assert {"Avinguda Meritxell", "Carretera de la Comella", None} <= names
    assert "CG-1" in {arrays.name(int(number)) for number in np.unique(arrays.edge_ref_name)}


@pytest.mark.parametrize("name", OTHERS)
def test_other_maps_come_in_without_hand_work(name: str) -> None:
    roads, _, arrays, report = made(DATA / f"{name}.osm.pbf")
    assert report.largest_part_share > OTHERS[name]
    assert report.ways_kept + sum(report.ways_dropped.values()) == report.ways_read
    assert report.clipped_nodes == 0
    lost = sum(int(not inside) for inside in np.isin(np.unique(roads.way), arrays.edge_way))
    assert lost / report.ways_kept < 0.12


def test_the_bundled_maps_stand_where_they_stood() -> None:
    for regency in sorted((REPOSITORY / "regencies").iterdir()):
        if (regency / "roads.osm.pbf").exists():
            report = made(regency / "roads.osm.pbf")[3]
            assert report.ways_kept > 1000
            assert report.restrictions is not None
            assert report.restrictions.read == 0
