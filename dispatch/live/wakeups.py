"""The connection that hears of new events: hints only, reopened for as long as the process runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dispatch.storage.outages import DatabaseAway, database_needed
from dispatch.storage.primary import Primary

CHANNEL = "semar_event"
CONNECTION_NAME = "semar-listen"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0

logger = logging.getLogger(__name__)


async def listen(
    database_url: str, hint: Callable[[int, int], None], reconnected: Callable[[], None]
) -> None:
    """Call `hint(regency_id, seq)` for every notification, until cancelled.

    A lost connection is opened again, after pauses that grow to 5 s; `reconnected` is called each time one
    stands, for what happened meanwhile was not heard.
    """
    primary = Primary(database_url, server_settings={"application_name": CONNECTION_NAME})
    pause = _FIRST_PAUSE_S
    while True:
        lost = asyncio.Event()
        try:
            with database_needed():
                connection = await primary.connect()
                try:
                    connection.add_termination_listener(lambda _, lost=lost: lost.set())
                    await connection.add_listener(CHANNEL, lambda *said: _heard(said[3], hint))
                    pause = _FIRST_PAUSE_S
                    reconnected()
                    await lost.wait()
                finally:
                    connection.terminate()
            logger.warning("the connection that hears of new events is lost; opening it again")
        except DatabaseAway as failure:
            logger.warning("cannot hear of new events, next try in %.1f s: %s", pause, failure.__cause__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def _heard(payload: object, hint: Callable[[int, int], None]) -> None:
    regency, _, seq = str(payload).partition(":")
    if regency.isdigit() and seq.isdigit():
        hint(int(regency), int(seq))
