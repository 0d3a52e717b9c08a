"""Builds a store from an extract and reports what it found."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from routing.arrays import CONNECTOR, FERRY, Floats, NetworkArrays
from routing.edges import segment_metres
from routing.errors import BadExtract
from routing.extract import read_extract, source_digest
from routing.graph import Graph, build_arrays, build_graph
from routing.graphml import read_graphml
from routing.hierarchy import build_hierarchy
from routing.parts import Parts
from routing.profile import MOST_PROFILES, Profile, profiles_digest
from routing.profiles import PROFILES
from routing.raw import Progress, RawRoads
from routing.report import BuildReport, Part, ProfileSummary
from routing.store import SCHEMA, Manifest, stored_arrays, write_store
from routing.suspicious import find_suspicious

_PARTS_LISTED = 10


def build_store(
    extract: Path,
    out: Path,
    *,
    profiles: Sequence[Profile] = PROFILES,
    exclude_highway: frozenset[str] = frozenset(),
    data_date: str | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Build the store `out` (a folder, replaced if it is a store) from an OpenStreetMap extract.

    `profiles`: one to eight kinds of vehicles with names of their own; the first is the main one, of which
    the report speaks. `exclude_highway` names highway classes to leave out for all. `data_date` says how old
    the map is, where the extract does not. `progress` is called with a stage ("read", "connect", "order",
    "write", "done") and 0..1 of that stage. Raises BadExtract for a file that cannot serve, BadStore when
    `out` is a folder of something else.
    """
    if not 1 <= len({profile.name for profile in profiles}) == len(profiles) <= MOST_PROFILES:
        raise ValueError(f"one to {MOST_PROFILES} profiles with different names, not {len(profiles)}")
    began = time.monotonic()
    tell = progress or _silent
    source = source_digest(extract)
    tell("read", 0.0)
    read = read_graphml if extract.suffix.lower() == ".graphml" else read_extract
    roads = read(extract, profiles, exclude_highway, data_date, tell)
    tell("connect", 0.0)
    graph = build_graph(roads)
    for profile, parts in zip(profiles, graph.parts, strict=True):
        if len(parts.sizes) == 0 or parts.sizes[parts.largest] < 2:
            raise BadExtract(
                f"Berkas jalan {extract}: tidak ada dua tempat yang saling terjangkau bagi profil "
                f"{profile.name}. Periksa oneway.",
                f"Road extract {extract}: no two places can be reached from each other by the profile "
                f"{profile.name}. Check its oneway tags.",
            )
    arrays, frame = build_arrays(roads, graph)
    tell("order", 0.0)
    hierarchy = build_hierarchy(
        len(arrays.node_lon),
        graph.arcs.tails(),
        arrays.out_head,
        arrays.node_lon,
        arrays.node_lat,
        lambda share: tell("order", share),
    )
    stored = stored_arrays(arrays, hierarchy)
    version = _version(source, profiles, exclude_highway)
    report = _report(roads, graph, arrays, extract.name, version, source)
    report = replace(report, seconds=round(time.monotonic() - began, 3))
    tell("write", 0.0)
    manifest = Manifest(
        schema=SCHEMA,
        version=version,
        source_sha256=source,
        profiles=list(profiles),
        exclude_highway=sorted(exclude_highway),
        classes=list(roads.classes),
        frame=frame,
        shapes={name: list(array.shape) for name, array in stored.items()},
        report=report,
    )
    write_store(out, manifest, stored)
    tell("done", 1.0)
    return report


def _silent(stage: str, share: float) -> None:
    """The progress of a build nobody watches."""


def _version(source: str, profiles: Sequence[Profile], exclude_highway: frozenset[str]) -> str:
    made_of = json.dumps([SCHEMA, source, profiles_digest(profiles), sorted(exclude_highway)])
    return hashlib.sha256(made_of.encode()).hexdigest()[:12]


def _report(
    roads: RawRoads, graph: Graph, arrays: NetworkArrays, name: str, version: str, source: str
) -> BuildReport:
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
