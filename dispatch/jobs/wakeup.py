"""Wakes the worker when an event was recorded; only a hint, as the worker looks by itself anyway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import asyncpg

from dispatch.storage.primary import Primary

log = logging.getLogger(__name__)

CHANNEL = "semar_event"
_AGAIN_S = 1.0


async def wake_on_events(url: str, wakes: Sequence[asyncio.Event]) -> None:
    """Set all `wakes` at every event of any tenant, until cancelled; a lost connection is made anew."""
    primary = Primary(url)
    while True:
        lost = asyncio.Event()

        def wake(*_: object) -> None:
            for event in wakes:
                event.set()

        try:
            connection = await primary.connect()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as trouble:
            log.debug("no wake-ups for now: %s", trouble)
            await asyncio.sleep(_AGAIN_S)
            continue
        try:
            connection.add_termination_listener(lambda _c, lost=lost: lost.set())
            await connection.add_listener(CHANNEL, wake)
            wake()  # what happened while nobody listened
            await lost.wait()
        finally:
            connection.terminate()
