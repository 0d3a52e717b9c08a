"""Saturated claims, then stand-downs, in one regency beside bare SQL, and how long the log's head is held."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from queue import Empty
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from sqlalchemy import event

from bench.fleet import make_fleet
from bench.head_clock import CLOCKED_APPEND, TABLE, held
from bench.private_system import SLUG, PrivateSystem, private_system
from bench.verdicts import alone, show
from dispatch.domain.roles import SYSTEM
from dispatch.local.postgres import DATABASE
from dispatch.services.centre import Centre, open_centre
from dispatch.services.send_unit import Claim, claim_unit
from dispatch.services.stand_down import stand_down
from dispatch.services.tenants import TenantEntry
from dispatch.settings import Settings
from dispatch.storage import transaction
from dispatch.storage.connection import Connection
from dispatch.storage.transaction import binding, new_id

SETUPS = ((1, 1), (1, 8), (2, 4), (4, 2))
"""Processes, and connections of each."""
PAIRS, WARM_UP, ROUNDS = 640, 20, 2
"""Units with an incident each; how many of a connection's warm it up; how often all of them are claimed."""
AT_WORK = 160
"""How many are on a run while PostgreSQL takes its statistics: a system at work is never seen idle by it."""
LIMIT_RATE, LIMIT_HELD_MS = 200.0, 10.0
GOAL_OF_BARE = 0.5
KINDS = ("claim", "stand-down")
# a unit that comes free rings for every case that waits and that it suits: here that would be all of them
NOBODY_FITS = ("bench",)
Statement = tuple[str, tuple[Any, ...]]
Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class Done:
    """What one process did of one kind: transactions, their CPU seconds, and the seconds of each round."""

    transactions: int = 0
    cpu_s: float = 0.0
    walls_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pair:
    """A free unit and an incident that waits for one; no two share anything but the head of the log."""

    incident: UUID
    unit: UUID


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one claim and its stand-down, written down with the ids that occur in them."""

    pair: Pair
    regency_id: int
    opening: str
    claim: list[Statement]
    stand_down: list[Statement]

    def anew(self, pair: Pair) -> tuple[list[Statement], list[Statement]]:
        """The same statements about another unit and incident, every row they make with a new id."""
        known = {self.pair.incident: pair.incident, self.pair.unit: pair.unit}
        made = {value for _, given in self.claim + self.stand_down for value in _ids(given)} - known.keys()
        renamed = known | {old: new_id() for old in made}
        words = {str(old): str(new) for old, new in renamed.items()}
        return (
            [(sql, tuple(_replaced(value, renamed, words) for value in given)) for sql, given in self.claim],
            [(sql, tuple(_replaced(v, renamed, words) for v in given)) for sql, given in self.stand_down],
        )


def _ids(given: tuple[Any, ...]) -> set[UUID]:
    found = {value for value in given if isinstance(value, UUID)}
    return found | {v for value in given if isinstance(value, list) for v in value if isinstance(v, UUID)}


def _replaced(value: Any, ids: dict[UUID, UUID], words: dict[str, str]) -> Any:
    if isinstance(value, UUID):
        return ids.get(value, value)
    if isinstance(value, list):
        return [_replaced(one, ids, words) for one in value]
    if isinstance(value, str) and len(value) > 36:
        for old, new in words.items():
            value = value.replace(old, new)
    return value


# --- one connection's work: all its claims, then all its stand-downs ---


def _services(centre: Centre, entry: TenantEntry, pairs: Sequence[Pair]) -> tuple[Work, Work]:
    runs: list[UUID] = []

    async def claim() -> None:
        for pair in pairs:
            wanted = Claim(pair.incident, pair.unit, None, None, "bench")
            runs.append((await claim_unit(centre, entry, SYSTEM, wanted, cause="bench")).id)

    async def call_back() -> None:
        for run in runs:
            await stand_down(centre, entry, SYSTEM, run, "bench", cause="bench")

    return claim, call_back


def _statements(connection: Connection, script: Script, pairs: Sequence[Pair]) -> tuple[Work, Work]:
    written = [script.anew(pair) for pair in pairs]

    async def all_of(kind: int) -> None:
        for statements in written:
            connection.open_with(script.opening)
            connection.close_with(CLOCKED_APPEND)
            async with connection.transaction():
                for sql, given in statements[kind]:
                    await connection.fetch(sql, *given)

    return (lambda: all_of(0)), (lambda: all_of(1))


# --- one process ---


async def _process(
    settings: Settings, lanes: list[list[Pair]], script: Script | None, ready: Any
) -> tuple[Done, Done]:
    done = Done(), Done()
    # this process is the bench's alone; bare SQL is sent the same words
    transaction.APPEND = CLOCKED_APPEND
    centre = open_centre(settings, name="bench")
    wires: list[Connection] = [
        await asyncpg.connect(settings.database_app_url, connection_class=Connection) for _ in lanes
    ]
    try:
        entry = await centre.tenants.by_slug(SLUG)

        def work(lane: int, pairs: Sequence[Pair]) -> tuple[Work, Work]:
            if script is None:
                return _services(centre, entry, pairs)
            return _statements(wires[lane], script, pairs)

        async def turn(count: int | None, measured: bool) -> None:
            works = [work(n, pairs[:count]) for n, pairs in enumerate(lanes)]
            for kind in range(len(KINDS)):
                if measured:  # all processes begin together, and the database's time is read
                    await asyncio.to_thread(ready.wait)
                used, begun = time.process_time(), time.perf_counter()
                await asyncio.gather(*(of_lane[kind]() for of_lane in works))
                if measured:
                    done[kind].transactions += sum(len(pairs) for pairs in lanes)
                    done[kind].cpu_s += time.process_time() - used
                    done[kind].walls_s.append(time.perf_counter() - begun)

        await turn(WARM_UP, measured=False)
        # as `dispatch serve` has it
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        for _ in range(ROUNDS):
            await turn(None, measured=True)
    finally:
        for wire in wires:
            await wire.close()
        await centre.close()
    return done


def _in_process(
    settings: Settings, lanes: list[list[Pair]], script: Script | None, ready: Any, out: Any
) -> None:
    out.put(uvloop.run(_process(settings, lanes, script, ready)))


@dataclass
class Total:
    """What all processes did of one kind since they were warm, and PostgreSQL's CPU seconds meanwhile."""

    done: list[Done]
    since: datetime
    database_s: float = 0.0

    @property
    def rate(self) -> float:
        """Transactions a second: a round, which all begin together, lasts until the last process is done."""
        rounds = zip(*(done.walls_s for done in self.done), strict=True)
        return self.count / sum(max(walls) for walls in rounds)

    @property
    def count(self) -> int:
        """Transactions of all processes."""
        return sum(done.transactions for done in self.done)


