"""What stands on a road and costs time or lets nobody through: gates, bollards, signals, ferry quays."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from routing.arrays import CLOSED_MS, FERRY, GATE, Longs
from routing.edges import Edges
from routing.profile import Profile
from routing.raw import BACKWARD, FORWARD, RawRoads
from routing.ruling import Tags, access_of

End = tuple[int, int]  # an edge, and 0 for its tail or 1 for its head


@dataclass(frozen=True, slots=True)
class BarrierCount:
    """Barriers on drivable roads: how many per kind, how many of them each profile finds closed, and the
    vertices at which one stands on a junction of three or more roads."""

    kinds: Mapping[str, int]
    closed: Mapping[str, int]
    on_junction: tuple[int, ...]


def passage_ms(tags: Tags, profile: Profile) -> int:
    """Milliseconds to pass a barrier, CLOSED_MS if it lets the profile's vehicle not through."""
    kind = tags.get("barrier", "")
    access = access_of(tags, profile)
    if access is not None and access in profile.access_closed:
        return CLOSED_MS
    locked = tags.get("locked") == "yes" and not ("emergency" in profile.access_keys and "emergency" in tags)
    if kind in profile.barrier_closed:
        return CLOSED_MS if access is None or locked else _ms(profile.barrier_opened_delay_s)
    return CLOSED_MS if locked else _ms(profile.barrier_delay_s.get(kind, 0.0))


def barrier_vertices(roads: RawRoads) -> dict[int, list[int]]:
    """The vertices at which a barrier hinders any profile, with the milliseconds it costs each."""
    found = {}
    for node, tags in sorted(roads.node_tags.items()):
        if "barrier" in tags:
            times = [passage_ms(tags, profile) for profile in roads.profiles]
            if any(times):
                found[int(np.searchsorted(roads.node, node))] = times
    return found


def put_gates(
    roads: RawRoads, edges: Edges, barriers: Mapping[int, Sequence[int]]
) -> tuple[Edges, BarrierCount]:
    """Give every road that meets at a barrier an end of its own, and join the ends by gates.

    `edges` must be cut at the barriers. A barrier on a junction hardly ever bars the more important road that
    passes there: where two or more roads of one class meet lesser ones, they stay joined.
    """
    ends = _ends_at(edges, barriers)
    tail, head = edges.tail.copy(), edges.head.copy()
    vertices, gates = edges.vertex.tolist(), []
    for node, met in ends.items():
        groups = _groups(met, roads.highway[edges.line])
        numbers = [node]
        for group in groups[1:]:
            numbers.append(len(vertices))
            vertices.append(int(edges.vertex[node]))
            for edge, end in group:
                (head if end else tail)[edge] = numbers[-1]
        first = met[0]
        for low, number in enumerate(numbers):
            gates += [(number, other, first) for other in numbers[low + 1 :]]
    joined = replace(edges, vertex=np.array(vertices, np.int64), tail=tail, head=head)
    junctions = tuple(int(edges.vertex[node]) for node, met in ends.items() if len(met) > 2)
    return _with_gates(joined, gates, edges, barriers), _counted(roads, ends, edges, junctions)


def add_delays(roads: RawRoads, edges: Edges) -> Edges:
    """Add what is lost at signals and crossings on the way and at its far end, and before a ferry leaves."""
    ms = edges.ms.copy()
    quay_tail, quay_head = _quays(edges)
    for number, profile in enumerate(roads.profiles):
        wait = _ms(profile.ferry_wait_s)
        lost = [wait * quay_tail, wait * quay_head]
        if any(profile.junction_delay_s.values()):
            for side in (FORWARD, BACKWARD):
                before = np.concatenate([[0], np.cumsum(_vertex_delays(roads, profile, side)[roads.vertex])])
                # the node a road is left behind at costs nothing, the one it leads to does
                low, high = (1, 1) if side == FORWARD else (0, 0)
                lost[side] = lost[side] + before[edges.stop + high] - before[edges.start + low]
        for side in (FORWARD, BACKWARD):
            open_ = (ms[number, side] != CLOSED_MS) & ((edges.flags & GATE) == 0)
            ms[number, side, open_] += lost[side][open_].astype(np.int32)
    return replace(edges, ms=ms)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _ends_at(edges: Edges, barriers: Mapping[int, Sequence[int]]) -> dict[int, list[End]]:
    """The ends of edges that meet at each barrier's node; a barrier at a dead end bars nothing."""
    node_of = {int(vertex): node for node, vertex in enumerate(edges.vertex.tolist()) if vertex in barriers}
    nodes = np.array(sorted(node_of.values()), np.int64)
    met: dict[int, list[End]] = defaultdict(list)
    for end, side in enumerate((edges.tail, edges.head)):
        for edge in np.flatnonzero(np.isin(side, nodes)).tolist():
            met[int(side[edge])].append((edge, end))
    return {node: sorted(met[node]) for node in sorted(met) if len(met[node]) > 1}


