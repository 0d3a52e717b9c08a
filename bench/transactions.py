"""Saturated claims and stand-downs in one regency beside bare SQL, and how long the log's head is held."""

from __future__ import annotations

import asyncio
import gc
import itertools
import multiprocessing
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from sqlalchemy import event

from bench.claims import _incident
from bench.private_system import SLUG, PrivateSystem, private_system
from dispatch.domain.roles import SYSTEM
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnitStatus
from dispatch.local.postgres import DATABASE
from dispatch.services.centre import Centre, open_centre
from dispatch.services.open_incident import Judgement
from dispatch.services.send_unit import Claim, claim_unit
from dispatch.services.stand_down import stand_down
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import list_units
from dispatch.settings import Settings
from dispatch.storage.connection import Connection
from dispatch.storage.transaction import APPEND, binding, new_id

SECONDS, WARM_UP_S = 5.0, 1.0
SETUPS = ((1, 1), (1, 8), (2, 4), (4, 2))
"""Processes, and connections of each."""
INCIDENTS = 25
# a unit that comes free rings for every case that waits and that it suits: here that would be all of them
NOBODY_FITS = Judgement(triage=Triage.YELLOW, needs=["bench"])
LIMIT_RATE, LIMIT_HELD_MS = 200.0, 10.0
Statement = tuple[str, tuple[Any, ...]]


@dataclass
class Done:
    """What one process did: transactions, CPU seconds, seconds."""

    transactions: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def rate(self) -> float:
        """Transactions a second."""
        return self.transactions / self.wall_s


