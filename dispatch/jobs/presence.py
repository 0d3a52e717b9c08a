"""The connection that a worker keeps for as long as it lives: others see that it does, and events wake it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from dispatch.services.dead_claims import SHOW_THAT_IT_LIVES
from dispatch.storage.primary import Primary

log = logging.getLogger(__name__)

CHANNEL = "semar_event"
_AGAIN_S = 1.0


@dataclass(slots=True)
class Presence:
    """Under which number a worker claims. None while it cannot show that it lives: its leases alone count."""

    number: int | None = None


async def keep_present(url: str, presence: Presence, wakes: Sequence[asyncio.Event]) -> None:
    """Keep a connection until cancelled, and set all `wakes` at every event of any tenant.

    The wake-ups are only a hint, as the worker looks by itself anyway. A lost connection is made anew, with
    another number: what was claimed beside the lost one counts as left, as its transactions may have failed
    with it.
    """
    primary = Primary(url)
    while True:
        try:
            await _be_present(await primary.connect(), presence, wakes)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as trouble:
            log.debug("no wake-ups for now: %s", trouble)
            await asyncio.sleep(_AGAIN_S)


async def _be_present(
    connection: asyncpg.Connection, presence: Presence, wakes: Sequence[asyncio.Event]
) -> None:
    """Until the connection is lost."""
    lost = asyncio.Event()

    def wake(*_: object) -> None:
        for event in wakes:
            event.set()

    try:
        connection.add_termination_listener(lambda _: lost.set())
        number = secrets.randbelow(2**31)
        await connection.execute(SHOW_THAT_IT_LIVES, number)
        presence.number = number
        await connection.add_listener(CHANNEL, wake)
        wake()  # what happened while nobody listened
        await lost.wait()
    finally:
        presence.number = None
        connection.terminate()
