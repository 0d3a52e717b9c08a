"""Times the engine on a made-up road network of 1.5 million nodes, and says how much memory it takes.

It is Luxembourg twenty times over, each copy mirrored so that like borders meet, with other speeds in each
and a few roads across every border.

One process makes and orders the network and leaves its arrays in a folder; another one opens them, as a
server does, asks, and looks at its resident memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.routing_timing import in_turn
from bench.verdicts import alone, show
from routing.customise import sharpen
from routing.engine import (
    FAR,
    FAR_MS,
    LENGTH_BITS,
    Ends,
    Engine,
    Hierarchy,
    build_hierarchy,
    customise,
    customise_changed,
)

COLUMNS, ROWS = 5, 4
CROSSINGS = 15  # roads across each border
LIMIT_MS, LIMIT_MB = 4.0, 700.0
Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def make_network(seed: int) -> tuple[Floats, Floats, Ints, Ints, NDArray[np.int64]]:
    """Longitude, latitude, tail, head, cost; the arcs sorted by tail."""
    # it brings scipy and shapely along, which are not to weigh on the process that asks
    from bench.routing_engine import read_country

    random = np.random.default_rng(seed)
    land = read_country()
    x, y = land.lon - land.lon.min(), land.lat - land.lat.min()
    width, height, size = x.max(), y.max(), len(x)
    copies = [(row, column) for row in range(ROWS) for column in range(COLUMNS)]
    lon = np.concatenate([(c * width + (width - x if c % 2 else x)) for _, c in copies])
    lat = np.concatenate([(r * height + (height - y if r % 2 else y)) for r, _ in copies])
    tail = [land.tail + size * k for k in range(len(copies))]
    head = [land.head + size * k for k in range(len(copies))]
    ms = [(land.ms * random.uniform(0.8, 1.25)).astype(np.int64) for _ in copies]
    for k, (row, column) in enumerate(copies):
        for other, along, least in (
            (k + 1 if column + 1 < COLUMNS else -1, y, x if column % 2 else -x),
            (k + COLUMNS if row + 1 < ROWS else -1, x, y if row % 2 else -y),
        ):
            if other >= 0:  # the same place of either copy lies at the border: the one is the other mirrored
                stripes = np.array_split(np.argsort(along), CROSSINGS)
                place = np.array([stripe[np.argmin(least[stripe])] for stripe in stripes], np.int32)
                tail += [place + size * k, place + size * other]
                head += [place + size * other, place + size * k]
                ms += [random.integers(20_000, 200_000, CROSSINGS) for _ in range(2)]
    tails, heads = np.concatenate(tail).astype(np.int32), np.concatenate(head).astype(np.int32)
    cost = (np.concatenate(ms) << LENGTH_BITS) + np.concatenate(ms) * 15
    order = np.argsort(tails, kind="stable")
    return lon, lat, tails[order], heads[order], cost[order]


def make(folder: Path) -> None:
    """Leave the hierarchy's arrays and the costs in `folder`."""
    lon, lat, tail, head, cost = make_network(15)
    began = time.perf_counter()
    hierarchy = build_hierarchy(len(lon), tail, head, lon, lat)
    print(f"1.5 M nodes: {len(lon)} nodes, {len(tail)} arcs, {hierarchy.arcs} in the hierarchy,"
          f" ordered in {time.perf_counter() - began:.0f} s", flush=True)  # fmt: skip
    for part in fields(hierarchy):
        np.save(folder / f"{part.name}.npy", getattr(hierarchy, part.name))
    np.save(folder / "cost.npy", cost)


def ask(folder: Path) -> None:
    """Time the questions and print them, and the memory that was resident."""
    arrays = {part.name: _mapped(folder, part.name) for part in fields(Hierarchy)}
    hierarchy, cost = Hierarchy(**arrays), _mapped(folder, "cost")
    engine, weights = Engine(hierarchy), sharpen(hierarchy, customise(hierarchy, cost))
    random = np.random.default_rng(3)

    def some(count: int) -> Ends:
        node = random.integers(0, hierarchy.nodes, count).astype(np.int32)
        return Ends(node, np.zeros(count, np.int64), np.arange(count, dtype=np.int32))

    one, units, places = some(1), some(1000), some(13_000)
    # units are in one region, as a province's are, or all over the network
    start = int(random.integers(0, hierarchy.nodes))
    ordered = np.argsort(np.abs(hierarchy.rank - hierarchy.rank[start]))[:20_000].astype(np.int32)
    near = Ends(ordered[::20], np.zeros(1000, np.int64), np.arange(1000, dtype=np.int32))
    none, many = np.full(1000, FAR_MS, np.int32), np.full(13_000, FAR_MS, np.int32)
    flooded = random.integers(0, len(cost) - 300) + np.arange(300, dtype=np.int32)
    closed = cost.copy()
    closed[flooded] = FAR
    print("  medians")
    for what, action in (
        ("1000 units all over to one", lambda: engine.to_one_ms(weights, one, units, none)),
        ("1000 units of one region to one", lambda: engine.to_one_ms(weights, one, near, none)),
        ("one to 13,000", lambda: engine.from_one_ms(weights, one, places, many)),
        ("route", lambda: engine.path(weights, one, some(1))),
    ):
        limit = LIMIT_MS if what.endswith("to one") else None
        show(what, in_turn([action], 1.0)[0], "ms", limit, digits=3)
    asked = _resident_mb()
    show("resident after these four", asked, "MB", LIMIT_MB)
    for what, action in (
        ("coverage from 1000", lambda: engine.reach(weights, units)),
        ("100 x 1000", lambda: engine.matrix(weights, some(100), 100, units, 1000)),
        ("re-weight", lambda: customise(hierarchy, cost)),
        ("a flood closes 300 arcs", lambda: customise_changed(hierarchy, weights, closed, flooded)),
    ):
        show(what, in_turn([action], 1.0)[0], "ms", digits=3)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    show("resident at most, with two metrics", most, "MB")


def _mapped(folder: Path, name: str) -> NDArray[np.int32]:
    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c"))


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for step in ("make", "ask"):
            subprocess.run([sys.executable, "-m", "bench.routing_big", step, folder], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        step, where = sys.argv[1], Path(sys.argv[2])
        sys.exit(make(where) if step == "make" else alone(lambda: ask(where)))
    else:
        main()
