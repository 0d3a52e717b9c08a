"""Puts a network's arrays together: nodes, edges, arcs, shapes, names and the snapping grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing import grid
from routing.arrays import FERRY, GATE, Bytes, Ints, NetworkArrays
from routing.barriers import BarrierCount, add_delays, barrier_vertices, put_gates
from routing.edges import Edges, Shapes, cut_edges, select_edges, shapes_of
from routing.parts import Parts, find_parts
from routing.raw import RawRoads
from routing.restrictions import RestrictionCount, find_bans
from routing.turns import Arcs, Ban, lay_arcs

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network before it is stored: its edges, the bans of sequences of them and its arcs; and, of the whole
    map it was taken from, all edges, the parts of each profile, and what became of restrictions and
    barriers."""

    edges: Edges
    bans: tuple[Ban, ...]
    arcs: Arcs
    in_part: Bytes
    map_edges: Edges
    parts: tuple[Parts, ...]
    restrictions: RestrictionCount
    barriers: BarrierCount


def build_graph(roads: RawRoads) -> Graph:
    """What any profile can reach and come back from; nothing else can be part of a way between two places."""
    hindering = barrier_vertices(roads)
    edges, barriers = put_gates(roads, cut_edges(roads, hindering), hindering)
    edges = add_delays(roads, edges)
    bans, restrictions = find_bans(roads, edges)
    arcs = lay_arcs(len(edges.vertex), edges.tail, edges.head, edges.open_bits(), bans)
    parts = tuple(find_parts(roads, edges, arcs, number) for number in range(len(roads.profiles)))
    in_part = np.zeros(len(edges.line), np.uint8)
    for number, found in enumerate(parts):
        in_part |= (found.edges << number).astype(np.uint8)
    keep = in_part > 0
    kept = select_edges(edges, keep)
    kept_bans = renumber_bans(bans, keep)
    return Graph(
        kept,
        kept_bans,
        lay_arcs(len(kept.vertex), kept.tail, kept.head, kept.open_bits(), kept_bans),
        in_part[keep],
        edges,
        parts,
        restrictions,
        barriers,
    )


def renumber_bans(bans: Sequence[Ban], keep: Mask) -> tuple[Ban, ...]:
    """The bans among the edges that are kept, with their new numbers."""
    number = np.cumsum(keep) - 1
    return tuple(
        Ban(tuple(int(number[ref >> 1]) * 2 + (ref & 1) for ref in ban.refs), ban.mask)
        for ban in bans
        if all(keep[ref >> 1] for ref in ban.refs)
    )


def build_arrays(roads: RawRoads, graph: Graph) -> tuple[NetworkArrays, grid.Frame]:
    """The arrays of a graph, and the frame of its grid."""
    edges, arcs = graph.edges, graph.arcs
    shapes = shapes_of(roads, edges)
    frame = grid.frame_for(shapes.lon, shapes.lat)
    grid_first, grid_segment = fill_grid(frame, shapes, edges.flags, graph.in_part)
    used, numbers = _used_names(roads.name[edges.line], roads.ref_name[edges.line])
    name_first, name_bytes = pack_names([roads.names[number] for number in used])
    vertex = edges.vertex[arcs.node_origin]
    arrays = NetworkArrays(
        node_lon=roads.lon[vertex],
        node_lat=roads.lat[vertex],
        node_origin=arcs.node_origin,
        edge_from=edges.tail,
        edge_to=edges.head,
        edge_ms_forward=np.ascontiguousarray(edges.ms[:, 0]),
        edge_ms_backward=np.ascontiguousarray(edges.ms[:, 1]),
        edge_in_part=graph.in_part,
        edge_mm=edges.mm,
        edge_way=roads.way[edges.line],
        edge_class=roads.highway[edges.line],
        edge_flags=edges.flags,
        edge_name=numbers[0],
        edge_ref_name=numbers[1],
        name_first=name_first,
        name_bytes=name_bytes,
        shape_first=shapes.first,
        shape_lon=shapes.lon,
        shape_lat=shapes.lat,
        shape_mm=shapes.mm,
        segment_edge=shapes.edge,
        out_first=arcs.out_first,
        out_head=arcs.out_head,
        out_ref=arcs.out_ref,
        out_banned=arcs.out_banned,
        in_first=arcs.in_first,
        in_arc=arcs.in_arc,
        ref_first=arcs.ref_first,
        ref_arc=arcs.ref_arc,
        grid_first=grid_first,
        grid_segment=grid_segment,
    )
    return arrays, frame


def fill_grid(
    frame: grid.Frame, shapes: Shapes, flags: NDArray[np.uint16], in_part: Bytes
) -> tuple[Ints, Ints]:
    """Segments per cell: those of edges in a part. Nobody waits for an ambulance within a barrier or on a
    ferry, so these are left out, unless there is nothing else."""
    snapped = (in_part > 0) & ((flags & (GATE | FERRY)) == 0)
    if not snapped.any():
        snapped = in_part > 0
    # the last point of an edge starts no segment: naming every other point so leaves its segment out
    owner = np.where(snapped[shapes.edge], shapes.edge, -1 - np.arange(len(shapes.edge), dtype=np.int32))
    return grid.fill(frame, shapes.lon, shapes.lat, owner.astype(np.int32))


def pack_names(names: Sequence[str]) -> tuple[Ints, Bytes]:
    """Where each name begins, and all of them as UTF-8."""
    encoded = [name.encode() for name in names]
    first = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(name) for name in encoded], out=first[1:])
    return first, np.frombuffer(b"".join(encoded), np.uint8)


def _used_names(*numbers: Ints) -> tuple[Ints, list[Ints]]:
    """The names in use, and the given numbers as positions among them (-1 stays)."""
    used = np.unique(np.concatenate([*numbers, np.array([-1], np.int32)]))
    position = [(np.searchsorted(used, given) - 1).astype(np.int32) for given in numbers]
    return used[1:], position
