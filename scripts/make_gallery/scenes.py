"""The pictures of the gallery, each from a road network and a question to it."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import shapely

import routing
from routing.metric import metres_per_degree
from routing.synthetic import Receiver, drives, record, recovered
from routing.tracks import Track
from routing.trails import piece_line
from scripts.make_gallery.picture import Box, Floats, Picture

OSM = "Data: (c) OpenStreetMap contributors, ODbL 1.0"
BIG = "Data: BIG, Peta Rupabumi Indonesia 1:25.000"
RBI = f"{BIG}; batas desa: cahyadsn/wilayah_boundaries (MIT)"
ROUTE, OTHER, PLACE, WRONG = "#0b62c4", "#8a5a00", "#b3261e", "#d1495b"
# From soon to late; told apart by people who do not see colours alike.
PALETTE = ("#1b7f79", "#5fb49c", "#b9d98b", "#f2d16b", "#e8945a")
NEVER = "#b9b6ae"
ENCAMP, SANT_JULIA = (1.5780, 42.5360), (1.4915, 42.4640)


@dataclass(frozen=True)
class Regency:
    """What the gallery takes from a regency's folder: villages as (name, shape), hospitals, unit bases."""

    villages: list[tuple[str, shapely.Geometry]]
    facilities: dict[str, tuple[str, float, float]]
    bases: Floats


def read_regency(folder: Path) -> Regency:
    features = json.loads((folder / "villages.geojson").read_text(encoding="utf-8"))["features"]
    villages = [(f["properties"]["name"], shapely.geometry.shape(f["geometry"])) for f in features]
    facilities = {
        row["code"]: (row["name"], float(row["lon"]), float(row["lat"]))
        for row in _rows(folder / "facilities.csv")
    }
    bases = {
        facilities[row["base_facility"]][1:] for row in _rows(folder / "fleet.csv") if row["base_facility"]
    }
    return Regency(villages, facilities, np.array(sorted(bases)))


def draw_route(network: routing.Network, path: Path) -> None:
    """A route through Andorra's valleys, its steps numbered."""
    route = network.route(ENCAMP, SANT_JULIA, steps=True)
    box = _around(route.geometry, 0.09)
    low, high = route.low_s / 60, route.high_s / 60
    picture = Picture(
        box,
        f"Encamp - Sant Julià de Lòria: {route.total_s / 60:.0f} min, {route.road_m / 1000:.1f} km",
        f"80 % of such journeys take {low:.0f} to {high:.0f} minutes; the numbers are the steps of the route",
    )
    _roads(picture, network)
    picture.lines([route.geometry], "#ffffff", 9)
    picture.lines([route.geometry], ROUTE, 5)
    for number, step in enumerate(route.steps[1:-1], start=1):
        picture.number((step.lon, step.lat), ROUTE, number)
    picture.mark((route.origin.lon, route.origin.lat), ROUTE, "A")
    picture.mark((route.target.lon, route.target.lat), PLACE, "B")
    picture.name(ENCAMP, "Encamp", dx=-16, dy=5, anchor="end")
    picture.name(SANT_JULIA, "Sant Julià de Lòria", dx=-16, dy=5, anchor="end")
    picture.write(path, OSM)


def steps_table(network: routing.Network) -> str:
    """The steps of the route as a table in Markdown."""
    route = network.route(ENCAMP, SANT_JULIA, steps=True)
    lines = ["| | Indonesia | English | |", "|---|---|---|---|"]
    for number, step in enumerate(route.steps):
        lines.append(f"| {number or ''} | {step.text_id} | {step.text_en} | {step.distance_en} |")
    return "\n".join(lines)


