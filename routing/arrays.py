"""The arrays a network consists of: names, types and what they mean."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

CLOSED_MS = -1  # the time of an edge in a direction that is not permitted
CONNECTOR = 1  # flag of an edge that was added to the map by hand


@dataclass(frozen=True, slots=True)
class NetworkArrays:
    """N nodes, E edges, A arcs, P shape points, C grid cells.

    An edge is a stretch of one way between two nodes; a two-way edge is one edge and two arcs. An arc's ref
    is its edge times two, plus one for the direction against the edge. Arcs stand grouped by tail (`out_*`,
    with the heads) and by head (`in_*`, with the tails). Costs are those of `engine`. Segment i joins shape
    points i and i+1 of the same edge.
    """

    node_lon: Floats  # (N,) degrees WGS84
    node_lat: Floats  # (N,)
    edge_from: Ints  # (E,) node
    edge_to: Ints  # (E,) node
    edge_ms_forward: Ints  # (E,) milliseconds from first to last node, CLOSED_MS if not permitted
    edge_ms_backward: Ints  # (E,) the other way
    edge_mm: Ints  # (E,) length
    edge_way: Longs  # (E,) OSM way id
    edge_class: Bytes  # (E,) number of the highway class, see the manifest
    edge_flags: Bytes  # (E,) CONNECTOR
    shape_first: Ints  # (E+1,) points of edge e are shape_first[e]..shape_first[e+1]
    shape_lon: Floats  # (P,)
    shape_lat: Floats  # (P,)
    shape_mm: Ints  # (P,) length of the edge up to the point
    segment_edge: Ints  # (P,) the edge of each point
    out_first: Ints  # (N+1,)
    out_head: Ints  # (A,)
    out_cost: Longs  # (A,)
    out_ref: Ints  # (A,)
    in_first: Ints  # (N+1,)
    in_head: Ints  # (A,)
    in_cost: Longs  # (A,)
    in_ref: Ints  # (A,)
    grid_first: Ints  # (C+1,)
    grid_segment: Ints  # (entries,)


_TYPES = {"Bytes": "uint8", "Ints": "int32", "Longs": "int64", "Floats": "float64"}
# name -> numpy type, in the order of the class
ARRAY_TYPES: dict[str, str] = {part.name: _TYPES[str(part.type)] for part in fields(NetworkArrays)}
