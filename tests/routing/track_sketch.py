"""Draws tracks over sketched streets, and makes observations straight from drives, without matching."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from road_sketch import Edge, at, network_of

from routing.arrays import CLOSED_MS
from routing.candidates import Ground
from routing.match import Matcher
from routing.observations import Observations, Observed
from routing.slots import slots_of
from routing.synthetic import Drive, Truth, drives, true_factors
from routing.tracks import Track
from routing.turns import Ban

JAKARTA = ZoneInfo("Asia/Jakarta")
NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
BEGIN_MS = int(NOON.timestamp() * 1000)
BLOCK_M = 200.0
SIDE = 4  # junctions per side; junction n stands in column n % SIDE and row n // SIDE


def town(one_way: frozenset[tuple[int, int]] = frozenset(), bans: Sequence[Ban] = ()) -> Matcher:
    """Streets every 200 m, 36 km/h; those in `one_way` (from, to) may be driven in that direction only."""
    nodes = [(BLOCK_M * (n % SIDE), BLOCK_M * (n // SIDE)) for n in range(SIDE * SIDE)]
    edges = []
    for a in range(SIDE * SIDE):
        for b in (a + 1, a + SIDE):
            if b >= SIDE * SIDE or (b == a + 1 and b % SIDE == 0):
                continue
            forward = CLOSED_MS if (b, a) in one_way else 20_000
            edges.append(Edge(a, b, forward, CLOSED_MS if (a, b) in one_way else 20_000))
    return matcher_of(nodes, edges, bans)


def matcher_of(
    nodes: Sequence[tuple[float, float]], edges: Sequence[Edge], bans: Sequence[Ban] = ()
) -> Matcher:
    """A matcher on a sketched network."""
    network = network_of(nodes, edges, bans)
    return Matcher(network._manifest, network._arrays, "ambulance")


def walk(
    corners: Sequence[tuple[float, float]], *, speed_ms: float = 10.0, every_s: float = 5.0,
    noise_m: float = 0.0, seed: int = 1,
) -> Track:  # fmt: skip
    """A track along straight lines between corners given in metres."""
    line = np.array(corners, float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    seconds = np.arange(0.0, along[-1] / speed_ms + 1e-9, every_s)
    places = np.column_stack([np.interp(seconds * speed_ms, along, line[:, axis]) for axis in (0, 1)])
    places += np.random.default_rng(seed).normal(0, noise_m, places.shape)
    return track_at(places.tolist(), seconds.tolist())


def track_at(places: Sequence[Sequence[float]], seconds: Sequence[float]) -> Track:
    """A track with fixes at metres (x, y) and seconds after noon, good to 8 m."""
    lon, lat = zip(*(at(x, y) for x, y in places), strict=True)
    times = BEGIN_MS + np.rint(np.array(seconds) * 1000).astype(np.int64)
    return Track.of(lon, lat, times, np.full(len(lon), 8.0), "A-1")


def driven(ground: Ground, count: int, seed: int, classes: int) -> tuple[list[Drive], Truth]:
    """Drives in traffic that the profile does not know, and what it is like."""
    random = np.random.default_rng(seed)
    truth = Truth(true_factors(classes, random), trip_sd=0.15, stretch_sd=0.25)
    made = drives(
        ground, count, random, least_m=2000, most_m=8000, truth=truth, whim_sd=0.3, from_day=NOON,
        timezone=JAKARTA,
    )  # fmt: skip
    return list(made), truth


def observed(ground: Ground, made: Sequence[Drive]) -> Observations:
    """What perfect matching would tell of drives: one interval per stretch of road."""
    ref = np.concatenate([drive.ref for drive in made])
    trip = np.repeat(np.arange(len(made)), [len(drive.ref) for drive in made])
    entered = np.concatenate([drive.enter_at[:-1] for drive in made])
    left = np.concatenate([drive.enter_at[1:] for drive in made])
    rows = Observed(
        trip, np.arange(len(ref)), ground.edge_class[ref >> 1].astype(np.int64), slots_of(entered, JAKARTA),
        np.concatenate([drive.model_ms for drive in made]) / 1000, ground.edge_mm[ref >> 1] / 1000,
        (left - entered) / 1000, np.array([drive.enter_at[0] for drive in made]),
    )  # fmt: skip
    return Observations(rows, {})
