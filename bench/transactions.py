"""Saturated claims and stand-downs in one regency beside bare SQL, and how long the log's head is held."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from sqlalchemy import event

from bench.claims import _incident
from bench.private_system import SLUG, PrivateSystem, private_system
from dispatch.domain.roles import SYSTEM
from dispatch.domain.unit import UnitStatus
from dispatch.services.centre import Centre, open_centre
from dispatch.services.send_unit import Claim, claim_unit
from dispatch.services.stand_down import stand_down
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import list_units
from dispatch.settings import Settings
from dispatch.storage.transaction import new_id

SECONDS, WARM_UP_S = 5.0, 1.0
SETUPS = ((1, 1), (1, 8), (2, 4), (4, 2))
"""Processes, and connections of each."""
LIMIT_RATE, LIMIT_HELD_MS = 200.0, 10.0
Statement = tuple[str, tuple[Any, ...]]


@dataclass
class Done:
    """What one process did: transactions, when each was answered (seconds since 1970), CPU seconds."""

    transactions: int = 0
    answered: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    wall_s: float = 0.0

    @property
    def rate(self) -> float:
        """Transactions a second."""
        return self.transactions / self.wall_s


@dataclass(frozen=True, slots=True)
class Lane:
    """One connection's own unit and incident: lanes share nothing but the head of the log."""

    incident: UUID
    unit: UUID


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one claim and its stand-down, written down with the ids that occur in them."""

    lane: Lane
    claim: list[Statement]
    stand_down: list[Statement]

    def anew(self, lane: Lane) -> tuple[list[Statement], list[Statement]]:
        """The same statements about another unit and incident, every row they make with a new id."""
        known = {self.lane.incident: lane.incident, self.lane.unit: lane.unit}
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
    while time.time() < until:
        wanted = Claim(lane.incident, lane.unit, None, None, "bench")
        view = await claim_unit(centre, entry, SYSTEM, wanted, cause="bench")
        done.answered[f"unit_assigned {view.id}"] = time.time()
        await stand_down(centre, entry, SYSTEM, view.id, "bench", cause="bench")
        done.answered[f"assignment_stood_down {view.id}"] = time.time()
        done.transactions += 2


async def _bare(url: str, script: Script, lane: Lane, until: float, done: Done) -> None:
    connection = await asyncpg.connect(url)
    try:
        while time.time() < until:
            for statements in script.anew(lane):
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
) -> list[Done]:
    spawn = multiprocessing.get_context("spawn")
    out, ready = spawn.Queue(), spawn.Barrier(processes)
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
        return [out.get(timeout=120 + SECONDS) for _ in started]
    finally:
        for process in started:
            process.join(timeout=10)


# --- the measurement ---


async def _prepare(settings: Settings, lanes: int) -> tuple[list[Lane], Script]:
    centre = open_centre(settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        free = [u.id for u in await list_units(centre, entry) if u.status is UnitStatus.AVAILABLE]
        if len(free) < lanes:
            raise RuntimeError(f"{len(free)} units are free, {lanes} are needed")
        made = [Lane(await _incident(centre, entry), unit) for unit in free[:lanes]]
        return made, await _written_down(centre, entry, made[0])
    finally:
        await centre.close()


async def _written_down(centre: Centre, entry: TenantEntry, lane: Lane) -> Script:
    """Claim and stand down, and write every statement down as the driver was given it."""
    sent: list[Statement] = []

    def note(_c: object, _cursor: object, sql: str, parameters: Any, _context: object, many: bool) -> None:
        sent.extend((sql, tuple(given)) for given in (parameters if many else [parameters]))

    wanted = Claim(lane.incident, lane.unit, None, None, "bench")
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
    return Script(lane, claim, list(sent))


async def _held(url: str, answered: dict[str, float]) -> list[float]:
    """Milliseconds from the lock of the log's head (which is when it dates its event) to the answer.

    The answer comes after the commit: what is measured is a little more than the time that others waited.
    """
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT kind || ' ' || subject_id AS name, recorded_at FROM event WHERE cause = 'bench'"
        )
    finally:
        await connection.close()
    dated: dict[str, datetime] = {row["name"]: row["recorded_at"] for row in rows}
    return [(at - dated[name].timestamp()) * 1000 for name, at in answered.items() if name in dated]


def _measure(system: PrivateSystem) -> None:
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
        before = system.database_cpu_s()
        service = _all_processes(system, lanes, processes, each, None)
        database = system.database_cpu_s() - before
        bare = _all_processes(system, lanes, processes, each, script)
        rate, base = (sum(done.rate for done in found) for found in (service, bare))
        answered = {name: at for found in service for name, at in found.answered.items()}
        held = statistics.quantiles(asyncio.run(_held(system.settings.database_url, answered)), n=100)
        count = max(1, sum(found.transactions for found in service))
        cpu = sum(found.cpu_s for found in service) / count * 1000
        print(
            f"  processes {processes}, connections of each {each}: service {rate:5.0f}/s   "
            f"bare SQL {base:5.0f}/s   ratio {rate / base:.2f}   "
            f"head held p50 {held[49]:.1f} p99 {held[98]:.1f} ms   "
            f"CPU a transaction: service {cpu:.1f}, database {database / count * 1000:.1f} ms",
            flush=True,
        )


def main() -> None:
    """Print rates, ratio and how long the head is held, for several numbers of processes and connections."""
    with private_system() as system:
        _measure(system)


if __name__ == "__main__":
    main()
