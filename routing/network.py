"""An open road network: snaps places to it and answers how long it takes between them and along which way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from routing import ends, geometry, grid
from routing.answers import Route, Snap, Travel
from routing.arrays import Floats, Longs, NetworkArrays
from routing.engine import FAR, LENGTH_BITS, Arcs, Engine
from routing.errors import Unreachable
from routing.metric import Box, checked_point, checked_points
from routing.report import BuildReport
from routing.store import Manifest, Store, read_store

Point = Sequence[float] | Floats

_LENGTH_MASK = (1 << LENGTH_BITS) - 1
ACCESS_KMH = 20.0


def open_store(path: Path) -> Network:
    """Open the store in folder `path` in a few milliseconds; raises BadStore."""
    return Network(read_store(path))


class Network:
    """The largest strongly connected part of a road network. Read-only, and safe to use from many threads.

    Points are (lon, lat) in degrees WGS84, arrays of them (n, 2). Every method that takes points raises
    BadPoint for one that is no place on earth or has lon and lat swapped. Places far from any road are
    answered too: `access_m` says how far. `access_kmh` is the speed off the network, a straight line at
    both ends.
    """

    def __init__(self, store: Store) -> None:
        self._manifest: Manifest = store.manifest
        self._arrays: NetworkArrays = store.arrays
        a = store.arrays
        self._engine = Engine(
            Arcs(a.out_first, a.out_head, a.out_cost, a.out_ref),
            Arcs(a.in_first, a.in_head, a.in_cost, a.in_ref),
        )

    @property
    def version(self) -> str:
        """Short hash of the extract, the profile and the schema: equal versions give equal answers."""
        return self._manifest.version

    @property
    def report(self) -> BuildReport:
        """What the build of this store found."""
        return self._manifest.report

    @property
    def box(self) -> Box:
        """West, south, east, north in degrees."""
        return self._manifest.report.box

    @property
    def node_count(self) -> int:
        return len(self._arrays.node_lon)

    @property
    def edge_count(self) -> int:
        """Stretches of road between nodes; a two-way one counts once."""
        return len(self._arrays.edge_from)

    @property
    def largest_part_share(self) -> float:
        """Share (0..1) of the extract's drivable vertices that lie in the part this network consists of."""
        return self._manifest.report.largest_part_share

    def snap(self, points: ArrayLike) -> list[Snap]:
        """The nearest place on the network for each point."""
        return _snaps(self._nearest(checked_points(points, self.box)))

    def to_one(
        self, origins: ArrayLike, target: Point, *, k: int | None = None, access_kmh: float = ACCESS_KMH
    ) -> list[Travel]:
        """Travels from every origin to the target, the least total time first (ties: shorter, then earlier
        row).

        With `k`, only the k best that are reachable. Without, all: the unreachable ones stand at the end.
        """
        return self._ranked(origins, target, k, access_kmh, to_one=True)

    def from_one(
        self, origin: Point, targets: ArrayLike, *, k: int | None = None, access_kmh: float = ACCESS_KMH
    ) -> list[Travel]:
        """Travels from the origin to every target; order and `k` as in `to_one`."""
        return self._ranked(targets, origin, k, access_kmh, to_one=False)

    def route(self, origin: Point, target: Point, *, access_kmh: float = ACCESS_KMH) -> Route:
        """The fastest way; its times and metres are those of `to_one`. Raises Unreachable."""
        _check_speed(access_kmh)
        points = np.concatenate([checked_point(origin, self.box), checked_point(target, self.box)])
        near = self._nearest(points)
        start, goal = _snaps(near)
        a, none = self._arrays, np.zeros(1, np.int64)
        edges = (a.edge_from, a.edge_to, a.edge_ms_forward, a.edge_ms_backward, a.edge_mm)
        leave = ends.ends_of(near.edge[:1], near.fraction[:1], True, none, *edges)
        arrive = ends.ends_of(near.edge[1:], near.fraction[1:], False, none, *edges)
        known = ends.along_edge(
            near.edge[:1], near.fraction[:1], goal.edge, goal.fraction, True, none, *edges[2:]
        )
        path = self._engine.path(arrive, leave, int(known[0]))
        if path.cost >= FAR:
            raise Unreachable(
                f"Tidak ada jalan dari {start.lon:.6f}, {start.lat:.6f} ke {goal.lon:.6f}, {goal.lat:.6f}",
                f"No road leads from {start.lon:.6f}, {start.lat:.6f} to {goal.lon:.6f}, {goal.lat:.6f}",
            )
        line = geometry.trace(a, start, goal, path)
        access_ms = int(ends.access_milliseconds(near.metres, access_kmh).sum())
        road_ms = path.cost >> LENGTH_BITS
        return Route(
            total_s=(road_ms + access_ms) / 1000,
            road_s=road_ms / 1000,
            access_s=access_ms / 1000,
            road_m=(path.cost & _LENGTH_MASK) / 1000,
            access_m=start.access_m + goal.access_m,
            geometry=line.points,
            version=self.version,
            origin=start,
            target=goal,
            connector_m=line.connector_m,
        )

    def warm_up(self) -> None:
        """Compile, or load from the cache, everything a request needs; afterwards no request waits for it."""
        first = (float(self._arrays.shape_lon[0]), float(self._arrays.shape_lat[0]))
        last = (float(self._arrays.shape_lon[-1]), float(self._arrays.shape_lat[-1]))
        self.to_one([first, last], last, k=1)
        self.from_one(first, [first, last])
        self.route(first, last)

    def _nearest(self, points: Floats) -> grid.Nearest:
        a = self._arrays
        return grid.Nearest(*grid.nearest(
            points, *self._manifest.frame, a.grid_first, a.grid_segment,
            a.shape_lon, a.shape_lat, a.shape_mm, a.segment_edge, a.shape_first,
        ))  # fmt: skip

    def _ranked(
        self, points: ArrayLike, one: Point, k: int | None, access_kmh: float, *, to_one: bool
    ) -> list[Travel]:
        _check_speed(access_kmh)
        if k is not None and k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        many = checked_points(points, self.box)
        centre = checked_point(one, self.box)
        if len(many) == 0:
            return []
        near = self._nearest(np.concatenate([many, centre]))
        places = near.rows(slice(None, -1))
        hub = _snaps(near.rows(slice(-1, None)))[0]
        access_ms = ends.access_milliseconds(near.metres, access_kmh)
        access_ms = access_ms[:-1] + access_ms[-1]
        cost = self._costs(near, access_ms << LENGTH_BITS, k or 0, to_one)
        return _travels(places, hub, cost, access_ms, k, to_one)

    def _costs(self, near: grid.Nearest, extra: Longs, wanted: int, to_one: bool) -> Longs:
        """Least cost per place but the last, between it and the last, with `extra` added."""
        a = self._arrays
        edges = (a.edge_from, a.edge_to, a.edge_ms_forward, a.edge_ms_backward, a.edge_mm)
        nothing = np.zeros(1, np.int64)
        edge, fraction = near.edge[:-1], near.fraction[:-1]
        seeds = ends.ends_of(near.edge[-1:], near.fraction[-1:], not to_one, nothing, *edges)
        places = ends.ends_of(edge, fraction, to_one, extra, *edges)
        known = ends.along_edge(edge, fraction, near.edge[-1], near.fraction[-1], to_one, extra, *edges[2:])
        search = self._engine.to_one if to_one else self._engine.from_one
        return search(seeds, places, known, wanted).best


