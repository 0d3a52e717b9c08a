"""The arrays a network consists of: names, types and what they mean."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Shorts = NDArray[np.uint16]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

CLOSED_MS = -1  # the time of an edge in a direction that is not permitted

# Flags of an edge.
CONNECTOR = 1  # it was added to the map by hand
ROUNDABOUT = 2
FERRY = 4
GATE = 8  # it has no length: the passage of a barrier between the roads that meet there
TOLL = 16
BRIDGE = 32
TUNNEL = 64


@dataclass(frozen=True, slots=True)
class NetworkArrays:
    """N nodes, E edges, A arcs, P shape points, F profiles, K names, C grid cells.

    An edge is a stretch of one way between two nodes; a two-way edge is one edge and two arcs. An arc's ref
    is its edge times two, plus one for the direction against the edge. Row f of the times and bit f of the
    masks belong to profile f of the manifest.

    Where a turn is forbidden, the arc that leads to it ends in a copy of the node; the copy has the arcs of
    its original, and those that must not be taken are banned. Edges name originals only, so several arcs may
    carry one ref: the one between the originals' side first. A place on an edge is left by the head of that
    first arc; it is reached over any arc with its ref that is not banned.

    Segment i joins shape points i and i+1 of the same edge.
    """

    node_lon: Floats  # (N,) degrees WGS84
    node_lat: Floats  # (N,)
    node_origin: Ints  # (N,) the node this one is a copy of, or itself; originals stand first
    edge_from: Ints  # (E,) original node
    edge_to: Ints  # (E,) original node
    edge_ms_forward: Ints  # (F, E) milliseconds from first to last node, CLOSED_MS if not permitted
    edge_ms_backward: Ints  # (F, E) the other way
    edge_in_part: Bytes  # (E,) bit f: the edge lies in profile f's largest strongly connected part
    edge_mm: Ints  # (E,) length
    edge_way: Longs  # (E,) OSM way id
    edge_class: Bytes  # (E,) number of the highway class, see the manifest
    edge_flags: Shorts  # (E,) CONNECTOR, ROUNDABOUT, ...
    edge_name: Ints  # (E,) number of the road's name, -1 if it has none
    edge_ref_name: Ints  # (E,) number of the road's reference ("Jalan Nasional 4"), -1 if it has none
    name_first: Ints  # (K+1,) bytes of name k are name_first[k]..name_first[k+1]
    name_bytes: Bytes  # UTF-8
    shape_first: Ints  # (E+1,) points of edge e are shape_first[e]..shape_first[e+1]
    shape_lon: Floats  # (P,)
    shape_lat: Floats  # (P,)
    shape_mm: Ints  # (P,) length of the edge up to the point
    segment_edge: Ints  # (P,) the edge of each point
    out_first: Ints  # (N+1,) arcs that leave node v are out_first[v]..out_first[v+1]
    out_head: Ints  # (A,)
    out_ref: Ints  # (A,)
    out_banned: Bytes  # (A,) bit f: profile f may not take this arc from this tail
    in_first: Ints  # (N+1,) arcs that reach node v are in_arc[in_first[v]..in_first[v+1]]
    in_arc: Ints  # (A,)
    ref_first: Ints  # (2E+1,) arcs that carry ref r are ref_arc[ref_first[r]..ref_first[r+1]]
    ref_arc: Ints  # (A,)
    grid_first: Ints  # (C+1,)
    grid_segment: Ints  # (entries,) segments of edges that lie in any profile's part and can be snapped to

    def name(self, number: int) -> str | None:
        """The name with this number (of `edge_name`, `edge_ref_name`); None for -1."""
        if number < 0:
            return None
        return bytes(self.name_bytes[self.name_first[number] : self.name_first[number + 1]]).decode()


_TYPES = {"Bytes": "uint8", "Shorts": "uint16", "Ints": "int32", "Longs": "int64", "Floats": "float64"}
# name -> numpy type, in the order of the class
ARRAY_TYPES: dict[str, str] = {part.name: _TYPES[str(part.type)] for part in fields(NetworkArrays)}
