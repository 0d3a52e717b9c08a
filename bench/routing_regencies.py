"""Times the road network's answers on the bundled regencies, end to end, beside scipy and shapely."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

import routing
from bench.routing_timing import Figure, print_figures
from routing.arrays import CLOSED_MS, NetworkArrays
from routing.store import read_store

REPOSITORY = Path(__file__).resolve().parents[1]
REGENCIES = ("32.14-purwakarta", "33.25-batang")
TOLL = frozenset({"motorway", "motorway_link"})
SECONDS_PER_FIGURE = 1.0
SEARCH, NEAREST = "scipy dijkstra", "STRtree"
Points = NDArray[np.float64]


def places(arrays: NetworkArrays, count: int) -> Points:
    """Places such as units and callers have, mostly within 100 m of a road; the same ones every time."""
    random = np.random.default_rng(32140)
    chosen = random.integers(0, len(arrays.shape_lon), count)
    on_road = np.column_stack([arrays.shape_lon[chosen], arrays.shape_lat[chosen]])
    return on_road + random.normal(0, 0.0005, (count, 2))


def scipy_graph(arrays: NetworkArrays, *, into: bool) -> csr_array:
    """The arcs of the first profile for scipy; it would add parallel arcs up, so the cheapest is kept."""
    tail, head = np.repeat(np.arange(len(arrays.node_lon)), np.diff(arrays.out_first)), arrays.out_head
    edge, against = arrays.out_ref >> 1, arrays.out_ref & 1 == 1
    ms = np.where(against, arrays.edge_ms_backward[0][edge], arrays.edge_ms_forward[0][edge])
    open_ = (ms != CLOSED_MS) & (arrays.out_banned & 1 == 0)
    tail, head, ms = tail[open_], head[open_], np.maximum(ms[open_], 1e-6)  # it drops entries of 0
    if into:
        tail, head = head, tail
    order = np.lexsort((ms, head, tail))
    tail, head, ms = tail[order], head[order], ms[order]
    keep = np.concatenate([[True], (np.diff(tail) != 0) | (np.diff(head) != 0)])
    size = len(arrays.node_lon)
    return csr_array((ms[keep], (tail[keep], head[keep])), shape=(size, size))


def figures(network: routing.Network, arrays: NetworkArrays) -> Iterator[Figure]:
    """Ours end to end; the others only what they do of it: a search between nodes, or nearest segments."""
    points = places(arrays, 1000)
    scene, other = points[500], points[700]
    into, out = scipy_graph(arrays, into=True), scipy_graph(arrays, into=False)
    start = [int(arrays.edge_from[network.snap([scene])[0].edge])]
    tree = segment_tree(arrays)

    def ranked(count: int, k: int | None) -> Callable[[], object]:
        return lambda: network.to_one(points[:count], scene, k=k)

    def searched(graph: csr_array, *, way: bool = False) -> Callable[[], object]:
        return lambda: dijkstra(graph, indices=start, return_predecessors=way)

    def nearest(count: int) -> Callable[[], object]:
        return lambda: tree.nearest(shapely.points(points[:count]))

    for units in (120, 1000):
        both = {SEARCH: searched(into), NEAREST: nearest(units + 1)}
        yield Figure(f"to_one, {units} units, best 5", ranked(units, 5), both)
        yield Figure(f"to_one, {units} units, all", ranked(units, None), both)
    yield Figure(
        "from_one, 25 facilities",
        lambda: network.from_one(scene, points[:25]),
        {SEARCH: searched(out), NEAREST: nearest(26)},
    )
    yield Figure(
        "route with geometry",
        lambda: network.route(scene, other),
        {SEARCH: searched(out, way=True), NEAREST: nearest(2)},
    )
    yield Figure("snap, 120 points", lambda: network.snap(points[:120]), {NEAREST: nearest(120)})
    yield Figure("snap, 1000 points", lambda: network.snap(points), {NEAREST: nearest(1000)})


def segment_tree(arrays: NetworkArrays) -> shapely.STRtree:
    """All road segments; in degrees, which is good enough to be timed."""
    ends = np.column_stack([arrays.shape_lon, arrays.shape_lat])
    inner = arrays.segment_edge[:-1] == arrays.segment_edge[1:]
    return shapely.STRtree(shapely.linestrings(np.stack([ends[:-1], ends[1:]], axis=1)[inner]))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for regency in REGENCIES:
            extract = REPOSITORY / "regencies" / regency / "roads.osm.pbf"
            store = Path(folder) / regency
            began = time.perf_counter()
            report = routing.build_store(extract, store, exclude_highway=TOLL)
            built = time.perf_counter()
            network = routing.open_store(store)
            opened = time.perf_counter()
            network.warm_up()
            warm = time.perf_counter()
            print(f"{regency}: {report.nodes} nodes, {report.edges} edges, {report.vertices} vertices")
            print(f"  build {(built - began) * 1000:.0f} ms, open {(opened - built) * 1000:.1f} ms,"
                  f" warm_up {(warm - opened) * 1000:.0f} ms")  # fmt: skip
            arrays = read_store(store).arrays
            print_figures(figures(network, arrays), (SEARCH, NEAREST), SECONDS_PER_FIGURE)


if __name__ == "__main__":
    main()
