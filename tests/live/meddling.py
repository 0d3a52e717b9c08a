"""A WebSocket proxy that loses, delays, doubles and reorders frames between clients and server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException

Text = str | bytes
Fate = Callable[[Text], list[float]]
"""What becomes of a frame: after how many seconds it arrives, once per number; an empty list loses it."""


def untouched(_: Text) -> list[float]:
    """Let a frame through at once."""
    return [0.0]


def lottery(seed: int, *, lost: float, late: float, doubled: float, most_s: float = 0.3) -> Fate:
    """Meddle at random, the same way for the same seed. A late frame is overtaken by those after it."""
    dice = random.Random(seed)

    def fate(_: Text) -> list[float]:
        drawn = dice.random()
        if drawn < lost:
            return []
        if drawn < lost + late:
            return [dice.uniform(0.0, most_s)]
        if drawn < lost + late + doubled:
            return [0.0, dice.uniform(0.0, most_s)]
        return [0.0]

    return fate


@dataclass
class Meddler:
    """A proxy before a server. `to_client` and `to_server` decide on frames and may be changed while it runs.

    `mute` holds a connection half open: nothing passes any more, and nobody is told.
    """

    server_port: int
    to_client: Fate = untouched
    to_server: Fate = untouched
    mute: bool = False
    port: int = 0
    connections: int = 0
    meddled: int = 0
    _open: set[ServerConnection] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Meddler]:
        """Stand between on a port of the kernel's choice, for as long as the context lasts."""
        async with serve(self._stand_between, "127.0.0.1", self.port, max_size=None) as listening:
            self.port = next(iter(listening.sockets)).getsockname()[1]
            try:
                yield self
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def cut(self) -> None:
        """Cut every connection without a word, as a network does."""
        for client in list(self._open):
            client.transport.abort()

    async def _stand_between(self, client: ServerConnection) -> None:
        assert client.request is not None
        self.connections += 1
        self._open.add(client)
        address = f"ws://127.0.0.1:{self.server_port}{client.request.path}"
        try:
            async with connect(address, max_size=None, proxy=None) as server:
                ways = {
                    asyncio.create_task(self._pass_on(client, server, lambda text: self.to_server(text))),
                    asyncio.create_task(self._pass_on(server, client, lambda text: self.to_client(text))),
                }
                _, other = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in other:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                with suppress(ConnectionClosed):
                    await client.close(server.close_code or 1001)
        except (OSError, WebSocketException):
            client.transport.abort()  # the server is not there: the client finds nobody either
        finally:
            self._open.discard(client)

    async def _pass_on(
        self,
        come_from: ServerConnection | ClientConnection,
        go_to: ServerConnection | ClientConnection,
        fate: Fate,
    ) -> None:
        with suppress(ConnectionClosed):
            async for text in come_from:
                if self.mute:
                    continue
                arrivals = fate(text)
                self.meddled += arrivals != [0.0]
                for after_s in arrivals:
                    if after_s == 0.0:
                        await go_to.send(text)
                    else:
                        self._send_later(go_to, text, after_s)

    def _send_later(self, go_to: ServerConnection | ClientConnection, text: Text, after_s: float) -> None:
        async def send() -> None:
            await asyncio.sleep(after_s)
            with suppress(ConnectionClosed):
                await go_to.send(text)

        task = asyncio.create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
