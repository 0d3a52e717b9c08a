"""An order of the nodes by nested dissection, for machines that have no other way to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.compiled import compiled
from routing.costs import Ints

Floats = NDArray[np.float64]

_DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))
_SMALL = 8


def dissection_order(node_count: int, tail: Ints, head: Ints, lon: Floats, lat: Floats) -> Ints:
    """All nodes (N,), the one to contract first in front: see `node_order`."""
    scale = np.cos(np.radians(lat.mean())) if node_count else 1.0
    first, near = _both_ways(node_count, tail, head)
    return _dissect(first, near, lon * scale, lat, np.array(_DIRECTIONS))


def _both_ways(count: int, tail: Ints, head: Ints) -> tuple[Ints, Ints]:
    one = np.concatenate([tail, head]).astype(np.int64)
    other = np.concatenate([head, tail]).astype(np.int64)
    key = np.unique((one * count + other)[one != other])
    first = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(key // max(count, 1), minlength=count), out=first[1:])
    return first, (key % max(count, 1)).astype(np.int32)


@compiled
def _dissect(first: Ints, near: Ints, x: Floats, y: Floats, directions: Floats) -> Ints:
    """Cut a stretch of `nodes` in two, put what parts them at its end, and go on with the two halves."""
    count = len(first) - 1
    nodes = np.arange(count).astype(np.int32)
    side = np.full(count, -1, np.int32)  # which cut a node was last part of, and on which side
    stack = [(0, count)]
    turn = 0
    while len(stack) > 0:
        begin, end = stack.pop()
        size = end - begin
        if size <= _SMALL:
            continue
        members = nodes[begin:end].copy()
        best = size + 1
        chosen = np.zeros(size, np.int32)
        for k in range(len(directions)):
            along = np.empty(size)
            for i in range(size):
                along[i] = x[members[i]] * directions[k, 0] + y[members[i]] * directions[k, 1]
            place = np.argsort(along, kind="mergesort")
            turn += 1
            for i in range(size):
                side[members[place[i]]] = 2 * turn + (1 if i >= size // 2 else 0)
            edge = 0
            part = np.zeros(size, np.int32)
            for i in range(size):
                node = members[i]
                part[i] = side[node] - 2 * turn
                if part[i] == 0:
                    for j in range(first[node], first[node + 1]):
                        if side[near[j]] == 2 * turn + 1:
                            part[i] = 2
                            edge += 1
                            break
            if edge < best:
                best = edge
                chosen = part
        fill = begin
        for which in range(3):
            stretch = fill
            for i in range(size):
                if chosen[i] == which:
                    nodes[fill] = members[i]
                    fill += 1
            if which < 2 and fill - stretch < size:
                stack.append((stretch, fill))
    return nodes
