"""Opened road networks, one per store, shared by every use case of the process."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from zoneinfo import ZoneInfo

import routing
from dispatch.domain.errors import Unavailable
from dispatch.services.road_stores import calibration_of
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)


class Roads:
    """Opens a tenant's road store when it is first asked for, and again when a newer one was loaded."""

    def __init__(self, stores: Path) -> None:
        """`stores` is the folder of built stores."""
        self._stores = stores
        self._open: dict[tuple[str, str], routing.Network] = {}
        self._lock = asyncio.Lock()

    async def of(self, entry: TenantEntry) -> routing.Network:
        """Return the tenant's network, whose hours are those of the tenant's clock.

        Raises:
            Unavailable: the store is missing or unreadable; loading the regency's folder builds it again.
        """
        key = (entry.roads_store, entry.tenant.timezone)
        network = self._open.get(key)
        if network is not None:
            return network
        async with self._lock:
            if key not in self._open:
                try:
                    network = await asyncio.to_thread(_open_warm, self._stores / key[0], ZoneInfo(key[1]))
                except (routing.RoutingError, OSError) as broken:
                    raise Unavailable(
                        f"Jaringan jalan {entry.roads_store} tidak terbaca; jalankan 'dispatch regency load'",
                        f"Road network {entry.roads_store} cannot be read; run 'dispatch regency load'",
                    ) from broken
                self._open[key] = network
        return self._open[key]


def _open_warm(path: Path, timezone: ZoneInfo) -> routing.Network:
    learnt = calibration_of(path.parent, path.name)
    calibrations = [routing.read_calibration(learnt)] if learnt.is_file() else []
    network = routing.open_store(path, timezone=timezone, calibrations=calibrations)
    log.info(
        "%s: preparing the road kernels; compiling them takes half a minute, once per machine", path.name
    )
    log.info("%s: road kernels ready after %.1f s", path.name, network.warm_up())
    return network
