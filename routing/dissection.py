"""An order of the nodes by nested dissection, for machines that have no other way to one.

A part of the network is cut in two where the fewest roads lead across between its one end and its other one,
the ends being a quarter of its nodes each, seen from four directions (inertial flow: Schild, Sommer: On
balanced separators in road networks, SEA 2015). What parts the two comes last, and they are cut in turn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.compiled import compiled
from routing.costs import Ints

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

_DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))
_SMALL = 4  # nodes: any order of so few is as good
_END_SHARE = 0.25


def dissection_order(node_count: int, tail: Ints, head: Ints, lon: Floats, lat: Floats) -> Ints:
    """All nodes (N,), the one to contract first in front: see `node_order`."""
    if node_count == 0:
        return np.empty(0, np.int32)
    first, near, twin = _both_ways(node_count, tail, head)
    x, y = lon * np.cos(np.radians(lat.mean())), lat
    along = np.array([dx * x + dy * y for dx, dy in _DIRECTIONS])
    return _dissect(first, near, twin, along)


def _both_ways(count: int, tail: Ints, head: Ints) -> tuple[Ints, Ints, Ints]:
    """The neighbours of every node, grouped by node, and for each of these links the one back."""
    one = np.concatenate([tail, head]).astype(np.int64)
    other = np.concatenate([head, tail]).astype(np.int64)
    key = np.unique((one * count + other)[one != other])
    first = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(key // count, minlength=count), out=first[1:])
    twin = np.searchsorted(key, key % count * count + key // count)
    return first, (key % count).astype(np.int32), twin.astype(np.int32)


@compiled
def _dissect(first: Ints, near: Ints, twin: Ints, along: Floats) -> Ints:
    """Cut stretches of `nodes` in two, put what parts them at their end, and go on with the halves."""
    count = len(first) - 1
    nodes = np.arange(count).astype(np.int32)
    part = np.zeros(count, np.int32)  # the stretch a node lies in, by the number of the cut
    mark, reached = np.zeros(count, np.int32), np.zeros(count, np.uint8)
    came, flow = np.empty(count, np.int32), np.zeros(len(near), np.uint8)
    queue, best_side = np.empty(count, np.int32), np.zeros(count, np.uint8)
    stack = [(0, count)]
    cut = 0
    while len(stack) > 0:
        begin, end = stack.pop()
        if end - begin <= _SMALL:
            continue
        cut += 1
        members = nodes[begin:end].copy()
        for node in members:
            part[node] = cut
            best_side[node] = 0
        least = end - begin
        for direction in range(len(along)):
            ordered = members[np.argsort(along[direction][members])]
            size = _flood(first, near, twin, ordered, part, cut, least, mark, came, flow, queue, reached)
            if size < least:
                least = size
                for node in members:
                    best_side[node] = reached[node]
        _part(first, near, members, part, cut, best_side)
        fill = begin
        for side in range(3):
            start = fill
            for node in members:
                if best_side[node] == side:
                    nodes[fill] = node
                    fill += 1
            if side < 2 and fill - start < end - begin:
                stack.append((start, fill))
    return nodes


@compiled
def _flood(
    first: Ints, near: Ints, twin: Ints, ordered: Ints, part: Ints, cut: int, most: int,
    mark: Ints, came: Ints, flow: Bytes, queue: Ints, reached: Bytes,
) -> int:  # fmt: skip
    """The fewest links between the first and the last of the ordered nodes; `reached` is set to 1 on the
    first one's side of them and to 0 elsewhere. Gives up, with `most`, when there are as many.

    Unit flow by shortest augmenting paths. `mark`, `came` and `queue` are scratch; `flow` comes in clean and
    goes out so.
    """
    ends = max(1, int(_END_SHARE * len(ordered)))
    size = 0
    while size < most:
        for node in ordered:
            mark[node] = 0
        for i in range(ends):
            mark[ordered[len(ordered) - 1 - i]] = 2
        filled = 0
        for i in range(ends):
            mark[ordered[i]] = 1
            came[ordered[i]] = -1
            queue[filled] = ordered[i]
            filled += 1
        goal = _advance(first, near, part, cut, mark, came, flow, queue, filled)
        if goal < 0:
            break
        link = came[goal]
        while link >= 0:  # what flows both ways along a link does not flow at all
            if flow[twin[link]]:
                flow[twin[link]] = 0
            else:
                flow[link] = 1
            link = came[near[twin[link]]]
        size += 1
    for node in ordered:
        reached[node] = mark[node] == 1
        for link in range(first[node], first[node + 1]):
            flow[link] = 0
    return size


@compiled
def _advance(
    first: Ints, near: Ints, part: Ints, cut: int, mark: Ints, came: Ints, flow: Bytes, queue: Ints,
    filled: int,
) -> int:  # fmt: skip
    """Walk on from the queued nodes (marked 1) over links with room; the first node marked 2 that is met, or
    -1. `came` is the link by which each node was met."""
    done = 0
    while done < filled:
        node = queue[done]
        done += 1
        for link in range(first[node], first[node + 1]):
            other = near[link]
            if part[other] != cut or mark[other] == 1 or flow[link]:
                continue
            came[other] = link
            if mark[other] == 2:
                return int(other)
            mark[other] = 1
            queue[filled] = other
            filled += 1
    return -1


@compiled
def _part(first: Ints, near: Ints, members: Ints, part: Ints, cut: int, side: Bytes) -> None:
    """Give the nodes of one side that have links to the other side 2, on the side where they are fewer."""
    counts = np.zeros(2, np.int64)
    for node in members:
        for link in range(first[node], first[node + 1]):
            if part[near[link]] == cut and side[near[link]] != side[node]:
                counts[side[node]] += 1
                break
    fewer = 0 if counts[0] <= counts[1] else 1
    for node in members:
        if side[node] == fewer:
            for link in range(first[node], first[node + 1]):
                if part[near[link]] == cut and side[near[link]] == 1 - fewer:
                    side[node] = 2
                    break
