"""Draws small road networks, as OpenStreetMap files or straight as arrays; names the bundled ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
from numpy.typing import NDArray
from osmium.osm.mutable import Node, Way

from routing import AMBULANCE, BuildReport, Network
from routing.arrays import CLOSED_MS, CONNECTOR, NetworkArrays
from routing.edges import Shapes
from routing.graph import fill_grid, pack_names
from routing.grid import frame_for
from routing.hierarchy import build_hierarchy
from routing.metric import metres_per_degree
from routing.profile import Profile, class_names
from routing.store import SCHEMA, Manifest, Store
from routing.turns import Ban, lay_arcs

REPOSITORY = Path(__file__).resolve().parents[2]
PURWAKARTA = REPOSITORY / "regencies" / "32.14-purwakarta" / "roads.osm.pbf"
BATANG = REPOSITORY / "regencies" / "33.25-batang" / "roads.osm.pbf"
TOLL = frozenset({"motorway", "motorway_link"})
Nodes = Mapping[int, tuple[float, float]]
Ways = Sequence[tuple[Sequence[int], Mapping[str, str]]]
Scatter = Callable[[Network, int], NDArray[np.float64]]

LON0, LAT0 = 107.4, -6.5
PER_LON, PER_LAT = metres_per_degree(LAT0)


def at(x: float, y: float) -> tuple[float, float]:
    """The (lon, lat) of a place given in metres from the middle of the sketch."""
    return LON0 + x / PER_LON, LAT0 + y / PER_LAT


def write_osm(path: Path, nodes: Nodes, ways: Ways) -> Path:
    """An extract with nodes at metres (x, y) and ways 100, 101, ... in the order given."""
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for number, (x, y) in sorted(nodes.items()):
            writer.add_node(Node(id=number, version=1, location=at(x, y)))
        for number, (refs, tags) in enumerate(ways, start=100):
            writer.add_way(Way(id=number, version=1, nodes=list(refs), tags=dict(tags)))
    return path


@dataclass(frozen=True)
class Edge:
    """A stretch of road: nodes at both ends, shape points between them in metres, milliseconds each way.

    `others` are the milliseconds each way of further profiles.
    """

    first: int
    last: int
    forward_ms: int
    backward_ms: int
    between: tuple[tuple[float, float], ...] = ()
    connector: bool = False
    others: tuple[tuple[int, int], ...] = ()
    name: str | None = None
    road_class: str = "residential"
    flags: int = 0


def network_of(
    nodes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    bans: Sequence[Ban] = (),
    profiles: Sequence[Profile] = (AMBULANCE,),
) -> Network:
    """A network with exactly these edges, connected or not; places in metres."""
    lines = [np.array([nodes[e.first], *e.between, nodes[e.last]], float) for e in edges]
    along = [
        np.rint(np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))]) * 1000)
        for line in lines
    ]
    first = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int32)
    lon, lat = (np.array(axis) for axis in zip(*(at(x, y) for line in lines for x, y in line), strict=True))
    owner = np.repeat(np.arange(len(edges)), np.diff(first)).astype(np.int32)
    tail, head = (np.array([getattr(e, name) for e in edges], np.int32) for name in ("first", "last"))
    ms = np.array([((e.forward_ms, e.backward_ms), *e.others) for e in edges], np.int32)
    forward, backward = ms[:, :, 0].T.copy(), ms[:, :, 1].T.copy()
    bits = 1 << np.arange(len(profiles))[:, None]
    open_bits = np.stack([((way != CLOSED_MS) * bits).sum(axis=0) for way in (forward, backward)])
    open_bits = open_bits.astype(np.uint8)
    arcs = lay_arcs(len(nodes), tail, head, open_bits, bans)
    shapes = Shapes(first, lon, lat, np.concatenate(along).astype(np.int32), owner)
    frame = frame_for(lon, lat)
    flags = np.array([e.connector * CONNECTOR | e.flags for e in edges], np.uint16)
    in_part = np.full(len(edges), (1 << len(profiles)) - 1, np.uint8)
    grid_first, grid_segment = fill_grid(frame, shapes, flags, in_part)
    node_lon, node_lat = (np.array(axis) for axis in zip(*(at(x, y) for x, y in nodes), strict=True))
    names = sorted({e.name for e in edges if e.name is not None})
    name_first, name_bytes = pack_names(names)
    named = np.array([-1 if e.name is None else names.index(e.name) for e in edges], np.int32)
    classes = class_names(profiles)
    arrays = NetworkArrays(
        node_lon=node_lon[arcs.node_origin], node_lat=node_lat[arcs.node_origin],
        node_origin=arcs.node_origin, edge_from=tail, edge_to=head,
        edge_ms_forward=forward, edge_ms_backward=backward, edge_in_part=in_part,
        edge_mm=np.array([run[-1] for run in along], np.int32), edge_way=np.arange(len(edges)),
        edge_class=np.array([classes.index(e.road_class) for e in edges], np.uint8), edge_flags=flags,
        edge_name=named, edge_ref_name=np.full(len(edges), -1, np.int32),
        name_first=name_first, name_bytes=name_bytes,
        shape_first=shapes.first, shape_lon=lon, shape_lat=lat, shape_mm=shapes.mm, segment_edge=owner,
        out_first=arcs.out_first, out_head=arcs.out_head, out_ref=arcs.out_ref, out_banned=arcs.out_banned,
        in_first=arcs.in_first, in_arc=arcs.in_arc, ref_first=arcs.ref_first, ref_arc=arcs.ref_arc,
        grid_first=grid_first, grid_segment=grid_segment,
    )  # fmt: skip
    box = (float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
    report = BuildReport(
        version="sketch", source_sha256="", data_date=None, ways_read=0, ways_kept=0, ways_dropped={},
        clipped_nodes=0, vertices=len(nodes), nodes=len(nodes), edges=len(edges), arcs=len(arcs.out_head),
        largest_part_share=1.0, parts=1, cut_off=(), km_by_class={}, km_in_store=0.0, connector_km=0.0,
        box=box, seconds=0.0,
    )  # fmt: skip
    manifest = Manifest(
        schema=SCHEMA, version="sketch", source_sha256="", profiles=list(profiles), exclude_highway=[],
        classes=list(classes), frame=frame, shapes={}, report=report,
    )  # fmt: skip
    hierarchy = build_hierarchy(
        len(arrays.node_lon), arcs.tails(), arcs.out_head, arrays.node_lon, arrays.node_lat
    )
    return Network(Store(manifest, arrays, hierarchy))
