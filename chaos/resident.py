"""Residents: they ask for help again and again, each time until it is acknowledged."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from uuid import uuid4

from chaos.door import Door
from chaos.ledger import CALL, Ledger

TOWN = (107.4434, -6.5567)
_MOST_UNFINISHED = 15
"""Cases that may be open at once: a slow machine must not be buried under calls that nobody can close."""


class Resident:
    """One resident. `sent_at` tells when each call was first sent (monotonic seconds)."""

    def __init__(self, door: Door, name: str, sent_at: dict[str, float]) -> None:
        self.name = name
        self._door = door
        self._sent_at = sent_at

    @property
    def ledger(self) -> Ledger:
        """The common book."""
        return self._door.ledger

    async def call_now_and_then(self, every_s: float, enough: asyncio.Event) -> None:
        """Call about every so many seconds; a call that was begun is seen through to its acknowledgement."""
        pause = random.uniform(0.0, every_s)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await enough.wait()
            if enough.is_set():
                return
            if self.ledger.unfinished < _MOST_UNFINISHED:
                await self.call()
            pause = random.uniform(0.5, 1.5) * every_s

    async def call(self, call_id: str | None = None) -> None:
        """Ask for help once, under an id of our own, and return once it is acknowledged."""
        call_id = call_id or str(uuid4())
        lon, lat = (round(centre + random.uniform(-0.02, 0.02), 6) for centre in TOWN)
        body = {"id": call_id, "place": {"lon": lon, "lat": lat}, "note": "uji gangguan"}
        self._sent_at[call_id] = sent = time.monotonic()
        await self._door.ask(CALL, "POST", "/calls", body)
        self.ledger.calls.add(call_id)
        self.ledger.acknowledged(CALL, self.name, sent)
