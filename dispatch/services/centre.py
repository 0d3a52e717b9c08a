"""What every use case works with: the database, the keys, the clock, the roads and the registry."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime

import registry
from dispatch.clock import Clock, now
from dispatch.domain.roles import SYSTEM, Actor
from dispatch.services.place_names import PlaceNames
from dispatch.services.roads import Roads
from dispatch.services.tenants import Tenants
from dispatch.services.tile_cache import TileCache
from dispatch.settings import Settings
from dispatch.storage.database import Database, Tenant
from dispatch.storage.transaction import Transaction, transaction
from dispatch.storage.vault import Vault


@dataclass
class Centre:
    """One process's hold on the dispatch centre. Made once, shared by everything in the process."""

    settings: Settings
    database: Database
    vault: Vault
    tenants: Tenants
    roads: Roads
    registry: registry.RegistryClient | None
    clock: Clock = now
    tiles: TileCache = field(default_factory=TileCache)
    place_names: PlaceNames = field(default_factory=PlaceNames)

    def begin(
        self, tenant: Tenant, actor: Actor, cause: str, *, at: datetime | None = None
    ) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction of `tenant` in the name of `actor`; `cause` says what it is for."""
        return transaction(self.database, tenant, self.vault, actor, cause, at or self.clock())

    def read(self, tenant: Tenant) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that only reads."""
        return self.begin(tenant, SYSTEM, "read")

    def snapshot(self, tenant: Tenant) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction whose reads all see one and the same state."""
        return transaction(self.database, tenant, self.vault, SYSTEM, "read", self.clock(), snapshot=True)

    async def close(self) -> None:
        """Close the connections of this process."""
        if self.registry is not None:
            await self.registry.aclose()
        await self.database.close()


def open_centre(settings: Settings, *, name: str) -> Centre:
    """Make the centre from the settings; `name` labels its database connections.

    Raises:
        RuntimeError: no application database is configured.
        FileNotFoundError: the key files are missing.
    """
    if not settings.database_app_url:
        raise RuntimeError("DATABASE_APP_URL is not set: start with `make run`, or point it at your server")
    database = Database(settings.database_app_url, pool_size=settings.pool_size, name=name)
    client = None
    if settings.registry_url:
        client = registry.RegistryClient(
            settings.registry_url,
            settings.registry_user,
            settings.registry_password,
            threshold=settings.registry_threshold,
        )
    return Centre(
        settings=settings,
        database=database,
        vault=Vault.from_files(settings.master_key_path, settings.lookup_key_path),
        tenants=Tenants(database),
        roads=Roads(settings.stores_dir),
        registry=client,
    )