@dataclass(frozen=True, slots=True)
class Lane:
    """One connection's own unit and incidents: lanes share nothing but the head of the log.

    There are several incidents, as no real one sees a unit come and go hundreds of times.
    """

    incidents: tuple[UUID, ...]
    unit: UUID


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one claim and its stand-down, written down with the ids that occur in them."""

    incident: UUID
    unit: UUID
    opening: str
    claim: list[Statement]
    stand_down: list[Statement]

    def anew(self, incident: UUID, unit: UUID) -> tuple[list[Statement], list[Statement]]:
        """The same statements about another unit and incident, every row they make with a new id."""
        known = {self.incident: incident, self.unit: unit}
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


# --- one connection ---


async def _serve(centre: Centre, entry: TenantEntry, lane: Lane, until: float, done: Done) -> None:
    incidents = itertools.cycle(lane.incidents)
    while time.time() < until:
        wanted = Claim(next(incidents), lane.unit, None, None, "bench")
        view = await claim_unit(centre, entry, SYSTEM, wanted, cause="bench")
        await stand_down(centre, entry, SYSTEM, view.id, "bench", cause="bench")
        done.transactions += 2


async def _bare(url: str, script: Script, lane: Lane, until: float, done: Done) -> None:
    connection = await asyncpg.connect(url, connection_class=Connection)
    incidents = itertools.cycle(lane.incidents)
    try:
        while time.time() < until:
            for statements in script.anew(next(incidents), lane.unit):
                connection.open_with(script.opening)
                connection.close_with(APPEND)
                async with connection.transaction():
                    for sql, given in statements:
                        await connection.fetch(sql, *given)
                done.transactions += 1
    finally:
        await connection.close()


# --- one process ---


async def _process(settings: Settings, lanes: list[Lane], script: Script | None, ready: Any) -> Done:
    done, warm = Done(), Done()
    centre = open_centre(settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)

        async def lane_of(lane: Lane, until: float, into: Done) -> None:
            if script is None:
                await _serve(centre, entry, lane, until, into)
            else:
                await _bare(settings.database_app_url, script, lane, until, into)

        begun = time.time()
        await asyncio.gather(*(lane_of(lane, begun + WARM_UP_S, warm) for lane in lanes))
        # as `dispatch serve` has it
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        # all processes begin together, however long each took to load its code
        await asyncio.to_thread(ready.wait)
        used, begun = time.process_time(), time.time()
        await asyncio.gather(*(lane_of(lane, begun + SECONDS, done) for lane in lanes))
        done.cpu_s, done.wall_s = time.process_time() - used, time.time() - begun
    finally:
        await centre.close()
    return done


def _in_process(settings: Settings, lanes: list[Lane], script: Script | None, ready: Any, out: Any) -> None:
    out.put(uvloop.run(_process(settings, lanes, script, ready)))


def _all_processes(
    system: PrivateSystem, lanes: list[Lane], processes: int, each: int, script: Script | None
) -> tuple[list[Done], float]:
    """Return what each did, and the CPU seconds of PostgreSQL meanwhile; warming up is left out of both."""
    spawn = multiprocessing.get_context("spawn")
    out, ready = spawn.Queue(), spawn.Barrier(processes + 1)
    started = [
        spawn.Process(
            target=_in_process,
            args=(system.settings, lanes[n * each : (n + 1) * each], script, ready, out),
        )
        for n in range(processes)
    ]
    for process in started:
        process.start()
    try:
        ready.wait(120)
        used = system.database_cpu_s()
        return [_result(out, started) for _ in started], system.database_cpu_s() - used
    finally:
        for process in started:
            process.join(timeout=10)


def _result(out: Any, started: list[Any]) -> Done:
    while True:
        try:
            done: Done = out.get(timeout=1)
        except Empty:
            if any(process.exitcode for process in started):
                raise RuntimeError("a process of the bench has failed; its words are above") from None
        else:
            return done


# --- the measurement ---


async def _prepare(settings: Settings, lanes: int) -> tuple[list[Lane], Script]:
    centre = open_centre(settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        free = [u.id for u in await list_units(centre, entry) if u.status is UnitStatus.AVAILABLE]
        if len(free) < lanes:
            raise RuntimeError(f"{len(free)} units are free, {lanes} are needed")
        made = [
            Lane(tuple([await _incident(centre, entry, NOBODY_FITS) for _ in range(INCIDENTS)]), unit)
            for unit in free[:lanes]
        ]
        return made, await _written_down(centre, entry, made[0])
    finally:
        await centre.close()


async def _written_down(centre: Centre, entry: TenantEntry, lane: Lane) -> Script:
    """Claim and stand down, and write every statement down as the driver was given it."""
    sent: list[Statement] = []

    def note(_c: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        sent.extend((sql, tuple(given)) for given in (parameters if many else [parameters]))

    incident = lane.incidents[0]
    wanted = Claim(incident, lane.unit, None, None, "bench")
    for _ in range(2):  # the first stand-down of a case says that it waits from now on
        sent.clear()
        event.listen(centre.database.engine.sync_engine, "before_cursor_execute", note)
        try:
            view = await claim_unit(centre, entry, SYSTEM, wanted, cause="bench")
            claim = list(sent)
            sent.clear()
            await stand_down(centre, entry, SYSTEM, view.id, "bench", cause="bench")
        finally:
            event.remove(centre.database.engine.sync_engine, "before_cursor_execute", note)
    return Script(incident, lane.unit, binding(entry.tenant), claim, list(sent))


_HELD = """
SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin) - min(recorded_at)) * 1000)::float8
FROM event WHERE cause = 'bench' AND recorded_at > $1 GROUP BY xmin
"""
_SYNCED = "SELECT wal_sync_time::float8, wal_sync FROM pg_stat_wal"


async def _asked(url: str, query: str, *given: Any) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query, *given)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Held:
    """How long the head of the log is held, by the database's own clock, in milliseconds.

    p50, p99: from its lock (which is when it dates the event) until the commit is written; sync: the mean
    time in which that is brought to the disk, after which others may have it.
    """

    p50: float
    p99: float
    sync: float


async def _held(url: str, since: datetime, synced: Any) -> Held:
    rows = await _asked(url, _HELD, since)
    (now,) = await _asked(url, _SYNCED)
    cuts = statistics.quantiles([row[0] for row in rows], n=100)
    return Held(cuts[49], cuts[98], (now[0] - synced[0]) / max(1, now[1] - synced[1]))


def _watch_commits(system: PrivateSystem) -> None:
    """Have the database note when each transaction was committed; it has to be started anew for that."""
    for setting in ("track_commit_timestamp", "track_wal_io_timing"):
        system.postgres.execute(f"ALTER SYSTEM SET {setting} = on")
    system.postgres.stop()
    system.postgres.start()


def _measure(system: PrivateSystem) -> None:
    _watch_commits(system)
    lanes, script = asyncio.run(_prepare(system.settings, max(p * each for p, each in SETUPS)))
    print(
        f"claims and stand-downs in turn, one regency, {SECONDS:.0f} s each; "
        f"{len(script.claim)} and {len(script.stand_down)} statements"
    )
    print(
        f"  limits: {LIMIT_RATE:.0f} transactions/s, head held p99 < {LIMIT_HELD_MS:.0f} ms; "
        "goal: half of bare SQL"
    )
    for processes, each in SETUPS:
        # as a system that has been at work for a while: its vacuum has looked at what the tables hold
        system.postgres.execute("VACUUM ANALYZE", DATABASE)
        since = datetime.now(UTC)
        (synced,) = asyncio.run(_asked(system.settings.database_url, _SYNCED))
        service, database = _all_processes(system, lanes, processes, each, None)
        held = asyncio.run(_held(system.settings.database_url, since, synced))
        bare, _ = _all_processes(system, lanes, processes, each, script)
        rate, base = (sum(done.rate for done in found) for found in (service, bare))
        count = max(1, sum(found.transactions for found in service))
        cpu = sum(found.cpu_s for found in service) / count * 1000
        print(
            f"  processes {processes}, connections of each {each}: service {rate:5.0f}/s   "
            f"bare SQL {base:5.0f}/s   ratio {rate / base:.2f}   "
            f"head held p50 {held.p50:.1f} p99 {held.p99:.1f} + to disk {held.sync:.1f} ms   "
            f"CPU a transaction: service {cpu:.1f}, database {database / count * 1000:.1f} ms",
            flush=True,
        )


def main() -> None:
    """Print rates, ratio and how long the head is held, for several numbers of processes and connections."""
    with private_system() as system:
        _measure(system)


if __name__ == "__main__":
    main()
