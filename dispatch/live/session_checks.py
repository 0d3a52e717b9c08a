"""Asks for all sockets of a process at once whose session it is, and now and then which still live."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dispatch.domain.errors import NotSignedIn
from dispatch.live.gathering import Gathering
from dispatch.services.centre import Centre
from dispatch.services.sessions import SignedIn, find_sessions, living_sessions
from dispatch.storage.outages import DatabaseAway, database_needed

CHECK_EVERY_S = 20.0
_AT_ONCE = 500


class SessionChecks:
    """Gathers the questions of clients who come, and looks after the sessions of those who are there.

    One look for all: a task that wakes for each of thousands of sockets costs as much as their fixes.
    """

    def __init__(self, centre: Centre) -> None:
        """Nothing is asked yet."""
        self._centre = centre
        self._watched: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
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

    @contextmanager
    def watching(self, token: str) -> Iterator[asyncio.Future[None]]:
        """Yield what is done once the session has ended or expired; watched as long as the context lasts."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched[token].add(ended)
        try:
            yield ended
        finally:
            ended.cancel()
            self._watched[token].discard(ended)
            if not self._watched[token]:
                del self._watched[token]

    async def run(self) -> None:
        """Look until cancelled; while the database is away, nobody is sent away."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                with database_needed():
                    await self._look()
            except DatabaseAway:
                continue

    async def _look(self) -> None:
        tokens = list(self._watched)
        for first in range(0, len(tokens), _AT_ONCE):
            part = tokens[first : first + _AT_ONCE]
            for token in set(part) - await living_sessions(self._centre, part):
                for ended in self._watched.get(token, ()):
                    if not ended.done():
                        ended.set_result(None)

    async def _find(self, tokens: Sequence[str]) -> Sequence[SignedIn | NotSignedIn]:
        return await find_sessions(self._centre, tokens)
