"""What is under way when a fault strikes: what was sent and not answered, a change of a case among it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from websockets.asyncio.server import ServerConnection, serve

from chaos.clock_errors import ClockErrors
from chaos.crew import Crew
from chaos.ledger import CHANGING, Ledger
from chaos.traffic import Traffic

UNIT = {"id": "unit", "call_sign": "PWK-01", "lon": 107.44, "lat": -6.55}


class Server:
    """Welcomes phones, lets them board, and acknowledges fixes once it is told to."""

    def __init__(self) -> None:
        self.acknowledges = False
        self.asked = 0
        self.phones: list[ServerConnection] = []

    async def serve(self, phone: ServerConnection) -> None:
        self.phones.append(phone)
        async for message in phone:
            frame = json.loads(message)
            if frame["t"] == "hello":
                await phone.send(json.dumps({"t": "welcome"}))
            elif frame["t"] == "positions":
                self.asked += 1
                if self.acknowledges:
                    seqs = [fix["seq"] for fix in frame["fixes"]]
                    await phone.send(json.dumps({"t": "positions_saved", "seqs": seqs}))
            else:
                await phone.send(json.dumps({"t": "done", "id": frame["id"]}))


@asynccontextmanager
async def phone_at(port: int, ledger: Ledger) -> AsyncIterator[Crew]:
    crew = Crew(f"http://127.0.0.1:{port}", ledger, ClockErrors(), "driver", "token", str(uuid4()), UNIT)
    work = asyncio.create_task(crew.work())
    try:
        yield crew
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(condition: Callable[[], Any]) -> None:
    for _ in range(4000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


def traffic(ledger: Ledger, *crews: Crew) -> Traffic:
    return Traffic(ledger, ClockErrors(), [], list(crews), [], set())


async def test_a_fix_counts_from_its_sending_to_its_acknowledgement() -> None:
    ledger, server = Ledger(), Server()
    async with serve(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with phone_at(port, ledger) as crew:
            await until(lambda: server.asked)
            assert traffic(ledger, crew).in_flight >= 1
            server.acknowledges = True
            await until(lambda: ledger.fixes and not crew.fixes_under_way)
            assert traffic(ledger, crew).in_flight == 0
            server.acknowledges = False
            await until(lambda: crew.fixes_under_way)
            listening.close(close_connections=False)
            server.phones[-1].transport.abort()
            await until(lambda: not crew.line.connected.is_set())
            before = len(crew._memory.kept)
            await until(lambda: len(crew._memory.kept) >= before + 2)
            # they lie on the phone, and nobody was sent anything
            assert traffic(ledger, crew).in_flight == 0


async def test_the_moment_waits_for_something_that_changes_a_case() -> None:
    ledger = Ledger()
    everybody = traffic(ledger)
    with ledger.awaiting("board"), ledger.awaiting("candidates"), ledger.awaiting("call file"):
        with ledger.awaiting("units"):
            moment = asyncio.create_task(everybody.until_in_flight(4))
            await asyncio.wait({moment}, timeout=0.1)
            assert not moment.done()
        for kind in CHANGING:
            with ledger.awaiting(kind):
                await everybody.until_in_flight(4)
        with ledger.awaiting("send"):
            await moment
