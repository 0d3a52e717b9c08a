"""Writes the roads that maps show into a tenant, when they are not the ones it has already."""

from __future__ import annotations

import asyncio

import shapely
from sqlalchemy.ext.asyncio import AsyncConnection

import routing
from dispatch.bundle import Bundle
from dispatch.storage.regency_loading import RoadRow, write_roads


async def draw_roads(connection: AsyncConnection, regency_id: int, bundle: Bundle, standing: str) -> bool:
    """Write the bundle's roads unless `standing` says that exactly these were written; return whether it did.

    Needs the owner's connection and commits nothing. Raises `routing.BadExtract` when they cannot be read.
    """
    digest = await asyncio.to_thread(routing.drawn_digest, bundle.roads)
    if digest == standing:
        return False
    rows = await asyncio.to_thread(_rows, bundle)
    await write_roads(connection, regency_id, rows, digest)
    return True


def _rows(bundle: Bundle) -> list[RoadRow]:
    return [
        RoadRow(road.highway, road.name, shapely.LineString(road.points).wkb)
        for road in routing.read_drawn_roads(bundle.roads)
    ]
