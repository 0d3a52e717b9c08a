"""The WebSocket protocol of the server: who answers no ping is cut off at once, whatever waits to be sent."""

from __future__ import annotations

from asyncio import WriteTransport
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class CutOffProtocol(WebSocketsSansIOProtocol):
    """As uvicorn's, but for clients that have stopped reading.

    A closing transport first waits until everything is sent. A client that takes nothing would hold its
    connection, and all that follows the log for it, until its machine is switched off.
    """

    def keepalive_timeout(self) -> None:
        """No pong came in time: cut the line. A client that lives comes back and resumes."""
        self.pong_timer = None
        self.pending_ping_payload = None
        cast(WriteTransport, self.transport).abort()
