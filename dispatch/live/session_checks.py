"""Asks whether sessions still live for all sockets of a process at once: one query now and then."""

from __future__ import annotations

import asyncio

from dispatch.services.centre import Centre
from dispatch.services.sessions import living_sessions

GATHER_S = 0.5


class SessionChecks:
    """Gathers the questions of half a second."""

    def __init__(self, centre: Centre) -> None:
        """Nothing is asked yet."""
        self._centre = centre
        self._tokens: set[str] = set()
        self._asking: asyncio.Task[set[str]] | None = None

    async def lives(self, token: str) -> bool:
        """Return whether the session of this token has neither ended nor expired.

        Raises whatever the driver raises while the database is away.
        """
        self._tokens.add(token)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return token in await asyncio.shield(self._asking)

    async def _ask(self) -> set[str]:
        await asyncio.sleep(GATHER_S)
        tokens, self._tokens, self._asking = list(self._tokens), set(), None
        return await living_sessions(self._centre, tokens)
