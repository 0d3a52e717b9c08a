"""The map of a regency: what it is, and its vector tiles, which are the same for everybody."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass

from dispatch.domain.errors import DispatchError, NotFound
from dispatch.services.centre import Centre
from dispatch.services.placing import Point
from dispatch.services.tenants import TenantEntry
from dispatch.services.tile_cache import TileKey
from dispatch.storage.queries.tiles import UNFINISHED, find_map, make_tile

MAX_ZOOM = 14
"""The deepest tiles; maps draw them larger beyond. At 14 a unit of a tile is 0.6 m."""


class OtherMapVersion(DispatchError):
    """Tiles of another version than the present one, which the refusal names."""

    code = "not_found"
    status = 404

    def __init__(self, slug: str, asked: str, version: str) -> None:
        super().__init__(
            f"Peta {slug} versi {asked} tidak ada lagi; yang berlaku {version}",
            f"Version {asked} of the map of {slug} is gone; the present one is {version}",
            version=version,
        )


@dataclass(frozen=True, slots=True)
class MapView:
    """What a page needs to show a regency's map.

    `tiles` is the address of a tile with `{z}`, `{x}` and `{y}` in it, from the root of this server; `bounds`
    are west, south, east, north in degrees; `attribution` names the sources that must be shown.
    """

    slug: str
    name: str
    training: bool
    version: str
    tiles: str
    max_zoom: int
    bounds: tuple[float, float, float, float]
    center: Point
    attribution: list[str]


@dataclass(frozen=True, slots=True)
class MapTile:
    """A tile, compressed with gzip, no bytes when nothing lies there; `lasting` when it never changes."""

    compressed: bytes
    lasting: bool


async def view_map(centre: Centre, entry: TenantEntry) -> MapView:
    """Describe the tenant's map as it is now."""
    tenant = entry.tenant
    async with centre.read(tenant) as tx:
        row = await find_map(tx.session, tenant.id)
    west, south, east, north = row.bounds
    return MapView(
        slug=tenant.slug,
        name=tenant.name,
        training=tenant.training,
        version=row.version,
        tiles=f"/tiles/{tenant.slug}/{row.version}/{{z}}/{{x}}/{{y}}.mvt",
        max_zoom=MAX_ZOOM,
        bounds=row.bounds,
        center=Point((west + east) / 2, (south + north) / 2),
        attribution=list(entry.settings.get("map", {}).get("attribution", [])),
    )


async def get_tile(centre: Centre, entry: TenantEntry, version: str, z: int, x: int, y: int) -> MapTile:
    """Return a tile of one version of the tenant's map, made when it is first asked for.

    Raises:
        NotFound: there is no such tile in the world, or none so deep.
        OtherMapVersion: the map has another version now.
    """
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound("tile", f"{z}/{x}/{y}")
    key = TileKey(entry.tenant.slug, version, z, x, y)
    kept = centre.tiles.find(key)
    if kept is not None:
        return MapTile(kept, True)
    async with centre.read(entry.tenant) as tx:
        made = await make_tile(tx.session, entry.tenant.id, version, z, x, y)
    if made.tile is None:
        raise OtherMapVersion(entry.tenant.slug, version, made.version)
    compressed = await asyncio.to_thread(gzip.compress, made.tile, 6, mtime=0) if made.tile else b""
    lasting = version != UNFINISHED
    if lasting:
        centre.tiles.keep(key, compressed)
    return MapTile(compressed, lasting)
