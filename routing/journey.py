"""One route: the fastest way between two places, laid out on the map and in steps."""

from __future__ import annotations

import numpy as np

from routing import ends, geometry
from routing.answers import CONNECTOR, CUT_OFF, FERRY, Route, Snap
from routing.arrays import CONNECTOR as CONNECTOR_FLAG
from routing.arrays import FERRY as FERRY_FLAG
from routing.arrays import Floats
from routing.asked import DOUBT_BITS, Asked, for_engine, words
from routing.core import Terms
from routing.engine import FAR, LENGTH_BITS
from routing.errors import Unreachable
from routing.geometry import Way
from routing.interval import bounds
from routing.steps import StepMaker
from routing.weighting import Metric


def find_route(terms: Terms, points: Floats, *, steps: bool) -> Route:
    """The fastest way from the first of two checked points (2, 2) to the second; raises Unreachable."""
    metric = terms.metric
    asked = terms.place(points, metric)
    origin, target = asked.snaps()
    way = _way(terms, metric, asked, origin, target)
    bits = int(np.bitwise_or.reduce(asked.doubts()))
    if way is None:
        if terms.changed and _way(terms, terms.unchanged(), asked, origin, target) is not None:
            bits |= DOUBT_BITS[CUT_OFF]
        raise _unreachable(origin, target, bits)
    arrays = terms.core.arrays
    connector_m = way.millimetres(CONNECTOR_FLAG, arrays) / 1000
    ferry_m = way.millimetres(FERRY_FLAG, arrays) / 1000
    bits |= (DOUBT_BITS[CONNECTOR] if connector_m else 0) | (DOUBT_BITS[FERRY] if ferry_m else 0)
    access_ms, road_ms = int(asked.access_ms.sum()), int(way.ms.sum())
    low_s, high_s = bounds(
        road_ms / 1000, access_ms / 1000, metric.interval, class_s=_class_seconds(terms, way)
    )
    maker = StepMaker(arrays, metric.times, terms.core.manifest.classes)
    place = float(points[1, 0]), float(points[1, 1])
    return Route(
        total_s=(road_ms + access_ms) / 1000,
        road_s=road_ms / 1000,
        access_s=access_ms / 1000,
        road_m=int(way.mm.sum()) / 1000,
        access_m=origin.access_m + target.access_m,
        geometry=geometry.line(arrays, origin, target, way),
        version=metric.version,
        origin=origin,
        target=target,
        connector_m=connector_m,
        low_s=float(low_s),
        high_s=float(high_s),
        ferry_m=ferry_m,
        doubts=words(bits),
        steps=maker.steps(way, origin, target, place) if steps else (),
    )


def _way(terms: Terms, metric: Metric, asked: Asked, origin: Snap, target: Snap) -> Way | None:
    """The stretches of the fastest way; None when there is none."""
    start, goal = asked.rows(slice(0, 1)), asked.rows(slice(1, 2))
    times = metric.times
    leaving, arriving = start.leaving(times, access=False), goal.arriving(times, access=False)
    known = ends.along_edge(
        start.near.edge, start.near.fraction, target.edge, target.fraction, True, np.zeros(1, np.int64), times
    )
    path = terms.core.engine.path(metric.weights, for_engine(leaving), for_engine(arriving), int(known[0]))
    if path.cost >= FAR:
        return None
    if path.via < 0:
        return geometry.along_one_edge(origin, target, times)
    refs = terms.core.arrays.out_ref[path.arcs]
    leave, arrive = int(leaving.against[path.via]), int(arriving.against[path.seed])
    way = geometry.over_nodes(origin, target, refs, leave, arrive, times)
    assert (int(way.ms.sum()) << LENGTH_BITS) + int(way.mm.sum()) == path.cost, (
        "a way costs what it was found for"
    )
    return way


def _class_seconds(terms: Terms, way: Way) -> Floats:
    """Seconds of a way by class number."""
    classes = terms.core.arrays.edge_class[way.edge]
    seconds = np.zeros(len(terms.core.manifest.classes))
    np.add.at(seconds, classes, way.ms / 1000)
    return seconds


def _unreachable(origin: Snap, target: Snap, bits: int) -> Unreachable:
    return Unreachable(
        f"Tidak ada jalan dari {origin.lon:.6f}, {origin.lat:.6f} ke {target.lon:.6f}, {target.lat:.6f}",
        f"No road leads from {origin.lon:.6f}, {origin.lat:.6f} to {target.lon:.6f}, {target.lat:.6f}",
        words(bits),
    )
