"""How far along every road one gets in a given time, from what the search says about the nodes."""

from __future__ import annotations

import numpy as np

from routing.arrays import CLOSED_MS, Floats, Ints
from routing.compiled import compiled
from routing.ends import EdgeTimes, piece
from routing.engine import FAR, FAR_MS, LENGTH_BITS

# Halvings of an edge until the place where time runs out is known: to a centimetre on the longest.
_HALVINGS = 24


@compiled
def entries(node_ms: Ints, t: EdgeTimes) -> Ints:
    """(2E,) milliseconds at which each ref can be entered at its beginning, FAR_MS for never.

    `node_ms` (N,) is when each node is reached. A road may be entered from any copy of its junction that does
    not forbid it.
    """
    out = np.full(len(t.ref_first) - 1, FAR_MS, np.int32)
    for node in range(len(node_ms)):
        if node_ms[node] >= FAR_MS:
            continue
        for arc in range(t.out_first[node], t.out_first[node + 1]):
            ref = t.out_ref[arc]
            permitted = (t.backward[ref >> 1] if ref & 1 else t.forward[ref >> 1]) != CLOSED_MS
            if permitted and not t.banned[arc] & t.bit and node_ms[node] < out[ref]:
                out[ref] = node_ms[node]
    return out


@compiled
def reach_along(t: EdgeTimes, ref: int, start: float, budget_ms: int) -> float:
    """The fraction of the edge one gets to from fraction `start` in the direction of the ref; `start` when
    that is nowhere."""
    end = 0.0 if ref & 1 else 1.0
    whole = piece(t, ref, min(start, end), max(start, end))
    if whole < FAR and whole >> LENGTH_BITS <= budget_ms:
        return end
    near, far = start, end
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        cost = piece(t, ref, min(start, middle), max(start, middle))
        if cost < FAR and cost >> LENGTH_BITS <= budget_ms:
            near = middle
        else:
            far = middle
    return near


@compiled
def covered_mm(entry: Ints, limit_ms: int, t: EdgeTimes, counted: Ints) -> Floats:
    """Millimetres (k,) of each of the edges `counted` that are reached from their ends within the limit."""
    out = np.zeros(len(counted), np.float64)
    for i in range(len(counted)):
        e = counted[i]
        ahead, back = 0.0, 1.0
        if entry[2 * e] < limit_ms:
            ahead = reach_along(t, 2 * e, 0.0, limit_ms - entry[2 * e])
        if entry[2 * e + 1] < limit_ms:
            back = reach_along(t, 2 * e + 1, 1.0, limit_ms - entry[2 * e + 1])
        out[i] = min(ahead + 1.0 - back, 1.0) * t.mm[e]
    return out
