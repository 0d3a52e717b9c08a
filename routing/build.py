"""Builds a store from an extract and reports what it found."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from routing.account import draw_up
from routing.errors import BadExtract
from routing.extract import read_extract, source_digest
from routing.graph import build_arrays, build_graph
from routing.graphml import read_graphml
from routing.hierarchy import build_hierarchy
from routing.profile import MOST_PROFILES, Profile, profiles_digest
from routing.profiles import PROFILES
from routing.raw import Progress
from routing.report import BuildReport
from routing.store import SCHEMA, Manifest, stored_arrays, write_store


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
    if max(graph.parts[0].sizes, default=0) < 2:
        raise BadExtract(
            f"Berkas jalan {extract}: tidak ada dua tempat yang saling terjangkau. Periksa oneway.",
            f"Road extract {extract}: no two places can be reached from each other. Check its oneway tags.",
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
    report = draw_up(roads, graph, arrays, extract.name, version, source)
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
