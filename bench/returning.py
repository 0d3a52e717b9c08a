"""Phones that come back all at once, in a process of their own, as patient as the crew's page is.

Reads a `Job` as JSON from standard input and prints a `Report` as JSON.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import uvloop

from bench.private_system import cpu_s, database_cpu_s
from bench.raw_socket import RawSocket

# as web/src/shared/socket.ts has them, in seconds
CONNECT_S, SILENT_S, FIRST_WAIT_S, LONGEST_WAIT_S = 8.0, 2.4, 0.25, 8.0


class Job(msgspec.Struct):
    """`tokens`: a phone each. `pid` and `database_pid` are the processes whose CPU is read."""

    port: int
    pid: int
    database_pid: int
    tokens: list[str]


class Report(msgspec.Struct):
    """When it began and ended (seconds since 1970), and after how many seconds each phone had its desk."""

    began: float
    ended: float
    server_cpu_s: float
    database_cpu_s: float
    back_s: list[float]
    tries: int


class _Lost(Exception):
    """The phone hangs up and comes again."""


class Phone:
    """One phone: it says hello, and is back when it has its desk."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._socket: RawSocket | None = None
        self.tries = 0

    async def come_back(self) -> float:
        """Try until the desk is there; return when that was."""
        while True:
            self.tries += 1
            try:
                await self._try()
            except (_Lost, TimeoutError, OSError):
                if self._socket is not None:
                    self._socket.close()
                attempt = min(self.tries - 1, 10)
                await asyncio.sleep(random.random() * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt))
            else:
                return time.time()

    async def _try(self) -> None:
        loop = asyncio.get_running_loop()
        welcome, desk = loop.create_future(), loop.create_future()

        def look(text: bytes) -> None:
            for kind, came in ((b'"t":"welcome"', welcome), (b'"t":"desk"', desk)):
                if kind in text[:50] and not came.done():
                    came.set_result(None)

        async with asyncio.timeout(CONNECT_S):
            socket = self._socket = await RawSocket.open(self._port, "/ws/driver")
            socket.on_text = look
            socket.send(
                msgspec.json.encode(
                    {
                        "t": "hello",
                        "token": self._token,
                        "installation_id": str(uuid4()),
                        "device_at": datetime.now(UTC).isoformat(),
                    }
                )
            )
            await _unless_closed(socket, welcome)
        async with asyncio.timeout(SILENT_S):
            await _unless_closed(socket, desk)


async def _unless_closed(socket: RawSocket, came: asyncio.Future[None]) -> None:
    closed = asyncio.ensure_future(socket.closed.wait())
    try:
        await asyncio.wait((came, closed), return_when=asyncio.FIRST_COMPLETED)
    finally:
        closed.cancel()
    if not came.done():
        raise _Lost


async def run(job: Job) -> Report:
    """Have all phones come at once; return when the last one is back."""
    phones = [Phone(job.port, token) for token in job.tokens]
    server, database = cpu_s(job.pid), database_cpu_s(job.database_pid)
    began = time.time()
    back = await asyncio.gather(*(phone.come_back() for phone in phones))
    return Report(
        began,
        time.time(),
        cpu_s(job.pid) - server,
        database_cpu_s(job.database_pid) - database,
        sorted(at - began for at in back),
        sum(phone.tries for phone in phones),
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job)))
    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:
        whole.write(msgspec.json.encode(report))
