"""A crew without a signal: what its phone keeps, in which order it tells it, and how the log counts it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from websockets.asyncio.server import ServerConnection, serve

from rehearsal.cab import Cab
from rehearsal.casebook import Casebook, CaseNote, RunNote
from rehearsal.desks import RunSheet
from rehearsal.dice import dice
from rehearsal.facts import fact_of_act
from rehearsal.logbook import Logbook, read_lines
from rehearsal.pace import Pace
from rehearsal.signal import outage
from rehearsal.track import Spot

RUN, CASE, UNIT = uuid4(), uuid4(), uuid4()
HERE = Spot(107.44, -6.55, 0.0)


class Centre:
    """A server of one crew's socket that remembers what it was told, across connections."""

    def __init__(self) -> None:
        self.state = "en_route"
        self.frames: list[dict[str, Any]] = []
        self.late: set[str] = set()
        self.news = asyncio.Event()

    async def serve(self, connection: ServerConnection) -> None:
        await connection.recv()
        await self._say(connection, t="welcome")
        await self._say(connection, t="desk", **self.desk())
        async for message in connection:
            frame = json.loads(message)
            self.frames.append(frame)
            self.news.set()
            if frame["t"] == "positions":
                seqs = [fix["seq"] for fix in frame["fixes"]]
                await self._say(connection, t="positions_saved", seqs=seqs, rejected=[])
                continue
            reported = frame["to"] in self.late
            self.state = self.state if reported else frame["to"]
            result = {
                "assignment_id": str(RUN),
                "state": self.state,
                "moves": ["cleared"],
                "occurred_at": frame["device_at"],
                "reported": reported,
                "repeated": False,
            }
            await self._say(connection, t="done", id=frame["id"], result=result)

    def desk(self) -> dict[str, Any]:
        run = {
            "assignment_id": str(RUN),
            "incident_id": str(CASE),
            "incident_number": "PWK-1",
            "state": self.state,
            "moves": ["on_scene"],
            "triage": "red",
            "place": None,
            "speed_factor": None,
        }
        aboard = {"unit_id": str(UNIT), "call_sign": "PWK-A01"}
        return {"training": True, "aboard": aboard, "run": run, "stood_down": []}

    @staticmethod
    async def _say(connection: ServerConnection, **frame: Any) -> None:
        await connection.send(json.dumps(frame))

    async def until_told(self, what: list[str]) -> None:
        """Wait until exactly this has come."""
        async with asyncio.timeout(10):
            while self.told() != what:
                self.news.clear()
                await self.news.wait()

    def told(self) -> list[str]:
        """What came, in order: steps by name, positions by their numbers, replayed ones in brackets."""
        return [
            frame.get("to")
            or " ".join(f"({f['seq']})" if f.get("replayed") else str(f["seq"]) for f in frame["fixes"])
            for frame in self.frames
        ]


