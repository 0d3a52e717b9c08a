"""The server's HTTP protocol, with a door: sockets that want in at once are let in a few at a time."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

IN_A_TURN = 8
"""So many handshakes take two milliseconds."""

_queues: WeakKeyDictionary[AbstractEventLoop, deque[Door]] = WeakKeyDictionary()


class Door(HttpToolsProtocol):
    """As uvicorn's, but sockets wait their turn to be let in.

    After a restart thousands come back at once, and the loop is handed all their requests in one turn: to
    shake hands with them takes a second, in which nobody's request for help would be looked at.
    """

    def handle_websocket_upgrade(self) -> None:
        """Have the socket wait; nothing it says is read meanwhile."""
        self.transport.pause_reading()
        queue = _queues.setdefault(self.loop, deque())
        queue.append(self)
        if len(queue) == 1:
            self.loop.call_soon(_let_in, self.loop, queue)

    def enter(self) -> None:
        """Shake hands, unless the server has hung up on it meanwhile."""
        if not self.transport.is_closing():
            super().handle_websocket_upgrade()
        if not self.transport.is_closing():  # refused ones are
            self.transport.resume_reading()


def _let_in(loop: AbstractEventLoop, queue: deque[Door]) -> None:
    for _ in range(min(IN_A_TURN, len(queue))):
        queue.popleft().enter()
    if queue:
        loop.call_soon(_let_in, loop, queue)
