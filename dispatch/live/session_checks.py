"""Asks for all sockets of a process at once whose session it is, and now and then whether it still lives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dispatch.domain.errors import NotSignedIn
from dispatch.live.gathering import Gathering
from dispatch.services.centre import Centre
from dispatch.services.sessions import SignedIn, find_sessions, living_sessions

GATHER_S = 0.5


class SessionChecks:
    """Gathers the questions of half a second, and those of clients who come."""

    def __init__(self, centre: Centre) -> None:
        """Nothing is asked yet."""
        self._centre = centre
        self._tokens: set[str] = set()
        self._asking: asyncio.Task[set[str]] | None = None
        self._coming = Gathering(1).queue(self._find)

    async def find(self, token: str) -> SignedIn:
        """Return whose token this is.

        Raises:
            NotSignedIn: unknown, ended or expired. While the database is away: whatever the driver raises.
        """
        found = await self._coming.ask(token)
        if isinstance(found, NotSignedIn):
            raise found
        return found

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

    async def _find(self, tokens: Sequence[str]) -> Sequence[SignedIn | NotSignedIn]:
        return await find_sessions(self._centre, tokens)
