"""Draws a matched track: the line of each piece along the roads, and GeoJSON with what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from routing.candidates import Ground
from routing.match import Match

Points = list[tuple[float, float]]


def piece_line(ground: Ground, match: Match, piece: int) -> Points:
    """The line (lon, lat) travelled in one piece, at least two points where anything was travelled."""
    points: Points = []
    passage = match.passage
    for row in np.flatnonzero(passage.piece == piece):
        for point in _stretch(ground, int(passage.ref[row]), passage.start[row], passage.stop[row]):
            if not points or point != points[-1]:
                points.append(point)
    return points


def as_geojson(ground: Ground, match: Match, *, fixes: bool = False) -> list[dict[str, Any]]:
    """GeoJSON features of a match: a line per piece, and with `fixes` a point per fix where it belongs."""
    features = []
    passage = match.passage
    for piece in range(int(passage.piece.max()) + 1 if len(passage.piece) else 0):
        rows = np.flatnonzero(passage.piece == piece)
        own = np.flatnonzero(np.isin(match.stretch, rows))
        line = piece_line(ground, match, piece)
        if len(line) < 2:
            continue  # a single place is no line
        properties = {
            "kind": "piece",
            "vehicle": match.track.vehicle,
            "piece": piece,
            "from": _iso(passage.enter_at[rows[0]]),
            "to": _iso(passage.leave_at[rows[-1]]),
            "metres": round(float(passage.metres[rows].sum()), 1),
            "confidence": round(float(match.sure[own].mean()), 3) if len(own) else None,
            "version": match.version,
        }
        features.append(_feature({"type": "LineString", "coordinates": line}, properties))
    return features + (_points(match) if fixes else [])


def _points(match: Match) -> list[dict[str, Any]]:
    features = []
    track = match.track
    for row, place in enumerate(match.places):
        properties: dict[str, Any] = {
            "kind": "fix",
            "vehicle": track.vehicle,
            "row": row,
            "at": _iso(track.at[row]),
        }
        where = (float(track.lon[row]), float(track.lat[row]))
        if place is None:
            properties["lost"] = match.lost[row]
        else:
            where = (place.lon, place.lat)
            properties |= {
                "edge": place.edge,
                "metres_off": round(place.metres_off, 1),
                "confidence": round(place.confidence, 3),
            }
        features.append(_feature({"type": "Point", "coordinates": where}, properties))
    return features


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _stretch(g: Ground, ref: int, start: float, stop: float) -> Points:
    """Points of an edge between two fractions in the direction of travel."""
    edge = ref >> 1
    low, high = (1 - stop, 1 - start) if ref & 1 else (start, stop)
    rows = slice(int(g.shape_first[edge]), int(g.shape_first[edge + 1]))
    along = g.shape_mm[rows] / max(int(g.edge_mm[edge]), 1)
    inner = (along > low) & (along < high)
    marks = np.concatenate([[low], along[inner], [high]])
    lon, lat = np.interp(marks, along, g.shape_lon[rows]), np.interp(marks, along, g.shape_lat[rows])
    points = list(zip(lon.tolist(), lat.tolist(), strict=True))
    return points[::-1] if ref & 1 else points


def _iso(at: float) -> str:
    return datetime.fromtimestamp(float(at) / 1000, UTC).isoformat(timespec="milliseconds")
