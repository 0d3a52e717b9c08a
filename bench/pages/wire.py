"""Counts the bytes between a browser and the server, whoever in the browser asked for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 64 * 1024


class Wire:
    """Passes connections on to a port of this machine; `down` counts bytes from the server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: set[asyncio.StreamWriter] = set()
        self.address = ""
        self.down = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the browser."""
        answers, requests = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, requests}
        await asyncio.gather(self._pass(reader, requests), self._pass(answers, writer, counted=True))
        self._ends -= {writer, requests}

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool = False
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(_CHUNK):
                self.down += len(chunk) if counted else 0
                sink.write(chunk)
                await sink.drain()
        sink.close()

    def cut(self) -> None:
        """End all connections."""
        for end in self._ends:
            end.close()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """Listen on a port of its own for as long as the context lasts."""
    made = Wire(port)
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    made.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        made.cut()