def _check_speed(access_kmh: float) -> None:
    if not (access_kmh > 0 and math.isfinite(access_kmh)):
        raise ValueError(f"access_kmh must be a positive number, not {access_kmh}")


def _snaps(near: grid.Nearest) -> list[Snap]:
    return [
        Snap(lon, lat, edge, fraction, metres)
        for lon, lat, edge, fraction, metres in zip(
            near.lon.tolist(), near.lat.tolist(), near.edge.tolist(), near.fraction.tolist(),
            near.metres.tolist(), strict=True,
        )
    ]  # fmt: skip


def _travels(
    places: grid.Nearest, hub: Snap, cost: Longs, access_ms: Longs, k: int | None, to_one: bool
) -> list[Travel]:
    """The travels in ascending order of cost; all of them, or the k best reachable ones."""
    order = np.argsort(cost, kind="stable")
    if k is not None:
        order = order[:k]
        order = order[cost[order] < FAR]
    snaps = _snaps(places.rows(order))
    travels = []
    for index, snap, total, access in zip(
        order.tolist(), snaps, cost[order].tolist(), access_ms[order].tolist(), strict=True
    ):
        reachable = total < FAR
        total_ms = total >> LENGTH_BITS
        travels.append(Travel(
            index,
            reachable,
            total_ms / 1000 if reachable else math.inf,
            (total_ms - access) / 1000 if reachable else math.inf,
            access / 1000,
            (total & _LENGTH_MASK) / 1000 if reachable else math.inf,
            snap.access_m + hub.access_m,
            snap if to_one else hub,
            hub if to_one else snap,
        ))  # fmt: skip
    return travels
