"""Lays edges out as arcs, with copies of the nodes at which where one comes from decides where one may go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from routing.arrays import Bytes, Ints


@dataclass(frozen=True, slots=True, order=True)
class Ban:
    """A sequence of refs (edge * 2 + 1 if against), at least two and each beginning where the one before it
    ends, that must not be driven by the profiles whose bits are set in `mask`."""

    refs: tuple[int, ...]
    mask: int


@dataclass(frozen=True, slots=True)
class Arcs:
    """The arcs of a network, as `NetworkArrays` has them."""

    node_origin: Ints
    out_first: Ints
    out_head: Ints
    out_ref: Ints
    out_banned: Bytes
    in_first: Ints
    in_arc: Ints
    ref_first: Ints
    ref_arc: Ints

    def tails(self) -> Ints:
        """(A,) the node each arc leaves."""
        return np.repeat(np.arange(len(self.node_origin), dtype=np.int32), np.diff(self.out_first))


@dataclass(slots=True)
class _State:
    """What matters of the way driven so far: it ends with the beginning of a ban.

    `then` is the state after one more ref, `fallback` the longest other state that this one ends with, `mask`
    the profiles that may not get here, `last` the ref driven last, `copy` the node that stands for it.
    """

    last: int
    then: dict[int, int] = field(default_factory=dict)
    fallback: int = 0
    mask: int = 0
    copy: int = -1


def lay_arcs(nodes: int, tail: Ints, head: Ints, open_bits: Bytes, bans: Iterable[Ban] = ()) -> Arcs:
    """The arcs of edges `tail` -> `head` (e,) in the directions that any profile may drive.

    `open_bits` (2, e) has bit f where profile f may drive along (row 0) or against (row 1) the edge. A
    driver's state is the longest stretch driven last that begins a ban, as in the automaton of Aho and
    Corasick (1975); each state but the empty one is a copy of the node it ends at. So bans of any length hold
    exactly, also where they overlap.
    """
    ref_tail = np.stack([tail, head], axis=1).ravel().astype(np.int32)
    ref_head = np.stack([head, tail], axis=1).ravel().astype(np.int32)
    possible = np.stack(list(open_bits), axis=1).ravel()
    base_ref = np.flatnonzero(possible).astype(np.int32)
    base_ref = base_ref[np.argsort(ref_tail[base_ref], kind="stable")]
    states = _automaton(sorted(bans))
    origin = _number_copies(states, nodes, ref_head)
    base_head = ref_head[base_ref]
    for row in np.flatnonzero(np.isin(base_ref, list(states[0].then))):
        base_head[row] = states[states[0].then[int(base_ref[row])]].copy
    leaving = np.searchsorted(ref_tail[base_ref], np.arange(nodes + 1))
    copied = np.array(list(_copied_arcs(states, leaving, base_ref, ref_head, possible)), np.int32).reshape(
        -1, 4
    )
    return _grouped(
        np.array(origin, np.int32),
        np.concatenate([ref_tail[base_ref], copied[:, 0]]),
        np.concatenate([base_head, copied[:, 1]]),
        np.concatenate([base_ref, copied[:, 2]]),
        np.concatenate([np.zeros(len(base_ref), np.uint8), copied[:, 3].astype(np.uint8)]),
        len(ref_tail),
    )


def _automaton(bans: Sequence[Ban]) -> list[_State]:
    """The states of a driver; the first is the empty one."""
    states = [_State(-1)]
    for ban in bans:
        at = 0
        for ref in ban.refs:
            if ref not in states[at].then:
                states[at].then[ref] = len(states)
                states.append(_State(ref))
            at = states[at].then[ref]
        states[at].mask |= ban.mask
    waiting = deque(states[0].then.values())
    while waiting:  # shorter states first: a fallback is always ready
        state = states[waiting.popleft()]
        state.mask |= states[state.fallback].mask
        for ref, number in state.then.items():
            states[number].fallback = _after(states, state.fallback, ref)
            waiting.append(number)
    return states


def _after(states: Sequence[_State], at: int, ref: int) -> int:
    """The state of a driver in state `at` who drives `ref`."""
    while at and ref not in states[at].then:
        at = states[at].fallback
    return states[at].then.get(ref, 0)


def _number_copies(states: Sequence[_State], nodes: int, ref_head: Ints) -> list[int]:
    """Give every state a node; returns the original of every node.

    A whole ban is a state of its own only if it begins another one: what a profile it does not bind drives on
    in is the state it falls back to.
    """
    origin = list(range(nodes))
    for state in states[1:]:
        if state.then:
            state.copy = len(origin)
            origin.append(int(ref_head[state.last]))
    waiting = deque(states[0].then.values())
    while waiting:
        state = states[waiting.popleft()]
        if state.copy < 0:
            state.copy = states[state.fallback].copy if state.fallback else int(ref_head[state.last])
        waiting.extend(state.then.values())
    return origin


def _copied_arcs(
    states: Sequence[_State], leaving: NDArray[np.intp], base_ref: Ints, ref_head: Ints, possible: Bytes
) -> Iterator[tuple[int, int, int, int]]:
    """Tail, head, ref and bans of the arcs that leave copies; those that nobody may take are left out."""
    for number, state in enumerate(states):
        if number == 0 or not state.then:
            continue
        node = ref_head[state.last]
        for ref in base_ref[leaving[node] : leaving[node + 1]].tolist():
            after = _after(states, number, ref)
            mask = states[after].mask
            if int(possible[ref]) & ~mask:
                yield state.copy, states[after].copy if after else int(ref_head[ref]), ref, mask


def _grouped(origin: Ints, tail: Ints, head: Ints, ref: Ints, banned: Bytes, refs: int) -> Arcs:
    """Arcs in the order of their tails, and found by head and by ref."""
    order = np.lexsort((ref, tail))
    tail, head, ref, banned = tail[order], head[order], ref[order], banned[order]
    nodes = len(origin)
    # copies stand behind the originals, so the stable sort leaves the arc of the original first
    return Arcs(
        node_origin=origin,
        out_first=_starts(tail, nodes),
        out_head=head,
        out_ref=ref,
        out_banned=banned,
        in_first=_starts(head, nodes),
        in_arc=np.argsort(head, kind="stable").astype(np.int32),
        ref_first=_starts(ref, refs),
        ref_arc=np.argsort(ref, kind="stable").astype(np.int32),
    )


def _starts(of: Ints, count: int) -> Ints:
    first = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(of, minlength=count), out=first[1:])
    return first
