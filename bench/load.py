"""The load of a measurement, in a process of its own: phones at a pace or as quick as they are answered.

Reads a `Job` as JSON from standard input and prints a `Report` as JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import uvloop

from bench.private_system import cpu_s, database_cpu_s
from bench.raw_socket import RawSocket

AT_ONCE = 40
WARM_UP_S = 6.0


class Job(msgspec.Struct):
    """`tokens`: one phone each, or as many sockets of a bare echo as there are. `per_s` None: saturate.

    For `afterwards_s` the phones go on when the measured time is over. For the first `patience_s` of that,
    a fix that was sent in the measured time may still be acknowledged to be counted as kept.
    """

    port: int
    pid: int
    echo: bool
    tokens: list[str]
    ways: list[tuple[list[tuple[float, float]], list[float]]]
    per_s: float | None
    seconds: float
    database_pid: int | None = None
    operator: str | None = None
    afterwards_s: float = 0.0
    patience_s: float = 0.0


class Report(msgspec.Struct):
    """What went through in the measured time; seconds. `sent_late_s`: the load's own worst delay.

    `messages` are those that were acknowledged in it, `kept` those that were sent in it and acknowledged.
    """

    messages: int
    kept: int
    took_s: float
    server_cpu_s: float
    database_cpu_s: float
    answered_s: list[float]
    on_console_s: list[float]
    sent_late_s: float


class Phone:
    """Sends fixes of a vehicle that drives along its way, and hears of each that it is stored."""

    def __init__(self, socket: RawSocket, job: Job, number: int) -> None:
        self._socket = socket
        self._job = job
        self._places, self._headings = job.ways[number % len(job.ways)]
        self._second = number // len(job.ways) * 7 % len(self._places)
        self._seq = 0
        self._began = time.time()
        self._sent: deque[float] = deque()
        self.answered: list[float] = []
        self._from = self._to = 0
        socket.on_text = self._take

    def send(self) -> None:
        """Send one fix."""
        self._seq += 1
        now = time.time()
        # as far along as its time says, also when it sends a hundred times a second
        elapsed = self._second + int(now - self._began)
        at = elapsed % len(self._places)
        lon, lat = self._places[at]
        iso = datetime.fromtimestamp(now, UTC).isoformat().encode()
        self._sent.append(now)
        self._socket.send(
            b'{"t":"positions","fixes":[{"seq":%d,"at":"%b","lon":%.7f,"lat":%.7f,"accuracy_m":8.5,'
            b'"speed_ms":11.2,"heading_deg":%.1f}],"sent_at":"%b"}'
            % (self._seq, iso, lon, lat, self._headings[at], iso)
        )

    def begin(self) -> None:
        """Count from here."""
        self.answered.clear()
        self._from = self._seq

    def end(self) -> None:
        """What is sent from now on is none of the measured."""
        self._to = self._seq

    @property
    def kept(self) -> int:
        """How many of the fixes that were sent between `begin` and `end` have been acknowledged by now."""
        acknowledged = self._seq - len(self._sent)
        return max(0, min(acknowledged, self._to) - self._from)

    def _take(self, text: bytes) -> None:
        if self._job.echo:
            count = 1
        elif _is(text, b"positions_saved"):
            seqs = text[text.index(b"[") + 1 : text.index(b"]")]
            count = seqs.count(b",") + 1 if seqs else 0
        else:
            return
        now = time.time()
        for _ in range(min(count, len(self._sent))):
            self.answered.append(now - self._sent.popleft())
        if self._job.per_s is None:
            self.send()


def _is(text: bytes, kind: bytes) -> bool:
    """Whether a frame is of this kind; before it stands its number at most."""
    return b'"t":"%b"' % kind in text[:50]


class _Unit(msgspec.Struct):
    age_s: float


class _Snapshot(msgspec.Struct):
    at: datetime
    units: list[_Unit]


_snapshot = msgspec.json.Decoder(_Snapshot)


class Console:
    """An operator's screen, and how old each place is when it comes there."""

    def __init__(self, socket: RawSocket) -> None:
        self.ages: list[float] = []
        socket.on_text = self._take

    def _take(self, text: bytes) -> None:
        if _is(text, b"positions"):
            came = time.time()
            snapshot = _snapshot.decode(text)
            under_way = came - snapshot.at.timestamp()
            self.ages.extend(unit.age_s + under_way for unit in snapshot.units)


