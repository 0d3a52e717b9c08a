"""What the commands that ask a store have in common: how places, times and profiles are written."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from routing.calibration import read_calibration
from routing.network import Network, open_store

StorePath = Annotated[
    Path, typer.Argument(help="folder simpanan jalan | road store folder", show_default=False)
]
PointText = Annotated[str, typer.Argument(metavar="LON,LAT", help="derajat | degrees", show_default=False)]
PointTexts = Annotated[
    list[str],
    typer.Argument(
        metavar="LON,LAT...",
        help="derajat, atau berkas .csv berkolom lon,lat | degrees, or a .csv file with columns lon,lat",
        show_default=False,
    ),
]
AccessSpeed = Annotated[float, typer.Option(help="km/jam di luar jalan | km/h off the network")]
ProfileName = Annotated[
    str | None, typer.Option(help="profil, bawaan: yang pertama | profile, default: the first")
]
AtTime = Annotated[
    str | None,
    typer.Option(
        metavar="WAKTU|TIME",
        help="saat perjalanan, ISO 8601 dengan zona waktu | when, ISO 8601 with its offset",
    ),
]
CalibrationFile = Annotated[
    Path | None, typer.Option(help="berkas dari calibrate | file that calibrate wrote")
]
AsJson = Annotated[bool, typer.Option("--json", help="cetak JSON | print JSON")]
AsGeojson = Annotated[bool, typer.Option("--geojson", help="cetak GeoJSON | print GeoJSON")]


def opened(store: Path, calibration: Path | None) -> Network:
    """The network in a store, calibrated when a file is given."""
    return open_store(store, calibrations=[read_calibration(calibration)] if calibration else [])


def point(text: str) -> tuple[float, float]:
    """The place a text names; typer's BadParameter when it names none."""
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"bukan | not LON,LAT: {text}") from None
    return lon, lat


def points(texts: list[str]) -> list[tuple[float, float]]:
    """The places that texts name, each a place or a .csv file of them."""
    return [place for text in texts for place in (_table(Path(text)) if _is_file(text) else [point(text)])]


def moment(text: str | None) -> datetime | None:
    """The time a text names, with its offset; typer's BadParameter when it is none."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise typer.BadParameter(f"bukan waktu berzona, misal | no time with its offset, such as "
                                 f"2026-11-20T07:30+07:00: {text}")  # fmt: skip
    return at


def minutes(seconds: float) -> str:
    """Minutes with one decimal, a dash where there is no way."""
    return f"{seconds / 60:.1f}" if seconds < float("inf") else "-"


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection."""
    return {"type": "FeatureCollection", "features": features}


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A GeoJSON Feature."""
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _is_file(text: str) -> bool:
    return text.lower().endswith(".csv")


def _table(path: Path) -> list[tuple[float, float]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [(float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)]
    except OSError as error:
        raise typer.BadParameter(f"tidak terbuka | cannot be opened: {path} ({error.strerror})") from None
    except (KeyError, ValueError, TypeError):
        raise typer.BadParameter(f"tanpa kolom angka lon,lat | lacks numbers lon,lat: {path}") from None