def draw_isochrone(network: routing.Network, regency: Regency, path: Path) -> None:
    """How far the ambulance of Batang's hospital gets."""
    name, *here = regency.facilities["33.25-F001"]
    limits = (5, 10, 15, 20)
    areas = network.isochrones([here], [60.0 * limit for limit in limits])
    west, south, east, north = areas[-1].polygon.bounds
    picture = Picture(
        _grown((west, south, east, north), 0.04),
        f"From {name}: 5, 10, 15 and 20 minutes by road",
        "The areas follow the roads: beyond them, as far as the time that is left allows, at most 250 m",
    )
    for area, colour in zip(reversed(areas), reversed(PALETTE[:4]), strict=True):
        picture.area(area.polygon, colour, opacity=0.62, rim=colour, rim_width=1)
    _roads(picture, network, quiet=True)
    picture.lines(_outline(regency), "#8b8578", 1.2, dash="6 5")
    for limit, colour in zip(limits, PALETTE, strict=False):
        picture.legend("area", colour, f"{limit} min")
    picture.mark(here, PLACE, "+")
    picture.write(path, RBI)


def draw_coverage(network: routing.Network, regency: Regency, path: Path) -> None:
    """Which villages the advanced ambulances at Batang's three hospitals reach, and when."""
    hospitals = [regency.facilities[f"33.25-F00{number}"] for number in (1, 2, 3)]
    here = np.array([(lon, lat) for _, lon, lat in hospitals])
    centres = np.array([shape.representative_point().coords[0] for _, shape in regency.villages])
    found = network.coverage(here, 600, places=centres)
    bands = (10, 20, 30, 45, 60)
    picture = Picture(
        _grown(shapely.union_all([shape for _, shape in regency.villages]).bounds, 0.03),
        f"{found.share:.0%} of Batang's {len(centres)} villages within 10 minutes of a hospital's ambulance",
        "Minutes of the first one to each village, the way from the nearest road to its middle included; "
        f"roads within 10 minutes: {found.km_within:.0f} of {found.km:.0f} km",
    )
    for (_, shape), seconds in zip(regency.villages, found.seconds.tolist(), strict=True):
        band = next((row for row, limit in enumerate(bands) if seconds <= limit * 60), None)
        picture.area(
            shape, NEVER if band is None else PALETTE[band], opacity=0.85, rim="#ffffff", rim_width=0.6
        )
    _roads(picture, network, quiet=True)
    for number, (lon, lat) in enumerate(here.tolist(), start=1):
        picture.mark((lon, lat), PLACE, str(number))
    for low, high, colour in zip((0, *bands), bands, PALETTE, strict=False):
        picture.legend("area", colour, f"{low} - {high} min")
    if (found.seconds > bands[-1] * 60).any():
        picture.legend("area", NEVER, f"over {bands[-1]} min")
    picture.write(path, RBI)


