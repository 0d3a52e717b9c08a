"""Makes tracks whose truth is known: drives along real roads at known speeds, and what a receiver records."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from routing.arrays import Floats, Ints, Longs
from routing.candidates import Ground
from routing.compiled import compiled
from routing.costs import FAR, LENGTH_BITS
from routing.match import Match
from routing.metric import metres_per_degree
from routing.slots import SLOTS, slots_of
from routing.tracks import Track
from routing.transitions import Scratch, clean, scratch_for, spread

_TIMES_TO_TRY = 200


class Truth(NamedTuple):
    """How traffic really is: `speed_factor` (classes, SLOTS) of the profile's speeds; each drive as a whole
    is slower or faster by a log-normal factor of `trip_sd`, each stretch of road by one of `stretch_sd`."""

    speed_factor: Floats
    trip_sd: float
    stretch_sd: float


class Receiver(NamedTuple):
    """A fix every `every_s`, off by a Gaussian of `noise_m` along each axis. `drift` 0..1 is how much of an
    error lives on after a second (0: each error is new). `told` whether it reports its accuracy."""

    every_s: float
    noise_m: float
    drift: float = 0.0
    told: bool = True


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive from node to node: `ref` (P,) the roads in order, `enter_at` (P+1,) milliseconds since 1970
    when each was entered and the last was left; `model_ms` (P,) the profile's times."""

    ref: Ints
    enter_at: Floats
    model_ms: Floats

    @property
    def seconds(self) -> float:
        """From start to end."""
        return float(self.enter_at[-1] - self.enter_at[0]) / 1000


def true_factors(classes: int, random: np.random.Generator, *, spread_sd: float = 0.2) -> Floats:
    """Speed factors (classes, SLOTS) as a town has them: one per class, rush hours slower on working days."""
    level = np.exp(random.normal(-0.1, spread_sd, classes))
    hour = np.ones(SLOTS)
    hour[[7, 8, 16, 17]] = (0.75, 0.8, 0.7, 0.75)
    hour[[0, 1, 2, 3, 22, 23]] = 1.12
    return level[:, None] * hour[None, :]


def drives(
    g: Ground, count: int, random: np.random.Generator, *, least_m: float, most_m: float,
    truth: Truth | None = None, whim_sd: float = 0.0, from_day: datetime, timezone: ZoneInfo,
) -> Iterator[Drive]:  # fmt: skip
    """Drives between random junctions `least_m`..`most_m` apart as the crow flies, within four weeks of
    `from_day`, along the ways that are fastest in the driver's opinion: the profile's times, each road's off
    by a log-normal factor of `whim_sd`. Raises ValueError when the network is too small for them."""
    begin = int(from_day.timestamp() * 1000)
    nodes, at, scratch = _main_nodes(g), _node_places(g), scratch_for(len(g.out_first) - 1)
    for _ in range(count):
        ref = _some_way(_as_seen(g, random, whim_sd), scratch, nodes, at, random, least_m, most_m)
        start = begin + int(random.integers(0, 28 * 24 * 3600 * 1000))
        edge = ref >> 1
        model = np.where(ref & 1, g.backward[edge], g.forward[edge]).astype(np.float64)
        took = model
        if truth is not None:
            slot = int(slots_of(np.array([start]), timezone)[0])
            slow = math.exp(random.normal(0, truth.trip_sd))
            each = np.exp(random.normal(0, truth.stretch_sd, len(ref)))
            took = model / truth.speed_factor[g.edge_class[edge], slot] * slow * each
        yield Drive(ref, start + np.concatenate([[0.0], np.cumsum(took)]), model)


def record(
    g: Ground, drive: Drive, receiver: Receiver, random: np.random.Generator, *, vehicle: str = ""
) -> Track:
    """What a receiver records of a drive, from its first moment to its last."""
    lon, lat, at = shape_of(g, drive)
    times = np.arange(at[0], at[-1], receiver.every_s * 1000)
    x, y = np.interp(times, at, lon), np.interp(times, at, lat)
    per_lon, per_lat = metres_per_degree(float(y.mean()))
    keep = receiver.drift**receiver.every_s
    error = random.normal(0, receiver.noise_m, (len(times), 2))
    for i in range(1, len(times)):
        error[i] = keep * error[i - 1] + math.sqrt(1 - keep * keep) * error[i]
    # the radius that holds 68 of 100 fixes is 1.51 sigmas
    radius = np.full(len(times), 1.51 * receiver.noise_m if receiver.told else np.nan)
    return Track(
        x + error[:, 0] / per_lon, y + error[:, 1] / per_lat, times.astype(np.int64), radius, vehicle
    )


