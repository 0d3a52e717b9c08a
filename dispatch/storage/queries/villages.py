"""The villages of a tenant, each with a point that lies within it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text

from dispatch.storage.transaction import Transaction

_VILLAGES = text(
    """
    SELECT v.code, v.name, d.name AS district, ST_X(p.g) AS lon, ST_Y(p.g) AS lat
    FROM village v JOIN district d ON d.regency_id = v.regency_id AND d.code = v.district_code,
         LATERAL (SELECT ST_PointOnSurface(v.shape) AS g) p
    WHERE v.regency_id = :regency ORDER BY v.code
    """
)


class VillagePoint(NamedTuple):
    """One village; `lon`, `lat` degrees WGS84."""

    code: str
    name: str
    district: str
    lon: float
    lat: float


async def village_points(tx: Transaction) -> list[VillagePoint]:
    """Return every village of the tenant, by code."""
    rows = await tx.session.execute(_VILLAGES, {"regency": tx.tenant.id})
    return [VillagePoint(r.code, r.name, r.district, r.lon, r.lat) for r in rows]
