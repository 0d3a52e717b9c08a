"""Travel times between one place and many, ranked, in bulk, and between many and many."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from routing import ends
from routing.answers import CONNECTOR, CUT_OFF, FERRY, Matrix, Times, Travel
from routing.arrays import CONNECTOR as CONNECTOR_FLAG
from routing.arrays import FERRY as FERRY_FLAG
from routing.arrays import Floats, Ints, Longs
from routing.asked import DOUBT_BITS, Asked, Flags, for_engine, words
from routing.core import Terms
from routing.engine import FAR, FAR_MS, LENGTH_BITS
from routing.errors import BadQuestion, NoUnits, TooLarge
from routing.interval import bounds
from routing.metric import checked_point, checked_points, refuse_outside
from routing.weighting import Metric

Point = Sequence[float] | Floats

MOST_CELLS = 1_000_000
# Edges whose use makes an answer doubtful, and the doubt.
_DOUBTFUL = ((CONNECTOR_FLAG, DOUBT_BITS[CONNECTOR]), (FERRY_FLAG, DOUBT_BITS[FERRY]))
_LENGTH_MASK = (1 << LENGTH_BITS) - 1


def travels(terms: Terms, many: ArrayLike, one: Point, k: int | None, *, to_one: bool) -> list[Travel]:
    """Travels between many places and one, the least total time first; see `Network.to_one`."""
    if k is not None and k < 1:
        raise BadQuestion(f"k harus paling sedikit 1, bukan {k}", f"k must be at least 1, not {k}", k)
    hub_point = _one_point(terms, one)
    points = checked_points(many, terms.core.box)
    if len(points) == 0:
        if to_one:
            raise NoUnits("origins")
        return []
    metric = terms.metric
    asked = terms.place(np.concatenate([points, hub_point]), metric)
    cost = _costs(terms, metric, asked, to_one)
    doubts = _doubts(terms, metric, asked, cost, to_one)
    return _listed(asked, cost, doubts, metric, k, to_one)


def times(terms: Terms, many: ArrayLike, one: Point, *, to_one: bool) -> Times:
    """The same as arrays, in the order of the rows; see `Network.times_to_one`."""
    hub_point = _one_point(terms, one)
    points = checked_points(many, terms.core.box)
    if len(points) == 0:
        raise NoUnits("origins" if to_one else "targets")
    metric = terms.metric
    asked = terms.place(np.concatenate([points, hub_point]), metric)
    places, hub = asked.rows(slice(None, -1)), asked.rows(slice(-1, None))
    seeds, hung = _hung(places, hub, metric, to_one, access=False)
    known = _along(places, hub, metric, to_one, access=False)
    search = terms.core.engine.to_one_ms if to_one else terms.core.engine.from_one_ms
    found = search(metric.weights, for_engine(seeds), for_engine(hung), _milliseconds(known)).best
    road = np.asarray(found, np.int32)
    access = (places.access_ms + hub.access_ms).astype(np.int32)
    total = np.where(road < FAR_MS, np.minimum(road + access, FAR_MS), FAR_MS).astype(np.int32)
    return Times(total, road, access, places.near.metres + hub.near.metres, metric.version)


def matrix(terms: Terms, origins: ArrayLike, targets: ArrayLike, limit: int) -> Matrix:
    """Travel times between all origins and all targets; see `Network.matrix`."""
    rows, columns = (checked_points(points, terms.core.box) for points in (origins, targets))
    for name, points in (("origins", rows), ("targets", columns)):
        if len(points) == 0:
            raise NoUnits(name)
    if len(rows) * len(columns) > limit:
        raise TooLarge(
            "pasangan asal dan tujuan", "pairs of origin and target", len(rows) * len(columns), limit
        )
    metric = terms.metric
    start, goal = terms.place(rows, metric), terms.place(columns, metric)
    ms = milliseconds(terms, metric, start, goal)
    seconds = np.where(ms < FAR_MS, ms / np.float32(1000), np.float32(np.inf)).astype(np.float32)
    return Matrix(seconds, start.snaps(), goal.snaps(), metric.version)


def milliseconds(terms: Terms, metric: Metric, start: Asked, goal: Asked) -> Ints:
    """Milliseconds with access legs from all of `start` to all of `goal`, FAR_MS where there is no way."""
    leaving, arriving = start.leaving(metric.times, access=True), goal.arriving(metric.times, access=True)
    n, m = len(start.access_ms), len(goal.access_ms)
    return terms.core.engine.matrix(
        metric.weights, for_engine(leaving), n, for_engine(arriving), m, _known_pairs(metric, start, goal)
    )


def _known_pairs(metric: Metric, start: Asked, goal: Asked) -> Ints | None:
    """Milliseconds (n, m) between places on the same edge along it, FAR_MS elsewhere; None when there are no
    such pairs."""
    shared = np.flatnonzero(np.isin(goal.near.edge, start.near.edge))
    if len(shared) == 0:
        return None
    known = np.full((len(start.access_ms), len(goal.access_ms)), FAR_MS, np.int32)
    for column in shared.tolist():
        rows = np.flatnonzero(start.near.edge == goal.near.edge[column])
        one = goal.rows(np.array([column]))
        known[rows, column] = _milliseconds(_along(start.rows(rows), one, metric, True, access=True))
    return known


def _one_point(terms: Terms, one: Point) -> Floats:
    point = checked_point(one, terms.core.box)
    refuse_outside(point, terms.core.box)
    return point


def _hung(
    places: Asked, hub: Asked, metric: Metric, to_one: bool, *, access: bool
) -> tuple[ends.PlaceEnds, ends.PlaceEnds]:
    """The ends of the one place, without its access leg, and those of the many."""
    if to_one:
        return hub.arriving(metric.times, access=False), places.leaving(metric.times, access=access)
    return hub.leaving(metric.times, access=False), places.arriving(metric.times, access=access)


def _along(places: Asked, hub: Asked, metric: Metric, to_one: bool, *, access: bool) -> Longs:
    """Costs without leaving the edge. With `access`, both legs are in it when places and hub have theirs."""
    extra = (places.access_ms + hub.access_ms) << LENGTH_BITS if access else np.zeros_like(places.access_ms)
    extra = np.where(places.outside | hub.outside, FAR, extra)
    return ends.along_edge(
        places.near.edge, places.near.fraction, int(hub.near.edge[0]), float(hub.near.fraction[0]), to_one,
        extra, metric.times,
    )  # fmt: skip


def _milliseconds(cost: Longs) -> Ints:
    return (cost >> LENGTH_BITS).astype(np.int32)


def _costs(terms: Terms, metric: Metric, asked: Asked, to_one: bool) -> Longs:
    """Least cost per place but the last, between it and the last, all access legs included; FAR if none."""
    places, hub = asked.rows(slice(None, -1)), asked.rows(slice(-1, None))
    both = places._replace(access_ms=places.access_ms + hub.access_ms)
    seeds, hung = _hung(both, hub, metric, to_one, access=True)
    known = _along(places, hub, metric, to_one, access=True)
    search = terms.core.engine.to_one if to_one else terms.core.engine.from_one
    found = search(metric.weights, for_engine(seeds), for_engine(hung), known).best
    return np.minimum(found, FAR)


def _doubts(terms: Terms, metric: Metric, asked: Asked, cost: Longs, to_one: bool) -> Flags:
    """Why each of the many answers deserves less trust, as bits."""
    own = asked.doubts()
    bits: Flags = own[:-1] | own[-1]
    for flag, doubt in _DOUBTFUL:
        if terms.core.flags & flag:
            # the fastest way uses such an edge exactly when it gets worse once they are closed
            worse = _costs(terms, terms.without(flag), asked, to_one) > cost
            bits |= np.where(worse, doubt, 0).astype(np.uint8)
    lost = cost >= FAR
    if terms.changed and lost.any():
        before = _costs(terms, terms.unchanged(), asked, to_one)
        bits |= np.where(lost & (before < FAR), DOUBT_BITS[CUT_OFF], 0).astype(np.uint8)
    return bits


def _listed(
    asked: Asked, cost: Longs, doubts: Flags, metric: Metric, k: int | None, to_one: bool
) -> list[Travel]:
    """The travels in ascending order of cost; all of them, or the k best reachable ones."""
    order = np.argsort(cost, kind="stable")
    if k is not None:
        order = order[:k]
        order = order[cost[order] < FAR]
    hub = asked.rows(slice(-1, None)).snaps()[0]
    places = asked.rows(order)
    reachable = cost[order] < FAR
    access_ms = places.access_ms + asked.access_ms[-1]
    total_ms = cost[order] >> LENGTH_BITS
    total_s = np.where(reachable, total_ms / 1000, math.inf)
    road_s = np.where(reachable, (total_ms - access_ms) / 1000, math.inf)
    road_m = np.where(reachable, (cost[order] & _LENGTH_MASK) / 1000, math.inf)
    low_s, high_s = bounds(road_s, access_ms / 1000, metric.interval)
    columns = (
        column.tolist()
        for column in (
            order,
            reachable,
            total_s,
            road_s,
            access_ms / 1000,
            road_m,
            low_s,
            high_s,
            doubts[order],
        )
    )
    return [
        Travel(
            index, reached, total, road, access, metres, snap.access_m + hub.access_m,
            snap if to_one else hub, hub if to_one else snap, low, high, metric.version, words(bits),
        )
        for snap, index, reached, total, road, access, metres, low, high, bits in zip(
            places.snaps(), *columns, strict=True
        )
    ]  # fmt: skip
