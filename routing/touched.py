"""Tells an operator what a drawn change of the roads hits: streets, kilometres, and their lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import shapely
from shapely import LineString, MultiLineString

from routing.arrays import NetworkArrays
from routing.drawing import Hit
from routing.errors import BadChange
from routing.live import ChangeReport, RoadChange, Stretches


def change_report(change: RoadChange, hit: Hit, arrays: NetworkArrays, classes: list[str]) -> ChangeReport:
    """What `change` hits."""
    spans = _spans(hit.stretches)
    by_class: defaultdict[str, float] = defaultdict(float)
    by_street: defaultdict[str, float] = defaultdict(float)
    lines = []
    for edge, low, high in spans:
        metres = (high - low) * float(arrays.edge_mm[edge]) / 1000
        by_class[classes[arrays.edge_class[edge]]] += metres
        name = arrays.name(int(arrays.edge_name[edge])) or arrays.name(int(arrays.edge_ref_name[edge]))
        if name is not None:
            by_street[name] += metres
        lines.append(_line(arrays, edge, low, high))
    return ChangeReport(
        id=change.id,
        edges=len({edge for edge, _, _ in spans}),
        km=round(sum(by_class.values()) / 1000, 3),
        km_by_class={name: round(by_class[name] / 1000, 3) for name in _longest_first(by_class)},
        streets=tuple(_longest_first(by_street)),
        lines=MultiLineString(lines),
        off_road_m=hit.off_road_m,
    )


def refused(change: RoadChange, why: BadChange) -> ChangeReport:
    """The report of a change that hits nothing here."""
    return ChangeReport(change.id, 0, 0.0, {}, (), MultiLineString(), refused=why)


def _longest_first(metres: Mapping[str, float]) -> list[str]:
    return sorted(metres, key=lambda name: (-metres[name], name))


def _spans(stretches: Stretches) -> list[tuple[int, float, float]]:
    """Edge, from and to fraction, once for both directions."""
    edges: list[int] = (stretches.ref >> 1).tolist()
    lows: list[float] = stretches.low.tolist()
    highs: list[float] = stretches.high.tolist()
    return sorted(set(zip(edges, lows, highs, strict=True)))


def _line(arrays: NetworkArrays, edge: int, low: float, high: float) -> LineString:
    first, last = int(arrays.shape_first[edge]), int(arrays.shape_first[edge + 1])
    corners = np.column_stack([arrays.shape_lon[first:last], arrays.shape_lat[first:last]])
    along = arrays.shape_mm[first:last] / max(float(arrays.edge_mm[edge]), 1.0)
    inner = corners[(along > low) & (along < high)]
    rim = [[np.interp(f, along, corners[:, axis]) for axis in (0, 1)] for f in (low, high)]
    return shapely.LineString([rim[0], *inner.tolist(), rim[1]])
