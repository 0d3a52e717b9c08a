"""Vector tiles of a regency's ground, made by PostGIS in one statement and so of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

RULES: Final = 1
"""Part of every map's version: to be raised when the same rows shall give other tiles."""

UNFINISHED: Final = "0"
"""The version while a load has not finished: what it shows may still change."""

EXTENT: Final = 4096
MARGIN: Final = 64
"""Units of a tile's side, and how far its content reaches beyond it, so that wide lines meet at the seams."""

_EQUATOR_M = 40_075_016.68557849  # in web Mercator: 2 pi times the radius 6378137 m

ROADS_FROM_ZOOM: Final = {
    "motorway": 0,
    "trunk": 0,
    "primary": 0,
    "secondary": 8,
    "tertiary": 10,
    "unclassified": 12,
    "residential": 12,
    "living_street": 12,
}
"""Road classes and the first zoom that shows them; links count as their road, all others come last."""

OTHER_ROADS_FROM_ZOOM: Final = 13
FACILITIES_FROM_ZOOM: Final = 8
VILLAGES_FROM_ZOOM: Final = 9
VILLAGE_NAMES_FROM_ZOOM: Final = 11

_VERSION = """
    CASE bundle_digest WHEN '' THEN :unfinished
    ELSE left(encode(sha256(convert_to(bundle_digest || roads_drawn || :rules, 'UTF8')), 'hex'), 12) END
"""

_MAP = text(
    f"""
    SELECT {_VERSION} AS version, ST_XMin(boundary), ST_YMin(boundary), ST_XMax(boundary), ST_YMax(boundary)
    FROM regency WHERE id = :regency
    """  # noqa: S608 (a constant of this file)
)

# Shapes are simplified to two units of the tile: a quarter of a pixel where tiles are drawn 512 pixels wide.
_TILE = text(
    f"""
    WITH frame AS MATERIALIZED (
        SELECT ST_TileEnvelope(:z, :x, :y) AS tile,
               ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => :margin_share), 4326) AS box,
               CAST(:fine AS double precision) AS fine
    ),
    road AS (
        SELECT class, name,
               ST_AsMVTGeom(ST_Simplify(ST_LineMerge(ST_Collect(ST_Transform(shape, 3857))), fine),
                            tile, :extent, :margin) AS shape
        FROM (SELECT replace(r.class, '_link', '') AS class, r.name, r.shape, f.tile, f.fine
              FROM frame f, roads_in_box(f.box) r) r
        WHERE CAST(:classes AS text[]) IS NULL OR class = ANY(:classes)
        GROUP BY class, name, tile, fine
    ),
    village_here AS (
        SELECT v.code, v.name, v.shape AS whole, f.tile,
               ST_AsMVTGeom(ST_Simplify(ST_Transform(v.shape, 3857), f.fine), f.tile,
                            :extent, :margin) AS shape
        FROM village v, frame f WHERE v.regency_id = :regency AND v.shape && f.box AND :villages
    ),
    district_here AS (
        SELECT d.code, d.name, d.shape AS whole, f.tile,
               ST_AsMVTGeom(ST_Simplify(ST_Transform(d.shape, 3857), f.fine), f.tile,
                            :extent, :margin) AS shape
        FROM district d, frame f WHERE d.regency_id = :regency AND d.shape && f.box
    ),
    village_name AS (
        SELECT code, name,
               ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(whole), 3857), tile, :extent, 0) AS shape
        FROM village_here WHERE :village_names
    ),
    district_name AS (
        SELECT code, name,
               ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(whole), 3857), tile, :extent, 0) AS shape
        FROM district_here
    ),
    facility_here AS (
        SELECT CAST(p.id AS text) AS id, p.name, p.kind, p.position_quality = 'approximate' AS approximate,
               ST_AsMVTGeom(ST_Transform(p.place, 3857), f.tile, :extent, 0) AS shape
        FROM facility p, frame f
        WHERE p.regency_id = :regency AND p.active AND p.place && f.box AND :facilities
    )
    SELECT version, CASE version WHEN :version THEN
        (SELECT ST_AsMVT(t, 'districts', :extent, 'shape')
         FROM (SELECT code, name, shape FROM district_here WHERE shape IS NOT NULL) t)
        || (SELECT ST_AsMVT(t, 'villages', :extent, 'shape')
            FROM (SELECT code, name, shape FROM village_here WHERE shape IS NOT NULL) t)
        || (SELECT ST_AsMVT(t, 'roads', :extent, 'shape') FROM road t WHERE shape IS NOT NULL)
        || (SELECT ST_AsMVT(t, 'district_names', :extent, 'shape')
            FROM district_name t WHERE shape IS NOT NULL)
        || (SELECT ST_AsMVT(t, 'village_names', :extent, 'shape')
            FROM village_name t WHERE shape IS NOT NULL)
        || (SELECT ST_AsMVT(t, 'facilities', :extent, 'shape') FROM facility_here t WHERE shape IS NOT NULL)
        END AS tile
    FROM (SELECT {_VERSION} AS version FROM regency WHERE id = :regency) r
    """  # noqa: S608 (a constant of this file)
)


@dataclass(frozen=True, slots=True)
class MapRow:
    """A map's version, and its outline's box in degrees: west, south, east, north."""

    version: str
    bounds: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class TileRow:
    """The version of the map now, and the tile; None when another version was asked for."""

    version: str
    tile: bytes | None


async def find_map(session: AsyncSession, regency_id: int) -> MapRow:
    """Return what map the regency has now."""
    values = {"regency": regency_id, "unfinished": UNFINISHED, "rules": str(RULES)}
    version, west, south, east, north = (await session.execute(_MAP, values)).one()
    return MapRow(version, (west, south, east, north))


async def make_tile(session: AsyncSession, regency_id: int, version: str, z: int, x: int, y: int) -> TileRow:
    """Make a tile (Mapbox Vector Tile 2.1), if `version` is the map's present one.

    Layers: districts, villages (code, name), roads (class, name), district_names, village_names (code, name,
    points), facilities (id, name, kind, approximate). Empty ones are left out, an empty tile has no bytes.
    """
    # PostgreSQL would compile so large a statement, which takes longer than the work itself
    await session.execute(text("SET LOCAL jit = off"))
    classes = [name for name, zoom in ROADS_FROM_ZOOM.items() if zoom <= z]
    values = {
        "regency": regency_id,
        "version": version,
        "unfinished": UNFINISHED,
        "rules": str(RULES),
        "z": z,
        "x": x,
        "y": y,
        "extent": EXTENT,
        "margin": MARGIN,
        "margin_share": MARGIN / EXTENT,
        "fine": 2 * _EQUATOR_M / (EXTENT << z),
        "classes": None if z >= OTHER_ROADS_FROM_ZOOM else classes,
        "villages": z >= VILLAGES_FROM_ZOOM,
        "village_names": z >= VILLAGE_NAMES_FROM_ZOOM,
        "facilities": z >= FACILITIES_FROM_ZOOM,
    }
    found, tile = (await session.execute(_TILE, values)).one()
    return TileRow(found, None if tile is None else bytes(tile))
