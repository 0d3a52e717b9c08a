"""The worker as a process of its own: works, ends on a signal, and one upkeep at a time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from case_scene import CAUSE, Case, open_case
from sqlalchemy import text

from dispatch.domain.events import EventKind
from dispatch.jobs.upkeep import STEADY_FOR, Upkeep
from dispatch.jobs.worker import due_tenants, work
from dispatch.notify.choice import transports
from dispatch.services.due_timers import LEASE
from dispatch.storage.checkpoint_folder import check_file, files_of
from dispatch.storage.tables.shift import Shift
from dispatch.storage.transaction import new_id
from dispatch.storage.verify_log import verify_log

PROGRAM = "from dispatch.jobs.worker import run; from dispatch.settings import settings; run(settings())"


@asynccontextmanager
async def processes(
    case: Case, database: Any, number: int
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Workers as `dispatch worker` starts them."""
    secrets = case.centre.settings.run_dir / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "master.key").write_text(bytes(range(32)).hex())
    (secrets / "lookup.key").write_text(bytes(range(32, 64)).hex())
    environment = {
        **os.environ,
        "DATABASE_URL": database.owner_url,
        "DATABASE_APP_URL": database.app_url,
        "SEMAR_RUN_DIR": str(case.centre.settings.run_dir),
    }
    workers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, env=environment, stderr=PIPE)
        for _ in range(number)
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
            await worker.communicate()


async def heard(worker: Process, words: bytes) -> None:
    """Read the worker's log until it says this."""
    assert worker.stderr is not None
    while words not in (line := await worker.stderr.readline()):
        assert line, "the worker ended"


async def told(case: Case, database: Any, kind: EventKind) -> None:
    """Wait until an event of this kind is in the log."""
    connection = await asyncpg.connect(database.owner_url)
    news: asyncio.Queue[str] = asyncio.Queue()
    try:
        await connection.add_listener("semar_event", lambda *said: news.put_nowait(said[-1]))
        while not await case.events(kind):
            await news.get()
    finally:
        await connection.close()


async def shown(case: Case, workers: int) -> None:
    """Wait until so many workers show that they live: before, they claim without a number."""
    query = (
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.mode = 'ShareLock'"
    )
    while True:
        if await case.value(query) == workers:
            return
        await asyncio.sleep(0.02)


async def claimed(case: Case, subject_id: UUID, attempt: int) -> Any:
    """Wait until a thing's timer is claimed for this time, and return it."""
    while True:
        rows = await case.rows("SELECT * FROM timer WHERE subject_id = :s AND done_at IS NULL", s=subject_id)
        if rows and rows[0].attempts >= attempt and rows[0].claimed_by is not None:
            return rows[0]
        await asyncio.sleep(0.02)


async def test_workers_work_and_end_on_a_signal(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path, now=datetime.now(UTC)) as case:
        async with asyncio.timeout(60), processes(case, database, 2) as workers:
            await asyncio.gather(*(heard(w, b"worker ready") for w in workers))
            call = await case.ring()
            async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
                tx.set_timer("call_unanswered", call.call_id, datetime.now(UTC), {"times": 0})
            await told(case, database, EventKind.CALL_UNANSWERED)
            began = time.monotonic()
            workers[0].send_signal(signal.SIGTERM)
            workers[1].send_signal(signal.SIGINT)
            assert [await w.wait() for w in workers] == [0, 0]
            assert time.monotonic() - began < 5
        assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1
        await case.check_log()


async def test_what_a_killed_worker_had_in_hand_does_not_wait_for_its_lease(
    database: Any, tmp_path: Path
) -> None:
    async with open_case(database, tmp_path, now=datetime.now(UTC)) as case:
        async with asyncio.timeout(60), processes(case, database, 2) as (killed, other):
            await shown(case, 2)
            other.send_signal(signal.SIGSTOP)
            call = await case.ring()
            about = {"c": call.call_id}
            async with case.owner.connect() as holding:
                await holding.execute(text("SELECT 1 FROM call WHERE id = :c FOR UPDATE"), about)
                async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
                    tx.set_timer("call_unanswered", call.call_id, datetime.now(UTC), {"times": 0})
                first = await claimed(case, call.call_id, 1)
                killed.kill()
                other.send_signal(signal.SIGCONT)
                # with the row still held: it was claimed anew, and waits as the first did
                second = await claimed(case, call.call_id, 2)
                assert second.claimed_by != first.claimed_by
                assert second.claimed_until - LEASE < first.claimed_until
                await holding.rollback()
            await told(case, database, EventKind.CALL_UNANSWERED)
        assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1
        await case.check_log()


