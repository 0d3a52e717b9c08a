"""The directory of tenants, as this process last read it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from dispatch.domain.errors import NotFound
from dispatch.storage.database import Database, Tenant
from dispatch.storage.tables.regency import Regency

_FRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """A tenant with its settings and the name of its road store."""

    tenant: Tenant
    settings: dict[str, Any]
    roads_store: str
    bundle_digest: str


class Tenants:
    """Looks tenants up by slug or id; a tenant made meanwhile is found without a restart."""

    def __init__(self, database: Database) -> None:
        """Read nothing yet."""
        self._database = database
        self._by_slug: dict[str, TenantEntry] = {}
        self._by_id: dict[int, TenantEntry] = {}
        self._read_at = float("-inf")

    async def all(self) -> list[TenantEntry]:
        """Return every tenant, ordered by slug."""
        await self._refresh()
        return sorted(self._by_slug.values(), key=lambda e: e.tenant.slug)

    async def by_slug(self, slug: str) -> TenantEntry:
        """Return the tenant with this public name.

        Raises:
            NotFound: there is none.
        """
        await self._refresh(slug not in self._by_slug)
        if slug not in self._by_slug:
            raise NotFound("regency", slug)
        return self._by_slug[slug]

    async def by_id(self, regency_id: int) -> TenantEntry:
        """Return the tenant with this id."""
        await self._refresh(regency_id not in self._by_id)
        if regency_id not in self._by_id:
            raise NotFound("regency", regency_id)
        return self._by_id[regency_id]

    async def _refresh(self, unknown: bool = False) -> None:
        age = time.monotonic() - self._read_at
        # an unknown name may be a tenant made this second, but must not become a query per wrong guess
        if age < (0.2 if unknown else _FRESH_S):
            return
        columns = (
            Regency.id,
            Regency.slug,
            Regency.code,
            Regency.realm,
            Regency.name,
            Regency.number_prefix,
            Regency.timezone,
            Regency.settings,
            Regency.roads_store,
            Regency.bundle_digest,
        )
        async with self._database.sessions() as session:
            rows = (await session.execute(select(*columns))).all()
        entries = [TenantEntry(Tenant(*row[:8]), row[7], row[8], row[9]) for row in rows]
        self._by_slug = {e.tenant.slug: e for e in entries}
        self._by_id = {e.tenant.id: e for e in entries}
        self._read_at = time.monotonic()
