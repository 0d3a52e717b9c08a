"""The map: what it is, and its tiles. Public, as they show nothing but the ground and its facilities."""

from __future__ import annotations

import gzip

from fastapi import Request
from starlette.responses import Response

from dispatch.api.compressed import accepts
from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes, routes
from dispatch.api.signed_in import TheCentre
from dispatch.domain.errors import NotFound
from dispatch.services.map_tile import MapView, get_tile, view_map

router = api_routes(tag="public")
tile_router = routes(tag="public")

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
_FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/map/{slug}", summary="Peta regency / its map", responses=refuses(NotFound, signed_in=False))
async def show_map(slug: str, centre: TheCentre) -> MapView:
    """Describe a regency's map. Its tiles never change: a changed map has another version and address."""
    return await view_map(centre, await centre.tenants.by_slug(slug))


@tile_router.get(
    "/tiles/{slug}/{version}/{z:int}/{x:int}/{y:int}.mvt",
    summary="Ubin peta vektor / a vector tile",
    response_class=Response,
    responses=refuses(NotFound, signed_in=False)
    | {
        200: {"content": {MEDIA_TYPE: {}}, "description": "Mapbox Vector Tile 2.1"},
        204: {"description": "Tidak ada apa-apa di ubin ini / nothing lies in this tile"},
    },
)
async def show_tile(
    slug: str, version: str, z: int, x: int, y: int, centre: TheCentre, request: Request
) -> Response:
    """Return one tile (layers roads, villages, districts, their names, facilities).

    When the map has changed the refusal names the present `version`.
    """
    tile = await get_tile(centre, await centre.tenants.by_slug(slug), version, z, x, y)
    headers = {"Cache-Control": _FOR_EVER if tile.lasting else "no-store", "Vary": "Accept-Encoding"}
    if not tile.compressed:
        return Response(status_code=204, headers=headers)
    if accepts(request.headers.get("accept-encoding", ""), "gzip"):
        headers["Content-Encoding"] = "gzip"
        return Response(tile.compressed, headers=headers, media_type=MEDIA_TYPE)
    return Response(gzip.decompress(tile.compressed), headers=headers, media_type=MEDIA_TYPE)
