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
def _step(score: Floats, links: Floats, emission: Floats, first: int, origin: Longs) -> Floats:
    """The best score per state after a link; `origin` of the states from row `first` on is filled in."""
    after = np.empty(links.shape[1], np.float64)
    for t in range(links.shape[1]):
        best = -np.inf
        for s in range(links.shape[0]):
            if score[s] + links[s, t] > best:
                best = score[s] + links[s, t]
                origin[first + t] = s
        after[t] = best + emission[first + t]
    return after


@compiled
def _log_sum(a: float, b: float) -> float:
    """The logarithm of the sum of two chances given as logarithms."""
    if a < b:
        a, b = b, a
    return a if b == -np.inf else a + math.log1p(math.exp(b - a))


@compiled
def _apart(stations: Stations, i: int, j: int, limits: Limits) -> bool:
    """Whether the signal was away for too long between two stations."""
    waited = stations.first_at[j] - stations.last_at[i]
    metres = straight_metres(stations, i, j)
    return metres > limits.gap_m or (waited > limits.gap_ms and metres > 4 * stations.sigma[i])


@compiled
def _alive(score: Floats) -> Bytes:
    """Which states are not hopelessly behind the best."""
    best = -np.inf
    for value in score:
        best = max(best, value)
    alive = np.zeros(len(score), np.uint8)
    for s in range(len(score)):
        alive[s] = score[s] > best - _BEAM
    return alive


@compiled
def _possible(links: Floats) -> bool:
    for s in range(links.shape[0]):
        for t in range(links.shape[1]):
            if links[s, t] > _LEAST_LINK:
                return True
    return False


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
            if _possible(links):
                return k, links
            seen += 1
        k += 1
    return -1, np.empty((0, 0), np.float64)


@compiled
def _backtrack(decoded: Decoded, states: States, last: int, score: Floats, origin: Longs) -> None:
    """Choose the states of the piece that ends with station `last`."""
    i, s = last, states.first[last]
    for t in range(len(score)):
        if score[t] > score[s - states.first[i]]:
            s = states.first[i] + t
    while True:
        decoded.state[i] = s
        before = decoded.before[i]
        if before < 0:
            return
        s = states.first[before] + origin[s]
        i = before


class Kept(NamedTuple):
    """The links between stations, one after the other: those to station j begin at `at[j]` in `value`."""

    value: Floats
    at: Longs


@compiled
def _longer(values: Floats) -> Floats:
    """The same values with room for as many again."""
    out = np.empty(2 * len(values), np.float64)
    for i in range(len(values)):
        out[i] = values[i]
    return out


@compiled
def _forward(states: States, emission: Floats, kept: Kept, i: int, j: int, sure: Floats) -> None:
    """Log chance of all up to station j and of being in each of its states, from that of station i."""
    width = states.first[j + 1] - states.first[j]
    for t in range(width):
        total = -np.inf
        for s in range(states.first[i + 1] - states.first[i]):
            total = _log_sum(total, sure[states.first[i] + s] + kept.value[kept.at[j] + s * width + t])
        sure[states.first[j] + t] = total + emission[states.first[j] + t]


@compiled
def _backward(states: States, emission: Floats, kept: Kept, i: int, j: int, behind: Floats) -> Floats:
    """Log chance of all after station i given each of its states, from that of station j."""
    width = states.first[j + 1] - states.first[j]
    out = np.empty(states.first[i + 1] - states.first[i], np.float64)
    for s in range(len(out)):
        out[s] = -np.inf
        for t in range(width):
            after = emission[states.first[j] + t] + behind[t]
            out[s] = _log_sum(out[s], kept.value[kept.at[j] + s * width + t] + after)
    return out


