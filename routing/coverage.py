"""Which places and which roads are reached in time from the nearest of many sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from routing.answers import Coverage
from routing.arrays import FERRY, GATE, Floats, Ints, NetworkArrays
from routing.asked import Asked, for_engine
from routing.core import Terms
from routing.engine import FAR_MS
from routing.errors import BadQuestion, NoUnits
from routing.metric import checked_points
from routing.ranking import milliseconds
from routing.reached import covered_mm, entries, reach_along
from routing.weighting import Metric

# So many pairs of source and place are looked at in one go.
_CELLS = 4_000_000
MOST_SECONDS = 24 * 3600.0


def cover(
    terms: Terms, sources: ArrayLike, within_s: float, places: ArrayLike, weights: ArrayLike | None
) -> Coverage:
    """See `Network.coverage`."""
    limit_ms = checked_seconds(within_s)
    box = terms.core.box
    starts, goals = checked_points(sources, box), checked_points(places, box)
    if len(starts) == 0:
        raise NoUnits("sources")
    weight = _checked_weights(weights, len(goals))
    metric = terms.metric
    start, goal = terms.place(starts, metric), terms.place(goals, metric)
    best, source = _nearest_sources(terms, metric, start, goal)
    within = best <= limit_ms
    node_ms = node_times(terms, metric, start, limit_ms)
    km, km_within = _roads(terms.core.arrays, metric, start, node_ms, limit_ms)
    total = float(weight.sum())
    return Coverage(
        within_s=within_s,
        seconds=np.where(best < FAR_MS, best / np.float32(1000), np.float32(np.inf)).astype(np.float32),
        source=source,
        within=within,
        access_m=goal.near.metres,
        share=float(weight[within].sum()) / total if total > 0 else 0.0,
        node_share=_node_share(terms.core.arrays, metric, node_ms, limit_ms),
        km=km,
        km_within=km_within,
        version=metric.version,
    )


def node_times(terms: Terms, metric: Metric, start: Asked, limit_ms: int) -> Ints:
    """Milliseconds (N,) at which each node is reached from the nearest source, access leg included; FAR_MS
    beyond the limit."""
    seeds = for_engine(start.leaving(metric.times, access=True))
    return terms.core.engine.reach(metric.weights, seeds, limit_ms)


def checked_seconds(seconds: float) -> int:
    """A limit in whole milliseconds; raises BadQuestion."""
    if not 0 < seconds <= MOST_SECONDS:
        raise BadQuestion(
            f"Batas waktu {seconds} detik di luar 0..{MOST_SECONDS:.0f}",
            f"A limit of {seconds} seconds is outside 0..{MOST_SECONDS:.0f}",
            seconds,
        )
    return round(seconds * 1000)


def _checked_weights(weights: ArrayLike | None, count: int) -> Floats:
    if weights is None:
        return np.ones(count)
    array = np.asarray(weights, np.float64)
    if array.shape != (count,) or not np.isfinite(array).all() or (array < 0).any():
        raise BadQuestion(
            f"Bobot harus {count} angka yang tidak negatif",
            f"Weights must be {count} numbers, none negative",
            array.shape,
        )
    return array


def _nearest_sources(terms: Terms, metric: Metric, start: Asked, goal: Asked) -> tuple[Ints, Ints]:
    """Per place the milliseconds from the source that is there first, and its row; FAR_MS and -1 if none."""
    count = len(goal.access_ms)
    best, source = np.full(count, FAR_MS, np.int32), np.full(count, -1, np.int32)
    if count == 0:
        return best, source
    step = max(_CELLS // count, 1)
    for begin in range(0, len(start.access_ms), step):
        ms = milliseconds(terms, metric, start.rows(slice(begin, begin + step)), goal)
        row = ms.argmin(axis=0)
        least = ms[row, np.arange(count)]
        better = least < best
        best[better], source[better] = least[better], row[better] + begin
    return best, source


def _node_share(a: NetworkArrays, metric: Metric, node_ms: Ints, limit_ms: int) -> float:
    """The share of the junctions in the profile's part that are reached, whichever copy of them."""
    inside = np.zeros(len(a.node_lon), np.bool_)
    edges = np.flatnonzero(a.edge_in_part & metric.bit)
    inside[a.edge_from[edges]] = inside[a.edge_to[edges]] = True
    reached = np.zeros(len(a.node_lon), np.bool_)
    reached[a.node_origin[node_ms <= limit_ms]] = True
    return float((inside & reached).sum() / max(int(inside.sum()), 1))


def _roads(
    a: NetworkArrays, metric: Metric, start: Asked, node_ms: Ints, limit_ms: int
) -> tuple[float, float]:
    """Kilometres of the profile's roads, and of those that are reached."""
    times = metric.times
    on_land = a.edge_flags & (GATE | FERRY) == 0
    counted = np.flatnonzero((a.edge_in_part & metric.bit > 0) & on_land).astype(np.int32)
    entry = entries(node_ms, times)
    reached = covered_mm(entry, limit_ms, times, counted)
    total = float(a.edge_mm[counted].sum(dtype=np.int64))
    for edge in np.unique(start.near.edge[start.access_ms < limit_ms]).tolist():
        row = np.searchsorted(counted, edge)
        if row < len(counted) and counted[row] == edge:
            reached[row] = _own_edge(metric, start, entry, edge, limit_ms) * a.edge_mm[edge]
    return total / 1e6, float(reached.sum()) / 1e6


def _own_edge(metric: Metric, start: Asked, entry: Ints, edge: int, limit_ms: int) -> float:
    """The share of an edge with sources on it that is reached from them or from its ends."""
    spans = []
    for ref, begin in ((2 * edge, 0.0), (2 * edge + 1, 1.0)):
        if entry[ref] < limit_ms:
            spans.append((begin, reach_along(metric.times, ref, begin, limit_ms - entry[ref])))
        for row in np.flatnonzero(start.near.edge == edge).tolist():
            left = limit_ms - int(start.access_ms[row])
            if left > 0:
                at = float(start.near.fraction[row])
                spans.append((at, reach_along(metric.times, ref, at, left)))
    share, up_to = 0.0, 0.0
    for low, high in sorted((min(span), max(span)) for span in spans):
        share += max(high - max(low, up_to), 0.0)
        up_to = max(up_to, high)
    return share
