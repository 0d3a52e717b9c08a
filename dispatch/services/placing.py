"""Where a point lies: in which village, or outside the regency."""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import text

from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.storage.transaction import Transaction

# Villages of the published map leave slivers between them: a point in one belongs to the nearest village.
SLIVER_M = 100.0

_VILLAGE_OF = text(
    """
    WITH point AS (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) AS g)
    SELECT v.code, v.name, d.name AS district,
           ST_Distance(CAST(v.shape AS geography), CAST(point.g AS geography)) AS metres
    FROM village v JOIN district d ON d.regency_id = v.regency_id AND d.code = v.district_code, point
    WHERE v.regency_id = :regency AND v.shape && ST_Expand(point.g, 0.0015)
    ORDER BY metres, v.code LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in WGS84 degrees."""

    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a point lies. Outside the regency there is no village."""

    village_code: str | None
    village: str | None
    district: str | None
    outside: bool


def checked_point(lon: float, lat: float, field: str = "place") -> Point:
    """Return the point.

    Raises:
        InvalidInput: not finite or off the globe; swapped lon/lat is recognised and named.
    """
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise _bad(field, f"Koordinat {lon}, {lat} bukan angka", f"Coordinates {lon}, {lat} are not numbers")
    # Indonesia lies between 94 and 142 degrees east and 12 degrees south and 7 north
    if -12 <= lon <= 7 and 94 <= lat <= 142:
        raise _bad(
            field,
            f"Bujur {lon} dan lintang {lat} tertukar",
            f"Longitude {lon} and latitude {lat} are swapped",
        )
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise _bad(
            field,
            f"Koordinat {lon}, {lat} di luar bumi (bujur -180..180, lintang -90..90)",
            f"Coordinates {lon}, {lat} are off the globe (longitude -180..180, latitude -90..90)",
        )
    return Point(lon, lat)


def _bad(field: str, reason_id: str, reason_en: str) -> InvalidInput:
    return InvalidInput(FieldProblem(field, reason_id, reason_en))


async def placement(tx: Transaction, point: Point) -> Placement:
    """Return the village of a point within the transaction's regency."""
    row = (
        await tx.session.execute(_VILLAGE_OF, {"lon": point.lon, "lat": point.lat, "regency": tx.tenant.id})
    ).one_or_none()
    if row is None or row.metres > SLIVER_M:
        return Placement(None, None, None, outside=True)
    return Placement(row.code, row.name, row.district, outside=False)


def geometry(point: Point) -> WKBElement:
    """Return the form a geometry column takes."""
    return from_shape(shapely.Point(point.lon, point.lat), srid=4326, extended=True)


def point_of(element: WKBElement | None) -> Point | None:
    """Return the point a geometry column holds."""
    if element is None:
        return None
    lon, lat = shapely.get_coordinates(to_shape(element))[0]
    return Point(float(lon), float(lat))
