"""The network between phones and server: a relay that passes, holds back, and resets what goes through it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

_PIECE = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Link:
    """A relay to one port on this machine; use as an async context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._passes = asyncio.Event()
        self._passes.set()
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Where phones go."""
        assert self._server is not None, "entered"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Link:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None, "entered"
        self._server.close()
        self.reset()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        await self._server.wait_closed()

    def hold(self) -> None:
        """Hold back all that is under way, both ways, and say nothing: a dead cell of the network."""
        self._passes.clear()

    def reset(self) -> None:
        """Break every connection, with a reset at both ends."""
        for writer in list(self._writers):
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
                )
            writer.transport.abort()

    def refuse(self) -> None:
        """Break every connection and take no new one."""
        self._refuses = True
        self.reset()

    def heal(self) -> None:
        """Pass everything again; what was held back arrives now, late, at whoever still listens."""
        self._refuses = False
        self._passes.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, beyond_writer}
        pumps = [
            asyncio.create_task(self._pump(reader, beyond_writer)),
            asyncio.create_task(self._pump(beyond_reader, writer)),
        ]
        for pump in pumps:
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)
        await asyncio.wait(pumps)
        self._writers -= {writer, beyond_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(_PIECE):
                await self._passes.wait()
                writer.write(piece)
                await writer.drain()
        except OSError:
            writer.transport.abort()
            return
        await self._passes.wait()
        writer.close()
