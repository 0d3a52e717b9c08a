"""What only the owner of the database may write: regencies, their areas, and the head of the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape
from shapely.geometry import MultiPolygon
from sqlalchemy import Table, delete, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch.domain.events import GENESIS
from dispatch.storage.primary import open_engine
from dispatch.storage.tables.event import EventHead
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.regency import District, Regency, RoadLine, Village

_LOCK = 7_362_717  # with a hash of the tenant's name: one load of a tenant at a time
_UNFINISHED = ""
_ROADS_AT_ONCE = 5_000
_INSERT_ROADS = text(
    """
    INSERT INTO road_line (regency_id, id, class, name, shape)
    SELECT :regency, id, class, name, ST_GeomFromWKB(line, 4326)
    FROM unnest(CAST(:ids AS integer[]), CAST(:classes AS text[]), CAST(:names AS text[]),
                CAST(:lines AS bytea[])) AS road (id, class, name, line)
    """
)


@dataclass(frozen=True, slots=True)
class RegencyRow:
    """What a regency's row holds beside its id."""

    code: str
    realm: str
    slug: str
    name: str
    number_prefix: str
    timezone: str
    boundary: MultiPolygon
    settings: dict[str, Any]
    roads_store: str


@dataclass(frozen=True, slots=True)
class LoadedRegency:
    """The directory's entry of a tenant; an empty digest says that its last load did not finish."""

    id: int
    bundle_digest: str
    roads_store: str
    roads_drawn: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AreaRow:
    """A district or village; `district_code` is None for districts."""

    code: str
    name: str
    district_code: str | None
    shape: MultiPolygon


@asynccontextmanager
async def loading(owner_url: str, slug: str) -> AsyncIterator[AsyncConnection]:
    """Hold the owner's connection and the tenant's load lock; the lock ends with the connection."""
    engine = open_engine(owner_url)
    try:
        async with engine.connect() as connection:
            lock = text("SELECT pg_advisory_lock(:lock, hashtext(:slug))")
            await connection.execute(lock, {"lock": _LOCK, "slug": slug})
            await connection.commit()
            yield connection
    finally:
        await engine.dispose()


async def find_regency(connection: AsyncConnection, slug: str) -> LoadedRegency | None:
    """Return the tenant of this name, if it exists."""
    columns = (
        Regency.id,
        Regency.bundle_digest,
        Regency.roads_store,
        Regency.roads_drawn,
        Regency.settings,
    )
    row = (await connection.execute(select(*columns).where(Regency.slug == slug))).one_or_none()
    return LoadedRegency(*row) if row else None


@dataclass(frozen=True, slots=True)
class RoadRow:
    """A road to draw: OSM highway class, name, WKB of its line in lon/lat."""

    class_: str
    name: str | None
    line: bytes


async def begin_load(connection: AsyncConnection, row: RegencyRow, now: datetime) -> int:
    """Write the regency and the start of its log, marked unfinished; return its id."""
    named = {"code": row.code, "realm": row.realm, "slug": row.slug}
    values = {
        "name": row.name,
        "number_prefix": row.number_prefix,
        "timezone": row.timezone,
        "boundary": _element(row.boundary),
        "settings": row.settings,
        "roads_store": row.roads_store,
        "bundle_digest": _UNFINISHED,
        "loaded_at": now,
    }
    statement = insert(Regency).values(created_at=now, **named, **values)
    # what other rows may point by is left alone: writing it, even the same, would keep them all waiting
    statement = statement.on_conflict_do_update(index_elements=["slug"], set_=values)
    regency_id = (await connection.execute(statement.returning(Regency.id))).scalar_one()
    head = insert(EventHead).values(regency_id=regency_id, seq=0, hash=GENESIS, recorded_at=now)
    await connection.execute(head.on_conflict_do_nothing())
    return regency_id


async def write_areas(
    connection: AsyncConnection, regency_id: int, districts: Sequence[AreaRow], villages: Sequence[AreaRow]
) -> list[str]:
    """Make districts and villages exactly those given; return the vanished villages that cases still name.

    Such a village stays, without ground: nothing will be placed in it again.
    """
    await _upsert(connection, District.__table__, [_area(regency_id, a) for a in districts])
    await _upsert(
        connection,
        Village.__table__,
        [_area(regency_id, a) | {"district_code": a.district_code} for a in villages],
    )
    gone = (Village.regency_id == regency_id, Village.code.not_in([a.code for a in villages]))
    named = exists().where(Incident.regency_id == Village.regency_id, Incident.village_code == Village.code)
    await connection.execute(delete(Village).where(*gone, ~named))
    kept = await connection.execute(
        update(Village).where(*gone).values(shape=_element(MultiPolygon())).returning(Village.code)
    )
    held = exists().where(Village.regency_id == District.regency_id, Village.district_code == District.code)
    await connection.execute(
        delete(District).where(
            District.regency_id == regency_id, District.code.not_in([a.code for a in districts]), ~held
        )
    )
    return sorted(kept.scalars())


async def write_roads(
    connection: AsyncConnection, regency_id: int, roads: Sequence[RoadRow], digest: str
) -> None:
    """Make the roads of maps exactly those given; `digest` tells them from others."""
    await connection.execute(delete(RoadLine).where(RoadLine.regency_id == regency_id))
    for begin in range(0, len(roads), _ROADS_AT_ONCE):
        part = roads[begin : begin + _ROADS_AT_ONCE]
        await connection.execute(
            _INSERT_ROADS,
            {
                "regency": regency_id,
                "ids": list(range(begin, begin + len(part))),
                "classes": [road.class_ for road in part],
                "names": [road.name for road in part],
                "lines": [road.line for road in part],
            },
        )
    await connection.execute(update(Regency).where(Regency.id == regency_id).values(roads_drawn=digest))


async def finish_load(connection: AsyncConnection, regency_id: int, digest: str, now: datetime) -> None:
    """Mark the load as whole: the last thing that it writes."""
    await connection.execute(
        update(Regency).where(Regency.id == regency_id).values(bundle_digest=digest, loaded_at=now)
    )


def _area(regency_id: int, area: AreaRow) -> dict[str, Any]:
    return {
        "regency_id": regency_id,
        "code": area.code,
        "name": area.name,
        "shape": _element(area.shape),
    }


async def _upsert(connection: AsyncConnection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    assert isinstance(table, Table)
    statement = insert(table)
    changing = {name: statement.excluded[name] for name in rows[0] if name not in ("regency_id", "code")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["regency_id", "code"], set_=changing), rows
    )


def _element(shape: MultiPolygon) -> WKBElement:
    return from_shape(shape, srid=4326, extended=True)