async def test_a_worker_ends_in_the_middle_of_its_work(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        for _ in range(5):
            await case.ring()
        case.pass_time(15)
        stop = asyncio.Event()
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            tasks.create_task(work(case.centre, transports(case.centre.settings), stop))
            await told(case, database, EventKind.CALL_UNANSWERED)
            stop.set()
        # whatever it did not get to is still there
        done = len(await case.events(EventKind.CALL_UNANSWERED))
        await case.work()
        assert len(await case.events(EventKind.CALL_UNANSWERED)) == 5
        assert done >= 1


async def test_only_tenants_with_something_due_are_looked_at(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        assert await due_tenants(case.centre) == []
        await case.ring()
        assert await due_tenants(case.centre) == []
        case.pass_time(15)
        assert [e.tenant.slug for e in await due_tenants(case.centre)] == ["99.01-latihan"]


async def test_upkeep_opens_shifts_and_makes_room_for_positions(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        standing = await case.value("SELECT id FROM shift WHERE unit_id = :u", u=case.units["M-1"])
        async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
            row = await tx.get(Shift, standing, lock=True)
            row.closed_at = tx.now
            await tx.record(EventKind.SHIFT_CLOSED, row)
            planned = Shift(
                regency_id=case.entry.tenant.id,
                id=new_id(),
                unit_id=case.units["M-1"],
                starts_at=case.now,
                ends_at=row.ends_at,
                origin="roster",
            )
            await tx.add(planned)
            await tx.record(EventKind.SHIFT_PLANNED, planned)
        upkeep, other = Upkeep(case.centre), Upkeep(case.centre)
        assert any(await asyncio.gather(upkeep.pass_once(), other.pass_once()))
        assert await case.value("SELECT opened_at FROM shift WHERE id = :i", i=planned.id) == case.now
        names = await case.rows(
            "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST('position' AS regclass) ORDER BY 1"
        )
        days = [r.name for r in names if r.name != "position_other"]
        assert (days[0], days[-1], len(days)) == ("position_20261119", "position_20261128", 10)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("secrets/checkpoint.key", b""),  # a power cut right after it was made
        ("checkpoints/erasures.jsonl", b"\0\0\0\0\n"),
    ],
)
async def test_upkeep_in_trouble_holds_up_no_timer(
    database: Any, tmp_path: Path, file: str, content: bytes
) -> None:
    async with open_case(database, tmp_path) as case:
        damaged = case.centre.settings.run_dir / file
        damaged.parent.mkdir(parents=True, exist_ok=True)
        damaged.write_bytes(content)
        stop = asyncio.Event()
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work(case.centre, transports(case.centre.settings), stop))
            await case.ring()
            case.pass_time(15)
            await told(case, database, EventKind.CALL_UNANSWERED)
            assert not working.done()
            stop.set()


async def test_a_clock_that_was_ahead_puts_no_upkeep_off(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        upkeep = Upkeep(case.centre)
        ahead = 30 * 86_400
        case.pass_time(ahead)
        await upkeep.pass_once()
        case.pass_time(-ahead)
        await case.ring()
        await upkeep.pass_once()
        names = await case.rows(
            "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = CAST('position' AS regclass)"
        )
        assert "position_20261121" in {row.name for row in names}
        signed = case.centre.settings.checkpoints_dir / f"{case.entry.tenant.slug}.jsonl"
        assert len(signed.read_text().splitlines()) == 2


async def test_upkeep_signs_the_log_every_five_minutes(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        upkeep = Upkeep(case.centre)
        slug, folder = case.entry.tenant.slug, case.centre.settings.checkpoints_dir
        signed: list[int] = []
        for passed_s, checkpoints in ((0, 1), (299, 1), (1, 2), (299, 2), (1, 3)):
            case.pass_time(passed_s)
            await case.ring()
            await upkeep.pass_once()
            head = await case.head()
            [checked] = [check_file(file, slug) for file in files_of(folder, slug)]
            assert checked.fault is None
            if len(checked.statements) > len(signed):
                assert checked.statements[-1].seq == head, "all that has happened until then"
            signed = [statement.seq for statement in checked.statements]
            assert len(signed) == checkpoints
        async with case.centre.read(case.entry.tenant) as tx:
            assert (await verify_log(tx, checked.statements)).fault is None


async def test_upkeep_goes_on_signing_with_another_key(
    database: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_case(database, tmp_path) as case:
        slug, folder = case.entry.tenant.slug, case.centre.settings.checkpoints_dir
        await case.ring()
        await Upkeep(case.centre).pass_once()
        case.centre.settings.checkpoint_key_path.unlink()
        await case.ring()
        await Upkeep(case.centre).pass_once()
        checked = [check_file(file, slug) for file in files_of(folder, slug)]
        assert [(len(each.statements), each.fault) for each in checked] == [(1, None), (1, None)]
        assert "signed by another key" in caplog.text


async def test_a_clock_that_leaps_ahead_sends_no_crew_home(database: Any, tmp_path: Path) -> None:
    """Started by a battery that took local time for UTC, say, until it has heard of the right one."""
    aboard = "SELECT count(*) FROM crew_membership WHERE left_at IS NULL"
    async with open_case(database, tmp_path) as case:
        crews = await case.value(aboard)
        since_boot = 0.0
        upkeep = Upkeep(case.centre, lambda: since_boot)
        await upkeep.pass_once()
        leap_s = 31 * 86_400.0
        for moved_s in (leap_s, -leap_s, leap_s):
            case.pass_time(moved_s)
            since_boot += 30
            await upkeep.pass_once()
            assert await case.value(aboard) == crews
        # so it was the right time in the end
        case.pass_time(STEADY_FOR.total_seconds())
        since_boot += STEADY_FOR.total_seconds()
        await upkeep.pass_once()
        assert await case.value(aboard) == 0


async def test_upkeep_of_one_worker_keeps_the_others_out(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        upkeep, other = Upkeep(case.centre), Upkeep(case.centre)
        async with upkeep._alone() as mine:
            assert mine
            assert not await other.pass_once()
        assert await other.pass_once()


async def test_a_database_that_cuts_every_connection_is_waited_for(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path) as case:
        await case.ring()
        case.pass_time(15)
        stop = asyncio.Event()
        administrator = await asyncpg.connect(database.admin_url)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            async with case.owner.begin() as connection:
                await connection.exec_driver_sql("LOCK TABLE timer IN ACCESS EXCLUSIVE MODE")
                tasks.create_task(work(case.centre, transports(case.centre.settings), stop))
                # while it waits for the timers; asked until it does
                while not await administrator.fetchval(_CUT):
                    pass
            await told(case, database, EventKind.CALL_UNANSWERED)
            stop.set()
        await administrator.close()


_CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND usename = 'semar_app' AND wait_event_type = 'Lock'"
)
