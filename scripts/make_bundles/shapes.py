"""Turns the published boundary files into the district and village files of a bundle."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

GRID_DEG = 1e-6
"""Coordinates are snapped to six decimals, about 0.11 m: finer than the boundaries are known."""


@dataclass(frozen=True)
class Area:
    """One district or village: Kemendagri code, name, WGS84 lon/lat polygons."""

    code: str
    name: str
    geometry: MultiPolygon


def read_areas(source: Path, regency_code: str) -> list[Area]:
    """The areas of one regency in a published boundary file, ordered by code.

    Rings are snapped to six decimals by an operation that keeps them valid; neighbours that share a vertex
    still share it afterwards. Raises ValueError when a shape has no surface.
    """
    document = json.loads(source.read_text(encoding="utf-8"))
    areas = []
    for feature in document["features"]:
        code = feature["properties"]["kode"]
        if not code.startswith(regency_code + "."):
            continue
        geometry = _polygons(shapely.set_precision(shapely.make_valid(shape(feature["geometry"])), GRID_DEG))
        if geometry.is_empty:
            raise ValueError(f"{source.name}: {code} has no surface")
        areas.append(Area(code, feature["properties"]["nama"].strip(), geometry))
    return sorted(areas, key=lambda area: area.code)


def write_areas(target: Path, areas: list[Area]) -> None:
    """Write areas as GeoJSON, one feature a line, so that a later change shows as a small difference."""
    lines = ",\n".join(
        json.dumps(
            {
                "type": "Feature",
                "properties": {"code": area.code, "name": area.name},
                "geometry": _rounded(area.geometry),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for area in areas
    )
    target.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', encoding="utf-8")


def _polygons(geometry: BaseGeometry) -> MultiPolygon:
    """Only the surfaces of a geometry: repairing a ring may leave lines and points beside them."""
    surfaces = [part for part in _parts(geometry) if isinstance(part, Polygon)]
    return MultiPolygon([shapely.orient_polygons(part) for part in surfaces])


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    children = getattr(geometry, "geoms", None)
    if children is None:
        yield geometry
        return
    for child in children:
        yield from _parts(child)


def _rounded(geometry: MultiPolygon) -> dict[str, object]:
    """GeoJSON of polygons with six-decimal coordinates; a single surface is written as a Polygon."""
    plain = geometry.geoms[0] if len(geometry.geoms) == 1 else geometry
    document = mapping(plain)

    def rounded(value: object) -> object:
        if isinstance(value, (list, tuple)):
            return [rounded(item) for item in value]
        return round(float(value), 6) if isinstance(value, (int, float)) else value

    return {"type": document["type"], "coordinates": rounded(document["coordinates"])}