def _all_processes(
    system: PrivateSystem, pairs: list[Pair], processes: int, each: int, script: Script | None
) -> tuple[Total, Total]:
    """Divide the pairs among all connections; return the claims and the stand-downs."""
    spawn = multiprocessing.get_context("spawn")
    out, ready = spawn.Queue(), spawn.Barrier(processes + 1)
    lanes = [pairs[n :: processes * each] for n in range(processes * each)]
    started = [
        spawn.Process(
            target=_in_process,
            args=(system.settings, lanes[n * each : (n + 1) * each], script, ready, out),
        )
        for n in range(processes)
    ]
    for process in started:
        process.start()
    read = []
    since = None
    try:
        for _ in range(ROUNDS * len(KINDS)):
            ready.wait(120)
            since = since or datetime.now(UTC)
            read.append(system.database_cpu_s())
        found = [_result(out, started) for _ in started]
        read.append(system.database_cpu_s())
    finally:
        for process in started:
            process.join(timeout=10)
    spent = [after - before for before, after in pairwise(read)]
    assert since is not None
    return (
        Total([claims for claims, _ in found], since, sum(spent[::2])),
        Total([backs for _, backs in found], since, sum(spent[1::2])),
    )


def _result(out: Any, started: list[Any]) -> tuple[Done, Done]:
    while True:
        try:
            done: tuple[Done, Done] = out.get(timeout=1)
        except Empty:
            if any(process.exitcode for process in started):
                raise RuntimeError("a process of the bench has failed; its words are above") from None
        else:
            return done


