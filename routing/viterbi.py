"""The likeliest sequence of places behind a track, and how sure each of them is (hidden Markov model).

After P. Newson, J. Krumm, "Hidden Markov Map Matching Through Noise and Sparseness", ACM GIS 2009: states are
places on roads, emissions Gaussian in the distance from the fix, transitions exponential in the difference
between road and straight distance. Directions are part of the state, and breaks are found on the way.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from routing.arrays import Bytes, Floats, Longs
from routing.candidates import Ground, States
from routing.compiled import compiled
from routing.transitions import Chances, Scratch, Stations, link, straight_metres

# What became of a station.
MATCHED = 0
OFF_ROAD = 1  # no road near
OUTLIER = 2  # no way to it and on from it, but past it: a fix that jumped
# Why a piece ends before the next begins; OFF_ROAD is a reason, too.
GAP = 3  # the signal was away for too long
NO_WAY = 4  # no road leads on in the time between
FIRST = 5  # nothing was before

# Log chances below the best by which a state is given up; below the best link so far, a link is none.
_BEAM = 60.0
_LEAST_LINK = -150.0
_LOOK_AHEAD = 3


class Limits(NamedTuple):
    """When a track falls into pieces: no fix for `gap_ms`, or none within `gap_m`; off the road for more than
    `off_road` stations in a row."""

    gap_ms: int
    gap_m: float
    off_road: int


class Decoded(NamedTuple):
    """Per station: the `state` chosen (-1: none), what became of it, the matched station `before` it in the
    same piece (-1: it begins one, for the reason `broken`). `sure` is the posterior probability per state."""

    state: Longs
    fate: Bytes
    before: Longs
    broken: Bytes
    sure: Floats


@compiled
def emissions(states: States, stations: Stations, tail: float) -> Floats:
    """Log chance of each state's fix: a Gaussian with straight tails."""
    out = np.empty(len(states.ref), np.float64)
    for i in range(len(stations.lon)):
        for s in range(states.first[i], states.first[i + 1]):
            z = states.metres[s] / stations.sigma[i]
            out[s] = -0.5 * z * z if z <= tail else -tail * (z - 0.5 * tail)
    return out


@compiled
def _step(score: Floats, links: Floats, emission: Floats) -> tuple[Floats, Longs]:
    """The best score per state after a link, and the state before it."""
    after = np.full(links.shape[1], -np.inf)
    origin = np.full(links.shape[1], -1, np.int64)
    for t in range(links.shape[1]):
        for s in range(links.shape[0]):
            total = score[s] + links[s, t]
            if total > after[t]:
                after[t] = total
                origin[t] = s
        after[t] += emission[t]
    return after, origin


@compiled
def _sum_over(log_chances: Floats) -> float:
    """The logarithm of a sum of chances."""
    most: float = log_chances.max()
    if most == -np.inf:
        return most
    return most + math.log(np.exp(log_chances - most).sum())


@compiled
def _apart(stations: Stations, i: int, j: int, limits: Limits) -> bool:
    """Whether the signal was away for too long between two stations."""
    waited = stations.first_at[j] - stations.last_at[i]
    metres = straight_metres(stations, i, j)
    return metres > limits.gap_m or (waited > limits.gap_ms and metres > 4 * stations.sigma[i])


@compiled
def _alive(score: Floats) -> Bytes:
    alive: Bytes = (score > score.max() - _BEAM).astype(np.uint8)
    return alive


@compiled
def _find_link(
    g: Ground, states: States, stations: Stations, i: int, j: int, score: Floats, limits: Limits,
    c: Chances, w: Scratch,
) -> tuple[int, Floats]:  # fmt: skip
    """The next station that can be reached from i, j itself or one a little later, and the links to it; -1 if
    none."""
    seen = 0
    k = j
    while k < len(stations.lon) and seen < _LOOK_AHEAD and not _apart(stations, i, k, limits):
        if states.first[k] < states.first[k + 1]:
            links = link(g, states, stations, i, k, _alive(score), c, w)
            if links.max() > _LEAST_LINK:
                return k, links
            seen += 1
        k += 1
    return -1, np.empty((0, 0), np.float64)


