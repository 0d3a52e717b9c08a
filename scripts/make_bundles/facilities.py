"""The rows of facilities.csv, and how they are written."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from shapely.geometry import Point

from scripts.make_bundles.shapes import Area


@dataclass(frozen=True)
class Facility:
    """One row of facilities.csv, in the order of its columns; lon/lat WGS84, empty text where unknown."""

    code: str
    name: str
    kind: str
    address: str
    phone: str
    lon: float
    lat: float
    position_quality: str
    capabilities: str
    beds: str
    village_code: str
    source: str


def write_facilities(target: Path, facilities: Iterable[Facility]) -> None:
    """Write facilities.csv, coordinates with six decimals."""
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(Facility))
        for facility in facilities:
            writer.writerow(f"{cell:.6f}" if isinstance(cell, float) else cell for cell in astuple(facility))


def village_at(villages: list[Area], lon: float, lat: float) -> str:
    """The code of the village that holds a point; raises ValueError when none does."""
    point = Point(lon, lat)
    for village in villages:
        if village.geometry.intersects(point):
            return village.code
    raise ValueError(f"{lon}, {lat} lies in no village")
