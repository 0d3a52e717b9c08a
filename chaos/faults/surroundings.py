"""What the processes stand on: Redis gone, the database restarted or slow, the disk full."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import asyncpg

from chaos import processes, reading
from chaos.disk import SmallDisk
from chaos.scene import DATABASE_S, Fault, Scene
from chaos.stage import NotReady, Stage

REDIS_BACK_S = 10.0
_LOCKED_S = 3.0
_NEXT_FILE = "SELECT pg_switch_wal() FROM pg_logical_emit_message(false, 'chaos', 'a full disk')"


async def redis_away(scene: Scene) -> float:
    """Keep Redis from running: calls are taken, confirmed, assigned and delivered all the same."""
    folder = scene.stage.run_dir / "redis"
    aside = folder.with_name("redis.away")
    pid = scene.stage.pid(processes.REDIS)
    await scene.moment()
    folder.rename(aside)
    processes.kill([pid])
    away = time.monotonic()
    scene.traffic.ledger.mark(away)
    try:
        served = await scene.traffic.until_back()
        before = frozenset(scene.traffic.ledger.calls)
        await scene.traffic.until_whole_case(before)
        await scene.last(2.0, 180.0)
        scene.notes.append(
            f"without Redis: served again after {served:.1f} s, "
            f"{len(scene.traffic.whole_cases(before))} whole cases in {time.monotonic() - away:.0f} s"
        )
    finally:
        aside.rename(folder)
    return time.monotonic()


async def restart_database(scene: Scene) -> float:
    """Restart PostgreSQL as an administrator would: sessions are ended, the rest is clean."""
    pid = scene.stage.pid(processes.POSTGRES)
    since = await scene.moment()
    await _fast_stop(scene.stage, pid)
    return since


async def _fast_stop(stage: Stage, pid: int) -> None:
    processes.interrupt(pid)
    await stage.until_runs(processes.POSTGRES, other_than=pid)


async def database_away(scene: Scene) -> float:
    """Keep PostgreSQL from running for a while: nothing can be acknowledged, and nothing that was is lost."""
    data = scene.stage.run_dir / "pg"
    aside = data.with_name("pg.away")
    pid = scene.stage.pid(processes.POSTGRES)
    await scene.moment()
    data.rename(aside)
    processes.kill(processes.family(pid))
    try:
        await scene.last(6.0, 60.0)
    finally:
        aside.rename(data)
    return time.monotonic()


async def slow_database(scene: Scene) -> float:
    """Hold the head of the log locked: whoever changes anything waits."""
    database = await reading.connect(scene.stage)
    try:
        for _ in range(1 if scene.short else 5):
            await scene.moment()
            async with database.transaction():
                await database.execute("SELECT 1 FROM event_head FOR UPDATE")
                await asyncio.sleep(_LOCKED_S)
    finally:
        await database.close()
    return time.monotonic()


async def disk_full(scene: Scene) -> float:
    """Let the disk be full under everybody: the database with its log, the worker, the logs."""
    disk = scene.stage.disk
    if disk is None:
        return await _no_writing(scene)
    scene.means = disk.means
    await scene.moment()
    began, done = time.monotonic(), len(scene.traffic.ledger.sends)
    try:
        # tables cannot grow any more, while the database's own log has room in files that it has already
        await _kept_full(scene, disk, 3.0, 20.0)
        told = await scene.stage.health()
        stored = len(scene.traffic.ledger.sends) - done
        await _use_up_the_log(scene, disk)
        broken = time.monotonic() - began
        await _kept_full(scene, disk, 4.0, 30.0)
        scene.notes.append(
            f"full: /health said disk {told.get('disk')}, {stored} sendings were stored; "
            f"no room for the database's log after {broken:.1f} s"
        )
        if told.get("disk") != "down":
            raise NotReady(f"the disk is full and /health does not say so: {told}")
    finally:
        since = time.monotonic()
        disk.free()
    return since


async def _kept_full(scene: Scene, disk: SmallDisk, short_s: float, long_s: float) -> None:
    """Let it last; whoever removes a file gives nobody room."""
    until = time.monotonic() + (short_s if scene.short else long_s)
    while time.monotonic() < until:
        disk.fill()
        await asyncio.sleep(0.1)


async def _use_up_the_log(scene: Scene, disk: SmallDisk) -> None:
    """Have the database begin new files of its log until there is none: it must stop rather than lose."""
    until = time.monotonic() + 60.0
    while await scene.stage.healthy():
        if time.monotonic() > until:
            raise NotReady("the database goes on as if there were room")
        disk.fill()
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            database = await reading.connect(scene.stage)
            try:
                await database.execute(_NEXT_FILE)
            finally:
                await database.close()


async def _no_writing(scene: Scene) -> float:
    """The same without a mount: every write to a file fails, by its size limit."""
    scene.means = "EFBIG, no mount here"
    everybody = processes.family(scene.stage.launcher)
    await scene.moment()
    for pid in everybody:
        processes.fill_disk(pid)
    try:
        await _until_told(scene)
        await scene.last(4.0, 30.0)
    finally:
        since = time.monotonic()
        # the launcher first: whatever it starts from now on has room
        for pid in processes.family(scene.stage.launcher):
            processes.free_disk(pid)
    return since


async def _until_told(scene: Scene) -> None:
    """Wait until the database has broken down over it: its own log cannot be written either."""
    until = time.monotonic() + 30.0
    while await scene.stage.healthy():
        if time.monotonic() > until:
            raise NotReady("the database goes on as if there were room")
        await asyncio.sleep(0.1)


FAULTS = (
    Fault("Redis absent", REDIS_BACK_S, redis_away),
    Fault("database restarted (fast)", DATABASE_S, restart_database),
    Fault("database absent", DATABASE_S, database_away),
    Fault("database slow (locks held 3 s)", DATABASE_S, slow_database),
    Fault("disk full", DATABASE_S, disk_full),
)
