"""Faults on purpose: a worker held before each of its transactions, and a process that dies in one."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing
from dispatch.storage.transaction import Transaction, new_id

PATIENCE_S = 60.0


class Died(Exception):
    """The process ends before its commit."""


class Turnstile:
    """A worker's way through its transactions: it waits before each until it is let on."""

    def __init__(self) -> None:
        self._waits = asyncio.Event()
        self._go = asyncio.Event()

    async def stop(self) -> None:
        """Wait to be let on; called by the worker."""
        self._waits.set()
        await self._go.wait()
        self._go.clear()

    async def let_on(self, worker: asyncio.Task[Any], transactions: int = 1) -> None:
        """Let the worker go through so many transactions, until it waits again or is done."""
        for _ in range(transactions):
            self._waits.clear()
            self._go.set()
            await self.arrived(worker)

    async def arrived(self, worker: asyncio.Task[Any]) -> None:
        """Wait until the worker waits, or is done."""
        waits = asyncio.ensure_future(self._waits.wait())
        try:
            await asyncio.wait({worker, waits}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waits.cancel()
        assert worker.done() or self._waits.is_set(), "the worker is stuck"


def with_turnstile(centre: Centre, turnstile: Turnstile) -> Centre:
    """A centre whose transactions wait at the turnstile before they begin."""

    @asynccontextmanager
    async def begin(*given: Any, **named: Any) -> AsyncIterator[Transaction]:
        await turnstile.stop()
        async with centre.begin(*given, **named) as tx:
            yield tx

    return _replaced(centre, begin)


def dying(centre: Centre, *, last_moment: bool) -> Centre:
    """A centre whose process dies in every transaction: before its events are written, or just after."""

    @asynccontextmanager
    async def begin(*given: Any, **named: Any) -> AsyncIterator[Transaction]:
        async with centre.begin(*given, **named) as tx:
            yield tx
            if last_moment:
                await tx._finish()
            raise Died

    return _replaced(centre, begin)


def _replaced(centre: Centre, begin: Any) -> Centre:
    other = copy.copy(centre)
    other.begin = begin  # type: ignore[method-assign]
    return other


def firing_of_nothing(kind: str, subject: UUID, now: datetime) -> Firing:
    """A claim of a timer that was over long ago."""
    return Firing(new_id(), kind, subject, {}, now, 1)


@dataclass
class Search:
    """A worker in the middle of `alert_next`."""

    firing: Firing
    turnstile: Turnstile
    worker: asyncio.Task[Any]


async def lose(search: Search) -> None:
    search.worker.cancel()
    with suppress(asyncio.CancelledError):
        await search.worker
