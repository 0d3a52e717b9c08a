"""A connection that sends a transaction's first and last words together with its BEGIN and its COMMIT."""

from __future__ import annotations

import socket
from typing import Any

import asyncpg

# Keep-alive that notices a machine without power within 15 s: to TCP, waiting for an answer is being idle.
_IDLE_S, _EVERY_S, _TIMES, _UNACKNOWLEDGED_MS = 6, 3, 3, 15_000
KEEP_ALIVE = {
    "tcp_keepalives_idle": str(_IDLE_S),
    "tcp_keepalives_interval": str(_EVERY_S),
    "tcp_keepalives_count": str(_TIMES),
    "tcp_user_timeout": str(_UNACKNOWLEDGED_MS),
}
"""The same as settings of the server's end: it lets go of the locks of a machine that is gone within 15 s,
where the system's own keep-alive takes two hours. On a unix socket they say nothing."""


class Connection(asyncpg.Connection):
    """A connection to one server.

    It notices within seconds when the other machine is gone without a word. What `open_with` and
    `close_with` were given travels in one message with the BEGIN and the COMMIT that come next: a lock taken
    by the last words is not held while this process has yet to read an answer and to ask for the commit.
    """

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        self._first = self._last = ""
        wire = transport.get_extra_info("socket")
        if wire is None or wire.family not in (socket.AF_INET, socket.AF_INET6):
            return
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", _IDLE_S),
            ("TCP_KEEPINTVL", _EVERY_S),
            ("TCP_KEEPCNT", _TIMES),
            ("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MS),
        ):
            if hasattr(socket, option):
                wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def open_with(self, words: str) -> None:
        """Run these statements right after the next BEGIN. They take no parameters; empty for none."""
        self._first = words

    def close_with(self, words: str) -> None:
        """Run this statement right before the next COMMIT; a ROLLBACK forgets it."""
        self._last = words

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """As asyncpg's; this is also how its transactions begin and end."""
        together = query
        if query.startswith("BEGIN"):
            together, self._first = query + self._first, ""
        elif query == "COMMIT;":
            together, self._last = f"{self._last};{query}" if self._last else query, ""
        elif query == "ROLLBACK;":
            self._last = ""
        try:
            return await super().execute(together, *args, **options)
        except asyncpg.PostgresError:
            if query == "COMMIT;" and self.is_in_transaction():
                await super().execute("ROLLBACK;")  # asyncpg believes that it is over
            elif together is not query and self.is_in_transaction():
                self.terminate()  # asyncpg believes that one has begun which the server has given up
            raise
