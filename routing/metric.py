"""Lengths on the ground, and the checks a point passes before it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.arrays import Floats
from routing.compiled import compiled
from routing.errors import BadPoint, OutsideNetwork

Box = tuple[float, float, float, float]

# WGS84: semi-major axis in metres, first eccentricity squared.
_AXIS_M = 6_378_137.0
_FLATTENING = 1 / 298.257223563
_ECC2 = _FLATTENING * (2 - _FLATTENING)
# A point this far outside the network whose mirror image lies inside was written lat, lon.
_SWAP_MARGIN_DEG = 1.0
# Farther than this outside the network's box the straight line to its rim says nothing about a journey.
OUTSIDE_KM = 50.0


@compiled
def metres_per_degree(lat: float) -> tuple[float, float]:
    """Metres per degree of longitude and of latitude at `lat`, from the ellipsoid's radii of curvature.

    A plane scaled so is right to 1e-6 over a road segment and to about 1 % over 100 km in the tropics.
    """
    sine = math.sin(math.radians(lat))
    root = 1 - _ECC2 * sine * sine
    across = _AXIS_M / math.sqrt(root)
    along = _AXIS_M * (1 - _ECC2) / (root * math.sqrt(root))
    degree = math.pi / 180
    return across * math.cos(math.radians(lat)) * degree, along * degree


@compiled
def segment_lengths(lon: Floats, lat: Floats) -> Floats:
    """Metres between each point of a line and the next: (n,) degrees in, (n-1,) metres out."""
    out = np.empty(len(lon) - 1, np.float64)
    for i in range(len(lon) - 1):
        per_lon, per_lat = metres_per_degree((lat[i] + lat[i + 1]) / 2)
        out[i] = math.hypot((lon[i + 1] - lon[i]) * per_lon, (lat[i + 1] - lat[i]) * per_lat)
    return out


def checked_points(points: ArrayLike, box: Box) -> Floats:
    """Points as an (n, 2) float64 array of lon, lat; raises BadPoint for one that cannot be meant.

    `box` is the network's (west, south, east, north); it serves to recognise swapped coordinates.
    """
    try:
        array = np.ascontiguousarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadPoint(
            f"Titik harus pasangan angka (bujur, lintang): {points!r}",
            f"Points must be pairs of numbers (lon, lat): {points!r}",
            (),
            0,
        ) from None
    if array.size == 0:
        return np.empty((0, 2), np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise BadPoint(
            f"Titik harus berbentuk (n, 2), bukan {array.shape}",
            f"Points must have the shape (n, 2), not {array.shape}",
            (),
            0,
        )
    lon, lat = array[:, 0], array[:, 1]
    impossible = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))  # written so that NaN is impossible too
    if impossible.any():
        _refuse_impossible(array, int(np.argmax(impossible)))
    west, south, east, north = box
    outside = np.maximum(np.maximum(west - lon, lon - east), np.maximum(south - lat, lat - north))
    mirrored = (lat >= west) & (lat <= east) & (lon >= south) & (lon <= north)
    swapped = mirrored & (outside > _SWAP_MARGIN_DEG)
    if swapped.any():
        _refuse_swapped(array, int(np.argmax(swapped)))
    return array


def outside_by(points: Floats, box: Box) -> NDArray[np.bool_]:
    """Which points (n, 2) lie more than OUTSIDE_KM outside the box."""
    west, south, east, north = box
    per_lon, per_lat = metres_per_degree((south + north) / 2)
    across = np.maximum(np.maximum(west - points[:, 0], points[:, 0] - east), 0.0) * per_lon
    along = np.maximum(np.maximum(south - points[:, 1], points[:, 1] - north), 0.0) * per_lat
    return np.asarray(across * across + along * along > (OUTSIDE_KM * 1000) ** 2)


def refuse_outside(points: Floats, box: Box) -> None:
    """Raise OutsideNetwork when a point (n, 2) lies more than OUTSIDE_KM outside the box."""
    outside = outside_by(points, box)
    if not outside.any():
        return
    row = int(np.argmax(outside))
    lon, lat = points[row].tolist()
    place = ", ".join(f"{degree:.3f}" for degree in box)
    raise OutsideNetwork(
        f"Titik {lon}, {lat} (baris {row}) lebih dari {OUTSIDE_KM:.0f} km di luar jaringan jalan {place}",
        f"The point {lon}, {lat} (row {row}) is more than {OUTSIDE_KM:.0f} km outside the network {place}",
        (lon, lat),
        row,
    )


def checked_point(point: Sequence[float] | Floats, box: Box) -> Floats:
    """One (lon, lat) as a (1, 2) array, checked like `checked_points`."""
    array = np.asarray(point, dtype=object)
    if array.shape != (2,):
        raise BadPoint(
            f"Satu titik (bujur, lintang) diharapkan: {point!r}",
            f"One point (lon, lat) is expected: {point!r}",
            (),
            0,
        )
    return checked_points([list(point)], box)


def _refuse_impossible(points: Floats, row: int) -> None:
    lon, lat = points[row].tolist()
    if abs(lon) <= 90 and 90 < abs(lat) <= 180:
        _refuse_swapped(points, row)
    raise BadPoint(
        f"Titik bukan tempat di bumi: bujur {lon}, lintang {lat} (baris {row})",
        f"The point is no place on earth: lon {lon}, lat {lat} (row {row})",
        (lon, lat),
        row,
    )


def _refuse_swapped(points: Floats, row: int) -> None:
    lon, lat = points[row].tolist()
    raise BadPoint(
        f"Bujur dan lintang tertukar: bujur {lon}, lintang {lat} (baris {row}); maksudnya {lat}, {lon}?",
        f"Longitude and latitude are swapped: lon {lon}, lat {lat} (row {row}); meant {lat}, {lon}?",
        (lon, lat),
        row,
    )
