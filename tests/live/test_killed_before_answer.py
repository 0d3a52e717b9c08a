"""The server is killed between a commit and its acknowledgement: told again, everything is there once.

The real process is killed by SIGKILL at two moments that no test inside it could reach. Either its answer
has left and is lost on its way, or it does not know itself that the commit has been done: the database's
line is held at the very answer to that COMMIT, so that nothing can have been acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from held_line import HeldLine
from live_scene import Screen, World, driver_screen, fix
from test_resident import Household, household

from dispatch.services.unit_state import UnitView

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 40.0
Seen = Callable[[], Awaitable[bool]]


@dataclass
class Served:
    """A serving process behind two lines: to its clients on `port`, and from it to the database."""

    environment: dict[str, str]
    clients: HeldLine
    database: HeldLine
    process: asyncio.subprocess.Process | None = None
    address: int = 0
    output: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where clients find it, before and after it was killed."""
        return self.clients.port

    async def start(self) -> None:
        """Start it and wait until it listens."""
        command = (sys.executable, "-m", "dispatch", "serve", "--port", "0")
        self.process = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment,
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.output.append(line.decode())
            if found := re.search(r"running on http://\S+:(\d+)", self.output[-1]):
                self.address = int(found[1])
                return
        pytest.fail("".join(self.output))

    async def kill(self) -> None:
        """End it as no process can prevent."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.communicate()
            self.process = None

    async def kill_once(self, seen: Seen) -> None:
        """Kill it as soon as the database shows what it was told."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if await seen():
                    break
                await asyncio.sleep(0.01)
        await self.kill()


@asynccontextmanager
async def _served(world: World) -> AsyncIterator[Served]:
    url = urlsplit(world.settings.database_app_url)
    query = parse_qs(url.query)
    name = f".s.PGSQL.{query.get('port', ['5432'])[0]}"
    real = Path(query["host"][0]) / name
    async with AsyncExitStack() as stack:
        # a unix socket's path has to be short
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semar-line-")))
        database = HeldLine(lambda: asyncio.open_unix_connection(real))
        await stack.enter_async_context(database.on_a_socket(sockets / name))
        clients = HeldLine(lambda: asyncio.open_connection("127.0.0.1", served.address))
        await stack.enter_async_context(clients.on_a_port())
        environment = os.environ | {
            "DATABASE_APP_URL": url._replace(
                query=url.query.replace(query["host"][0], str(sockets))
            ).geturl(),
            "SEMAR_RUN_DIR": str(world.settings.run_dir),
            "SEMAR_HOST": "127.0.0.1",
            "PYTHONUNBUFFERED": "1",
        }
        served = Served(environment, clients, database)
        stack.push_async_callback(served.kill)
        await served.start()
        yield served


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    """A real serving process; it and its lines end with the test."""
    async with _served(world) as it:
        yield it


@dataclass
class Told:
    """Something a client tells: how, what shows that it is stored, and what must be there once."""

    world: World
    unit: UnitView
    phone: UUID
    token: str
    run: UUID
    home: Household
    call: UUID = field(default_factory=uuid4)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    acknowledged: list[str] = field(default_factory=list)

    async def count(self, query: str, **values: Any) -> int:
        """Count by the database's superuser, past the line that is held."""
        return int((await self.world.as_admin(f"SELECT count(*) FROM {query}", **values))[0][0])

    # --- a fix ---

    async def tell_fix(self, screen: Screen, seq: int = 2) -> None:
        """One fix of the phone; each is ten metres and a second after the one before it."""
        seconds = timedelta(seconds=seq)
        one = fix(seq, self.at + seconds, lon=107.44 + seq * 1e-4)
        await screen.say("positions", fixes=[one])

    async def fix_is_stored(self) -> bool:
        """Whether the second fix is committed."""
        return await self.count("position WHERE installation_id = :i AND sequence = 2", i=self.phone) > 0

    # --- a step ---

    async def tell_step(self, screen: Screen) -> None:
        """The crew has accepted, at a moment by the phone's clock."""
        await screen.say(
            "step", id="s", assignment_id=str(self.run), to="accepted", device_at=self.at.isoformat()
        )

    async def step_is_stored(self) -> bool:
        """Whether its stamp is committed."""
        return await self.count("stamp WHERE assignment_id = :r AND name = 'accepted_at'", r=self.run) > 0

    # --- a call ---

    async def tell_call(self, served: Served) -> int | None:
        """A resident's request; None when no answer came."""
        body = {"id": str(self.call), "place": {"lon": 107.4434, "lat": -6.5567}}
        headers = {"Authorization": f"Bearer {self.home.token}"}
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            try:
                answer = await client.post(
                    f"http://127.0.0.1:{served.port}/api/v1/calls", json=body, headers=headers
                )
            except httpx.TransportError:
                return None
        assert answer.json()["call_id"] == str(self.call)
        return answer.status_code

    async def call_is_stored(self) -> bool:
        """Whether the call is committed."""
        return await self.count("call WHERE id = :c", c=self.call) > 0

    # --- afterwards ---

    async def check_once(self) -> None:
        """Everything is there exactly once, and the marker stands at the newest fix."""
        fixes = [(row.sequence, row.installation_id) for row in await self.world.positions()]
        assert fixes == [(seq, self.phone) for seq in (1, 2, 3)]
        marker = await self.world.marker(self.unit.id)
        assert (marker.sequence, round(marker.lon, 6)) == (3, round(107.44 + 3e-4, 6))
        stamps = await self.world.as_admin(
            "SELECT occurred_at FROM stamp WHERE assignment_id = :r AND name = 'accepted_at'", r=self.run
        )
        assert len(stamps) == 1
        told = "event WHERE subject_id = :s AND kind = :k"
        stepped = await self.count(
            told + " AND data->>'to' = 'accepted'", s=str(self.run), k="assignment_stepped"
        )
        assert stepped == 1
        assert await self.count("call WHERE id = :c", c=self.call) == 1
        assert await self.count(told, s=str(self.call), k="call_received") == 1
        assert await self.count("reported_fact") == 0


