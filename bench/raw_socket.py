"""A WebSocket client cheap enough to load a server from one core: whole frames, zero mask, no extensions."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import cast

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class RawSocket(asyncio.Protocol):
    """One connection; `on_text` is called with every message of the server."""

    def __init__(self, path: str) -> None:
        """`path` is what is asked for, such as /ws/driver."""
        self._path = path
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_text: Callable[[bytes], None] = lambda _: None
        self.closed = asyncio.Event()

    @classmethod
    async def open(cls, port: int, path: str) -> RawSocket:
        """Connect on loopback and shake hands."""
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: cls(path), "127.0.0.1", port)
        async with asyncio.timeout(30):
            await made._opened
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits for the end."""
        self.closed.set()
        if not self._opened.done():
            self._opened.set_exception(ConnectionError("no handshake"))

    def send(self, text: bytes) -> None:
        """Send one message below 64 kB."""
        assert self._transport is not None
        size = len(text)
        # a mask of zeros is a mask all the same, and leaves the text as it is
        head = struct.pack(">BB", 0x81, 0x80 | size) if size < 126 else struct.pack(">BBH", 0x81, 0xFE, size)
        self._transport.write(head + b"\0\0\0\0" + text)

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take frames out of the stream."""
        self._buffer += data
        if not self._opened.done():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if b" 101 " not in self._buffer[: self._buffer.find(b"\r\n")]:
                self._opened.set_exception(ConnectionError(bytes(self._buffer[:end]).decode()))
                return
            del self._buffer[: end + 4]
            self._opened.set_result(None)
        while (frame := self._frame()) is not None:
            kind, text = frame
            if kind == _TEXT:
                self.on_text(text)
            elif kind == _PING and self._transport is not None:
                self._transport.write(struct.pack(">BB", 0x80 | _PONG, 0x80 | len(text)) + b"\0\0\0\0" + text)
            elif kind == _CLOSE:
                self.close()

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(buffer) < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + size:
            return None
        kind, text = buffer[0] & 0x0F, bytes(buffer[start : start + size])
        del buffer[: start + size]
        return kind, text