async def _until(socket: RawSocket, kind: bytes) -> None:
    came = asyncio.get_running_loop().create_future()

    def look(text: bytes) -> None:
        if not came.done() and _is(text, kind):
            came.set_result(None)

    socket.on_text = look
    async with asyncio.timeout(120):
        await came


async def _phone(job: Job, number: int, gate: asyncio.Semaphore) -> Phone:
    async with gate:
        socket = await RawSocket.open(job.port, "/echo" if job.echo else "/ws/driver")
        if not job.echo:
            hello = {
                "t": "hello",
                "token": job.tokens[number],
                "installation_id": str(uuid4()),
                "device_at": datetime.now(UTC).isoformat(),
            }
            socket.send(msgspec.json.encode(hello))
            await _until(socket, b"desk")
        return Phone(socket, job, number)


async def _console(job: Job) -> Console | None:
    if job.operator is None:
        return None
    socket = await RawSocket.open(job.port, "/ws/operator")
    socket.send(msgspec.json.encode({"t": "hello", "token": job.operator}))
    await _until(socket, b"welcome")
    return Console(socket)


async def _paced(phones: list[Phone], per_s: float, until: Callable[[], bool]) -> float:
    """Have every phone send at its pace, evenly spread; returns the worst delay of a sending."""
    each = 1.0 / per_s / len(phones)
    begin, number, late = time.perf_counter(), 0, 0.0
    while not until():
        now = time.perf_counter()
        while begin + number * each <= now:
            phones[number % len(phones)].send()
            late = max(late, now - begin - number * each)
            number += 1
        await asyncio.sleep(0.002)
    return late


async def run(job: Job) -> Report:
    """Connect, warm up, and measure."""
    gate = asyncio.Semaphore(AT_ONCE)
    phones = await asyncio.gather(*(_phone(job, n, gate) for n in range(len(job.tokens))))
    console = await _console(job)
    print("ready", file=sys.stderr, flush=True)
    ends = time.perf_counter() + WARM_UP_S + job.seconds + job.afterwards_s
    driving = None
    if job.per_s is None:
        for phone in phones:
            phone.send()
    else:
        driving = asyncio.create_task(_paced(phones, job.per_s, lambda: time.perf_counter() >= ends))
    await asyncio.sleep(WARM_UP_S)
    for phone in phones:
        phone.begin()
    if console is not None:
        console.ages.clear()
    began, server = time.perf_counter(), cpu_s(job.pid)
    database = 0.0 if job.database_pid is None else database_cpu_s(job.database_pid)
    await asyncio.sleep(job.seconds)
    took, server = time.perf_counter() - began, cpu_s(job.pid) - server
    if job.database_pid is not None:
        database = database_cpu_s(job.database_pid) - database
    answered = [seconds for phone in phones for seconds in phone.answered]
    ages = [] if console is None else list(console.ages)
    for phone in phones:
        phone.end()
    await asyncio.sleep(job.patience_s)
    kept = sum(phone.kept for phone in phones)
    print("measured", file=sys.stderr, flush=True)
    late = await driving if driving is not None else 0.0
    return Report(len(answered), kept, took, server, database, _thinned(answered), _thinned(ages), late)


def _thinned(values: list[float]) -> list[float]:
    """Every so many of the sorted values: their quantiles stay, and the report stays small."""
    ordered = sorted(values)
    step = max(1, len(ordered) // 5000)
    return ordered[::-1][::step][::-1]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(run(msgspec.json.decode(sys.stdin.buffer.read(), type=Job)))
    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:  # an unbuffered one may take a part only
        whole.write(msgspec.json.encode(report))
