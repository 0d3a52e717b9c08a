"""The search engine: exact answers over a customised hierarchy, from many threads at once."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from routing.costs import FAR, FAR_MS, LENGTH_BITS, Costs, Ends, Found, Ints, Path
from routing.customise import Side, Weights, customise, customise_changed
from routing.hierarchy import Hierarchy, build_hierarchy
from routing.matrix import many_and_many
from routing.search import one_and_many
from routing.sweep import Layers, build_layers, in_columns, reach_all
from routing.unpack import find_way

__all__ = [
    "FAR",
    "FAR_MS",
    "LENGTH_BITS",
    "Ends",
    "Engine",
    "Found",
    "Hierarchy",
    "Path",
    "Weights",
    "build_hierarchy",
    "customise",
    "customise_changed",
]


class _Scratch:
    """What searches of one thread write on. A turn makes the stamps of all earlier ones void."""

    def __init__(self, nodes: int) -> None:
        self.stamp = np.zeros(nodes, np.int32)
        # a way between two places takes one line of ancestors for each
        self.chosen = np.empty(2 * nodes, np.int32)
        self.ms = np.empty(nodes, np.int32)
        self.cost = np.empty(nodes, np.int64)
        self.place = np.empty(nodes, np.int32)
        self.other_cost = np.empty(nodes, np.int64)
        self.other_place = np.empty(nodes, np.int32)
        self.slot_ms = np.empty(0, np.int32)  # grown by the first sweep over all nodes
        self._turn = 0

    def next_turn(self, used: int = 1) -> int:
        """A stamp that stands nowhere yet, and the `used` - 1 numbers behind it."""
        if self._turn > 2**31 - 2 - used:
            self.stamp[:] = 0
            self._turn = 0
        self._turn += used
        return self._turn - used + 1


class Engine:
    """Searches over one hierarchy; every method takes the metric (`Weights`) it is to be answered by.

    Safe to use from many threads at once: each has scratch space of its own, and the interpreter lock is
    released while a search runs. A place is given by its `Ends`; `known` is a cost per place that is possible
    without the search (FAR: none).
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._hierarchy = hierarchy
        self._threads = threading.local()
        self._layers: Layers | None = None

    def to_one(self, weights: Weights, seeds: Ends, ends: Ends, known: Costs) -> Found:
        """Least costs from every owner of `ends` to the one place with `seeds`; `known` (n,) int64.

        `best` is final for all owners: the sweep would gain nothing from stopping at the few best.
        """
        return self._one(weights.falling, weights.rising, seeds, ends, known)

    def from_one(self, weights: Weights, seeds: Ends, ends: Ends, known: Costs) -> Found:
        """Least costs from the one place with `seeds` to every owner of `ends`, as `to_one`."""
        return self._one(weights.rising, weights.falling, seeds, ends, known)

    def to_one_ms(self, weights: Weights, seeds: Ends, ends: Ends, known: Ints) -> Found:
        """`to_one` in milliseconds alone, for many places; `known` (n,) int32, FAR_MS: none."""
        return self._one_ms(weights.falling, weights.rising, seeds, ends, known)

    def from_one_ms(self, weights: Weights, seeds: Ends, ends: Ends, known: Ints) -> Found:
        """`from_one` in milliseconds alone, as `to_one_ms`."""
        return self._one_ms(weights.rising, weights.falling, seeds, ends, known)

    def matrix(
        self, weights: Weights, sources: Ends, n_sources: int, targets: Ends, n_targets: int,
        known: Ints | None = None,
    ) -> NDArray[np.int32]:  # fmt: skip
        """Milliseconds (n_sources, n_targets) from every source to every target, FAR_MS where no way leads.

        `known` (n_sources, n_targets) int32 as in `to_one_ms`.
        """
        up, back = weights.rising, weights.falling
        ones, many, shape = sources, targets, (n_sources, n_targets)
        if n_sources > n_targets:  # the smaller side is the one that is repeated
            up, back, ones, many, shape = back, up, targets, sources, (n_targets, n_sources)
        out = np.full(shape, FAR_MS, np.int32)
        if known is not None:
            out[:] = known if ones is sources else known.T
        order = np.argsort(ones.owner, kind="stable")
        first = np.searchsorted(ones.owner[order], np.arange(shape[0] + 1)).astype(np.int32)
        h, scratch = self._hierarchy, self._own_scratch()
        many_and_many(
            h.rank, h.parent, up.first, up.head, up.ms, back.first, back.head, back.ms,
            ones.node[order], ones.cost[order], first, many.node, many.cost, many.owner,
            scratch.stamp, scratch.next_turn(), scratch.place, scratch.chosen, out,
        )  # fmt: skip
        return out if ones is sources else np.ascontiguousarray(out.T)

    def reach(
        self, weights: Weights, seeds: Ends, limit_ms: int | None = None, backward: bool = False
    ) -> Ints:
        """Milliseconds (N,) by node from the nearest of the places with `seeds`, FAR_MS beyond the limit.

        `backward`: from every node to the nearest of the places.
        """
        up = weights.falling if backward else weights.rising
        h, layers, scratch = self._hierarchy, self._own_layers(), self._own_scratch()
        if len(scratch.slot_ms) < layers.slots:
            scratch.slot_ms = np.empty(layers.slots, np.int32)
        out = np.empty(h.nodes, np.int32)
        reach_all(
            h.rank, h.parent, up.first, up.head, up.ms,
            layers.rank_slot, layers.node_slot, layers.column_first, layers.head,
            _in_layers(layers, weights, backward), seeds.node, seeds.cost,
            FAR_MS if limit_ms is None else limit_ms,
            scratch.stamp, scratch.next_turn(), scratch.chosen, scratch.ms, scratch.slot_ms, out,
        )  # fmt: skip
        return out

    def path(self, weights: Weights, ends: Ends, seeds: Ends, known: int = FAR) -> Path:
        """The cheapest way from the place with `ends` to the place with `seeds`."""
        h, s = self._hierarchy, self._own_scratch()
        up, down = weights.rising, weights.falling
        cost, via, seed, arcs = find_way(
            h.rank, h.parent, up.first, up.head, up.cost, down.first, down.head, down.cost,
            ends.node, ends.cost, seeds.node, seeds.cost, known,
            h.up_first, h.up_head, h.down_first, h.down_node, h.down_arc, h.base_first, h.base_arc,
            weights.up, weights.down, weights.arc_cost,
            s.stamp, s.next_turn(2), s.chosen, s.cost, s.other_cost, s.place, s.other_place,
        )  # fmt: skip
        return Path(cost, via, seed, arcs)

    def _one(self, up: Side, back: Side, seeds: Ends, ends: Ends, known: Costs) -> Found:
        h, scratch = self._hierarchy, self._own_scratch()
        best, via = known.copy(), np.full(len(known), -1, np.int32)
        one_and_many(
            h.rank, h.parent, up.first, up.head, up.cost, back.first, back.head, back.cost,
            seeds.node, seeds.cost, ends.node, ends.cost, ends.owner, 0, FAR, best, via,
            scratch.cost, scratch.stamp, scratch.next_turn(), scratch.chosen,
        )  # fmt: skip
        return Found(best, via)

    def _one_ms(self, up: Side, back: Side, seeds: Ends, ends: Ends, known: Ints) -> Found:
        h, scratch = self._hierarchy, self._own_scratch()
        best, via = known.copy(), np.full(len(known), -1, np.int32)
        one_and_many(
            h.rank, h.parent, up.first, up.head, up.ms, back.first, back.head, back.ms,
            seeds.node, seeds.cost, ends.node, ends.cost, ends.owner, LENGTH_BITS, FAR_MS, best, via,
            scratch.ms, scratch.stamp, scratch.next_turn(), scratch.chosen,
        )  # fmt: skip
        return Found(best, via)

    def _own_scratch(self) -> _Scratch:
        scratch: _Scratch | None = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = _Scratch(self._hierarchy.nodes)
        return scratch

    def _own_layers(self) -> Layers:
        layers = self._layers
        if layers is None:  # two threads may both build them: they come out alike
            layers = self._layers = build_layers(self._hierarchy)
        return layers


def _in_layers(layers: Layers, weights: Weights, backward: bool) -> Ints:
    """What the sweep reads of a metric, made when it is first asked for."""
    ms = weights.columns.get(backward)
    if ms is None:
        ms = in_columns(layers.arc, weights.up if backward else weights.down)
        weights.columns[backward] = ms
    return ms
