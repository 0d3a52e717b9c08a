"""Times the routing engine on a country's roads beside scipy and routingkit-cch, after comparing answers."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import routingkit_cch
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from bench.routing_timing import Figure, print_figures
from routing import grid
from routing.customise import sharpen
from routing.engine import (
    FAR,
    FAR_MS,
    LENGTH_BITS,
    Ends,
    Engine,
    Hierarchy,
    Weights,
    build_hierarchy,
    customise,
    customise_changed,
)

DATA = Path(__file__).parent / "data" / "luxembourg-csr.npz"
SECONDS_PER_FIGURE = 1.5
UNITS, PLACES, INCIDENTS = 1000, 13_000, 100
FLOODED = 300  # arcs
Ints = NDArray[np.int32]
Costs = NDArray[np.int64]


@dataclass(frozen=True)
class Country:
    """The largest strongly connected part: nodes at (lon, lat), arcs sorted by tail, and their costs."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tail: Ints
    head: Ints
    cost: Costs

    @cached_property
    def ms(self) -> Ints:
        return (self.cost >> LENGTH_BITS).astype(np.int32)

    @cached_property
    def twin(self) -> Ints:
        """The arc the other way round of each arc, -1 if there is none."""
        key = self.tail.astype(np.int64) * len(self.lon) + self.head
        turned = self.head.astype(np.int64) * len(self.lon) + self.tail
        order = np.argsort(key, kind="stable")
        place = np.minimum(np.searchsorted(key[order], turned), len(key) - 1)
        return np.where(key[order][place] == turned, order[place], -1).astype(np.int32)

    def at_nodes(self, nodes: Ints) -> Ends:
        """Places that are nodes."""
        return Ends(nodes, np.zeros(len(nodes), np.int64), np.arange(len(nodes), dtype=np.int32))

    def on_arcs(self, count: int, leaving: bool, seed: int) -> Ends:
        """Places somewhere along an arc; where the road goes both ways, either may be taken."""
        random = np.random.default_rng(seed)
        arc = random.integers(0, len(self.tail), count)
        share, twin = random.random(count), self.twin[arc]
        ahead = (self.ms[arc] * share).astype(np.int64)
        back = (self.ms[twin] * (1 - share)).astype(np.int64)
        if leaving:
            ahead, back = self.ms[arc] - ahead, self.ms[twin] - back
        first, last = (self.head, self.tail) if leaving else (self.tail, self.head)
        cost = np.column_stack([ahead << LENGTH_BITS, np.where(twin < 0, FAR, back << LENGTH_BITS)])
        node = np.column_stack([first[arc], last[arc]])
        return Ends(node.ravel(), cost.ravel(), np.repeat(np.arange(count, dtype=np.int32), 2))

    def scipy_graph(self, *, turned: bool) -> csr_array:
        """For scipy: the cheapest of parallel arcs, and a millionth of 1 ms for 0, which it drops."""
        tail, head = (self.head, self.tail) if turned else (self.tail, self.head)
        order = np.lexsort((self.ms, head, tail))
        tail, head, ms = tail[order], head[order], np.maximum(self.ms[order], 1e-6)
        keep = np.concatenate([[True], (np.diff(tail) != 0) | (np.diff(head) != 0)])
        return csr_array((ms[keep], (tail[keep], head[keep])), shape=(len(self.lon), len(self.lon)))


def read_country() -> Country:
    """Luxembourg as it is carried along; see NOTICE for where it is from."""
    with np.load(DATA) as data:
        first, head = data["first_out"].astype(np.int64), data["head"].astype(np.int32)
        lon, lat = data["longitude"].astype(np.float64), data["latitude"].astype(np.float64)
        cost = (data["travel_time"].astype(np.int64) << LENGTH_BITS) + data["geo_distance"] * 1000
    tail = np.repeat(np.arange(len(lon), dtype=np.int32), np.diff(first))
    links = csr_array((np.ones(len(head), np.int8), (tail, head)), shape=(len(lon), len(lon)))
    _, part = connected_components(links, directed=True, connection="strong")
    inside = part == np.bincount(part).argmax()
    number = (np.cumsum(inside) - 1).astype(np.int32)
    kept = inside[tail] & inside[head]
    return Country(lon[inside], lat[inside], number[tail[kept]], number[head[kept]], cost[kept])


