"""What hangs, a handler or a whole tenant, holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from case_scene import Case, open_case, stores
from test_timers_worker import heard, processes, told

from dispatch.domain.deadlines import TimerKind
from dispatch.domain.events import EventKind
from dispatch.jobs import timers
from dispatch.jobs.rounds import TENANTS_AT_ONCE, Lane
from dispatch.jobs.timers import DISPATCH, SLOW_OF_ONE, TimerDesk, run_due_timers
from dispatch.jobs.worker import work
from dispatch.notify.choice import transports
from dispatch.services.alarms import call_unanswered
from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing
from dispatch.services.roads import Roads
from dispatch.services.tenants import TenantEntry

K = TimerKind
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = 'semar_app' AND wait_event_type = 'Lock'"
)


@pytest.fixture
async def other(case: Case, case_database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    """A second tenant of the same deployment, by the same clock."""
    async with open_case(case_database, tmp_path, code="99.02") as scene:
        scene.centre.clock = case.centre.clock
        yield scene


@asynccontextmanager
async def locked(database: Any, call_id: UUID) -> AsyncIterator[asyncpg.Connection]:
    """Hold the row of a call, as a machine does that lost its power in the middle of something."""
    holder = await asyncpg.connect(database.owner_url)
    try:
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM call WHERE id = $1 FOR UPDATE", call_id)
            yield holder
    finally:
        await holder.close()


async def timer_of(case: Case, call_id: UUID) -> Any:
    (row,) = await case.rows("SELECT * FROM timer WHERE subject_id = :s", s=call_id)
    return row


async def test_a_tenant_that_hangs_is_not_waited_for(case: Case, other: Case) -> None:
    stop, looked = asyncio.Event(), asyncio.Queue[None]()
    hung = asyncio.Event()
    looks_at_hung = 0

    async def both() -> list[TenantEntry]:
        return [case.entry, other.entry]

    async def look(entry: TenantEntry) -> None:
        nonlocal looks_at_hung
        if entry == case.entry:
            looks_at_hung += 1
            await hung.wait()
        else:
            looked.put_nowait(None)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Lane(both, look, 0.01, stop).run())
        for _ in range(5):
            await looked.get()
        assert looks_at_hung == 1
        stop.set()
        hung.set()


async def test_only_some_tenants_are_at_work_at_once(case: Case) -> None:
    stop, full, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    at_work: set[int] = set()
    done: set[int] = set()
    many = [
        replace(case.entry, tenant=replace(case.entry.tenant, id=number))
        for number in range(3 * TENANTS_AT_ONCE)
    ]

    async def all_of_them() -> list[TenantEntry]:
        return many

    async def look(entry: TenantEntry) -> None:
        at_work.add(entry.tenant.id)
        assert len(at_work) <= TENANTS_AT_ONCE
        if len(at_work) == TENANTS_AT_ONCE:
            full.set()
        await go_on.wait()
        at_work.discard(entry.tenant.id)
        done.add(entry.tenant.id)
        if len(done) == len(many):
            stop.set()

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Lane(all_of_them, look, 0.01, stop).run())
        await full.wait()
        go_on.set()
    assert done == {entry.tenant.id for entry in many}


async def test_a_handler_that_hangs_stops_no_other_tenant(
    case: Case, other: Case, case_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = asyncio.Event()

    async def hangs_here(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
        if entry.tenant.id == case.entry.tenant.id:
            await free.wait()
        await call_unanswered(centre, entry, firing)

    monkeypatch.setitem(timers.DISPATCH, K.CALL_UNANSWERED, hangs_here)
    stop = asyncio.Event()
    for _ in range(2 * SLOW_OF_ONE):
        await case.ring()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(work(case.centre, transports(case.centre.settings), stop))
        for number in (1, 2, 3):
            await other.ring()
            case.pass_time(15)
            while len(await other.events(EventKind.CALL_UNANSWERED)) < number:
                await told(other, case_database, EventKind.CALL_UNANSWERED)
        free.set()
        stop.set()


async def test_a_locked_row_holds_up_no_other_timer_of_its_tenant(case: Case, case_database: Any) -> None:
    stuck, well = await case.ring(), await case.ring()
    case.pass_time(15)
    desk = TimerDesk(case.centre, DISPATCH, asyncio.Event())
    async with locked(case_database, stuck.call_id):
        assert await desk.look(case.entry) == 2
        assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1
        assert (await timer_of(case, well.call_id)).attempts == 0  # set anew for the next time
        row = await timer_of(case, stuck.call_id)
        assert (row.attempts, row.last_error) == (1, None)
    await desk.close()
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 2


async def test_slow_timers_of_one_tenant_leave_room_for_others(
    case: Case, other: Case, case_database: Any
) -> None:
    calls = [await case.ring() for _ in range(SLOW_OF_ONE + 2)]
    await other.ring()
    case.pass_time(15)
    desk = TimerDesk(case.centre, DISPATCH, asyncio.Event())
    holder = await asyncpg.connect(case_database.owner_url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM call WHERE id = ANY($1) FOR UPDATE", [c.call_id for c in calls])
        assert await desk.look(case.entry) == SLOW_OF_ONE
        assert await desk.look(case.entry) == 0
        assert await desk.look(other.entry) == 1
        assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1
    await holder.close()
    await desk.close()
    assert await desk.look(case.entry) == 2
    await desk.close()
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == len(calls) + 1


async def test_a_handler_that_does_not_end_is_broken_off_and_told(
    case: Case, case_database: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(timers, "WITHIN_S", 0.2)
    stuck = await case.ring()
    case.pass_time(15)
    async with locked(case_database, stuck.call_id) as holder:
        assert await run_due_timers(case.centre, case.entry) == 1
        row = await timer_of(case, stuck.call_id)
        assert (row.done_at, row.attempts) == (None, 1)
        assert row.last_error.startswith("broken off after")
        assert f"timer call_unanswered of {stuck.call_id}, attempt 1: broken off" in caplog.text
        # and nothing of it still stands in the queue for the row
        while await holder.fetchval(_WAITING):
            pass
    case.pass_time(2)
    await case.work()
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1


async def test_a_worker_opens_the_roads_when_it_starts(case: Case, case_database: Any) -> None:
    (case.centre.settings.run_dir / "stores").symlink_to(stores())
    async with asyncio.timeout(60), processes(case, case_database, 1) as (worker,):
        await heard(worker, b"vertices, opened in")


async def test_roads_whose_first_asker_gave_up_are_not_opened_twice(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    roads = Roads(stores())
    caplog.set_level("INFO")
    first = asyncio.create_task(roads.of(case.entry))
    await asyncio.sleep(0)
    first.cancel()
    network = await roads.of(case.entry)
    assert await roads.of(case.entry) is network
    assert caplog.text.count("preparing the road kernels") == 1