@pytest.fixture
async def told(world: World) -> Told:
    """A crew aboard with an offer before it, and a resident."""
    unit = (await world.units())[0]
    await world.sign_on_earlier("pengemudi1", unit, timedelta(minutes=1))
    run = await world.send(unit.id)
    token, home = await world.token("pengemudi1"), await household(world, 1)
    return Told(world, unit, uuid4(), token, run.id, home)


@asynccontextmanager
async def _phone(told: Told, served: Served) -> AsyncIterator[Screen]:
    async with driver_screen(served, told.token, installation=told.phone) as screen:
        yield screen


async def _saved(screen: Screen, seq: int) -> None:
    await screen.until("positions_saved", lambda f: seq in f["seqs"])


async def _tell_all_again(told: Told, served: Served) -> None:
    """As a phone does that has no acknowledgement: the newest fix first, then what it kept."""
    async with _phone(told, served) as screen:
        await told.tell_fix(screen, 3)
        await _saved(screen, 3)
        await told.tell_fix(screen)
        await _saved(screen, 2)
        await told.tell_step(screen)
        done = await screen.until("done", lambda f: f["id"] == "s")
        assert done["result"]["state"] == "accepted"
    assert await told.tell_call(served) in (200, 201)
    assert await told.tell_call(served) == 200


async def _yes() -> bool:
    return True


async def test_an_answer_that_is_lost_with_its_server(told: Told, served: Served) -> None:
    """The answers have left, the line swallows them, and nobody is left who could say them again."""
    async with _phone(told, served) as screen:
        await told.tell_fix(screen, 1)
        await _saved(screen, 1)
        served.clients.swallow = _yes
        await told.tell_fix(screen)
        await told.tell_step(screen)
        calling = asyncio.create_task(told.tell_call(served))

        async def stored() -> bool:
            return await told.fix_is_stored() and await told.step_is_stored() and await told.call_is_stored()

        await served.kill_once(stored)
        assert await calling is None
        await screen.closed()
        assert screen.of("done") == []
        assert [f["seqs"] for f in screen.of("positions_saved")] == [[1]]
    served.clients.let_go()
    await served.start()
    await _tell_all_again(told, served)
    await told.check_once()


@pytest.mark.parametrize("what", ["fix", "step", "call"])
async def test_a_commit_of_which_the_server_has_not_heard(told: Told, served: Served, what: str) -> None:
    """The database has committed, its answer is held: what the server does not know it cannot have said."""
    stored: Seen = {"fix": told.fix_is_stored, "step": told.step_is_stored, "call": told.call_is_stored}[what]
    calling: asyncio.Task[int | None] | None = None
    async with _phone(told, served) as screen:
        await told.tell_fix(screen, 1)
        await _saved(screen, 1)
        served.database.cue, served.database.swallow = b"COMMIT", stored
        if what == "fix":
            await told.tell_fix(screen)
        elif what == "step":
            await told.tell_step(screen)
        else:
            calling = asyncio.create_task(told.tell_call(served))
        await asyncio.wait_for(served.database.held.wait(), PATIENCE_S)
        await served.kill_once(stored)
        await screen.closed()
        assert screen.of("done") == []
        assert [f["seqs"] for f in screen.of("positions_saved")] == [[1]]
    assert calling is None or await calling is None
    served.database.let_go()
    await served.start()
    await _tell_all_again(told, served)
    await told.check_once()