@dataclass(frozen=True)
class Bench:
    """The country ready to be asked, by the engine and by the others."""

    country: Country
    hierarchy: Hierarchy
    weights: Weights
    engine: Engine
    nodes: Ints  # some of them, the same ones every time
    out: csr_array
    into: csr_array
    kit: Any
    kit_metric: Any

    @property
    def place(self) -> Ints:
        return self.nodes[:1]

    def questions(self) -> Iterator[Figure]:
        """Between nodes, beside the others; then the same with places on arcs, both directions."""
        c, e, w = self.country, self.engine, self.weights
        units, places, incidents = (c.at_nodes(self.nodes[1 : 1 + n]) for n in (UNITS, PLACES, INCIDENTS))
        one = c.at_nodes(self.place)
        none, many = np.full(UNITS, FAR_MS, np.int32), np.full(PLACES, FAR_MS, np.int32)
        exact = np.full(UNITS, FAR, np.int64)
        to_one = {"scipy": lambda: dijkstra(self.into, indices=self.place), "routingkit": self._kit_to_one()}
        yield Figure("1000 units to one", lambda: e.to_one_ms(w, one, units, none), to_one)
        yield Figure("  with metres", lambda: e.to_one(w, one, units, exact), to_one)
        from_one = {
            "scipy": lambda: dijkstra(self.out, indices=self.place),
            "routingkit": self._kit_from_one(),
        }
        yield Figure("one to 13,000", lambda: e.from_one_ms(w, one, places, many), from_one)
        matrix = {"scipy": lambda: dijkstra(self.out, indices=incidents.node)[:, units.node],
                  "routingkit": self._kit_matrix()}  # fmt: skip
        yield Figure("100 x 1000", lambda: e.matrix(w, incidents, INCIDENTS, units, UNITS), matrix)
        reach = {"scipy": lambda: dijkstra(self.out, indices=incidents.node, min_only=True),
                 "routingkit": self._kit_reach()}  # fmt: skip
        yield Figure("coverage from 100", lambda: e.reach(w, incidents), reach)
        route = {"scipy": lambda: dijkstra(self.out, indices=self.place, return_predecessors=True),
                 "routingkit": self._kit_route()}  # fmt: skip
        yield Figure("route", lambda: e.path(w, one, c.at_nodes(self.nodes[7:8])), route)

        units, places, incidents = (c.on_arcs(n, leave, n) for n, leave in
                                    ((UNITS, True), (PLACES, False), (INCIDENTS, True)))  # fmt: skip
        goals, start, stop = c.on_arcs(UNITS, False, 3), c.on_arcs(1, True, 1), c.on_arcs(1, False, 2)
        yield Figure("on arcs: 1000 to one", lambda: e.to_one_ms(w, stop, units, none), to_one)
        yield Figure("  with metres", lambda: e.to_one(w, stop, units, exact), to_one)
        yield Figure("on arcs: one to 13,000", lambda: e.from_one_ms(w, start, places, many), from_one)
        yield Figure("on arcs: 100 x 1000", lambda: e.matrix(w, incidents, INCIDENTS, goals, UNITS), matrix)
        yield Figure("on arcs: coverage from 100", lambda: e.reach(w, incidents), reach)
        yield Figure("on arcs: route", lambda: e.path(w, start, stop), route)

    def metrics(self) -> Iterator[Figure]:
        """New costs: all of them, and a flood's."""
        c, h, w = self.country, self.hierarchy, self.weights
        ms = c.ms.tolist()
        yield Figure(
            "re-weight", lambda: customise(h, c.cost), {"routingkit": lambda: self.kit_metric.reset(ms)}
        )
        yield Figure("  and cut down for searches", lambda: sharpen(h, customise(h, c.cost)), {})
        here = (c.lon[c.tail] - c.lon[c.tail[0]]) ** 2 + (c.lat[c.tail] - c.lat[c.tail[0]]) ** 2
        flooded = np.argsort(here)[:FLOODED].astype(np.int32)
        cost = c.cost.copy()
        cost[flooded] = FAR
        updater = routingkit_cch.CCHMetricPartialUpdater(self.kit)
        shut = dict.fromkeys(flooded.tolist(), 2**31 - 1)
        reopened = {arc: ms[arc] for arc in shut}

        def kit_flood() -> None:
            updater.apply(self.kit_metric, shut)
            updater.apply(self.kit_metric, reopened)

        def our_flood() -> None:  # each time a new metric; the one in use stays as it is
            customise_changed(h, customise_changed(h, w, cost, flooded), c.cost, flooded)

        yield Figure(f"a flood closes {FLOODED} arcs and goes", our_flood, {"routingkit": kit_flood})

    def _kit_to_one(self) -> Any:
        units = self.nodes[1 : 1 + UNITS].tolist()
        search = routingkit_cch.CCHManyToOne(self.kit_metric, units)

        def ask() -> object:
            search.repin_sources(units)  # they move
            return search.distances_to(int(self.place[0]))

        return ask

    def _kit_from_one(self) -> Any:
        places = self.nodes[1 : 1 + PLACES].tolist()
        search = routingkit_cch.CCHOneToMany(self.kit_metric, places)

        def ask() -> object:
            search.repin_targets(places)
            return search.distances_from(int(self.place[0]))

        return ask

    def _kit_matrix(self) -> Any:
        units, incidents = self.nodes[1 : 1 + UNITS].tolist(), self.nodes[1 : 1 + INCIDENTS].tolist()
        search = routingkit_cch.CCHOneToMany(self.kit_metric, units)

        def ask() -> object:
            search.repin_targets(units)
            return [search.distances_from(incident) for incident in incidents]

        return ask

    def _kit_reach(self) -> Any:
        search = routingkit_cch.CCHOneToMany(self.kit_metric, list(range(len(self.country.lon))))
        sources = [(node, 0) for node in self.nodes[1 : 1 + INCIDENTS].tolist()]
        return lambda: search.distances_from_multi(sources)

    def _kit_route(self) -> Any:
        start, stop = int(self.place[0]), int(self.nodes[7])

        def ask() -> object:
            return routingkit_cch.CCHQuery(self.kit_metric).run(start, stop).arc_path

        return ask


