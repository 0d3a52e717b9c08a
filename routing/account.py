"""Draws up the report of a build: what of the map was kept, what hangs together, what is worth a look."""

from __future__ import annotations

import numpy as np

from routing.arrays import CONNECTOR, FERRY, Floats, NetworkArrays
from routing.edges import segment_metres
from routing.graph import Graph
from routing.parts import Parts
from routing.raw import RawRoads
from routing.report import BuildReport, Part, ProfileSummary
from routing.suspicious import find_suspicious

_PARTS_LISTED = 10


def draw_up(
    roads: RawRoads, graph: Graph, arrays: NetworkArrays, name: str, version: str, source: str
) -> BuildReport:
    """The report on a network made of `roads`, from the file `name` whose content has the hash `source`."""
    metres, line = segment_metres(roads)
    by_class = np.bincount(roads.highway[line], weights=metres, minlength=len(roads.classes)) / 1000
    main = graph.parts[0]
    inside = (arrays.edge_in_part & 1) > 0
    connector = inside & ((arrays.edge_flags & CONNECTOR) > 0)
    suspicions, suspicious = find_suspicious(roads, graph.map_edges, main, graph.barriers.on_junction)
    return BuildReport(
        version=version,
        source_sha256=source,
        data_date=roads.data_date,
        ways_read=roads.ways_read,
        ways_kept=roads.ways_kept,
        ways_dropped=roads.dropped,
        clipped_nodes=roads.clipped,
        vertices=int(main.sizes.sum()),
        nodes=len(arrays.node_lon),
        edges=len(arrays.edge_from),
        arcs=len(arrays.out_head),
        largest_part_share=main.share,
        parts=len(main.sizes),
        cut_off=_cut_off(roads, main),
        km_by_class={
            name: round(float(km), 3) for name, km in zip(roads.classes, by_class, strict=True) if km > 0
        },
        km_in_store=round(float(arrays.edge_mm[inside].sum(dtype=np.int64)) / 1e6, 3),
        connector_km=round(float(arrays.edge_mm[connector].sum(dtype=np.int64)) / 1e6, 3),
        box=_box(arrays.shape_lon, arrays.shape_lat),
        seconds=0.0,
        source=name,
        turn_copies=len(arrays.node_lon) - len(graph.edges.vertex),
        profiles=tuple(_summary(arrays, graph, number, p.name) for number, p in enumerate(roads.profiles)),
        restrictions=graph.restrictions,
        barriers=graph.barriers,
        ferries=int(((arrays.edge_flags & FERRY) > 0).sum()),
        suspicions=suspicions,
        suspicious=suspicious,
    )


def _summary(arrays: NetworkArrays, graph: Graph, number: int, name: str) -> ProfileSummary:
    parts = graph.parts[number]
    inside = (arrays.edge_in_part >> number & 1) > 0
    return ProfileSummary(
        name=name,
        vertices=int(parts.sizes.sum()),
        largest_part_share=parts.share,
        parts=len(parts.sizes),
        edges=int(inside.sum()),
        km=round(float(arrays.edge_mm[inside].sum(dtype=np.int64)) / 1e6, 3),
    )


def _box(lon: Floats, lat: Floats) -> tuple[float, float, float, float]:
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _cut_off(roads: RawRoads, parts: Parts) -> tuple[Part, ...]:
    """The largest parts besides the largest."""
    metres, _ = segment_metres(roads)
    label = parts.vertex_part
    tail = np.delete(roads.vertex, roads.first[1:] - 1)
    head = np.delete(roads.vertex, roads.first[:-1])
    within = (label[tail] == label[head]) & (label[tail] >= 0)
    km = np.bincount(label[tail[within]], weights=metres[within], minlength=len(parts.sizes)) / 1000
    order = np.argsort(-parts.sizes, kind="stable")
    listed = [part for part in order[: _PARTS_LISTED + 1] if part != parts.largest][:_PARTS_LISTED]
    return tuple(
        Part(
            int(parts.sizes[part]),
            round(float(km[part]), 3),
            _box(roads.lon[label == part], roads.lat[label == part]),
        )
        for part in listed
    )
