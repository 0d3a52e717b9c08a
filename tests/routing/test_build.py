"""Building from an extract: what is kept, what is dropped, what is reported, what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from road_sketch import BATANG, PURWAKARTA, TOLL, Nodes, Ways, at, write_osm
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

import routing
from routing import AMBULANCE, PROFILES, BadExtract, Network, Profile
from routing.arrays import ARRAY_TYPES
from routing.edges import segment_metres
from routing.extract import read_extract
from routing.hierarchy import Hierarchy

ROAD = {"highway": "tertiary"}
TERTIARY = AMBULANCE.speed_kmh["tertiary"] / 3.6


def built(folder: Path, nodes: Nodes, ways: Ways) -> tuple[routing.BuildReport, Network]:
    report = routing.build_store(write_osm(folder / "roads.osm.pbf", nodes, ways), folder / "store")
    return report, routing.open_store(folder / "store")


def test_purwakarta_without_toll_roads(purwakarta: Network) -> None:
    report = purwakarta.report
    assert report.ways_dropped == {"excluded:motorway": 59}
    assert report.largest_part_share == pytest.approx(0.989, abs=0.0005)
    assert purwakarta.largest_part_share == report.largest_part_share
    assert report.vertices == 13_617
    assert report.parts == 1 + 34
    assert report.connector_km == pytest.approx(3.69, abs=0.01)
    assert report.km_by_class == pytest.approx(
        {"primary": 37.6, "secondary": 40.4, "tertiary": 466.3}, abs=0.1
    )
    assert report.km_in_store == pytest.approx(541.9, abs=0.1)
    assert purwakarta.box == pytest.approx((107.2514, -6.7342, 107.5967, -6.4182), abs=1e-3)
    assert (purwakarta.node_count, purwakarta.edge_count) == (report.nodes, report.edges)


def test_batang(batang: Network) -> None:
    assert batang.report.ways_dropped == {"class:path": 265}
    assert batang.largest_part_share == pytest.approx(0.994, abs=0.0005)
    assert batang.report.connector_km == 0


def test_contraction_keeps_times(purwakarta: Network) -> None:
    """Between junctions, the store's times are those of the uncut ways, within a millisecond per edge."""
    roads = read_extract(PURWAKARTA, [AMBULANCE], TOLL, None, lambda stage, share: None)
    metres, line = segment_metres(roads)
    tail, head = np.delete(roads.vertex, roads.first[1:] - 1), np.delete(roads.vertex, roads.first[:-1])
    seconds = metres * 3.6 / roads.kmh[0, 0, line]  # every road of this extract is two-way
    cheapest: dict[tuple[int, int], float] = {}
    for a, b, cost in zip(tail.tolist(), head.tolist(), seconds.tolist(), strict=True):
        for pair in ((a, b), (b, a)):
            cheapest[pair] = min(cost, cheapest.get(pair, np.inf))
    rows, columns = zip(*cheapest, strict=True)
    count = len(roads.lon)
    matrix = coo_array((list(cheapest.values()), (rows, columns)), shape=(count, count)).tocsr()
    places = {place: vertex for vertex, place in enumerate(zip(roads.lon, roads.lat, strict=True))}
    arrays = purwakarta._arrays
    nodes = list(zip(arrays.node_lon.tolist(), arrays.node_lat.tolist(), strict=True))[::25]
    truth = dijkstra(matrix, indices=np.array([places[nodes[7]]]))[0]
    for travel in purwakarta.from_one(nodes[7], nodes):
        assert travel.access_m == pytest.approx(0, abs=1e-3)
        assert travel.road_s == pytest.approx(truth[places[nodes[travel.index]]], abs=0.15)


