"""The virtual operators' room: who is free, whose turn it is, and which duties the events call for."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from rehearsal.ensemble import Ensemble
from rehearsal.player import Player

RINGING, AT_ONCE, SOON, LATER = range(4)
"""How urgent a duty is."""


class Switchroom:
    """Operators who each do one thing at a time; the most urgent duty comes first."""

    def __init__(self, ensemble: Ensemble, players: list[Player]) -> None:
        self.all = ensemble
        self.players = players
        self._free = list(players)
        self._waiting: list[tuple[int, int, asyncio.Future[Player]]] = []
        self._numbers = count()

    @asynccontextmanager
    async def operator(self, urgency: int) -> AsyncIterator[Player]:
        """Have an operator for a duty, as soon as one is free."""
        player = await self._one(urgency)
        try:
            yield player
        finally:
            self._release(player)

    async def _one(self, urgency: int) -> Player:
        if self._free:
            return self._free.pop(0)
        turn: asyncio.Future[Player] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._numbers), turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(turn.result())
            raise

    def _release(self, player: Player) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(player)
                return
        self._free.append(player)
