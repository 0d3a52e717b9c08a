"""A line between two programs that can be held: from a moment on no word of the far end comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_CHUNK = 1 << 16


async def _never() -> bool:
    return False


@dataclass
class HeldLine:
    """A relay of bytes. `far` connects to the far end, and may be changed while it runs.

    `swallow` is asked of every answer that comes back after the near end has said `cue`; once it says yes,
    neither this answer nor any that follows on its connection arrives, and `held` is set.
    """

    far: Callable[[], Awaitable[Streams]]
    cue: bytes = b""
    swallow: Callable[[], Awaitable[bool]] = _never
    held: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def on_a_port(self) -> AsyncIterator[HeldLine]:
        """Listen on a port of the kernel's choice."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with self._listening(server):
            yield self

    @asynccontextmanager
    async def on_a_socket(self, path: Path) -> AsyncIterator[HeldLine]:
        """Listen on a unix socket."""
        async with self._listening(await asyncio.start_unix_server(self._accept, path)):
            yield self

    def let_go(self) -> None:
        """Hold nothing that is said from now on; what was swallowed stays so."""
        self.swallow = _never

    @asynccontextmanager
    async def _listening(self, server: asyncio.Server) -> AsyncIterator[None]:
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)  # an aborted transport says goodbye in the loop's next turn

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        try:
            far_in, far_out = await self.far()
            cued = asyncio.Event()
            ways = (
                asyncio.create_task(self._there(near_in, far_out, cued)),
                asyncio.create_task(self._back(far_in, near_out, cued)),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                far_out.transport.abort()
        except OSError:
            pass  # the far end is not there: the near end finds nobody either
        finally:
            near_out.transport.abort()

    async def _there(
        self, near: asyncio.StreamReader, far: asyncio.StreamWriter, cued: asyncio.Event
    ) -> None:
        while said := await near.read(_CHUNK):
            if self.cue in said:
                cued.set()
            else:
                cued.clear()
            far.write(said)
            await far.drain()

    async def _back(self, far: asyncio.StreamReader, near: asyncio.StreamWriter, cued: asyncio.Event) -> None:
        silent = False
        while said := await far.read(_CHUNK):
            if not silent and cued.is_set() and await self.swallow():
                silent = True
                self.held.set()
            if not silent:
                near.write(said)
                await near.drain()
