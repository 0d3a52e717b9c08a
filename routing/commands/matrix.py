"""`matrix` and `reach`: times between many places, and the areas reached in given times."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
import shapely
import typer
from rich.console import Console
from rich.table import Table

from routing.commands.asking import (
    AccessSpeed,
    AsGeojson,
    AsJson,
    AtTime,
    CalibrationFile,
    PointTexts,
    ProfileName,
    StorePath,
    collection,
    feature,
    minutes,
    moment,
    opened,
    points,
)
from routing.metric import metres_per_degree


def matrix(
    store: StorePath,
    origins: PointTexts,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LON,LAT",
            help="tujuan, berulang, atau .csv; bawaan: titik asal | target (repeatable) or .csv; default: "
            "the origins",
        ),
    ] = None,
    profile: ProfileName = None,
    at: AtTime = None,
    access_kmh: AccessSpeed = 20.0,
    calibration: CalibrationFile = None,
    as_json: AsJson = False,
) -> None:
    """Waktu tempuh semua asal ke semua tujuan. | Travel times from all origins to all targets."""
    start = points(origins)
    goal = points(to) if to else start
    found = opened(store, calibration).matrix(
        start, goal, profile=profile, at=moment(at), access_kmh=access_kmh
    )
    if as_json:
        rows = [[None if np.isinf(s) else round(float(s), 3) for s in row] for row in found.seconds]
        typer.echo(json.dumps({"version": found.version, "seconds": rows}))
        return
    table = Table("menit | min", *(str(column) for column in range(len(goal))), box=None)
    for number, row in enumerate(found.seconds.tolist()):
        table.add_row(str(number), *(minutes(seconds) for seconds in row))
    Console().print(table)


def reach(
    store: StorePath,
    sources: PointTexts,
    within: Annotated[
        list[float] | None,
        typer.Option("--minutes", help="menit, berulang | minutes (repeatable)  [5, 10, 15]"),
    ] = None,
    profile: ProfileName = None,
    at: AtTime = None,
    access_kmh: AccessSpeed = 20.0,
    calibration: CalibrationFile = None,
    as_json: AsJson = False,
    geojson: AsGeojson = False,
) -> None:
    """Daerah yang tercapai dalam sekian menit. | The area that is reached within so many minutes."""
    network, start = opened(store, calibration), points(sources)
    limits = [60 * limit for limit in sorted(within or [5.0, 10.0, 15.0])]
    when = moment(at)
    areas = network.isochrones(start, limits, profile=profile, at=when, access_kmh=access_kmh)
    if geojson:
        found = [
            feature(shapely.geometry.mapping(area.polygon), minutes=area.limit_s / 60, version=area.version)
            for area in reversed(areas)
        ]
        typer.echo(json.dumps(collection(found)))
        return
    rows: list[dict[str, Any]] = []
    for area in areas:
        covered = network.coverage(start, area.limit_s, profile=profile, at=when, access_kmh=access_kmh)
        rows.append(
            {
                "minutes": area.limit_s / 60,
                "km2": round(_km2(area.polygon), 2),
                "road_km": round(covered.km_within, 2),
                "road_share": round(covered.km_within / covered.km, 4),
                "junction_share": round(covered.node_share, 4),
                "version": covered.version,
            }
        )
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("menit | min", "km2", "km jalan | of road", "jalan | roads", "simpul | junctions", box=None)
    for row in rows:
        table.add_row(
            f"{row['minutes']:g}", f"{row['km2']:.1f}", f"{row['road_km']:.1f}", f"{row['road_share']:.1%}",
            f"{row['junction_share']:.1%}",
        )  # fmt: skip
    Console().print(table)


def _km2(area: shapely.MultiPolygon) -> float:
    if area.is_empty:
        return 0.0
    scale = np.array(metres_per_degree(float(area.centroid.y)))
    return float(shapely.area(shapely.transform(area, lambda xy: xy * scale))) / 1e6