def test_ways_are_cut_where_they_meet(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (100, 0), 3: (200, 0), 4: (300, 0), 5: (200, 100)}
    report, network = built(tmp_path, nodes, [([1, 2, 3, 4], ROAD), ([3, 5], ROAD)])
    assert (report.nodes, report.edges, report.arcs, report.vertices) == (4, 3, 6, 5)
    route = network.route(at(0, 0), at(200, 100))
    assert route.road_m == pytest.approx(300, abs=0.01)
    assert route.road_s == pytest.approx(300 / TERTIARY, abs=0.002)
    assert [pytest.approx(place, abs=1e-6) for place in route.geometry] == [
        at(0, 0), at(100, 0), at(200, 0), at(200, 100),
    ]  # fmt: skip


def test_oneway_and_roundabout(tmp_path: Path) -> None:
    """A roundabout is driven one way round; a street tagged oneway=-1 against its nodes."""
    ring = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (0, 100)}
    nodes = ring | {5: (-200, 0), 6: (300, 100), 7: (0, 400), 8: (-200, 400)}
    _, network = built(
        tmp_path,
        nodes,
        [
            ([1, 2, 3, 4, 1], ROAD | {"junction": "roundabout"}),
            ([5, 1], ROAD),
            ([3, 6], ROAD),
            ([7, 4], ROAD | {"oneway": "-1"}),
            ([7, 8, 5], ROAD | {"oneway": "yes"}),
        ],
    )
    assert network.route(at(-200, 0), at(300, 100)).road_m == pytest.approx(600, abs=0.1)
    assert network.route(at(300, 100), at(-200, 0)).road_m == pytest.approx(600, abs=0.1)
    up = network.route(at(-200, 0), at(0, 400))
    assert up.road_m == pytest.approx(800, abs=0.1)
    assert network.route(at(0, 400), at(-200, 0)).road_m == pytest.approx(600, abs=0.1)


def test_only_the_largest_part_is_driven(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (500, 0), 3: (1000, 0), 4: (0, 900), 5: (300, 900), 6: (1500, 0)}
    report, network = built(
        tmp_path,
        nodes,
        [([1, 2, 3], ROAD), ([4, 5], ROAD), ([3, 6], ROAD | {"oneway": "yes"})],
    )
    assert report.parts == 3
    assert report.largest_part_share == pytest.approx(3 / 6)
    assert [(part.vertices, part.km) for part in report.cut_off] == [(2, 0.3), (1, 0.0)]
    assert report.km_by_class == {"tertiary": pytest.approx(1.8, abs=0.001)}
    assert report.km_in_store == pytest.approx(1.0, abs=0.001)
    (snap,) = network.snap([at(100, 899)])
    assert snap.access_m == pytest.approx(899, abs=0.1)


def test_a_way_cut_at_the_border_is_kept_in_pieces(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (100, 0), 4: (300, 0), 5: (400, 0), 6: (500, 0)}
    report, _ = built(tmp_path, nodes, [([1, 2, 3, 4, 5, 6], ROAD), ([7, 8], ROAD)])
    assert report.clipped_nodes == 3
    assert report.ways_dropped == {"too few positions": 1}
    assert (report.ways_kept, report.vertices, report.km_in_store) == (1, 5, 0.2)


def test_repeated_nodes_and_points_are_harmless(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (100, 0), 3: (100, 0), 4: (200, 0)}
    _, network = built(tmp_path, nodes, [([1, 1, 2, 2, 3, 4], ROAD), ([2, 3], ROAD)])
    assert network.route(at(0, 0), at(200, 0)).road_m == pytest.approx(200, abs=0.01)


def test_connectors_are_marked(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (100, 0), 3: (300, 0)}
    report, network = built(tmp_path, nodes, [([1, 2], ROAD), ([2, 3], ROAD | {"source": "connector"})])
    assert report.connector_km == pytest.approx(0.2, abs=0.001)
    assert network.route(at(0, 0), at(300, 0)).connector_m == pytest.approx(200, abs=0.01)


