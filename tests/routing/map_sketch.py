"""Draws tiny maps with barriers and turn restrictions as OpenStreetMap files, and drives over them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
from osmium.osm.mutable import Node, Relation, Way
from road_sketch import Nodes, Ways, at

from routing.account import draw_up
from routing.arrays import CLOSED_MS, GATE, NetworkArrays
from routing.extract import read_extract
from routing.graph import build_arrays, build_graph
from routing.profile import Profile
from routing.profiles import PROFILES
from routing.report import BuildReport

ROAD = {"highway": "tertiary"}
Relations = Sequence[tuple[Sequence[tuple[str, int, str]], Mapping[str, str]]]


def write_map(
    path: Path,
    nodes: Nodes,
    ways: Ways,
    relations: Relations = (),
    node_tags: Mapping[int, Mapping[str, str]] | None = None,
) -> Path:
    """An extract: nodes at metres (x, y), ways 100, 101, ..., relations 900, 901, ... of (kind, id, role)."""
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for number, (x, y) in sorted(nodes.items()):
            tags = dict((node_tags or {}).get(number, {}))
            writer.add_node(Node(id=number, version=1, location=at(x, y), tags=tags))
        for number, (refs, way_tags) in enumerate(ways, start=100):
            writer.add_way(Way(id=number, version=1, nodes=list(refs), tags=dict(way_tags)))
        for number, (members, relation_tags) in enumerate(relations, start=900):
            writer.add_relation(
                Relation(id=number, version=1, members=list(members), tags=dict(relation_tags))
            )
    return path


@dataclass(frozen=True)
class Drive:
    """A drive between two ways: the seconds between them, and the ways of the edges driven."""

    seconds: float
    ways: tuple[int, ...]


@dataclass(frozen=True)
class Built:
    """A built map: its report, its arrays and the names of its profiles."""

    report: BuildReport
    arrays: NetworkArrays
    profiles: tuple[str, ...]

    def drive(self, way_from: int, way_to: int, profile: str = "ambulance") -> Drive | None:
        """The fastest drive from the end of one way to the beginning of another, either way round; None if
        there is none. It starts with the first arc of a ref and ends with any permitted one, as answers are.
        """
        a, row = self.arrays, self.profiles.index(profile)
        times = np.stack([a.edge_ms_forward[row], a.edge_ms_backward[row]])
        heap: list[tuple[int, int, tuple[int, ...]]] = []
        road = (a.edge_flags & GATE) == 0
        for edge in np.flatnonzero((a.edge_way == way_from) & road).tolist():
            for side in (0, 1):
                ref = 2 * edge + side
                if times[side, edge] != CLOSED_MS and a.ref_first[ref] < a.ref_first[ref + 1]:
                    head = int(a.out_head[a.ref_arc[a.ref_first[ref]]])
                    heapq.heappush(heap, (0, head, (way_from,)))
        seen: set[int] = set()
        while heap:
            cost, node, ways = heapq.heappop(heap)
            if node in seen:
                continue
            seen.add(node)
            for arc in range(a.out_first[node], a.out_first[node + 1]):
                ref = int(a.out_ref[arc])
                ms = int(times[ref & 1, ref >> 1])
                if ms == CLOSED_MS or a.out_banned[arc] >> row & 1:
                    continue
                way = int(a.edge_way[ref >> 1])
                if way == way_to and road[ref >> 1]:
                    return Drive(cost / 1000, (*ways, way))
                passed = (*ways, way) if road[ref >> 1] else ways
                heapq.heappush(heap, (cost + ms, int(a.out_head[arc]), passed))
        return None


def built(
    folder: Path,
    nodes: Nodes,
    ways: Ways,
    relations: Relations = (),
    node_tags: Mapping[int, Mapping[str, str]] | None = None,
    profiles: Sequence[Profile] = PROFILES,
) -> Built:
    """A map as `build_store` would store it."""
    path = write_map(folder / "map.osm.pbf", nodes, ways, relations, node_tags)
    roads = read_extract(path, profiles, frozenset(), None, lambda stage, share: None)
    graph = build_graph(roads)
    arrays, _ = build_arrays(roads, graph)
    report = draw_up(roads, graph, arrays, path.name, "", "")
    return Built(report, arrays, tuple(profile.name for profile in profiles))