@asynccontextmanager
async def driving(centre: Centre, folder: Path) -> AsyncIterator[Cab]:
    async with serve(centre.serve, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        tasks: set[asyncio.Task[None]] = set()

        def spawn(work: Any, name: str) -> asyncio.Task[None]:
            task = asyncio.create_task(work, name=name)
            tasks.add(task)
            return task

        async def nothing() -> None:
            return None

        ensemble: Any = SimpleNamespace(
            connection=SimpleNamespace(sockets=f"ws://{host}:{port}"),
            pace=Pace(1.0, ZoneInfo("Asia/Jakarta")),
            log=Logbook(folder),
            casebook=Casebook(),
            spawn=spawn,
        )
        player: Any = SimpleNamespace(by="staff:driver:x", token="tanda", sign_in=nothing)
        cab = Cab(ensemble, player, HERE)
        link = asyncio.create_task(cab.wire.run())
        try:
            while cab.desk is None:
                await cab.until_news(10.0)
            yield cab
            for task in tasks:
                await task
        finally:
            link.cancel()
            await asyncio.wait({link})


def run_of(cab: Cab) -> RunSheet:
    assert cab.desk is not None
    assert cab.desk.run is not None
    return cab.desk.run


async def test_what_waited_is_told_newest_fix_first_then_the_steps_then_the_rest(tmp_path: Path) -> None:
    centre, noise = Centre(), dice("test")
    async with driving(centre, tmp_path) as cab:
        await cab.send_fix(10.0, noise, on_run=True)
        await cab.step(run_of(cab), "staged")  # answered after the fix was
        await cab.lose_signal(0.4)
        before = datetime.now(UTC)
        for _ in range(3):
            await cab.send_fix(10.0, noise, on_run=True)
        await cab.step(run_of(cab), "on_scene")
        assert run_of(cab).state == "on_scene", "the crew goes on"
        await cab.step(run_of(cab), "at_patient")
        after = datetime.now(UTC)
        await cab.signal()
        await centre.until_told(["1", "staged", "4", "on_scene", "at_patient", "(2) (3)"])
        assert run_of(cab).state == "at_patient"
        counts = dict(cab._all.log.counts)
        assert (counts["signal_lost"], counts["steps_late"], counts["fixes_replayed"]) == (1, 2, 2)

        facts = [fact for line in read_lines(tmp_path, before) if (fact := fact_of_act(line))]
        online, *facts = facts
        assert online.about["to"] == "staged"
        assert [fact.about["to"] for fact in facts] == ["on_scene", "at_patient"]
        for fact in facts:
            assert before <= fact.when.lo <= fact.when.hi <= after, "the fact is of when it happened"
            assert fact.known is not None
            assert fact.known - fact.when.hi > timedelta(seconds=0.2), "and known only later"
        back = next(line for line in read_lines(tmp_path, before) if line["t"] == "signal_back")
        assert (back["fixes"], back["steps"]) == (3, 2)


async def test_a_step_that_came_too_late_is_no_fact_and_the_desk_is_the_server_s(tmp_path: Path) -> None:
    centre = Centre()
    centre.late = {"on_scene"}
    async with driving(centre, tmp_path) as cab:
        await cab.lose_signal(0.3)
        await cab.step(run_of(cab), "on_scene")
        centre.state = "stood_down"
        await cab.signal()
        lines = list(read_lines(tmp_path, datetime.now(UTC)))
        (act,) = [line for line in lines if line["t"] == "act"]
        assert act["reported"] is True
        assert fact_of_act(act) is None
        assert run_of(cab).state == "stood_down"


async def test_steps_of_a_run_that_a_person_has_taken_over_meanwhile_are_not_told(tmp_path: Path) -> None:
    centre = Centre()
    async with driving(centre, tmp_path) as cab:
        run = RunNote(str(RUN), str(CASE), str(UNIT), "PWK-A01", "app", "proposed", None)
        case = CaseNote(str(CASE), "PWK-1", "red", None, runs={run.id: run})
        cab._all.casebook.cases[case.id] = case
        await cab.lose_signal(0.3)
        await cab.step(run_of(cab), "on_scene")
        run.by_person = True
        await cab.signal()
        assert centre.told() == []
        assert run_of(cab).state == "en_route", "the desk shows what the person has made of it"


async def test_with_a_signal_nothing_waits(tmp_path: Path) -> None:
    centre = Centre()
    async with driving(centre, tmp_path) as cab:
        await asyncio.wait_for(cab.signal(), 0.1)
        await cab.step(run_of(cab), "on_scene")
        assert centre.told() == ["on_scene"]


def test_outages_are_the_seed_s_alone_and_neither_rare_nor_the_rule() -> None:
    def drawn(seed: int) -> list[Any]:
        return [outage(dice(seed, "signal", "PWK-A01", n, "to the scene")) for n in range(400)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    had = [found for found in drawn(7) if found is not None]
    assert 40 < len(had) < 110
    assert all(0.15 <= found.after_share <= 0.95 and 0 < found.lasts_s <= 900 for found in had)