def _groups(met: Sequence[End], classes: np.ndarray) -> list[list[End]]:
    """The ends that stay joined at a barrier; the first group keeps the node."""
    top = min(int(classes[edge]) for edge, _ in met)
    through = [end for end in met if classes[end[0]] == top]
    if len(met) > 2 and 1 < len(through) < len(met):
        return [through, *([end] for end in met if end not in through)]
    return [[end] for end in met]


def _with_gates(
    joined: Edges, gates: Sequence[tuple[int, int, End]], cut: Edges, barriers: Mapping[int, Sequence[int]]
) -> Edges:
    if not gates:
        return joined
    tail, head = (np.array([gate[side] for gate in gates], np.int32) for side in (0, 1))
    edge = np.array([gate[2][0] for gate in gates])
    end = np.array([gate[2][1] for gate in gates], np.bool_)
    position = np.where(end, cut.stop[edge], cut.start[edge])
    times = np.array([barriers[int(vertex)] for vertex in joined.vertex[tail]], np.int32).T
    return Edges(
        joined.vertex,
        np.concatenate([joined.start, position]),
        np.concatenate([joined.stop, position]),
        np.concatenate([joined.line, joined.line[edge]]),
        np.concatenate([joined.tail, tail]),
        np.concatenate([joined.head, head]),
        np.concatenate([joined.mm, np.zeros(len(gates), np.int32)]),
        np.concatenate([joined.ms, np.stack([times, times], axis=1)], axis=2),
        np.concatenate([joined.flags, np.full(len(gates), GATE, np.uint16)]),
    )


def _counted(
    roads: RawRoads, ends: Mapping[int, Sequence[End]], edges: Edges, junctions: tuple[int, ...]
) -> BarrierCount:
    kinds: Counter[str] = Counter()
    closed = {profile.name: 0 for profile in roads.profiles}
    for node in ends:
        tags = roads.node_tags[int(roads.node[edges.vertex[node]])]
        kinds[tags["barrier"]] += 1
        for profile in roads.profiles:
            closed[profile.name] += passage_ms(tags, profile) == CLOSED_MS
    return BarrierCount(dict(kinds.most_common()), closed, junctions)


def _quays(edges: Edges) -> tuple[Longs, Longs]:
    """1 where a ferry is boarded: at the tails and at the heads of edges, where a ferry meets a road."""
    ferry = (edges.flags & FERRY) > 0
    land = np.zeros(len(edges.vertex), np.int64)
    land[edges.tail[~ferry]] = 1
    land[edges.head[~ferry]] = 1
    return ferry * land[edges.tail], ferry * land[edges.head]


def _vertex_delays(roads: RawRoads, profile: Profile, side: int) -> Longs:
    """Milliseconds lost at each vertex by who drives along (FORWARD) or against the lines through it."""
    delays = np.zeros(len(roads.lon), np.int64)
    for node, tags in roads.node_tags.items():
        seconds = profile.junction_delay_s.get(tags.get("highway", ""), 0.0)
        way = tags.get("traffic_signals:direction", tags.get("direction", "both"))
        if seconds and way != ("backward" if side == FORWARD else "forward"):
            delays[np.searchsorted(roads.node, node)] = _ms(seconds)
    return delays