def shape_of(g: Ground, drive: Drive) -> tuple[Floats, Floats, Floats]:
    """The line of a drive with the time at each point: lon, lat, milliseconds since 1970."""
    lon, lat, at = [], [], []
    for ref, enter, leave in zip(drive.ref, drive.enter_at, drive.enter_at[1:], strict=False):
        points = slice(g.shape_first[ref >> 1], g.shape_first[(ref >> 1) + 1])
        share = g.shape_mm[points] / max(int(g.edge_mm[ref >> 1]), 1)
        x, y = g.shape_lon[points], g.shape_lat[points]
        if ref & 1:
            x, y, share = x[::-1], y[::-1], 1 - share[::-1]
        lon.append(x)
        lat.append(y)
        at.append(enter + share * (leave - enter))
    return np.concatenate(lon), np.concatenate(lat), np.concatenate(at)


def recovered(g: Ground, drive: Drive, match: Match) -> tuple[float, float]:
    """How well a match found a drive again: the share of its length whose roads were found, in the right
    direction, and the length of roads that were never driven, as a share of the drive's."""
    length = g.edge_mm[drive.ref >> 1].astype(np.float64)
    found = np.isin(drive.ref, match.passage.ref)
    invented = match.passage.metres[~np.isin(match.passage.ref, drive.ref)].sum() * 1000
    return float(length[found].sum() / length.sum()), float(invented / length.sum())


def _as_seen(g: Ground, random: np.random.Generator, whim_sd: float) -> Ground:
    """The ground as a driver judges it."""
    if whim_sd == 0:
        return g
    ms = (g.arc_cost >> LENGTH_BITS) * np.exp(random.normal(0, whim_sd, len(g.arc_cost)))
    mm = g.arc_cost & ((1 << LENGTH_BITS) - 1)
    cost = np.where(g.arc_cost < FAR, (ms.astype(np.int64) << LENGTH_BITS) + mm, FAR)
    return g._replace(arc_cost=cost)


def _main_nodes(g: Ground) -> Longs:
    """Junctions that can be left."""
    open_ = np.where(g.arc_cost < FAR, 1, 0)
    return np.unique(g.arc_tail[open_ > 0]).astype(np.int64)


def _some_way(
    g: Ground, w: Scratch, nodes: Longs, at: tuple[Floats, Floats], random: np.random.Generator,
    least_m: float, most_m: float,
) -> Ints:  # fmt: skip
    """The refs of the fastest way between two random junctions that far apart."""
    for _ in range(_TIMES_TO_TRY):
        a = int(random.choice(nodes))
        per_lon, per_lat = metres_per_degree(float(at[1][a]))
        apart = np.hypot((at[0][nodes] - at[0][a]) * per_lon, (at[1][nodes] - at[1][a]) * per_lat)
        far = nodes[(apart >= least_m) & (apart <= most_m)]
        if len(far) == 0:
            continue
        b = int(random.choice(far))
        refs = fastest(g, w, a, b)
        if len(refs):
            return refs
    raise ValueError(f"no two junctions {least_m:.0f} to {most_m:.0f} m apart that a road joins")


def _node_places(g: Ground) -> tuple[Floats, Floats]:
    """Longitude and latitude of the junctions: where the roads that leave them begin."""
    edge = g.out_ref >> 1
    point = np.where(g.out_ref & 1, g.shape_first[edge + 1] - 1, g.shape_first[edge])
    lon, lat = np.full((2, len(g.out_first) - 1), np.nan)
    lon[g.arc_tail], lat[g.arc_tail] = g.shape_lon[point], g.shape_lat[point]
    return lon, lat


@compiled
def fastest(g: Ground, w: Scratch, start: int, goal: int) -> Ints:
    """The refs of the profile's fastest way between two junctions, in order; none when there is no way."""
    w.slot[goal] = 0
    count = spread(g, w, start, 1, FAR >> LENGTH_BITS, (1 << LENGTH_BITS) - 1)
    w.slot[goal] = -1
    refs = np.empty(count, np.int32)
    arcs, place = count, goal
    while w.parent[place] >= 0:
        arcs -= 1
        refs[arcs] = g.out_ref[w.parent[place]]
        place = g.arc_tail[w.parent[place]]
    clean(w, count)
    return refs[arcs:]
