"""Places by name: villages and facilities as an operator types what a caller says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from dispatch.services.centre import Centre
from dispatch.services.name_match import fold, likeness
from dispatch.services.place_names import NamedPlace, PlaceFound, PlaceKind
from dispatch.services.tenants import TenantEntry

MOST = 50

# The middle of a village lies within it, also where it bends around another one. A facility whose position is
# a guess may stand in the middle of its district instead of where it is.
_PLACES = text(
    """
    WITH village_of AS (
        SELECT v.code, v.name, d.name AS district, v.shape, d.shape AS around,
               CASE WHEN ST_Contains(v.shape, ST_Centroid(v.shape)) THEN ST_Centroid(v.shape)
                    ELSE ST_PointOnSurface(v.shape) END AS middle
        FROM village v JOIN district d ON d.regency_id = v.regency_id AND d.code = v.district_code
        WHERE v.regency_id = :regency),
    places AS (
        SELECT 'village' AS kind, code, name, district, middle AS place, shape AS within FROM village_of
        UNION ALL
        SELECT 'facility', f.code, f.name, v.district, f.place,
               CASE WHEN f.position_quality = 'approximate' THEN v.around END
        FROM facility f LEFT JOIN LATERAL (
            SELECT district, around FROM village_of WHERE ST_Intersects(shape, f.place)
            ORDER BY code LIMIT 1) v ON true
        WHERE f.regency_id = :regency AND f.active)
    SELECT kind, code, name, district, ST_X(place) AS lon, ST_Y(place) AS lat,
           ST_MaxDistance(ST_Transform(place, 3857), ST_Transform(within, 3857))
               * cos(radians(ST_Y(place))) AS radius_m
    FROM places ORDER BY kind, code
    """
)


async def find_places(centre: Centre, entry: TenantEntry, typed: str, limit: int = 8) -> list[PlaceFound]:
    """Return the tenant's villages and facilities whose names fit, best first, then by name and district."""
    wanted = fold(typed)
    found = []
    for named in await _places(centre, entry):
        fits = likeness(wanted, named.name, named.around)
        if fits > 0:
            facility = named.place.kind is PlaceKind.FACILITY
            found.append(
                (-fits, facility, named.place.name, named.place.district or "", named.place.code, named)
            )
    return [named.place for *_, named in sorted(found, key=lambda f: f[:-1])[:limit]]


async def _places(centre: Centre, entry: TenantEntry) -> Sequence[NamedPlace]:
    kept = centre.place_names.find(entry.tenant.id, entry.bundle_digest)
    if kept is None:
        async with centre.read(entry.tenant) as tx:
            rows = await tx.session.execute(_PLACES, {"regency": entry.tenant.id})
            kept = [_named(row) for row in rows]
        centre.place_names.keep(entry.tenant.id, entry.bundle_digest, kept)
    return kept


def _named(row: Any) -> NamedPlace:
    accuracy = None if row.radius_m is None else float(round(row.radius_m))
    place = PlaceFound(PlaceKind(row.kind), row.code, row.name, row.district, row.lon, row.lat, accuracy)
    return NamedPlace(place, fold(row.name), fold(row.district or ""))