@compiled
def _backtrack(decoded: Decoded, states: States, last: int, score: Floats, origin: Longs) -> None:
    """Choose the states of the piece that ends with station `last`."""
    i = last
    s = states.first[i] + np.argmax(score)
    while True:
        decoded.state[i] = s
        before = decoded.before[i]
        if before < 0:
            return
        s = states.first[before] + origin[s]
        i = before


@compiled
def _smooth(
    decoded: Decoded, states: States, emission: Floats, last: int, links: Floats, link_at: Longs
) -> None:
    """Posterior probabilities of the states of the piece that ends with station `last`: forward, backward."""
    piece = [last]
    while decoded.before[piece[-1]] >= 0:
        piece.append(decoded.before[piece[-1]])
    start = piece[-1]
    a, b = states.first[start], states.first[start + 1]
    decoded.sure[a:b] = emission[a:b]
    for n in range(len(piece) - 2, -1, -1):
        i, j = piece[n + 1], piece[n]
        a, b = states.first[i], states.first[i + 1]
        width = states.first[j + 1] - states.first[j]
        for t in range(states.first[j], states.first[j + 1]):
            way = links[link_at[j] + np.arange(b - a) * width + t - states.first[j]]
            decoded.sure[t] = _sum_over(decoded.sure[a:b] + way) + emission[t]
    a, b = states.first[last], states.first[last + 1]
    behind = np.zeros(b - a)
    decoded.sure[a:b] = np.exp(decoded.sure[a:b] - _sum_over(decoded.sure[a:b]))
    for n in range(1, len(piece)):
        j, i = piece[n - 1], piece[n]
        a, b = states.first[i], states.first[i + 1]
        c, d = states.first[j], states.first[j + 1]
        ahead = np.empty(b - a)
        for s in range(b - a):
            way = links[link_at[j] + s * (d - c) : link_at[j] + (s + 1) * (d - c)]
            ahead[s] = _sum_over(way + emission[c:d] + behind)
        behind = ahead
        both = decoded.sure[a:b] + behind
        decoded.sure[a:b] = np.exp(both - _sum_over(both))


@compiled
def decode(g: Ground, states: States, stations: Stations, c: Chances, limits: Limits, w: Scratch) -> Decoded:
    """The likeliest places of all stations, in pieces between which nothing is claimed."""
    count = len(stations.lon)
    decoded = Decoded(
        np.full(count, -1, np.int64), np.full(count, OFF_ROAD, np.uint8), np.full(count, -1, np.int64),
        np.zeros(count, np.uint8), np.zeros(len(states.ref)),
    )  # fmt: skip
    emission = emissions(states, stations, c.tail)
    origin = np.full(len(states.ref), -1, np.int64)
    kept, link_at, used = np.empty(1024, np.float64), np.zeros(count, np.int64), 0
    i, j, reason = -1, 0, FIRST
    score = np.empty(0, np.float64)
    while j < count:
        if states.first[j] == states.first[j + 1]:
            j += 1
            continue
        if i >= 0:
            k, links = -1, np.empty((0, 0), np.float64)
            reason = GAP if _apart(stations, i, j, limits) else OFF_ROAD
            if reason == OFF_ROAD and j - i - 1 <= limits.off_road:
                reason = NO_WAY
                k, links = _find_link(g, states, stations, i, j, score, limits, c, w)
            if k >= 0:
                for jumped in range(j, k):
                    if states.first[jumped] < states.first[jumped + 1]:
                        decoded.fate[jumped] = OUTLIER
                decoded.before[k], decoded.fate[k] = i, MATCHED
                a, b = states.first[k], states.first[k + 1]
                score, origin[a:b] = _step(score, links, emission[a:b])
                while used + links.size > len(kept):
                    kept = np.concatenate((kept, np.empty_like(kept)))
                kept[used : used + links.size] = links.ravel()
                link_at[k] = used
                used += links.size
                i, j = k, k + 1
                continue
            _backtrack(decoded, states, i, score, origin)
            _smooth(decoded, states, emission, i, kept, link_at)
        score = emission[states.first[j] : states.first[j + 1]].copy()
        decoded.fate[j], decoded.broken[j] = MATCHED, reason
        i, j = j, j + 1
    if i >= 0:
        _backtrack(decoded, states, i, score, origin)
        _smooth(decoded, states, emission, i, kept, link_at)
    return decoded
