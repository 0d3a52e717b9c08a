"""The WebSocket protocol of the server: a straight way for small frames, and no patience with the deaf."""

from __future__ import annotations

from asyncio import WriteTransport
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

EXTENSION = "semar.line"
"""Under this name a socket's scope has its protocol among the `extensions`."""


class Line(WebSocketsSansIOProtocol):
    """As uvicorn's, but for frames that take the straight way, and for clients that have stopped reading.

    Each frame costs uvicorn a queue, a task's waking and two system calls that pause and resume reading. That
    is twice what a fix costs in all that counts, and fixes are nearly all there is: `take` gets a whole text
    frame first, when no earlier one waits, and says whether it has dealt with it.
    """

    take: Callable[[bytes], bool] | None = None

    def handle_connect(self, event: Request) -> None:
        """Let the application find this protocol."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(dict[str, object], self.scope["extensions"])[EXTENSION] = self

    def handle_text(self, event: Frame) -> None:
        """Offer a frame to the straight way; queue it when that does not take it."""
        straight = self.take is not None and event.fin and self.queue.empty() and not self.close_sent
        if not (straight and self.take is not None and self.take(bytes(event.data))):
            super().handle_text(event)

    def say(self, text: bytes) -> bool:
        """Write a text frame at once, or return False: the client is slow, or gone."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        self.conn.send_text(text)
        self.transport.write(b"".join(self.conn.data_to_send()))
        return True

    def keepalive_timeout(self) -> None:
        """No pong came in time: cut the line. A client that lives comes back and resumes.

        A closing transport first waits until everything is sent. A client that takes nothing would hold its
        connection, and all that follows the log for it, until its machine is switched off.
        """
        self.pong_timer = None
        self.pending_ping_payload = None
        cast(WriteTransport, self.transport).abort()
