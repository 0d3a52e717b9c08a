"""The load of the soak, a process of its own: moving crews, consoles, and cases from call to closure.

    python -m bench.soak.load PLAN RESULT

PLAN and RESULT are JSON files; RESULT tells what was done and everything that was not as it should be.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvloop

from bench.raw_socket import RawSocket
from bench.soak.console import Console, Tally
from dispatch.domain.errors import IllegalStep

TOWN = (107.4434, -6.5567)
REACH_DEG = 0.13
SPEED_MS = 11.0
METRES_PER_DEGREE = 111_195
PAUSE_S = (3.0, 9.0)
STEPS = (
    "accepted",
    "en_route",
    "on_scene",
    "at_patient",
    "left_scene",
    "at_facility",
    "handed_over",
    "cleared",
)
MOST_OPEN = 400
DRAIN_S = 120.0


class Crew:
    """One unit's phone: a fix a second, kept until it is acknowledged; goes on the runs it is sent on."""

    def __init__(self, number: int, socket: RawSocket, tally: Tally, facility: str) -> None:
        self._number = number
        self._socket = socket
        self._tally = tally
        self._facility = facility
        self._ids = itertools.count(1)
        self._seqs = itertools.count(1)
        self._told: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._run: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting: set[int] = set()
        socket.on_text = self.take

    def take(self, text: bytes) -> None:
        """Read a frame."""
        if b'"t":"positions_saved"' in text[:60]:  # behind the frame's number
            frame = json.loads(text)
            self.waiting.difference_update(frame["seqs"])
            self._tally.counts["fixes acknowledged"] += len(frame["seqs"])
            for refused in frame["rejected"]:
                self._tally.fault(f"crew {self._number}: fix refused: {refused['reason_en']}")
            return
        frame = json.loads(text)
        match frame["t"]:
            case "desk":
                self._look(frame)
            case "done" | "error" if frame.get("id") in self._told:
                self._told.pop(frame["id"]).set_result(frame)
            case "error":
                self._tally.fault(f"crew {self._number}: {frame['problem']['detail_en']}")

    def fix(self) -> None:
        """Send where the unit is now."""
        now = datetime.now(UTC).isoformat()
        seq = next(self._seqs)
        ahead = (seq + self._number) % 240
        back = ahead > 120
        course = self._number * 37 % 360
        driven = SPEED_MS / METRES_PER_DEGREE * (240 - ahead if back else ahead)
        angle = self._number * 2.399963  # the golden angle spreads them evenly
        far = REACH_DEG * math.sqrt((self._number + 0.5) / 1000)
        fix = {
            "seq": seq,
            "at": now,
            "lon": TOWN[0] + far * math.cos(angle) + driven * math.sin(math.radians(course)),
            "lat": TOWN[1] + far * math.sin(angle) + driven * math.cos(math.radians(course)),
            "accuracy_m": 8.0,
            "speed_ms": SPEED_MS,
            "heading_deg": float((course + 180 * back) % 360),
        }
        self.waiting.add(seq)
        self._socket.send(json.dumps({"t": "positions", "fixes": [fix], "sent_at": now}).encode())
        self._tally.counts["fixes sent"] += 1

    def _look(self, desk: dict[str, Any]) -> None:
        for run in desk["stood_down"]:
            self._spawn(self.tell("ack_stand_down", assignment_id=run))
        run = desk["run"]
        if run is not None and run["state"] == "offered" and run["assignment_id"] != self._run:
            self._run = run["assignment_id"]
            self._spawn(self._go(run["assignment_id"]))

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _go(self, run: str) -> None:
        for to in STEPS:
            await asyncio.sleep(random.uniform(*PAUSE_S))
            extra: dict[str, Any] = {}
            if to == "left_scene":
                extra = {"facility_id": self._facility}
            elif to == "handed_over":
                extra = {"receiver": "Contoh Perawat", "room": "IGD"}
            answer = await self.tell("step", assignment_id=run, to=to, **extra)
            if answer["t"] == "error":
                if answer["problem"]["code"] != IllegalStep.code:  # called back meanwhile
                    self._tally.fault(f"crew {self._number}: {to}: {answer['problem']['detail_en']}")
                self._tally.counts["runs left"] += 1
                return
        self._tally.counts["runs finished"] += 1

    async def tell(self, kind: str, **members: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._told[number] = answer
        self._socket.send(json.dumps({"t": kind, "id": number, **members}).encode())
        async with asyncio.timeout(30):
            return await answer


class Desk:
    """Calls and operators over HTTP: a call, the callback, the verdict, a unit, and the closure."""

    def __init__(self, client: httpx.AsyncClient, plan: dict[str, Any], tally: Tally) -> None:
        self._client = client
        self._plan = plan
        self._tally = tally
        self._residents = itertools.cycle(plan["residents"])
        self._operators = itertools.cycle(plan["operators"])
        self.sent: dict[str, float] = {}
        self.open: dict[str, tuple[str, float]] = {}
        self.calls: list[str] = []

    async def _ask(
        self, token: str, method: str, path: str, *fine: int, **given: Any
    ) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {token}"}
        began = time.perf_counter()
        try:
            answer = await self._client.request(method, f"/api/v1{path}", headers=headers, **given)
        except httpx.HTTPError as failure:
            self._tally.fault(f"{method} {path}: {type(failure).__name__}: {failure}")
            return None
        self._tally.asked_ms.append((time.perf_counter() - began) * 1000)
        self._tally.counts["requests"] += 1
        if not answer.is_success and answer.status_code not in fine:
            self._tally.fault(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer if answer.is_success else None

    async def case(self) -> None:
        """Play one case up to the sending; its crew does the rest."""
        call, operator = str(uuid4()), next(self._operators)
        angle, far = random.uniform(0, 2 * math.pi), random.uniform(0, 0.8 * REACH_DEG)
        place = {"lon": TOWN[0] + far * math.cos(angle), "lat": TOWN[1] + far * math.sin(angle)}
        self.sent[call] = time.perf_counter()
        if random.random() < 0.5:
            body: dict[str, Any] = {"id": call, "place": place, "place_accuracy_m": 12.0}
            made = await self._ask(next(self._residents), "POST", "/calls", json=body)
        else:
            body = {"id": call, "channel": "phone", "caller_phone": "081200000001", "place": place}
            made = await self._ask(operator, "POST", "/operator/calls", json=body)
        if made is None:
            return
        self.calls.append(call)
        self._tally.counts["calls acknowledged"] += 1
        await asyncio.sleep(random.uniform(1, 4))
        await self._ask(operator, "POST", f"/operator/calls/{call}/take")
        await self._ask(operator, "POST", f"/operator/calls/{call}/callbacks", json={"outcome": "answered"})
        verdict = {"triage": random.choice(("red", "yellow", "green"))}
        opened = await self._ask(operator, "POST", f"/operator/calls/{call}/incident", json=verdict)
        if opened is not None:
            incident = opened.json()["incident_id"]
            self.open[incident] = (operator, time.monotonic())
            await self._send(operator, incident)

    async def _send(self, operator: str, incident: str) -> None:
        for _ in range(5):  # another case may be faster, and another unit nearer by now
            ranked = await self._ask(operator, "GET", f"/operator/incidents/{incident}/candidates")
            if ranked is None or not ranked.json()["candidates"]:
                return
            choice = {"unit_id": ranked.json()["candidates"][0]["unit"]["id"]}
            path = f"/operator/incidents/{incident}/assignments"
            if await self._ask(operator, "POST", path, 409, 422, json=choice) is not None:
                self._tally.counts["units sent"] += 1
                return

    async def close_finished(self) -> None:
        """Close the cases whose runs have ended."""
        for incident, (operator, began) in list(self.open.items()):
            if time.monotonic() - began < 30:
                continue
            closed = await self._ask(operator, "POST", f"/operator/incidents/{incident}/closure", 409)
            if closed is not None:
                del self.open[incident]
                self._tally.counts["cases closed"] += 1


async def _every(seconds: float, work: Callable[[], None], until: float) -> None:
    due = time.monotonic()
    while due < until:
        work()
        due += seconds
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _connect_crew(number: int, crew: dict[str, str], plan: dict[str, Any], tally: Tally) -> Crew:
    socket = await RawSocket.open(plan["port"], "/ws/driver")
    made = Crew(number, socket, tally, plan["facility"])
    now = datetime.now(UTC).isoformat()
    hello = {"t": "hello", "token": crew["token"], "installation_id": str(uuid4()), "device_at": now}
    socket.send(json.dumps(hello).encode())
    return made


async def _play(plan: dict[str, Any]) -> dict[str, Any]:
    tally = Tally()
    limits = httpx.Limits(max_connections=40)
    address = f"http://127.0.0.1:{plan['port']}"
    async with (
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=30, limits=limits) as client,
        httpx.AsyncClient(base_url=address, trust_env=False, timeout=30, limits=limits) as boards,
    ):
        desk = Desk(client, plan, tally)
        consoles = []
        screens = []
        for number, token in enumerate(plan["consoles"]):
            socket = await RawSocket.open(plan["port"], "/ws/operator")
            console = Console(tally, desk.sent if number == 0 else None)
            socket.on_text = console.take
            socket.send(json.dumps({"t": "hello", "token": token}).encode())
            consoles.append(console)
            screens.append(asyncio.create_task(console.read_boards(boards, token)))
        crews = [await _connect_crew(n, c, plan, tally) for n, c in enumerate(plan["crews"])]
        await _run(plan, tally, desk, crews)
        head = await _head(client, plan)
        await _until(lambda: all(c.seq >= head for c in consoles), 10)
        for console in consoles:
            if console.seq < head:
                tally.fault(f"console at {console.seq}, the log at {head}")
        for screen in screens:
            screen.cancel()
        for ended in await asyncio.gather(*screens, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                tally.fault(f"a console stopped reading boards: {ended!r}")
        lost = sum(len(crew.waiting) for crew in crews)
        if lost:
            tally.fault(f"{lost} fixes without an answer")
    return {
        "counts": tally.counts,
        "wrong": tally.wrong,
        "seen_ms": tally.seen_ms,
        "asked_ms": tally.asked_ms,
        "board_ms": tally.board_ms,
        "calls": desk.calls,
        "left_open": len(desk.open),
    }


async def _run(plan: dict[str, Any], tally: Tally, desk: Desk, crews: list[Crew]) -> None:
    until = time.monotonic() + plan["seconds"]
    cases: set[asyncio.Task[None]] = set()

    def call() -> None:
        if len(desk.open) < MOST_OPEN:
            task = asyncio.create_task(desk.case())
            cases.add(task)
            task.add_done_callback(cases.discard)
        else:
            tally.fault(f"{len(desk.open)} cases are open: the crews do not keep up")

    # every phone has its own moment within the second
    async def drive(crew: Crew, phase: float) -> None:
        await asyncio.sleep(phase)
        await _every(plan["fix_every_s"], crew.fix, until)

    async def close() -> None:
        while time.monotonic() < until or (desk.open and time.monotonic() < until + DRAIN_S):
            await desk.close_finished()
            await asyncio.sleep(5)

    spread = plan["fix_every_s"] / max(1, len(crews))
    moving = [asyncio.create_task(drive(crew, n * spread)) for n, crew in enumerate(crews)]
    await asyncio.gather(_every(60 / plan["calls_a_minute"], call, until), close(), *moving)
    await _until(lambda: not any(crew.waiting for crew in crews), 10)


async def _head(client: httpx.AsyncClient, plan: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {plan['operators'][0]}"}
    return int((await client.get("/api/v1/operator/board", headers=headers)).json()["seq"])


async def _until(true: Callable[[], bool], patience_s: float) -> None:
    end = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > end:
            return
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    result = uvloop.run(_play(json.loads(Path(sys.argv[1]).read_text())))
    Path(sys.argv[2]).write_text(json.dumps(result))
