"""Opened road networks, one per store, shared by every use case of the process."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dispatch.domain.errors import Unavailable
from dispatch.services.tenants import TenantEntry

# read in with the first road: a command that needs none starts in two thirds of the time
if TYPE_CHECKING:
    import routing

log = logging.getLogger(__name__)


class Roads:
    """Opens a tenant's road store when it is first asked for, and again when a newer one was loaded."""

    def __init__(self, stores: Path) -> None:
        """`stores` is the folder of built stores."""
        self._stores = stores
        self._open: dict[tuple[str, str], routing.Network] = {}
        self._opening: dict[tuple[str, str], asyncio.Task[routing.Network]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def of(self, entry: TenantEntry) -> routing.Network:
        """Return the tenant's network, whose hours are those of the tenant's clock.

        Raises:
            Unavailable: the store is missing or unreadable; loading the regency's folder builds it again.
        """
        import routing

        key = (entry.roads_store, entry.tenant.timezone)
        network = self._open.get(key)
        if network is not None:
            return network
        if key not in self._opening:
            task = self._opening[key] = asyncio.create_task(self._opened(key))
            task.add_done_callback(partial(self._ended, key))
        # one who gives up waiting must not have the next one begin anew
        try:
            return await asyncio.shield(self._opening[key])
        except (routing.RoutingError, OSError) as broken:
            raise Unavailable(
                f"Jaringan jalan {entry.roads_store} tidak terbaca; jalankan 'dispatch regency load'",
                f"Road network {entry.roads_store} cannot be read; run 'dispatch regency load'",
            ) from broken

    def _ended(self, key: tuple[str, str], task: asyncio.Task[routing.Network]) -> None:
        del self._opening[key]
        if not task.cancelled():
            task.exception()  # told to whoever still waits; nobody need

    async def _opened(self, key: tuple[str, str]) -> routing.Network:
        async with self._one_at_a_time:
            self._open[key] = await asyncio.to_thread(_open_warm, self._stores / key[0], ZoneInfo(key[1]))
        return self._open[key]


def _open_warm(path: Path, timezone: ZoneInfo) -> routing.Network:
    import routing
    from dispatch.services.road_stores import calibration_of

    learnt = calibration_of(path.parent, path.name)
    calibrations = [routing.read_calibration(learnt)] if learnt.is_file() else []
    network = routing.open_store(path, timezone=timezone, calibrations=calibrations)
    log.info(
        "%s: preparing the road kernels; compiling them takes half a minute, once per machine", path.name
    )
    log.info("%s: road kernels ready after %.1f s", path.name, network.warm_up())
    return network