# --- the measurement ---


async def _prepare(settings: Settings) -> tuple[list[Pair], Script]:
    centre = open_centre(settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        crews = await make_fleet(centre, entry, PAIRS, needs=NOBODY_FITS, idle=True)
        pairs = [Pair(crew.incident_id, crew.unit_id) for crew in crews]
        return pairs, await _written_down(centre, entry, pairs[0])
    finally:
        await centre.close()


async def _written_down(centre: Centre, entry: TenantEntry, pair: Pair) -> Script:
    """Claim and stand down, and write every statement down as the driver was given it."""
    sent: list[Statement] = []

    def note(_c: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        sent.extend((sql, tuple(given)) for given in (parameters if many else [parameters]))

    engine = centre.database.engine.sync_engine
    claim, call_back = _services(centre, entry, [pair])
    event.listen(engine, "before_cursor_execute", note)
    try:
        await claim()
        claimed = list(sent)
        sent.clear()
        await call_back()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return Script(pair, entry.tenant.id, binding(entry.tenant), claimed, list(sent))


async def _take_statistics(system: PrivateSystem, pairs: Sequence[Pair]) -> None:
    """Vacuum and analyse while these are on a run, as happens to a system that has been at work for a while.

    Statistics of a moment without one open timer would have every statement read them all, for a minute.
    """
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        claim, call_back = _services(centre, entry, pairs)
        await claim()
        await asyncio.to_thread(system.postgres.execute, "VACUUM ANALYZE", DATABASE)
        await call_back()
    finally:
        await centre.close()


def _measure(system: PrivateSystem) -> None:
    pairs, script = asyncio.run(_prepare(system.settings))
    system.postgres.execute(TABLE, DATABASE)
    print(
        f"{PAIRS} claims, then as many stand-downs, {ROUNDS} times, in one regency; "
        f"{len(script.claim)} and {len(script.stand_down)} statements"
    )
    best = 0.0
    for processes, each in SETUPS:
        asyncio.run(_take_statistics(system, pairs[:AT_WORK]))
        service = _all_processes(system, pairs, processes, each, None)
        head = asyncio.run(held(system.settings.database_url, script.regency_id, service[0].since))
        bare = _all_processes(system, pairs, processes, each, script)
        print(f"  processes {processes}, connections of each {each}")
        show(f"{processes} x {each}: head held p99, flush included", head.p99, "ms", LIMIT_HELD_MS,
             remark=f"(p50 {head.p50:.1f}, n = {head.count})")  # fmt: skip
        for kind, ours, base in zip(KINDS, service, bare, strict=True):
            cpu = sum(done.cpu_s for done in ours.done) / ours.count * 1000
            print(
                f"    {kind:10} {ours.rate:5.0f}/s   bare SQL {base.rate:5.0f}/s   "
                f"CPU of each: service {cpu:.1f}, database {ours.database_s / ours.count * 1000:.1f} ms"
            )
            of_bare = ours.rate / base.rate
            show(f"{processes} x {each}: {kind}, ratio to bare SQL", of_bare, "x", goal=GOAL_OF_BARE,
                 least=True, digits=2)  # fmt: skip
        best = max(best, service[0].rate)
    show("claims in one regency, at the best of these", best, "/s", LIMIT_RATE, least=True)


def main() -> None:
    """Print rates, ratios and how long the head is held, for several numbers of processes and connections."""
    with private_system() as system:
        _measure(system)


if __name__ == "__main__":
    sys.exit(alone(main))
