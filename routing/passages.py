"""Lays out what a vehicle travelled: stretches of road in order, when it was on each, where fixes belong."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.arrays import Floats, Ints, Longs
from routing.candidates import Ground, States, foot, longer_rows
from routing.compiled import compiled
from routing.metric import metres_per_degree
from routing.transitions import ROUTED, TURNED, Chances, Scratch, Stations, retrace
from routing.viterbi import Decoded


class Laid(NamedTuple):
    """Stretches of road in order of travel: `ref`, `start` and `stop` millimetres in its direction, and the
    `piece` of the track it belongs to; each (P,). Per station, the stretch it lies on (-1: none) and `along`
    it in millimetres, never behind an earlier station of its piece."""

    ref: Ints
    start: Floats
    stop: Floats
    piece: Ints
    at_stretch: Longs
    along: Floats


@compiled
def _put(rows: Floats, used: int, ref: int, start: float, stop: float, piece: int) -> tuple[Floats, int]:
    """Append a row to `rows`, which grows when it is full."""
    if used == len(rows):
        rows = longer_rows(rows)
    rows[used, 0], rows[used, 1], rows[used, 2], rows[used, 3] = ref, start, stop, piece
    return rows, used + 1


@compiled
def lay_out(g: Ground, states: States, stations: Stations, decoded: Decoded, c: Chances, w: Scratch) -> Laid:
    """The stretches between the chosen states, and where the stations lie on them."""
    count = len(stations.lon)
    rows, used, piece = np.empty((256, 4), np.float64), 0, -1
    at_stretch, along = np.full(count, -1, np.int64), np.zeros(count)
    for j in range(count):
        s = decoded.state[j]
        if s < 0:
            continue
        i = decoded.before[j]
        if i < 0:
            piece += 1
            rows, used = _put(rows, used, states.ref[s], states.along[s], states.along[s], piece)
        else:
            how, refs = retrace(g, states, stations, i, j, decoded.state[i], s, c, w)
            if how & TURNED:
                ref = int(rows[used - 1, 0]) ^ 1
                turn = g.edge_mm[ref >> 1] - rows[used - 1, 2]
                rows, used = _put(rows, used, ref, turn, turn, piece)
            if how & ROUTED:
                rows[used - 1, 2] = g.edge_mm[int(rows[used - 1, 0]) >> 1]
                for ref in refs:
                    rows, used = _put(rows, used, ref, 0, g.edge_mm[ref >> 1], piece)
                rows, used = _put(rows, used, states.ref[s], 0, 0, piece)
            # jitter may lie behind what was travelled already: the vehicle then stands
            rows[used - 1, 2] = max(rows[used - 1, 2], states.along[s])
        at_stretch[j], along[j] = used - 1, rows[used - 1, 2]
    rows = rows[:used]
    return Laid(
        rows[:, 0].astype(np.int32), rows[:, 1].copy(), rows[:, 2].copy(), rows[:, 3].astype(np.int32),
        at_stretch, along,
    )  # fmt: skip


@compiled
def clock(g: Ground, laid: Laid) -> Floats:
    """Milliseconds of the profile from the very start to each stretch, and to the end: (P+1,)."""
    out = np.zeros(len(laid.ref) + 1)
    for p in range(len(laid.ref)):
        edge = laid.ref[p] >> 1
        ms = g.backward[edge] if laid.ref[p] & 1 else g.forward[edge]
        out[p + 1] = out[p] + ms * (laid.stop[p] - laid.start[p]) / max(g.edge_mm[edge], 1)
    return out


@compiled
def station_clock(g: Ground, laid: Laid, start: Floats) -> Floats:
    """The same up to each station; NaN for those that are not matched."""
    out = np.full(len(laid.along), np.nan)
    for i in range(len(out)):
        p = laid.at_stretch[i]
        if p >= 0:
            edge = laid.ref[p] >> 1
            ms = g.backward[edge] if laid.ref[p] & 1 else g.forward[edge]
            out[i] = start[p] + ms * (laid.along[i] - laid.start[p]) / max(g.edge_mm[edge], 1)
    return out


@compiled
def _nearest_on(
    g: Ground, ref: int, low: float, high: float, x: float, y: float
) -> tuple[float, float, float, float]:
    """The nearest place on a stretch: squared metres, millimetres along the edge, lon, lat."""
    edge = ref >> 1
    if ref & 1:
        low, high = g.edge_mm[edge] - high, g.edge_mm[edge] - low
    per_lon, per_lat = metres_per_degree(y)
    best, place, lon, lat = np.inf, low, 0.0, 0.0
    for s in range(g.shape_first[edge], g.shape_first[edge + 1] - 1):
        a, b = float(g.shape_mm[s]), float(g.shape_mm[s + 1])
        if b < low or a > high:
            continue
        square, t = foot(g, s, x, y, per_lon, per_lat)
        length = max(b - a, 1e-9)
        t = min(max(t, (low - a) / length), (high - a) / length, 1.0)
        px = g.shape_lon[s] + t * (g.shape_lon[s + 1] - g.shape_lon[s])
        py = g.shape_lat[s] + t * (g.shape_lat[s + 1] - g.shape_lat[s])
        square = ((px - x) * per_lon) ** 2 + ((py - y) * per_lat) ** 2
        if square < best:
            best, place, lon, lat = square, a + t * (b - a), px, py
    return best, place, lon, lat


class Seated(NamedTuple):
    """The place of each fix: stretch (-1: none), millimetres along the edge, lon, lat, metres off; (n,)."""

    stretch: Longs
    along: Floats
    lon: Floats
    lat: Floats
    metres: Floats


@compiled
def seat(g: Ground, laid: Laid, decoded: Decoded, station: Ints, lon: Floats, lat: Floats) -> Seated:
    """Put each fix (n,) on what was travelled between the stations before and after its own (`station`)."""
    count, stations = len(lon), len(laid.along)
    after = np.full(stations, -1, np.int64)
    for j in range(stations):
        if decoded.before[j] >= 0:
            after[decoded.before[j]] = j
    stretch = np.full(count, -1, np.int64)
    along, metres = np.full(count, np.nan), np.full(count, np.nan)
    at_lon, at_lat = np.full(count, np.nan), np.full(count, np.nan)
    for n in range(count):
        i = station[n]
        if laid.at_stretch[i] < 0:
            continue
        a = decoded.before[i] if decoded.before[i] >= 0 else i
        b = after[i] if after[i] >= 0 else i
        best = np.inf
        for p in range(laid.at_stretch[a], laid.at_stretch[b] + 1):
            low = laid.along[a] if p == laid.at_stretch[a] else laid.start[p]
            high = laid.along[b] if p == laid.at_stretch[b] else laid.stop[p]
            square, place, px, py = _nearest_on(g, laid.ref[p], low, high, lon[n], lat[n])
            if square < best:
                best, stretch[n], along[n], at_lon[n], at_lat[n] = square, p, place, px, py
        metres[n] = math.sqrt(best)
    return Seated(stretch, along, at_lon, at_lat, metres)


@compiled
def likelihood_of_way(states: States, decoded: Decoded, laid: Laid) -> Floats:
    """Per station, the posterior probability that the vehicle was on the roads found just before or after it;
    NaN where nothing is matched."""
    out = np.full(len(laid.along), np.nan)
    after = np.full(len(out), -1, np.int64)
    for j in range(len(out)):
        if decoded.before[j] >= 0:
            after[decoded.before[j]] = j
    for i in range(len(out)):
        p = laid.at_stretch[i]
        if p < 0:
            continue
        a = laid.at_stretch[decoded.before[i]] if decoded.before[i] >= 0 else p
        b = laid.at_stretch[after[i]] if after[i] >= 0 else p
        total = 0.0
        for s in range(states.first[i], states.first[i + 1]):
            for q in range(a, b + 1):
                if laid.ref[q] == states.ref[s]:
                    total += decoded.sure[s]
                    break
        out[i] = min(total, 1.0)
    return out


def times_at(
    laid: Laid, start: Floats, at_station: Floats, arrive: Floats, leave: Floats
) -> tuple[Floats, Floats]:
    """When each stretch was entered and left (P,), milliseconds since 1970.

    `start` (P+1,) and `at_station` (S,) are of `clock`; `arrive`, `leave` (S,) say from when to when the
    vehicle was at a station. Between stations the time is shared out as the profile would.
    """
    enter, exit_ = np.full(len(laid.ref), np.nan), np.full(len(laid.ref), np.nan)
    for piece in range(int(laid.piece[-1]) + 1 if len(laid.piece) else 0):
        rows = np.flatnonzero(laid.piece == piece)
        own = np.flatnonzero((laid.at_stretch >= rows[0]) & (laid.at_stretch <= rows[-1]))
        clocks = np.repeat(at_station[own], 2)
        times = np.column_stack([arrive[own], leave[own]]).ravel()
        enter[rows] = np.interp(start[rows], clocks, times)
        exit_[rows] = np.interp(start[rows + 1], clocks, times)
        enter[rows[0]], exit_[rows[-1]] = times[0], times[-1]
        exit_[rows[:-1]] = enter[rows[1:]]
    return enter, exit_
