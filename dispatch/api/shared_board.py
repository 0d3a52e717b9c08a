"""The board for many screens: an event makes all of them ask at once, and one reading answers them.

A screen is never shown a board of before it asked: who asks while one is read gets the next.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from dispatch.live.gathering import Gathering, Queue
from dispatch.services.board import Board, read_board
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry

_BOARD = TypeAdapter(Board)
_LEVEL = 1
"""Two fifths of the time of zlib's usual level, and a tenth more bytes."""


@dataclass(frozen=True, slots=True)
class WrittenBoard:
    """A board as JSON, as it is and compressed with gzip."""

    plain: bytes
    packed: bytes


class SharedBoard:
    """The boards of all tenants, each read by one reading at a time."""

    def __init__(self, centre: Centre) -> None:
        """Read nothing before somebody asks."""
        self._centre = centre
        self._queues: dict[int, Queue[TenantEntry, WrittenBoard]] = {}

    async def of(self, entry: TenantEntry) -> WrittenBoard:
        """Return a tenant's board as of a moment after this question."""
        queue = self._queues.get(entry.tenant.id)
        if queue is None:
            # one of its own each: no regency's screens wait for another's board
            queue = self._queues[entry.tenant.id] = Gathering(1).queue(self._read)
        return await queue.ask(entry)

    async def _read(self, asked: Sequence[TenantEntry]) -> Sequence[WrittenBoard]:
        plain = _BOARD.dump_json(await read_board(self._centre, asked[-1]))
        packed = await asyncio.to_thread(gzip.compress, plain, _LEVEL, mtime=0)
        return [WrittenBoard(plain, packed)] * len(asked)
