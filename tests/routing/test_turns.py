"""Copies of nodes: driving over them is driving over the edges while minding every ban."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from routing.turns import Arcs, Ban, lay_arcs

PROFILES = 2
Sketch = tuple[int, list[tuple[int, int, int]], list[Ban]]


@st.composite
def sketches(draw: DrawFn) -> Sketch:
    """Nodes, edges (tail, head, length; loops and parallels too), and bans of drives of two to four edges."""
    nodes = draw(st.integers(1, 5))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node, st.integers(0, 5)), min_size=1, max_size=7))
    bans = []
    for _ in range(draw(st.integers(0, 6))):
        refs = [draw(st.integers(0, 2 * len(edges) - 1))]
        for _ in range(draw(st.integers(1, 3))):
            leaving = [ref for ref in range(2 * len(edges)) if begin(edges, ref) == end(edges, refs[-1])]
            refs.append(draw(st.sampled_from(leaving)))
        bans.append(Ban(tuple(refs), draw(st.integers(1, 2**PROFILES - 1))))
    return nodes, edges, bans


def begin(edges: list[tuple[int, int, int]], ref: int) -> int:
    return edges[ref >> 1][ref & 1]


def end(edges: list[tuple[int, int, int]], ref: int) -> int:
    return edges[ref >> 1][1 - (ref & 1)]


def by_history(sketch: Sketch, profile: int, start: int) -> dict[int, int]:
    """Least lengths from the end of a ref up to the beginning of every other, minding the last three refs."""
    _, edges, bans = sketch
    banned = {ban.refs for ban in bans if ban.mask >> profile & 1}
    best: dict[int, int] = {}
    heap = [(0, (start,))]
    seen = set()
    while heap:
        cost, driven = heapq.heappop(heap)
        if driven in seen:
            continue
        seen.add(driven)
        for ref in range(2 * len(edges)):
            longer = (*driven, ref)
            if begin(edges, ref) != end(edges, driven[-1]):
                continue
            if any(longer[-length:] in banned for length in (2, 3, 4)):
                continue
            best[ref] = min(cost, best.get(ref, cost))
            heapq.heappush(heap, (cost + edges[ref >> 1][2], longer[-3:]))
    return best


def by_copies(arcs: Arcs, sketch: Sketch, profile: int, start: int) -> dict[int, int]:
    """The same over the arcs."""
    _, edges, _ = sketch
    best: dict[int, int] = {}
    heap = [(0, int(arcs.out_head[arcs.ref_arc[arcs.ref_first[start]]]))]
    seen = set()
    while heap:
        cost, node = heapq.heappop(heap)
        if node in seen:
            continue
        seen.add(node)
        for arc in range(arcs.out_first[node], arcs.out_first[node + 1]):
            if arcs.out_banned[arc] >> profile & 1:
                continue
            ref = int(arcs.out_ref[arc])
            best[ref] = min(cost, best.get(ref, cost))
            heapq.heappush(heap, (cost + edges[ref >> 1][2], int(arcs.out_head[arc])))
    return best


def laid(sketch: Sketch) -> Arcs:
    nodes, edges, bans = sketch
    tail, head = (np.array([edge[side] for edge in edges], np.int32) for side in (0, 1))
    return lay_arcs(nodes, tail, head, np.full((2, len(edges)), 2**PROFILES - 1, np.uint8), bans)


@settings(max_examples=150, deadline=None)
@given(sketches(), st.data())
def test_copies_keep_every_ban_and_nothing_else(sketch: Sketch, data: st.DataObject) -> None:
    arcs = laid(sketch)
    start = data.draw(st.integers(0, 2 * len(sketch[1]) - 1))
    for profile in range(PROFILES):
        assert by_copies(arcs, sketch, profile, start) == by_history(sketch, profile, start)


@settings(max_examples=60, deadline=None)
@given(sketches())
def test_the_indexes_agree(sketch: Sketch) -> None:
    nodes, edges, _ = sketch
    arcs = laid(sketch)
    tails, origin = arcs.tails(), arcs.node_origin
    assert origin[:nodes].tolist() == list(range(nodes))
    assert (origin < nodes).all()
    for arc, ref in enumerate(arcs.out_ref.tolist()):
        assert origin[tails[arc]] == begin(edges, ref)
        assert origin[arcs.out_head[arc]] == end(edges, ref)
        assert arc in arcs.ref_arc[arcs.ref_first[ref] : arcs.ref_first[ref + 1]]
        assert arc in arcs.in_arc[arcs.in_first[arcs.out_head[arc]] : arcs.in_first[arcs.out_head[arc] + 1]]
    for ref in range(2 * len(edges)):
        base = arcs.ref_arc[arcs.ref_first[ref]]
        assert tails[base] == begin(edges, ref)
        assert arcs.out_banned[base] == 0
    assert len(arcs.ref_arc) == len(arcs.in_arc) == len(arcs.out_ref)


def test_without_bans_there_are_no_copies() -> None:
    arcs = laid((3, [(0, 1, 1), (1, 2, 1)], []))
    assert arcs.node_origin.tolist() == [0, 1, 2]
    assert len(arcs.out_ref) == 4


def test_what_nobody_may_drive_is_left_out() -> None:
    """One-way roads have no arc back, and turns that are forbidden to all who drive there no arc at all."""
    open_bits = np.array([[3, 1], [2, 0]], np.uint8)
    tail, head = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
    some = lay_arcs(3, tail, head, open_bits, [Ban((0, 2), 2)])
    assert sorted(some.out_ref.tolist()) == [0, 1, 1, 2, 2]
    none = lay_arcs(3, tail, head, open_bits, [Ban((0, 2), 3)])
    assert sorted(none.out_ref.tolist()) == [0, 1, 1, 2]
