"""Finds the strongly connected parts of a network: within one, all places can be reached from all others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.arrays import Ints, Longs
from routing.edges import Edges
from routing.raw import RawRoads
from routing.turns import Arcs

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parts:
    """What one profile can drive of a network, by strongly connected parts.

    `vertex_part` (v,) int64 the part of each vertex of `RawRoads`, -1 where the profile may not drive;
    `sizes` (parts,) vertices of each; `largest` the number of the largest (of equals the first). `edges`
    (e,) whether an edge can be left into the largest part and reached from it; `one_sided` (e,) whether it
    can be only one of both: who drives in does not get out again, or nobody can drive in.
    """

    vertex_part: Longs
    sizes: Longs
    largest: int
    edges: Mask
    one_sided: Mask

    @property
    def share(self) -> float:
        """Share (0..1) of the drivable vertices that lie in the largest part."""
        return float(self.sizes[self.largest] / self.sizes.sum()) if len(self.sizes) else 0.0


def find_parts(roads: RawRoads, edges: Edges, arcs: Arcs, profile: int) -> Parts:
    """The parts for one profile (its number); with its turn restrictions, barriers and directions."""
    tail, bit = arcs.tails(), np.uint8(1 << profile)
    usable = ((edges.open_bits()[arcs.out_ref & 1, arcs.out_ref >> 1] & ~arcs.out_banned) & bit) > 0
    label = _components(len(arcs.node_origin), tail[usable], arcs.out_head[usable])
    drivable = np.zeros(len(edges.line), np.bool_)
    drivable[arcs.out_ref[usable] >> 1] = True
    inner = np.where(drivable, np.maximum(edges.stop - edges.start - 1, 0), 0)
    weight = _weights(label, arcs, usable, inner)
    original = _labels_of_originals(label, arcs.node_origin, weight, len(edges.vertex))
    vertex_label = _vertex_labels(roads, edges, drivable, original, int(label.max(initial=0)) + 1)
    part, sizes = _renumbered(vertex_label)
    largest = int(np.argmax(sizes)) if len(sizes) else 0
    best = vertex_label[np.argmax(part == largest)] if len(sizes) else -1
    left = _edges_with(arcs.ref_arc[arcs.ref_first[:-1][np.diff(arcs.ref_first) > 0]], arcs, usable)
    leaves, reached = np.zeros(len(edges.line), np.bool_), np.zeros(len(edges.line), np.bool_)
    leaves[arcs.out_ref[left[label[arcs.out_head[left]] == best]] >> 1] = True
    arrive = np.flatnonzero(usable)
    reached[arcs.out_ref[arrive[label[tail[arrive]] == best]] >> 1] = True
    return Parts(part, sizes, largest, leaves & reached, leaves ^ reached)


def _components(nodes: int, tail: Ints, head: Ints) -> Ints:
    # scipy takes half a second to import, and only a build needs it
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    matrix = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(nodes, nodes)).tocsr()
    _, label = connected_components(matrix, directed=True, connection="strong")
    return np.asarray(label, np.int32)


def _edges_with(arc: Ints, arcs: Arcs, usable: Mask) -> Ints:
    """Those of the arcs that can be used."""
    return arc[usable[arc]]


def _weights(label: Ints, arcs: Arcs, usable: Mask, inner: Longs) -> Longs:
    """Vertices per label, roughly: its nodes, and the inner vertices of edges between them."""
    within = usable & (label[arcs.tails()] == label[arcs.out_head])
    count = int(label.max(initial=0)) + 1
    weight = np.bincount(label, minlength=count)
    weight += np.bincount(
        label[arcs.out_head[within]], weights=inner[arcs.out_ref[within] >> 1], minlength=count
    ).astype(np.int64)
    return weight


def _labels_of_originals(label: Ints, origin: Ints, weight: Longs, nodes: int) -> Ints:
    """The label of every original node: that of its copies, or its own, which has most vertices."""
    order = np.lexsort((-np.arange(len(label)), weight[label]))
    best = np.empty(nodes, np.int32)
    best[origin[order]] = label[order]  # the last one written is the heaviest
    return best


def _vertex_labels(roads: RawRoads, edges: Edges, drivable: Mask, label: Ints, free: int) -> Longs:
    """The label of every vertex, -1 where none may be driven; an inner vertex of an edge that leads from one
    part to another is a part of its own."""
    out = np.full(len(roads.lon), -1, np.int64)
    sizes = np.where(drivable, edges.stop - edges.start, 0)
    edge = np.repeat(np.arange(len(sizes)), sizes)
    first = np.cumsum(sizes) - sizes
    position = np.arange(len(edge)) - first[edge] + edges.start[edge]
    own = label[edges.tail] == label[edges.head]
    vertex = roads.vertex[position]
    alone = free + np.arange(len(vertex))
    out[vertex] = np.where(own[edge], label[edges.head[edge]], alone)
    for end in (edges.tail, edges.head):
        out[edges.vertex[end[drivable]]] = label[end[drivable]]
    return out


def _renumbered(label: Longs) -> tuple[Longs, Longs]:
    """Parts numbered from 0 in the order of their labels, and their sizes."""
    driven = label >= 0
    _, number, sizes = np.unique(label[driven], return_inverse=True, return_counts=True)
    part = np.full(len(label), -1, np.int64)
    part[driven] = number
    return part, sizes.astype(np.int64)
