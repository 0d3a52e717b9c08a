"""How the worker goes its rounds: again and again until stopped, each tenant for itself, whatever breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

TENANTS_AT_ONCE = 4
AFTER_TROUBLE_S = 1.0

TenantWork = Callable[[TenantEntry], Awaitable[object]]
WhichTenants = Callable[[], Awaitable[list[TenantEntry]]]


class Lane:
    """One kind of work for all tenants. None waits for another, and each is looked at once at a time."""

    def __init__(self, which: WhichTenants, work: TenantWork, every_s: float, stop: asyncio.Event) -> None:
        """Do nothing yet. `which` names the tenants to look at, `every_s` seconds apart at the longest."""
        self._which = which
        self._work = work
        self._every_s = every_s
        self._stop = stop
        self._room = asyncio.Semaphore(TENANTS_AT_ONCE)
        self._running: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self.wake = asyncio.Event()
        """Set by whoever knows that there is something to do."""

    async def run(self) -> None:
        """Look until stopped, and return when the pieces in hand are finished."""
        try:
            while not self._stop.is_set():
                self.wake.clear()
                await surviving(self._look(), self._stop)
                await either(self.wake, self._stop, self._every_s)
        finally:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _look(self) -> None:
        for entry in await self._which():
            regency_id = entry.tenant.id
            if regency_id in self._running:
                self._again.add(regency_id)
            else:
                self._running[regency_id] = asyncio.create_task(self._one(entry))

    async def _one(self, entry: TenantEntry) -> None:
        try:
            await surviving(self._in_turn(entry), self._stop)
        finally:
            del self._running[entry.tenant.id]
            if entry.tenant.id in self._again:
                # something became due meanwhile that this round may have passed by
                self._again.discard(entry.tenant.id)
                self.wake.set()

    async def _in_turn(self, entry: TenantEntry) -> None:
        async with self._room:
            if not self._stop.is_set():
                await self._work(entry)


async def again(work_once: Callable[[], Awaitable[object]], every_s: float, stop: asyncio.Event) -> None:
    """Do something every so many seconds until stopped."""
    while not stop.is_set():
        await surviving(work_once(), stop)
        await either(stop, stop, every_s)


async def surviving(piece: Awaitable[object], stop: asyncio.Event) -> bool:
    """Do a piece of work and return whether it went well.

    A database that is away is waited for, as nothing is lost meanwhile.
    """
    try:
        await piece
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as trouble:
        log.warning("the database does not answer as it should: %s: %s", type(trouble).__name__, trouble)
        await either(stop, stop, AFTER_TROUBLE_S)
        return False
    # one lane's trouble, or one tenant's, must not end the others: an offer goes on whatever else is broken
    except Exception:
        log.exception("a piece of the work failed; it is tried again")
        await either(stop, stop, AFTER_TROUBLE_S)
        return False
    return True


async def either(one: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    """Wait until one of the two is set, at most for the given time."""
    waits = {asyncio.ensure_future(event.wait()) for event in {one, other}}
    _, left = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in left:
        wait.cancel()
