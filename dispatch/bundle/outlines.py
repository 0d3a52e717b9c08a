"""Reads the outlines of a bundle, districts.geojson and villages.geojson, and names every bad feature."""

import json
from pathlib import Path
from typing import Any, Final

import shapely
from shapely.geometry import MultiPolygon, shape

from dispatch.bundle.findings import Notebook
from dispatch.bundle.territory import polygons_of

UNREADABLE_COORDINATES: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    shapely.errors.ShapelyError,
)
"""What shapely raises for coordinates that are not numbers, too few, or nested in the wrong depth."""

Outline = tuple[str, str, MultiPolygon]


def read_outlines(path: Path, notebook: Notebook) -> tuple[list[Outline], frozenset[str]]:
    """Code, name and polygons of the readable features in the order of the file, and the codes of the others.

    Self-crossing outlines are read as they stand and noted as problems.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return [], frozenset()  # named once, with all other missing files, by the reader of the folder
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        notebook.note(
            "unreadable_file",
            path.name,
            f"berkas bukan GeoJSON yang terbaca ({error}): simpan ulang sebagai GeoJSON UTF-8",
            f"the file is not readable GeoJSON ({error}): save it again as UTF-8 GeoJSON",
        )
        return [], frozenset()
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        notebook.note(
            "unreadable_file",
            path.name,
            "berkas bukan FeatureCollection GeoJSON: simpan ulang dengan daftar 'features'",
            "the file is not a GeoJSON FeatureCollection: save it again with a 'features' list",
        )
        return [], frozenset()
    outlines: list[Outline] = []
    refused: set[str] = set()
    for number, feature in enumerate(features, 1):
        outline = _outline(path.name, number, feature, notebook)
        if isinstance(outline, tuple):
            outlines.append(outline)
        elif outline:
            refused.add(outline)
    return outlines, frozenset(refused)


def _outline(file: str, number: int, feature: Any, notebook: Notebook) -> Outline | str:
    """The outline of a feature, or only its code (empty when unknown) when the rest cannot be read."""
    where = f"{file} feature {number}"
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        properties = {}
    code, name = properties.get("code"), properties.get("name")
    sound = True
    for key, value in (("code", code), ("name", name)):
        if not (isinstance(value, str) and value.strip()):
            notebook.note(
                "empty_value",
                f"{where} field {key}",
                f"properti {key} berisi {value!r}, seharusnya teks: isi nilainya",
                f"the property {key} holds {value!r} instead of a text: fill it in",
            )
            sound = False
    where = f"{where} ({code})"
    surface = _surface(where, feature.get("geometry") if isinstance(feature, dict) else None, notebook)
    if not isinstance(code, str):
        return ""
    if surface is None or not sound or not isinstance(name, str):
        return code.strip()
    return code.strip(), name.strip(), surface


def _surface(where: str, geometry: Any, notebook: Notebook) -> MultiPolygon | None:
    """The polygons of a GeoJSON geometry, or None with the reason noted."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        notebook.note(
            "invalid_geometry",
            where,
            f"geometri {kind!r} bukan Polygon atau MultiPolygon: gambar ulang batasnya",
            f"the geometry {kind!r} is neither Polygon nor MultiPolygon: draw the outline again",
        )
        return None
    try:
        surface = shapely.force_2d(shape(geometry))
    except UNREADABLE_COORDINATES as error:
        notebook.note(
            "invalid_geometry",
            where,
            f"koordinat tidak terbaca ({error}): gambar ulang batasnya",
            f"the coordinates cannot be read ({error}): draw the outline again",
        )
        return None
    reason = _fault(surface)
    if reason:
        notebook.note(
            "invalid_geometry",
            where,
            f"batas tidak sah ({reason}): perbaiki, misalnya dengan 'Fix geometries' di QGIS",
            f"the outline is not valid ({reason}): repair it, for instance with 'Fix geometries' in QGIS",
        )
        if surface.is_empty or not _on_earth(surface):
            return None
    return polygons_of(surface)


def _fault(surface: Any) -> str | None:
    if surface.is_empty:
        return "empty"
    if not _on_earth(surface):
        west, south, east, north = surface.bounds
        return f"outside of WGS84 lon/lat: {west:g},{south:g},{east:g},{north:g}"
    return None if surface.is_valid else str(shapely.is_valid_reason(surface))


def _on_earth(surface: Any) -> bool:
    west, south, east, north = surface.bounds
    return bool(west >= -180 and east <= 180 and south >= -90 and north <= 90)