def draw_closure(network: routing.Network, regency: Regency, path: Path) -> None:
    """A drawn flood, and what it does to a journey from Batang's hospital to a village inland."""
    start, goal = regency.facilities["33.25-F001"][1:], (109.8000, -6.9900)
    now = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
    before = network.route(start, goal)
    middle = before.geometry[len(before.geometry) * 3 // 5]
    flood = shapely.Point(middle).buffer(0.0045, quad_segs=3)
    change = routing.RoadChange("banjir", flood, "close", now, now + timedelta(hours=6), reason="banjir")
    view = network.with_changes([change], now)
    after = view.route(start, goal)
    (report,) = view.changes
    picture = Picture(
        _around([*before.geometry, *after.geometry], 0.1),
        f"A flood closes {report.km:.1f} km: {before.total_s / 60:.0f} min become "
        f"{after.total_s / 60:.0f} min",
        "The area was drawn on the map; only what lies inside it is closed, both sides of it stay reachable",
    )
    _roads(picture, network)
    picture.area(flood, "#4a90d9", opacity=0.35, rim="#2f6fb3", rim_width=1.5)
    picture.lines([before.geometry], OTHER, 4, dash="2 8")
    picture.lines([after.geometry], "#ffffff", 8)
    picture.lines([after.geometry], ROUTE, 4.5)
    picture.lines([line.coords for line in report.lines.geoms], WRONG, 5)
    picture.mark(start, ROUTE, "A")
    picture.mark(goal, PLACE, "B")
    picture.legend("line", ROUTE, f"now: {after.road_m / 1000:.1f} km, {after.total_s / 60:.0f} min")
    picture.legend("line", OTHER, f"before: {before.road_m / 1000:.1f} km, {before.total_s / 60:.0f} min")
    picture.legend("line", WRONG, "closed")
    picture.write(path, BIG)


def draw_match(network: routing.Network, path: Path) -> str:
    """A noisy track in Andorra, and the roads it was matched to; returns how much of the drive was found."""
    random = np.random.default_rng(20261120)
    ground = network._matchers.of("ambulance").ground
    day = datetime(2026, 11, 16, tzinfo=UTC)
    (drive,) = drives(
        ground, 1, random, least_m=2200, most_m=3200, from_day=day, timezone=ZoneInfo("Europe/Andorra")
    )
    track: Track = record(ground, drive, Receiver(every_s=10.0, noise_m=15.0), random)
    found = network.match(track)
    share, invented = recovered(ground, drive, found)
    pieces = [piece_line(ground, found, piece) for piece in range(int(found.passage.piece.max()) + 1)]
    places = np.column_stack([track.lon, track.lat])
    picture = Picture(
        _around([point for piece in pieces for point in piece], 0.1),
        f"{len(places)} fixes, one every 10 s, each off by 15 m (one sigma)",
        f"Matched: {found.metres / 1000:.1f} km; {share:.0%} of the roads that were really driven, "
        f"{invented:.0%} that were not",
    )
    _roads(picture, network)
    picture.lines(pieces, "#ffffff", 9)
    picture.lines(pieces, ROUTE, 5.5)
    snapped = np.column_stack([found.lon, found.lat])
    placed = ~np.isnan(found.lon)
    picture.lines(np.stack([places[placed], snapped[placed]], axis=1), WRONG, 1.2)
    picture.dots(places, WRONG, 3.6)
    picture.legend("dot", WRONG, "fix as it was received")
    picture.legend("line", ROUTE, "roads it was matched to")
    picture.write(path, OSM)
    return f"{share:.0%}"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _outline(regency: Regency) -> list[Floats]:
    # the villages' borders do not quite meet: without the slivers between them
    whole = shapely.union_all([shape.buffer(0.0004) for _, shape in regency.villages]).buffer(-0.0004)
    return [shapely.get_coordinates(part.exterior) for part in shapely.get_parts(whole).tolist()]


def _roads(picture: Picture, network: routing.Network, *, quiet: bool = False) -> None:
    """All roads, the larger ones on top and broader."""
    arrays, classes = network._arrays, network._manifest.classes
    ranks = [
        (("motorway", "trunk", "primary"), "#c39a5f" if not quiet else "#7d766a", 2.6),
        (("secondary",), "#cdb186" if not quiet else "#8b8478", 2.0),
        (("tertiary", "unclassified"), "#d5cab7" if not quiet else "#a09a8e", 1.4),
        (
            ("residential", "living_street", "road", "service", "track"),
            "#d9d1c1" if not quiet else "#b5afa4",
            0.9,
        ),
    ]
    west, south, east, north = picture.box
    for names, colour, width in reversed(ranks):
        numbers = [
            classes.index(name + end) for name in names for end in ("", "_link") if name + end in classes
        ]
        lines = []
        for edge in np.flatnonzero(np.isin(arrays.edge_class, numbers)).tolist():
            points = slice(arrays.shape_first[edge], arrays.shape_first[edge + 1])
            lon, lat = arrays.shape_lon[points], arrays.shape_lat[points]
            if lon.max() >= west and lon.min() <= east and lat.max() >= south and lat.min() <= north:
                lines.append(np.column_stack([lon, lat]))
        picture.lines(lines, colour, width, opacity=0.75 if quiet else 1.0)


def _around(points: Sequence[tuple[float, float]], share: float) -> Box:
    """A box around points, no narrower than it is pleasant to look at."""
    lon, lat = np.asarray(points).T
    west, south, east, north = _grown(
        (float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())), share
    )
    per_lon, per_lat = metres_per_degree((south + north) / 2)
    wide, tall = (east - west) * per_lon, (north - south) * per_lat
    more_wide, more_tall = max(tall * 1.25 - wide, 0) / per_lon / 2, max(wide * 0.5 - tall, 0) / per_lat / 2
    return west - more_wide, south - more_tall, east + more_wide, north + more_tall


def _grown(box: Box, share: float) -> Box:
    west, south, east, north = box
    x, y = (east - west) * share, (north - south) * share
    return west - x, south - y, east + x, north + y