@compiled
def _smooth(decoded: Decoded, states: States, emission: Floats, last: int, kept: Kept) -> None:
    """Posterior probabilities of the states of the piece that ends with station `last`."""
    piece = [last]
    while decoded.before[piece[-1]] >= 0:
        piece.append(decoded.before[piece[-1]])
    start = piece[-1]
    for s in range(states.first[start], states.first[start + 1]):
        decoded.sure[s] = emission[s]
    for n in range(len(piece) - 1, 0, -1):
        _forward(states, emission, kept, piece[n], piece[n - 1], decoded.sure)
    behind = np.zeros(states.first[last + 1] - states.first[last])
    for n in range(len(piece)):
        i = piece[n]
        if n > 0:
            behind = _backward(states, emission, kept, i, piece[n - 1], behind)
        total = -np.inf
        for s in range(len(behind)):
            decoded.sure[states.first[i] + s] += behind[s]
            total = _log_sum(total, decoded.sure[states.first[i] + s])
        for s in range(states.first[i], states.first[i + 1]):
            decoded.sure[s] = math.exp(decoded.sure[s] - total)


@compiled
def _why_apart(states: States, stations: Stations, i: int, j: int, limits: Limits) -> int:
    """Why station j cannot follow station i, whatever the roads; NO_WAY when only they can tell."""
    if _apart(stations, i, j, limits):
        return GAP
    return OFF_ROAD if j - i - 1 > limits.off_road else NO_WAY


@compiled
def _accept(
    decoded: Decoded, states: States, i: int, j: int, k: int, links: Floats, kept: Kept, used: int
) -> tuple[Kept, int]:
    """Let station k follow station i; what lies between, from j on, has jumped. Returns the links kept."""
    for jumped in range(j, k):
        if states.first[jumped] < states.first[jumped + 1]:
            decoded.fate[jumped] = OUTLIER
    decoded.before[k], decoded.fate[k] = i, MATCHED
    value = kept.value
    while used + links.size > len(value):
        value = _longer(value)
    kept.at[k] = used
    for s in range(links.shape[0]):
        for t in range(links.shape[1]):
            value[used] = links[s, t]
            used += 1
    return Kept(value, kept.at), used


@compiled
def _undecided(stations: int, states: int) -> Decoded:
    fate = np.empty(stations, np.uint8)
    fate[:] = OFF_ROAD
    state, before = np.empty(stations, np.int64), np.empty(stations, np.int64)
    state[:], before[:] = -1, -1
    return Decoded(state, fate, before, np.zeros(stations, np.uint8), np.zeros(states, np.float64))


@compiled
def decode(g: Ground, states: States, stations: Stations, c: Chances, limits: Limits, w: Scratch) -> Decoded:
    """The likeliest places of all stations, in pieces between which nothing is claimed."""
    count = len(stations.lon)
    decoded = _undecided(count, len(states.ref))
    emission = emissions(states, stations, c.tail)
    origin = np.zeros(len(states.ref), np.int64)
    kept, used = Kept(np.empty(1024, np.float64), np.zeros(count, np.int64)), 0
    i, j, reason = -1, 0, FIRST
    score, links = np.empty(0, np.float64), np.empty((0, 0), np.float64)
    while j < count:
        if states.first[j] == states.first[j + 1]:
            j += 1
            continue
        if i >= 0:
            k, reason = -1, _why_apart(states, stations, i, j, limits)
            if reason == NO_WAY:
                k, links = _find_link(g, states, stations, i, j, score, limits, c, w)
            if k >= 0:
                kept, used = _accept(decoded, states, i, j, k, links, kept, used)
                score = _step(score, links, emission, states.first[k], origin)
                i, j = k, k + 1
                continue
            _backtrack(decoded, states, i, score, origin)
            _smooth(decoded, states, emission, i, kept)
        score = np.empty(states.first[j + 1] - states.first[j], np.float64)
        for s in range(len(score)):
            score[s] = emission[states.first[j] + s]
        decoded.fate[j], decoded.broken[j] = MATCHED, reason
        i, j = j, j + 1
    if i >= 0:
        _backtrack(decoded, states, i, score, origin)
        _smooth(decoded, states, emission, i, kept)
    return decoded
