"""Opened road networks, one per store, shared by every use case of the process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import routing
from dispatch.domain.errors import Unavailable
from dispatch.services.tenants import TenantEntry


class Roads:
    """Opens a tenant's road store when it is first asked for, and again when a newer one was loaded."""

    def __init__(self, stores: Path) -> None:
        """`stores` is the folder of built stores."""
        self._stores = stores
        self._open: dict[str, routing.Network] = {}
        self._lock = asyncio.Lock()

    async def of(self, entry: TenantEntry) -> routing.Network:
        """Return the tenant's network.

        Raises:
            Unavailable: the store is missing or unreadable; loading the regency's folder builds it again.
        """
        network = self._open.get(entry.roads_store)
        if network is not None:
            return network
        async with self._lock:
            if entry.roads_store not in self._open:
                try:
                    network = await asyncio.to_thread(_open_warm, self._stores / entry.roads_store)
                except (routing.RoutingError, OSError) as broken:
                    raise Unavailable(
                        f"Jaringan jalan {entry.roads_store} tidak terbaca; jalankan 'dispatch regency load'",
                        f"Road network {entry.roads_store} cannot be read; run 'dispatch regency load'",
                    ) from broken
                self._open[entry.roads_store] = network
        return self._open[entry.roads_store]


def _open_warm(path: Path) -> routing.Network:
    network = routing.open_store(path)
    network.warm_up()
    return network