def ready_bench() -> Bench:
    """Build everything; the answers of all three are the same before anything is timed."""
    country = read_country()
    began = time.perf_counter()
    hierarchy = build_hierarchy(len(country.lon), country.tail, country.head, country.lon, country.lat)
    taken = time.perf_counter() - began
    print(
        f"Luxembourg: {len(country.lon)} nodes, {len(country.tail)} arcs, {hierarchy.arcs} in the hierarchy"
    )
    print(f"  node order and hierarchy {taken:.1f} s (once per map; the first time with compiling)")
    kit = routingkit_cch.CCH(
        np.argsort(hierarchy.rank).tolist(), country.tail.tolist(), country.head.tolist(), False
    )
    weights = sharpen(hierarchy, customise(hierarchy, country.cost))
    nodes = np.random.default_rng(1).permutation(len(country.lon)).astype(np.int32)
    bench = Bench(
        country, hierarchy, weights, Engine(hierarchy), nodes, country.scipy_graph(turned=False),
        country.scipy_graph(turned=True), kit, routingkit_cch.CCHMetric(kit, country.ms.tolist()),
    )  # fmt: skip
    compare_answers(bench)
    return bench


def compare_answers(bench: Bench) -> None:
    """Raise RuntimeError where the three do not agree."""
    units = bench.country.at_nodes(bench.nodes[1 : 1 + UNITS])
    one = bench.country.at_nodes(bench.place)
    ours = bench.engine.to_one_ms(bench.weights, one, units, np.full(UNITS, FAR_MS, np.int32)).best.tolist()
    scipys = np.floor(dijkstra(bench.into, indices=bench.place)[0][units.node] + 1e-3).astype(int).tolist()
    kits = bench._kit_to_one()()
    if not ours == scipys == kits:
        raise RuntimeError("the engine, scipy and routingkit-cch disagree")


def snapping(country: Country) -> Iterator[Figure]:
    """1,000 places near roads to the nearest of all road segments."""
    along = np.flatnonzero((country.twin < 0) | (country.tail < country.head))
    ends = np.column_stack([country.tail[along], country.head[along]]).ravel()
    lon, lat, edge = country.lon[ends], country.lat[ends], np.repeat(np.arange(len(along), dtype=np.int32), 2)
    frame = grid.frame_for(lon, lat)
    first, segment = grid.fill(frame, lon, lat, edge)
    mm = np.column_stack([np.zeros(len(along)), (country.cost[along] & (1 << LENGTH_BITS) - 1)])
    along_mm, shape_first = mm.ravel().astype(np.int32), np.arange(0, 2 * len(along) + 1, 2, dtype=np.int32)
    random = np.random.default_rng(5)
    points = np.column_stack([lon, lat])[random.integers(0, len(lon), 1000)] + random.normal(
        0, 0.0005, (1000, 2)
    )
    mask = np.ones(len(along), np.uint8)
    tree = shapely.STRtree(shapely.linestrings(np.column_stack([lon, lat]).reshape(-1, 2, 2)))
    yield Figure(
        f"snap 1,000 to {len(along)} segments",
        lambda: grid.nearest(points, *frame, first, segment, lon, lat, along_mm, edge, shape_first, mask, 1),
        {"STRtree": lambda: tree.nearest(shapely.points(points))},
    )


def sweep_limit(bench: Bench) -> str:
    """How fast coverage could be if reading what it reads were all: its bytes at the memory's speed."""
    layers = bench.engine._own_layers()
    touched = 8 * len(layers.head) + 4 * layers.slots + 8 * len(bench.country.lon)
    block = np.ones(64_000_000, np.int64)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        block.sum()
        times.append(time.perf_counter() - began)
    speed = block.nbytes / min(times)
    return f"{touched / 1e6:.1f} MB at {speed / 1e9:.1f} GB/s: {touched / speed * 1000:.2f} ms"


def main() -> None:
    bench = ready_bench()
    print_figures(bench.questions(), ("scipy", "routingkit"), SECONDS_PER_FIGURE)
    print(f"  coverage is bounded by memory: {sweep_limit(bench)}")
    print_figures(bench.metrics(), ("routingkit",), SECONDS_PER_FIGURE)
    print_figures(snapping(bench.country), ("STRtree",), SECONDS_PER_FIGURE)
    if importlib.util.find_spec("osrm") is None:
        version = ".".join(str(part) for part in sys.version_info[:2])
        print(f"  OSRM: no wheel for Python {version} is installed (osrm-bindings begins at 3.12)")


if __name__ == "__main__":
    main()
