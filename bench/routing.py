"""Times the road network's answers on the bundled regencies beside scipy and shapely in the same run."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

import routing
from routing.arrays import NetworkArrays

REPOSITORY = Path(__file__).resolve().parents[1]
REGENCIES = ("32.14-purwakarta", "33.25-batang")
TOLL = frozenset({"motorway", "motorway_link"})
SECONDS_PER_FIGURE = 0.5
Points = NDArray[np.float64]


class Figure(NamedTuple):
    """What was timed, ours, and what it is held against; milliseconds."""

    what: str
    ours: float
    other: float
    against: str


def median_ms(action: Callable[[], object]) -> float:
    """Median of as many runs as fit in the time, at least five, after one that does not count."""
    action()
    times: list[float] = []
    until = time.perf_counter() + SECONDS_PER_FIGURE
    while len(times) < 5 or time.perf_counter() < until:
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def places(arrays: NetworkArrays, count: int) -> Points:
    """Places such as units and callers have, mostly within 100 m of a road; the same ones every time."""
    random = np.random.default_rng(32140)
    chosen = random.integers(0, len(arrays.shape_lon), count)
    on_road = np.column_stack([arrays.shape_lon[chosen], arrays.shape_lat[chosen]])
    return on_road + random.normal(0, 0.0005, (count, 2))


def scipy_graph(arrays: NetworkArrays, *, into: bool) -> csr_array:
    """The same arcs for scipy, in seconds; it would add parallel arcs up, so the cheapest of them is kept."""
    if into:
        first, head, cost = arrays.in_first, arrays.in_head, arrays.in_cost
    else:
        first, head, cost = arrays.out_first, arrays.out_head, arrays.out_cost
    tail = np.repeat(np.arange(len(first) - 1), np.diff(first))
    order = np.lexsort((cost, head, tail))
    tail, head, cost = tail[order], head[order], cost[order]
    keep = np.concatenate([[True], (np.diff(tail) != 0) | (np.diff(head) != 0)])
    seconds = (cost[keep] >> 32) / 1000
    size = len(first) - 1
    return csr_array((seconds, (tail[keep], head[keep])), shape=(size, size))


def figures(network: routing.Network) -> Iterator[Figure]:
    """Ours end to end; the others only what they do of it: nearest segments, a search between nodes."""
    arrays = network._arrays
    points = places(arrays, 1000)
    scene, other = points[500], points[700]
    into, out = scipy_graph(arrays, into=True), scipy_graph(arrays, into=False)
    start, stop = (int(arrays.edge_from[snap.edge]) for snap in network.snap([scene, other]))
    tree = segment_tree(arrays)

    def nearest(count: int) -> float:
        return median_ms(lambda: tree.nearest(shapely.points(points[:count])))

    def ranked(count: int, k: int | None) -> float:
        return median_ms(lambda: network.to_one(points[:count], scene, k=k))

    def snapped(count: int) -> float:
        return median_ms(lambda: network.snap(points[:count]))

    both = "STRtree + scipy dijkstra"
    search = median_ms(lambda: dijkstra(into, indices=np.array([start])))
    for units in (120, 1000):
        yield Figure(f"to_one, {units} units, best 5", ranked(units, 5), nearest(units + 1) + search, both)
        yield Figure(f"to_one, {units} units, all", ranked(units, None), nearest(units + 1) + search, both)
    facilities = median_ms(lambda: network.from_one(scene, points[:25]))
    search = median_ms(lambda: dijkstra(out, indices=np.array([start])))
    yield Figure("from_one, 25 facilities", facilities, nearest(26) + search, both)
    route = median_ms(lambda: network.route(scene, other))
    search = median_ms(lambda: dijkstra(out, indices=np.array([start]), return_predecessors=True)[1][0, stop])
    yield Figure("route with geometry", route, nearest(2) + search, both)
    for count in (120, 1000):
        yield Figure(f"snap, {count} points", snapped(count), nearest(count), "STRtree")


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
            build_ms = (time.perf_counter() - began) * 1000
            began = time.perf_counter()
            network = routing.open_store(store)
            open_ms = (time.perf_counter() - began) * 1000
            began = time.perf_counter()
            network.warm_up()
            warm_ms = (time.perf_counter() - began) * 1000
            print(f"{regency}: {report.nodes} nodes, {report.edges} edges, {report.vertices} vertices")
            print(f"  build {build_ms:.0f} ms, open {open_ms:.1f} ms, warm_up {warm_ms:.1f} ms")
            print(f"  {'median of many runs':<32}{'ms':>9}{'other ms':>10}{'ratio':>8}  against")
            for what, ours, other, against in figures(network):
                print(f"  {what:<32}{ours:>9.3f}{other:>10.3f}{other / ours:>8.1f}  {against}")


if __name__ == "__main__":
    main()
