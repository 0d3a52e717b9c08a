"""Turns the map's turn restrictions into sequences of edges not to be driven, and says which cannot be."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from routing.arrays import GATE
from routing.edges import Edges
from routing.profile import Profile
from routing.profile_file import TURN_KINDS
from routing.raw import Member, RawRestriction, RawRoads
from routing.ruling import Tags
from routing.turns import Ban

_LONGEST_VIA = 64  # edges; longer chains are mistakes, and every one costs copies of nodes
_DIRECTIONS = {"left": -90.0, "right": 90.0, "straight": 0.0, "u": 180.0}
_DATED = ("day_on", "day_off", "hour_on", "hour_off")  # an old way to say that it holds at times


@dataclass(frozen=True, slots=True)
class BrokenRestriction:
    """A restriction that says nothing that can be kept: its relation, and why."""

    relation: int
    reason: str


@dataclass(frozen=True, slots=True)
class RestrictionCount:
    """What became of the map's restrictions.

    `read` of them there are; `kept` counts those that bind a profile, by its name; `kinds` those that bind
    any, by kind, `via_way` how many of them lead over ways. `ignored` counts the others per reason that is no
    mistake, `broken` per mistake, and `broken_ones` lists these.
    """

    read: int
    kept: Mapping[str, int]
    kinds: Mapping[str, int]
    via_way: int
    ignored: Mapping[str, int]
    broken: Mapping[str, int]
    broken_ones: tuple[BrokenRestriction, ...]


class _Left(Exception):
    """A restriction is not used; `broken` tells a mistake in the map from a reason that is none."""

    def __init__(self, reason: str, *, broken: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.broken = broken


@dataclass(frozen=True, slots=True)
class _Rule:
    """A restriction understood: no turn of this kind, or only it; the profiles it binds."""

    kind: str
    mask: int

    @property
    def only(self) -> bool:
        return self.kind.startswith("only_")


def find_bans(roads: RawRoads, edges: Edges) -> tuple[tuple[Ban, ...], RestrictionCount]:
    """The bans that the restrictions of the map come to for the profiles of `roads`, and what became of each.

    "Only" restrictions forbid everything else that leaves the junction, over ways: everything that leaves the
    stretch before its end.
    """
    streets = _Streets(roads, edges)
    bans: dict[tuple[int, ...], int] = {}
    kinds: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    kept = {profile.name: 0 for profile in roads.profiles}
    broken: list[BrokenRestriction] = []
    via_way = 0
    for restriction in sorted(roads.restrictions, key=lambda r: r.relation):
        try:
            rule = _rule(restriction.tags, roads.profiles)
            sequences = list(streets.sequences(restriction, rule))
        except _Left as left:
            if left.broken:
                broken.append(BrokenRestriction(restriction.relation, left.reason))
            else:
                ignored[left.reason] += 1
            continue
        for refs in sequences:
            bans[refs] = bans.get(refs, 0) | rule.mask
        kinds[rule.kind] += 1
        via_way += any(m.role == "via" and m.kind == "way" for m in restriction.members)
        for number, profile in enumerate(roads.profiles):
            kept[profile.name] += rule.mask >> number & 1
    return tuple(Ban(refs, mask) for refs, mask in sorted(bans.items())), RestrictionCount(
        read=len(roads.restrictions),
        kept=kept,
        kinds=dict(kinds.most_common()),
        via_way=via_way,
        ignored=dict(ignored.most_common()),
        broken=dict(Counter(one.reason for one in broken).most_common()),
        broken_ones=tuple(broken),
    )


def _rule(tags: Tags, profiles: Sequence[Profile]) -> _Rule:
    """What a restriction says and to whom; raises _Left."""
    mask, kinds = 0, set()
    exempt = {word.strip() for word in tags.get("except", "").split(";")}
    plain = tags.get("type") == "restriction"
    for number, profile in enumerate(profiles):
        own = (tags.get(f"restriction:{key}") for key in profile.access_keys)
        kind = next((kind for kind in own if kind), tags.get("restriction") if plain else None)
        if kind is None:
            continue
        kinds.add(kind)
        if kind not in profile.turns_ignored and exempt.isdisjoint(profile.turn_exceptions):
            mask |= 1 << number
    if not kinds:
        conditional = any(key.endswith(":conditional") for key in tags)
        other = not plain or any(key.startswith("restriction:") for key in tags)
        if conditional:
            raise _Left("conditional", broken=False)
        raise _Left("other vehicles" if other else "no restriction tag", broken=not other)
    kind = min(kinds)
    if kind not in TURN_KINDS:
        raise _Left("unknown kind", broken=True)
    if any(key in tags for key in _DATED):
        raise _Left("conditional", broken=False)
    if mask == 0:
        raise _Left("excepted", broken=False)
    return _Rule(kind, mask)


class _Streets:
    """The edges of the ways that restrictions name, and what meets at their ends."""

    def __init__(self, roads: RawRoads, edges: Edges) -> None:
        self._roads = roads
        self._edges = edges
        named = {m.ref for r in roads.restrictions for m in r.members if m.kind == "way"}
        edge_way = roads.way[edges.line]
        self._by_way: dict[int, list[int]] = defaultdict(list)
        touched = np.flatnonzero(np.isin(edge_way, np.array(list(named), np.int64)))
        for edge in touched.tolist():
            if not edges.flags[edge] & GATE:  # a gate belongs to no way
                self._by_way[int(edge_way[edge])].append(edge)
        nodes = np.unique(np.concatenate([edges.tail[touched], edges.head[touched]]))
        refs = np.flatnonzero(np.stack(list(edges.open_bits()), axis=1).ravel())
        self._open = set(refs.tolist())
        self._leaving: dict[int, list[int]] = defaultdict(list)
        at = np.where(refs & 1, edges.head[refs >> 1], edges.tail[refs >> 1])
        for row in np.flatnonzero(np.isin(at, nodes)).tolist():
            self._leaving[int(at[row])].append(int(refs[row]))

    def sequences(self, restriction: RawRestriction, rule: _Rule) -> Iterator[tuple[int, ...]]:
        """The refs that must not follow each other; raises _Left."""
        ways = {
            role: [m.ref for m in restriction.members if m.role == role and m.kind == "way"]
            for role in ("from", "to")
        }
        via = [m for m in restriction.members if m.role == "via"]
        many_from, many_to = rule.kind == "no_entry", rule.kind == "no_exit"
        if not via or not ways["from"] or not ways["to"]:
            raise _Left("member missing", broken=True)
        if (len(ways["from"]) > 1 and not many_from) or (len(ways["to"]) > 1 and not many_to):
            raise _Left("too many members", broken=True)
        for start in ways["from"]:
            for stop in ways["to"]:
                yield from self._banned(self._driven(start, via, stop, rule), rule)

    def _banned(self, driven: tuple[int, ...], rule: _Rule) -> Iterator[tuple[int, ...]]:
        if not rule.only:
            yield driven
            # turning round twice on the way over would be a way out of it that nobody drives
            for length in range(2, len(driven)):
                yield (*driven[:length], driven[length - 1] ^ 1)
            # and so would be passing two gates of one barrier
            if self._is_gate(driven[1]):
                for gate in filter(self._is_gate, self._leaving[self._end(driven[0])]):
                    for second in filter(self._is_gate, self._leaving[self._end(gate)]):
                        yield (driven[0], gate, second)
            return
        for length in range(1, len(driven)):
            for other in self._leaving[self._end(driven[length - 1])]:
                if other != driven[length]:
                    yield (*driven[:length], other)

    def _driven(self, start: int, via: Sequence[Member], stop: int, rule: _Rule) -> tuple[int, ...]:
        """The refs from the first way over the via members to the last one."""
        for way in (start, *(m.ref for m in via if m.kind == "way"), stop):
            if way not in self._by_way:
                raise _Left("way not drivable here", broken=False)
        into, out = self._refs(start), self._refs(stop)
        if all(m.kind == "way" for m in via):
            found = list(self._chains(into, [m.ref for m in via], out))
            missing = "via does not join"
        elif len(via) == 1 and via[0].kind == "node":
            nodes = self._nodes(via[0].ref)
            found = [(i, *gate, o) for i in into for o in out for gate in self._across(i, o, nodes)]
            missing = "ways do not meet at via"
        else:
            raise _Left("via is neither one node nor ways", broken=True)
        if len(found) > 1:
            found = self._sharpest(found, rule)
        if not found:
            raise _Left(missing, broken=True)
        if len(found) > 1:
            raise _Left("ambiguous", broken=True)
        return found[0]

    def _across(self, into: int, out: int, nodes: set[int]) -> Iterator[tuple[int, ...]]:
        """What lies between two refs that meet at one of the nodes of a junction: nothing, or a gate."""
        start, stop = self._end(into), self._begin(out)
        if start in nodes and start == stop:
            yield ()
        elif {start, stop} <= nodes:
            for ref in self._leaving[start]:
                if self._is_gate(ref) and self._end(ref) == stop:
                    yield (ref,)

    def _chains(
        self, into: Sequence[int], via: Sequence[int], out: Sequence[int]
    ) -> Iterator[tuple[int, ...]]:
        """Ways to drive from one of `into` over edges of all via ways, each at most once, to one of `out`."""
        free = {ref for way in via for ref in self._refs(way)}
        ways = set(via)
        goals = defaultdict(list)
        for ref in out:
            goals[self._begin(ref)].append(ref)
        waiting: list[tuple[int, ...]] = [(ref,) for ref in into]
        while waiting:
            driven = waiting.pop()
            at = self._end(driven[-1])
            if len(driven) > 1 and {self._way(ref) for ref in driven[1:]} == ways:
                for ref in goals.get(at, ()):
                    yield (*driven, ref)
            if len(driven) > _LONGEST_VIA:
                raise _Left("via too long", broken=True)
            used = {ref >> 1 for ref in driven}
            for ref in self._leaving[at]:
                if ref in free and ref >> 1 not in used:
                    waiting.append((*driven, ref))

    def _sharpest(self, found: Sequence[tuple[int, ...]], rule: _Rule) -> list[tuple[int, ...]]:
        """Those whose bend is what the restriction speaks of, when ways were not cut at the junction."""
        wanted = next((angle for word, angle in _DIRECTIONS.items() if f"_{word}_" in rule.kind), None)
        if wanted is None:
            return list(found)
        bends = [abs(_turned(self._bend(refs) - wanted)) for refs in found]
        order = np.argsort(bends, kind="stable")
        if bends[order[0]] > 60 or bends[order[1]] - bends[order[0]] < 45:
            return list(found)
        return [found[order[0]]]

    def _bend(self, refs: Sequence[int]) -> float:
        """Degrees to the right from the end of the first ref to the beginning of the last."""
        return _turned(self._heading(refs[-1], last=False) - self._heading(refs[0], last=True))

    def _heading(self, ref: int, *, last: bool) -> float:
        """Degrees clockwise from north of the first or last segment of a ref in its direction."""
        edge, against = ref >> 1, ref & 1
        start, stop = int(self._edges.start[edge]), int(self._edges.stop[edge])
        low = stop - 1 if last != bool(against) else start
        a, b = self._roads.vertex[low], self._roads.vertex[low + 1]
        if against:
            a, b = b, a
        north = self._roads.lat[b] - self._roads.lat[a]
        east = (self._roads.lon[b] - self._roads.lon[a]) * math.cos(math.radians(self._roads.lat[a]))
        return math.degrees(math.atan2(east, north))

    def _nodes(self, osm_node: int) -> set[int]:
        """The nodes at a node of the map: several at a barrier."""
        row = int(np.searchsorted(self._roads.node, osm_node))
        if row == len(self._roads.node) or self._roads.node[row] != osm_node:
            raise _Left("via not on a drivable way", broken=False)
        return set(np.flatnonzero(self._edges.vertex == row).tolist())

    def _refs(self, way: int) -> list[int]:
        both: Iterable[int] = (edge * 2 + side for edge in self._by_way[way] for side in (0, 1))
        return [ref for ref in both if ref in self._open]

    def _is_gate(self, ref: int) -> bool:
        return bool(self._edges.flags[ref >> 1] & GATE)

    def _way(self, ref: int) -> int:
        return int(self._roads.way[self._edges.line[ref >> 1]])

    def _begin(self, ref: int) -> int:
        return int((self._edges.head if ref & 1 else self._edges.tail)[ref >> 1])

    def _end(self, ref: int) -> int:
        return int((self._edges.tail if ref & 1 else self._edges.head)[ref >> 1])


def _turned(degrees: float) -> float:
    """The angle between -180 and 180."""
    return (degrees + 180) % 360 - 180
