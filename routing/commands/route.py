"""`route` and `nearest`: the way between two places, the nearest roads, the units that are there first."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from routing.answers import Route, Travel
from routing.commands.asking import (
    AccessSpeed,
    AsGeojson,
    AsJson,
    AtTime,
    CalibrationFile,
    PointText,
    PointTexts,
    ProfileName,
    StorePath,
    collection,
    feature,
    minutes,
    moment,
    opened,
    point,
    points,
)


def route(
    store: StorePath,
    origin: PointText,
    target: PointText,
    profile: ProfileName = None,
    at: AtTime = None,
    access_kmh: AccessSpeed = 20.0,
    calibration: CalibrationFile = None,
    as_json: AsJson = False,
    geojson: AsGeojson = False,
) -> None:
    """Rute tercepat antara dua titik. | The fastest route between two points."""
    found = opened(store, calibration).route(
        point(origin), point(target), steps=True, profile=profile, at=moment(at), access_kmh=access_kmh
    )
    if geojson:
        line = {"type": "LineString", "coordinates": found.geometry}
        typer.echo(json.dumps(feature(line, **_figures(found))))
    elif as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        _print(found)


def nearest(
    store: StorePath,
    places: PointTexts,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="LON,LAT",
            help="urutkan menurut waktu ke titik ini | rank by the time to this point",
        ),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", help="hanya sekian | only so many")] = None,
    profile: ProfileName = None,
    at: AtTime = None,
    access_kmh: AccessSpeed = 20.0,
    calibration: CalibrationFile = None,
    as_json: AsJson = False,
    geojson: AsGeojson = False,
) -> None:
    """Jalan terdekat tiap titik, atau titik tercepat ke satu tempat (--to). | The nearest road of each
    point, or which points are at a place first (--to)."""
    network, many = opened(store, calibration), points(places)
    if to is not None:
        travels = network.to_one(many, point(to), k=k, profile=profile, at=moment(at), access_kmh=access_kmh)
        _print_travels(travels, as_json=as_json, geojson=geojson)
        return
    snaps = network.snap(many, profile=profile)
    if as_json:
        typer.echo(msgspec.json.encode(snaps))
    elif geojson:
        found = [
            feature(
                {"type": "Point", "coordinates": [snap.lon, snap.lat]},
                edge=snap.edge, fraction=snap.fraction, access_m=round(snap.access_m, 2),
            )
            for snap in snaps
        ]  # fmt: skip
        typer.echo(json.dumps(collection(found)))
    else:
        for (lon, lat), snap in zip(many, snaps, strict=True):
            typer.echo(
                f"{lon},{lat} -> {snap.lon:.7f},{snap.lat:.7f}  {snap.access_m:.1f} m"
                f"  (ruas | edge {snap.edge}, {snap.fraction:.4f})"
            )


def _figures(found: Route) -> dict[str, float | str | list[str]]:
    return {
        "total_s": found.total_s,
        "low_s": round(found.low_s, 1),
        "high_s": round(found.high_s, 1),
        "road_s": found.road_s,
        "access_s": found.access_s,
        "road_m": round(found.road_m, 1),
        "access_m": round(found.access_m, 1),
        "connector_m": round(found.connector_m, 1),
        "version": found.version,
        "doubts": list(found.doubts),
    }


def _print(found: Route) -> None:
    typer.echo(
        f"{minutes(found.total_s)} menit | min ({minutes(found.low_s)}-{minutes(found.high_s)}), "
        f"{found.road_m / 1000:.2f} km"
    )
    for name, value in _figures(found).items():
        typer.echo(f"  {name}: {', '.join(value) or '-' if isinstance(value, list) else value}")
    table = Table(show_header=False, box=None)
    for step in found.steps:
        table.add_row(step.text_id, step.distance_id, step.text_en)
    Console().print(table)


def _print_travels(travels: list[Travel], *, as_json: bool, geojson: bool) -> None:
    if as_json:
        plain = [
            {name: None if value == float("inf") else value for name, value in msgspec.to_builtins(t).items()}
            for t in travels
        ]
        typer.echo(json.dumps(plain))
    elif geojson:
        found = [
            feature(
                {"type": "Point", "coordinates": [t.origin.lon, t.origin.lat]},
                index=t.index, total_s=t.total_s if t.reachable else None, doubts=list(t.doubts),
            )
            for t in travels
        ]  # fmt: skip
        typer.echo(json.dumps(collection(found)))
    else:
        table = Table("", "menit | min", "80 %", "km", "luar jalan | off road m", "ragu | doubts", box=None)
        for t in travels:
            table.add_row(
                str(t.index), minutes(t.total_s), f"{minutes(t.low_s)}-{minutes(t.high_s)}",
                f"{t.road_m / 1000:.2f}" if t.reachable else "-", f"{t.access_m:.0f}", ", ".join(t.doubts),
            )  # fmt: skip
        Console().print(table)
