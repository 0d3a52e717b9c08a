"""Takes fixes at nearly one place together, and judges how far off the fixes of a track are."""

from __future__ import annotations

import math

import numpy as np

from routing.arrays import Floats, Ints, Longs
from routing.compiled import compiled
from routing.metric import metres_per_degree
from routing.tracks import Track
from routing.transitions import Stations

# A radius holds 68 % of a Gaussian in the plane when it is this many sigmas of one axis: sqrt(-2 ln 0.32).
_RADIUS_SIGMAS = 1.51
_LEAST_SIGMA_M, _MOST_SIGMA_M = 2.0, 100.0
_USUAL_SIGMA_M = 8.0  # of a telephone in the open, where a track does not tell
# Roads are drawn a few metres off, and a road has a width that its line has not.
MAP_SIGMA_M = 4.0
# Errors of fixes in a row are alike: averaging more than so many says nothing new.
_INDEPENDENT = 4
_MERGE_SIGMAS = 2.0  # Newson and Krumm leave out fixes within two sigmas of the last one kept
_LEAST_MERGE_M = 5.0
_DRIVING_MS = 10.0  # a usual speed in a town, metres per second
_SMOOTH_S = 3.0  # up to this far apart, second differences of fixes are noise rather than driving


def fix_sigmas(track: Track) -> Floats:
    """Metres of error of each fix along each axis: from its own accuracy, else as the track itself shows."""
    sigma = np.clip(track.accuracy_m / _RADIUS_SIGMAS, _LEAST_SIGMA_M, _MOST_SIGMA_M)
    unknown = np.isnan(sigma)
    if unknown.any():
        sigma[unknown] = _shown_sigma(track)
    return sigma


def _shown_sigma(track: Track) -> float:
    """What dense fixes scatter about their own line; the usual error when they are too sparse to tell.

    The second difference of independent errors has six times their variance, that of driving is small within
    a few seconds. The median is not moved by turns and jumps.
    """
    seconds = np.diff(track.at) / 1000
    if len(seconds) < 20 or np.median(seconds) > _SMOOTH_S:
        return _USUAL_SIGMA_M
    per_lon, per_lat = metres_per_degree(float(np.median(track.lat)))
    even = (seconds[1:] <= _SMOOTH_S) & (np.abs(seconds[1:] - seconds[:-1]) < 0.2)
    bends = np.concatenate([np.diff(track.lon, 2)[even] * per_lon, np.diff(track.lat, 2)[even] * per_lat])
    if len(bends) < 20:
        return _USUAL_SIGMA_M
    shown = 1.4826 * float(np.median(np.abs(bends))) / math.sqrt(6)
    return float(np.clip(shown, _LEAST_SIGMA_M, _MOST_SIGMA_M))


def gather(track: Track, sigma: Floats) -> tuple[Stations, Ints]:
    """Stations of a track and, per fix, its station. A station's place is the mean of its fixes."""
    lon, lat = _smoothed(track.lon, track.lat, track.at, sigma)
    station = _group(lon, lat, sigma)
    count = int(station[-1]) + 1
    weight = 1 / (sigma * sigma)
    total = np.bincount(station, weight, count)
    fixes = np.bincount(station, minlength=count)
    alone = np.sqrt(fixes / total)
    error = alone / np.sqrt(np.minimum(fixes, _INDEPENDENT))
    first = np.flatnonzero(np.diff(station, prepend=-1))
    last = np.append(first[1:], len(station)) - 1
    origin = track.at[0]
    return Stations(
        np.bincount(station, weight * track.lon, count) / total,
        np.bincount(station, weight * track.lat, count) / total,
        np.hypot(error, MAP_SIGMA_M),
        track.at[first],
        origin + np.bincount(station, (track.at - origin).astype(np.float64), count) / fixes,
        track.at[last],
    ), station


@compiled
def _smoothed(lon: Floats, lat: Floats, at: Longs, sigma: Floats) -> tuple[Floats, Floats]:
    """Each fix averaged with those so near in time that the vehicle drove less than a sigma between."""
    x, y = np.empty_like(lon), np.empty_like(lat)
    low = high = 0
    for i in range(len(lon)):
        window = 2000 * sigma[i] / _DRIVING_MS
        while at[i] - at[low] > window:
            low += 1
        while high + 1 < len(lon) and at[high + 1] - at[i] <= window:
            high += 1
        # as many before as after, or the mean would run ahead or lag behind
        wing = min(i - low, high - i)
        x[i], y[i] = lon[i - wing : i + wing + 1].mean(), lat[i - wing : i + wing + 1].mean()
    return x, y


@compiled
def _group(lon: Floats, lat: Floats, sigma: Floats) -> Ints:
    """Number the fixes: one joins the station before it while it lies near that station's first."""
    station = np.zeros(len(lon), np.int32)
    begin = 0
    for i in range(1, len(lon)):
        per_lon, per_lat = metres_per_degree(lat[i])
        reach = max(_MERGE_SIGMAS * sigma[i], _LEAST_MERGE_M)
        away = math.hypot((lon[i] - lon[begin]) * per_lon, (lat[i] - lat[begin]) * per_lat)
        station[i] = station[i - 1]
        if away > reach:
            station[i] += 1
            begin = i
    return station


def stays(stations: Stations) -> tuple[Floats, Floats]:
    """From when to when the vehicle was at each station: all the time of a stop, a moment while driving."""
    # fixes of a vehicle that drives as slowly as 3 m/s leave a station's reach within this time
    slow = np.maximum(20_000.0, 4 * stations.sigma / 3.0 * 1000)
    stop = (stations.last_at - stations.first_at) >= slow
    arrive = np.where(stop, stations.first_at, stations.mean_at)
    return arrive, np.where(stop, stations.last_at, stations.mean_at)


def radii(stations: Stations) -> Floats:
    """How far from each station roads are looked for, in metres."""
    return np.clip(3.5 * stations.sigma + 10, 30.0, 250.0)
