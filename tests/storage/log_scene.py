"""Tenants for storage tests, and connections of the application's own login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
from one_of_each import NOON, VAULT, VILLAGE, Filled, fill
from shapely.geometry import LineString, MultiPolygon, box

from dispatch.storage.database import Database, Tenant
from dispatch.storage.regency_loading import (
    AreaRow,
    RegencyRow,
    RoadRow,
    begin_load,
    loading,
    write_areas,
    write_roads,
)

__all__ = ["BODY", "NOON", "VAULT", "HasUrls", "World", "as_application", "make_tenant", "make_world"]

DISTRICT = VILLAGE.rpartition(".")[0]
BODY = (
    '{"kind":"x","subject_type":"x","subject_id":"x","actor":"x","cause":"x",'
    '"occurred_at":"2026-11-20","data":{}}'
)


class HasUrls(Protocol):
    """A test's database."""

    owner_url: str
    app_url: str


@dataclass(frozen=True)
class World:
    """Two training tenants, and the live one of the first one's regency."""

    database: HasUrls
    mine: Filled
    other: Filled
    live: Filled

    async def as_owner(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Ask as the owner, who sees every tenant."""
        owner = await asyncpg.connect(self.database.owner_url)
        try:
            return list(await owner.fetch(query, *values))
        finally:
            await owner.close()

    async def refused_to_owner(self, statement: str, *values: Any) -> None:
        """See that even the owner's statement is refused at its commit; a refusal is raised."""
        owner = await asyncpg.connect(self.database.owner_url)
        try:
            async with owner.transaction():
                await owner.execute(statement, *values)
        finally:
            await owner.close()


async def make_world(database: HasUrls) -> World:
    """Make and fill the three tenants."""
    app = Database(database.app_url, pool_size=1, name="test")
    try:
        mine, other, live = [
            await fill(app, await make_tenant(database.owner_url, code, realm))
            for code, realm in (("99.01", "training"), ("99.02", "training"), ("99.01", "live"))
        ]
    finally:
        await app.close()
    return World(database, mine, other, live)


async def make_tenant(owner_url: str, code: str, realm: str) -> Tenant:
    """Make an empty tenant with one district of one village, as the owner."""
    slug = code if realm == "live" else f"{code}-latihan"
    ground = MultiPolygon([box(107.0, -7.0, 108.0, -6.0)])
    row = RegencyRow(code, realm, slug, f"Kabupaten {code}", "UJI", "Asia/Jakarta", ground, {}, "")
    async with loading(owner_url, slug) as connection:
        regency_id = await begin_load(connection, row, NOON)
        district = AreaRow(DISTRICT, "Kecamatan", None, ground)
        await write_areas(connection, regency_id, [district], [AreaRow(VILLAGE, "Desa", DISTRICT, ground)])
        road = RoadRow("primary", "Jalan Contoh", LineString([(107.1, -6.9), (107.9, -6.1)]).wkb)
        await write_roads(connection, regency_id, [road], "digest")
        await connection.commit()
    return Tenant(regency_id, slug, code, realm, row.name, "UJI", "Asia/Jakarta")


@asynccontextmanager
async def as_application(app_url: str, tenant: Tenant | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A raw connection of the application's login in a transaction of `tenant`, or of none; rolled back."""
    connection = await asyncpg.connect(app_url)
    try:
        pending = connection.transaction()
        await pending.start()
        if tenant is not None:
            await connection.execute(
                "SELECT set_config('semar.regency', $1, true), set_config('semar.realm', $2, true)",
                str(tenant.id),
                tenant.realm,
            )
        yield connection
        await pending.rollback()
    finally:
        await connection.close(timeout=5)
