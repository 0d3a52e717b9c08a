"""Position ingest beside a bare WebSocket echo in the same run: messages per second, CPU per message.

Every phone sends one fix and waits for its answer (for the fix: committed in PostgreSQL) before the next one,
as many phones at once as given. CPU is that of the serving process, as the kernel counted it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.private_system import (
    SLUG,
    PrivateSystem,
    cpu_s,
    free_port,
    private_system,
    staff_tokens,
    until_answers,
)
from bench.raw_socket import RawSocket
from dispatch.domain.roles import Role
from dispatch.live import SERVER_OPTIONS
from dispatch.local.program import Program
from dispatch.services.centre import open_centre
from dispatch.services.unit_state import list_units

PHONES, DRIVERS = 800, 20
WARM_UP_S, MEASURED_S = 2.0, 8.0


@dataclass
class Load:
    """What went through in the measured time, and what it cost; seconds."""

    messages: int
    took_s: float
    server_cpu_s: float
    database_cpu_s: float

    @property
    def per_s(self) -> float:
        """Messages answered per second."""
        return self.messages / self.took_s

    def us(self, seconds: float) -> float:
        """Return microseconds per message."""
        return seconds / self.messages * 1e6


class Phone:
    """Sends the next message whenever the one before is answered."""

    def __init__(self, socket: RawSocket, answered: Callable[[bytes], bool]) -> None:
        """`answered` tells whether a message of the server answers ours."""
        self._socket = socket
        self._answered = answered
        self._numbers = itertools.count(1)
        self.count = 0
        socket.on_text = self._take

    def send(self) -> None:
        """Send one fix."""
        now = datetime.now(UTC).isoformat().encode()
        self._socket.send(
            b'{"t":"positions","fixes":[{"seq":%d,"at":"%b","lon":107.4434,"lat":-6.5567,"accuracy_m":8.5,'
            b'"speed_ms":11.2,"heading_deg":182.0}],"sent_at":"%b"}' % (next(self._numbers), now, now)
        )

    def _take(self, text: bytes) -> None:
        if self._answered(text):
            self.count += 1
            self.send()


async def _drive(
    phones: Sequence[Phone], server_pid: int, database_cpu_s: Callable[[], float] = lambda: 0.0
) -> Load:
    for phone in phones:
        phone.send()
    await asyncio.sleep(WARM_UP_S)
    count, began = sum(p.count for p in phones), time.perf_counter()
    server, database = cpu_s(server_pid), database_cpu_s()
    await asyncio.sleep(MEASURED_S)
    return Load(
        sum(p.count for p in phones) - count,
        time.perf_counter() - began,
        cpu_s(server_pid) - server,
        database_cpu_s() - database,
    )


# --- the bare echo -------------------------------------------------------------------------------


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        return


def serve_echo(port: int) -> None:
    """Serve nothing but an echo, the way the product is served."""
    health = Route("/health", lambda _: PlainTextResponse("ok"))
    app = Starlette(routes=[health, WebSocketRoute("/echo", _echo)])
    uvicorn.run(app, port=port, loop="uvloop", log_level="warning", access_log=False, **SERVER_OPTIONS)


@contextmanager
def _echo_server() -> Iterator[tuple[int, int]]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.ingest", "echo", str(port)]
        program = Program("echo", command, environment=os.environ, log_dir=Path(folder))
        program.spawn()
        try:
            until_answers(f"http://127.0.0.1:{port}/health", program)
            assert program.process is not None
            yield port, program.process.pid
        finally:
            program.stop()


async def _measure_echo(port: int, pid: int) -> Load:
    sockets = [await RawSocket.open(port, "/echo") for _ in range(PHONES)]
    load = await _drive([Phone(s, lambda _: True) for s in sockets], pid)
    for socket in sockets:
        socket.close()
    return load


# --- ingest --------------------------------------------------------------------------------------


async def _crews(system: PrivateSystem) -> tuple[list[tuple[str, str]], str]:
    """Return tokens of drivers with a unit each, and an operator's."""
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        drivers = [f"uji-{n:02d}" for n in range(DRIVERS)]
        tokens = await staff_tokens(centre, entry, Role.DRIVER, drivers)
        units = [u.call_sign for u in await list_units(centre, entry) if u.tracking == "app"]
        operator = await staff_tokens(centre, entry, Role.OPERATOR, ["uji-operator"])
        return list(zip(tokens, units, strict=False)), operator[0]
    finally:
        await centre.close()


async def _until(socket: RawSocket, kind: str) -> None:
    came = asyncio.get_running_loop().create_future()

    def look(text: bytes) -> None:
        frame = json.loads(text)
        if frame["t"] == "error":
            raise RuntimeError(frame["problem"]["detail_en"])
        if frame["t"] == kind and not came.done():
            came.set_result(None)

    socket.on_text = look
    async with asyncio.timeout(30):
        await came


async def _phone(port: int, token: str, call_sign: str) -> Phone:
    socket = await RawSocket.open(port, "/ws/driver")
    hello = {"token": token, "installation_id": str(uuid4()), "device_at": datetime.now(UTC).isoformat()}
    socket.send(json.dumps({"t": "hello", **hello}).encode())
    await _until(socket, "desk")
    socket.send(json.dumps({"t": "sign_on", "id": 1, "call_sign": call_sign}).encode())
    await _until(socket, "done")
    return Phone(socket, lambda text: text.startswith(b'{"t":"positions_saved"'))


async def _measure_ingest(system: PrivateSystem) -> Load:
    crews, operator = await _crews(system)
    console = await RawSocket.open(system.port, "/ws/operator")
    console.send(json.dumps({"t": "hello", "token": operator}).encode())
    await _until(console, "welcome")
    console.on_text = lambda _: None
    phones: list[Phone] = []
    for _ in range(0, PHONES, len(crews)):
        phones += await asyncio.gather(*(_phone(system.port, *crew) for crew in crews))
    return await _drive(phones, system.server_pid, system.database_cpu_s)


def main() -> None:
    """Print the figures."""
    print(f"position ingest: {PHONES} phones on {DRIVERS} units, one console, {MEASURED_S:.0f} s")
    with uvloop_runner() as runner:
        with _echo_server() as (port, pid):
            echo = runner.run(_measure_echo(port, pid))
        with private_system() as system:
            ingest = runner.run(_measure_ingest(system))
    print(f"  {'':<34}{'messages/s':>12}{'CPU us/message':>16}")
    print(f"  {'bare echo':<34}{echo.per_s:>12.0f}{echo.us(echo.server_cpu_s):>16.1f}")
    print(f"  {'ingest, serving process':<34}{ingest.per_s:>12.0f}{ingest.us(ingest.server_cpu_s):>16.1f}")
    print(f"  {'ingest, PostgreSQL':<34}{'':>12}{ingest.us(ingest.database_cpu_s):>16.1f}")
    ratio = ingest.us(ingest.server_cpu_s) / echo.us(echo.server_cpu_s)
    print(f"  {'ingest / echo':<34}{ingest.per_s / echo.per_s:>12.2f}{ratio:>16.2f}")


def uvloop_runner() -> asyncio.Runner:
    """Return a runner on the loop that the product uses too."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    if sys.argv[1:2] == ["echo"]:
        serve_echo(int(sys.argv[2]))
    else:
        main()