def test_version_names_source_profile_and_choice(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (100, 0), 3: (300, 0)}
    extract = write_osm(tmp_path / "a.osm.pbf", nodes, [([1, 2], ROAD), ([2, 3], {"highway": "service"})])
    other = write_osm(tmp_path / "b.osm.pbf", nodes, [([1, 2, 3], ROAD)])
    slow = dataclasses.replace(AMBULANCE, speed_kmh=dict(AMBULANCE.speed_kmh) | {"tertiary": 20.0})

    def version(
        source: Path,
        profiles: Sequence[Profile] = PROFILES,
        without: frozenset[str] = frozenset(),
        date: str | None = None,
    ) -> str:
        return routing.build_store(
            source, tmp_path / "store", profiles=profiles, exclude_highway=without, data_date=date
        ).version

    first = version(extract)
    assert first == version(extract, date="2026-01-01")
    others = [
        version(other),
        version(extract, without=frozenset({"service"})),
        version(extract, profiles=[slow, *PROFILES[1:]]),
        version(extract, profiles=PROFILES[:2]),
        version(extract, profiles=PROFILES[::-1]),
    ]
    assert len({first, *others}) == 6


def test_profiles_must_be_told_apart(tmp_path: Path) -> None:
    extract = write_osm(tmp_path / "a.osm.pbf", {1: (0, 0), 2: (100, 0)}, [([1, 2], ROAD)])
    for profiles in (
        [],
        [AMBULANCE, AMBULANCE],
        [dataclasses.replace(AMBULANCE, name=f"p{i}") for i in range(9)],
    ):
        with pytest.raises(ValueError, match="profiles"):
            routing.build_store(extract, tmp_path / "store", profiles=profiles)


def test_building_twice_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        routing.build_store(BATANG, tmp_path / name, exclude_highway=TOLL)
    files = sorted(file.name for file in (tmp_path / "one").glob("*.npy"))
    assert len(files) == len(ARRAY_TYPES) + len(dataclasses.fields(Hierarchy))
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    routing.build_store(
        PURWAKARTA, tmp_path / "store", progress=lambda stage, share: told.append((stage, share))
    )
    assert list(dict(told)) == ["read", "connect", "order", "write", "done"]
    assert told[-1] == ("done", 1.0)
    assert all(0 <= share <= 1 for _, share in told)


def test_data_date(tmp_path: Path) -> None:
    assert routing.build_store(PURWAKARTA, tmp_path / "a").data_date is None
    assert routing.build_store(PURWAKARTA, tmp_path / "a", data_date="2022").data_date == "2022"


@pytest.mark.parametrize("kind", ["missing", "empty", "truncated", "corrupt", "text", "folder"])
def test_unreadable_extracts_are_named(tmp_path: Path, kind: str) -> None:
    whole = PURWAKARTA.read_bytes()
    content = {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "corrupt": whole[:5000] + bytes(3000) + whole[8000:],
        "text": b"bukan peta" * 100,
    }
    path = tmp_path / "jalan.osm.pbf"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(content[kind])
    with pytest.raises(BadExtract, match=str(path)) as caught:
        routing.build_store(path, tmp_path / "store")
    assert "Unduh" in caught.value.message_id
    assert "Download" in caught.value.message_en
    assert not (tmp_path / "store").exists()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, PURWAKARTA.stat().st_size - 1))
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "jalan.osm.pbf"
    path.write_bytes(PURWAKARTA.read_bytes()[:size])
    with pytest.raises(BadExtract, match=str(path)):
        routing.build_store(path, tmp_path / "store")


def test_extracts_without_a_usable_road(tmp_path: Path) -> None:
    nodes = {1: (0, 0), 2: (100, 0), 3: (200, 0)}
    cases = [
        ([], "highway"),
        ([([1, 2], {"building": "yes"})], "highway"),
        ([([1, 2], {"highway": "steps"})], "class:steps"),
        ([([8, 9], ROAD)], "positions"),
        ([([1, 2, 3], ROAD | {"oneway": "yes"})], "oneway"),
    ]
    for ways, hint in cases:
        path = write_osm(tmp_path / "roads.osm.pbf", nodes, ways)
        with pytest.raises(BadExtract, match=hint):
            routing.build_store(path, tmp_path / "store")
