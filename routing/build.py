"""Builds a store from an extract and reports what it found."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np

from routing.arrays import ARRAY_TYPES, CONNECTOR, Floats, NetworkArrays
from routing.errors import BadExtract
from routing.extract import Progress, RawRoads, read_extract, source_digest
from routing.graph import Parts, build_arrays, segment_metres, strong_parts
from routing.profile import AMBULANCE, Profile
from routing.report import BuildReport, Part
from routing.store import SCHEMA, Manifest, write_store

_PARTS_LISTED = 10


def build_store(
    extract: Path,
    out: Path,
    *,
    profile: Profile = AMBULANCE,
    exclude_highway: frozenset[str] = frozenset(),
    data_date: str | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Build the store `out` (a folder, replaced if it is a store) from an OpenStreetMap extract.

    `exclude_highway` names highway classes to leave out. `data_date` says how old the map is, where the
    extract does not. `progress` is called with a stage ("read", "connect", "write", "done") and 0..1 of
    that stage. Raises BadExtract for a file that cannot serve, BadStore when `out` is a folder of something
    else.
    """
    began = time.monotonic()
    tell = progress or _silent
    source = source_digest(extract)
    tell("read", 0.0)
    roads = read_extract(extract, profile, exclude_highway, data_date, tell)
    tell("connect", 0.0)
    parts = strong_parts(roads)
    if parts.sizes[parts.largest] < 2:
        raise BadExtract(
            f"Berkas jalan {extract}: tidak ada dua tempat yang saling terjangkau. Periksa oneway.",
            f"Road extract {extract}: no two places can be reached from each other. Check its oneway tags.",
        )
    arrays, frame = build_arrays(roads, parts)
    version = _version(source, profile, exclude_highway)
    report = _report(roads, parts, arrays, version, source, profile, time.monotonic() - began)
    tell("write", 0.0)
    manifest = Manifest(
        schema=SCHEMA,
        version=version,
        source_sha256=source,
        profile=profile.name,
        profile_digest=profile.digest,
        exclude_highway=sorted(exclude_highway),
        classes=list(profile.classes),
        frame=frame,
        shapes={name: list(getattr(arrays, name).shape) for name in ARRAY_TYPES},
        report=report,
    )
    write_store(out, manifest, arrays)
    tell("done", 1.0)
    return report


def _silent(stage: str, share: float) -> None:
    """The progress of a build nobody watches."""


def _version(source: str, profile: Profile, exclude_highway: frozenset[str]) -> str:
    made_of = json.dumps([SCHEMA, source, profile.digest, sorted(exclude_highway)])
    return hashlib.sha256(made_of.encode()).hexdigest()[:12]


def _report(
    roads: RawRoads,
    parts: Parts,
    arrays: NetworkArrays,
    version: str,
    source: str,
    profile: Profile,
    seconds: float,
) -> BuildReport:
    metres, line = segment_metres(roads)
    by_class = np.bincount(roads.highway[line], weights=metres, minlength=len(profile.classes)) / 1000
    connector = (arrays.edge_flags & CONNECTOR) > 0
    return BuildReport(
        version=version,
        source_sha256=source,
        data_date=roads.data_date,
        ways_read=roads.ways_read,
        ways_kept=roads.ways_kept,
        ways_dropped=roads.dropped,
        clipped_nodes=roads.clipped,
        vertices=len(roads.lon),
        nodes=len(arrays.node_lon),
        edges=len(arrays.edge_from),
        arcs=len(arrays.out_head),
        largest_part_share=float(parts.sizes[parts.largest] / len(roads.lon)),
        parts=len(parts.sizes),
        cut_off=_cut_off(roads, parts),
        km_by_class={
            name: round(float(km), 3) for name, km in zip(profile.classes, by_class, strict=True) if km > 0
        },
        km_in_store=round(float(arrays.edge_mm.sum(dtype=np.int64)) / 1e6, 3),
        connector_km=round(float(arrays.edge_mm[connector].sum(dtype=np.int64)) / 1e6, 3),
        box=_box(arrays.shape_lon, arrays.shape_lat),
        seconds=round(seconds, 3),
    )


def _box(lon: Floats, lat: Floats) -> tuple[float, float, float, float]:
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _cut_off(roads: RawRoads, parts: Parts) -> tuple[Part, ...]:
    """The largest parts besides the largest."""
    metres, _ = segment_metres(roads)
    tail = np.delete(roads.vertex, roads.first[1:] - 1)
    head = np.delete(roads.vertex, roads.first[:-1])
    within = parts.label[tail] == parts.label[head]
    km = np.bincount(parts.label[tail[within]], weights=metres[within], minlength=len(parts.sizes)) / 1000
    order = np.argsort(-parts.sizes, kind="stable")
    listed = [part for part in order[: _PARTS_LISTED + 1] if part != parts.largest][:_PARTS_LISTED]
    return tuple(
        Part(
            int(parts.sizes[part]),
            round(float(km[part]), 3),
            _box(roads.lon[parts.label == part], roads.lat[parts.label == part]),
        )
        for part in listed
    )
