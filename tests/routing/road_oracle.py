"""A slow, plain search over a sketch that remembers the roads driven last: the truth for small networks."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from road_sketch import Edge

from routing import Snap
from routing.arrays import CLOSED_MS
from routing.turns import Ban

Cost = tuple[int, int]  # milliseconds, millimetres
# Changed stretches by ref: from and to fraction, what is left of the speed (0: closed); none overlap.
Changes = Mapping[int, Sequence[tuple[float, float, float]]]
NEVER: Cost = (1 << 60, 0)


@dataclass(frozen=True)
class Oracle:
    """The roads as one profile sees them; `mm` the edges' lengths, `bans` those that bind the profile."""

    edges: Sequence[Edge]
    times: Sequence[tuple[int, int]]
    mm: Sequence[int]
    bans: Sequence[Ban]
    changes: Changes

    def cost(self, origin: Snap, target: Snap) -> Cost:
        """Least time, then length, from one place to another; NEVER when there is no way."""
        best = NEVER
        if origin.edge == target.edge:
            ref = 2 * origin.edge + (target.fraction < origin.fraction)
            best = self._piece(ref, origin.fraction, target.fraction)
        queue: list[tuple[Cost, int, tuple[int, ...]]] = []
        for side in (0, 1):
            ref, end = 2 * origin.edge + side, 1.0 - side
            if origin.fraction == end:
                heapq.heappush(queue, ((0, 0), self._head(ref), ()))
                continue
            left = self._piece(ref, origin.fraction, end)
            if left < NEVER:
                heapq.heappush(queue, (left, self._head(ref), (ref,)))
        return min(best, self._search(queue, target))

    def _search(self, queue: list[tuple[Cost, int, tuple[int, ...]]], target: Snap) -> Cost:
        memory = max((len(ban.refs) for ban in self.bans), default=1) - 1
        settled: set[tuple[int, tuple[int, ...]]] = set()
        best = NEVER
        while queue:
            cost, node, driven = heapq.heappop(queue)
            if cost >= best or (node, driven) in settled:
                continue
            settled.add((node, driven))
            for number in range(len(self.edges)):
                for ref in (2 * number, 2 * number + 1):
                    if self._tail(ref) != node:
                        continue
                    if number == target.edge and target.fraction == float(ref & 1):
                        best = min(best, cost)
                    history = (*driven, ref)
                    if any(history[-len(ban.refs) :] == ban.refs for ban in self.bans):
                        continue
                    if number == target.edge:
                        best = min(best, _sum(cost, self._piece(ref, float(ref & 1), target.fraction)))
                    whole = self._piece(ref, float(ref & 1), 1.0 - (ref & 1))
                    if whole < NEVER:
                        kept = history[len(history) - memory :] if memory else ()
                        heapq.heappush(queue, (_sum(cost, whole), self._head(ref), kept))
        return best

    def _piece(self, ref: int, start: float, stop: float) -> Cost:
        if start == stop:
            return (0, 0)
        ms, mm = self.times[ref >> 1][ref & 1], self.mm[ref >> 1]
        if ms == CLOSED_MS:
            return NEVER
        low, high = min(start, stop), max(start, stop)
        time = round(ms * high) - round(ms * low)
        for begin, end, factor in self.changes.get(ref, ()):
            if begin >= high or end <= low:
                continue
            if factor == 0:
                return NEVER
            more = round(ms * (end - begin) * (1 / factor - 1)) / (end - begin)
            time += round(more * (min(high, end) - begin)) - round(more * (max(low, begin) - begin))
        return (time, round(mm * high) - round(mm * low))

    def _tail(self, ref: int) -> int:
        edge = self.edges[ref >> 1]
        return edge.last if ref & 1 else edge.first

    def _head(self, ref: int) -> int:
        return self._tail(ref ^ 1)


def _sum(a: Cost, b: Cost) -> Cost:
    return NEVER if b >= NEVER else (a[0] + b[0], a[1] + b[1])


def in_seconds(cost: Cost) -> float:
    """The time of a cost; infinite when there is no way."""
    return math.inf if cost >= NEVER else cost[0] / 1000
