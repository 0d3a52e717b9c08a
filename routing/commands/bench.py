"""`bench`: how long one's own store takes to open, to warm up and to answer, on one's own machine."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from shapely import Point

from routing.arrays import Floats
from routing.commands.asking import AsJson, StorePath
from routing.errors import Unreachable
from routing.live import RoadChange
from routing.network import Network, open_store

_SECONDS_PER_FIGURE = 0.5
_OPEN_LIMIT_MS = 50.0


def bench(
    store: StorePath,
    units: Annotated[int, typer.Option(min=2, help="jumlah unit | units")] = 120,
    as_json: AsJson = False,
) -> None:
    """Ukur waktu buka dan jawab. | Measure opening and answering."""
    opening = [_once(lambda: open_store(store)) for _ in range(7)]
    network = open_store(store)
    warm_s = network.warm_up(lambda name, _: Console(stderr=True).print(f"  {name}", highlight=False))
    figures = {"open": statistics.median(opening)}
    figures |= {name: _median_ms(ask) for name, ask in _questions(network, units).items()}
    if as_json:
        typer.echo(json.dumps({"store": network.version, "warm_up_s": warm_s, "ms": figures}))
        return
    size = _megabytes(store)
    typer.echo(
        f"{network.node_count} simpul | nodes, {network.edge_count} ruas | edges, {size:.1f} MB; "
        f"pemanasan | warm-up {warm_s:.2f} s"
    )
    table = Table("", "ms", box=None)
    for name, value in figures.items():
        mark = f" (batas | limit {_OPEN_LIMIT_MS:.0f})" if name == "open" else ""
        table.add_row(name, f"{value:.3f}{mark}")
    Console().print(table)


def _questions(network: Network, units: int) -> dict[str, Callable[[], object]]:
    places = _places(network, max(units, 1000))
    scene, many = places[0], places[1:]
    some = places[1 : units + 1]
    now = datetime(2026, 1, 5, tzinfo=UTC)
    routes = [_route(network, scene, place) for place in some]
    reachable = [place for place, found in zip(some, routes, strict=True) if found] or [scene]
    changes = [RoadChange(str(number), Point(place), "close", now) for number, place in enumerate(places[:3])]

    def changed() -> None:
        network._views._made.clear()
        network.with_changes(changes, now).times_to_one(some, scene)

    return {
        f"to_one, {units} units, best 5": lambda: network.to_one(some, scene, k=5),
        f"to_one, {units} units, all": lambda: network.to_one(some, scene),
        f"times_to_one, {len(many)} units": lambda: network.times_to_one(many, scene),
        f"times_from_one, {len(many)} places": lambda: network.times_from_one(scene, many),
        "matrix, 100 x 900": lambda: network.matrix(many[:100], many[-900:]),
        "route": lambda: network.route(scene, reachable[0]),
        "route with steps": lambda: network.route(scene, reachable[0], steps=True),
        "coverage, 25 units, 10 min": lambda: network.coverage(places[:25], 600, places=many[:250]),
        "isochrones 5, 10, 15 min": lambda: network.isochrones([scene], [300, 600, 900]),
        "snap, 1000 points": lambda: network.snap(places[:1000]),
        "3 closures, then 120 units": changed,
    }


def _route(network: Network, origin: Floats, target: Floats) -> bool:
    try:
        network.route(origin, target)
    except Unreachable:
        return False
    return True


def _places(network: Network, count: int) -> Floats:
    """Places such as units and callers have, mostly within 100 m of a road; the same ones every time."""
    random = np.random.default_rng(32140)
    arrays = network._arrays
    chosen = random.integers(0, len(arrays.shape_lon), count)
    on_road = np.column_stack([arrays.shape_lon[chosen], arrays.shape_lat[chosen]])
    return on_road + random.normal(0, 0.0005, (count, 2))


def _once(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _median_ms(ask: Callable[[], object]) -> float:
    ask()
    times, until = [_once(ask)], time.perf_counter() + _SECONDS_PER_FIGURE
    while len(times) < 5 or time.perf_counter() < until:
        times.append(_once(ask))
    return statistics.median(times)


def _megabytes(store: Path) -> float:
    return sum(file.stat().st_size for file in store.iterdir()) / 1e6
