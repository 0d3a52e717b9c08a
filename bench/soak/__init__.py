"""A quarter of an hour of full work: 1,000 units, 20 consoles, 50 calls a minute. Memory, errors, gaps.

Serving process, worker, PostgreSQL and Redis are those of the product; the load is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from sqlalchemy import text

from bench.pages.fleet import fleet_bundle
from bench.private_system import SLUG, PrivateSystem, cpu_s, private_system, resident_tokens, staff_tokens
from bench.soak.memory import MB, Memory, tree
from bench.verdicts import show
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.local.program import Program
from dispatch.services.centre import Centre, open_centre
from dispatch.services.crew import sign_on
from dispatch.services.passwords import generate_password, hash_password
from dispatch.services.sessions import make_session
from dispatch.services.staff_accounts import NewStaff, add_staff
from dispatch.services.tenants import TenantEntry

UNITS, CONSOLES, CALLS_A_MINUTE = 1_000, 20, 50
MINUTES = 15.0
SETTLED = 1 / 3
"""The share of the time after which memory has to be flat: caches and shared buffers fill at first."""
SAMPLE_EVERY_S = 5.0
TOTAL_LIMIT = 2_000 * MB
SLOPE_LIMIT = 1 * MB
"""Bytes a minute for one of our processes: below it a machine runs for weeks between two restarts."""
ON_SCREEN_LIMIT_MS, ON_SCREEN_GOAL_MS = 2_000.0, 150.0
"""Later than the limit an operator would wait. The goal is the limit of `ingest`, with one console; here
twenty read boards, and they and the load run on the cores of the servers."""

_FACILITY = text(
    "SELECT id::text FROM facility WHERE regency_id = :regency ORDER BY kind = 'hospital' DESC, id LIMIT 1"
)


def main(minutes: float = MINUTES) -> None:
    """Print the figures."""
    print(f"soak: {UNITS} units, {CONSOLES} consoles, {CALLS_A_MINUTE} calls a minute, {minutes:g} minutes")
    with tempfile.TemporaryDirectory(prefix="semar-soak-") as name:
        folder = Path(name)
        with private_system(fleet_bundle(folder / "regency", UNITS)) as system:
            plan = asyncio.run(_plan(system)) | {"seconds": minutes * 60}
            _measure(system, plan, folder)


async def _plan(system: PrivateSystem) -> dict[str, Any]:
    """Bring all crews on duty and return what the load has to know."""
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        operators = [f"uji-operator-{n}" for n in range(CONSOLES)]
        tokens = await staff_tokens(centre, entry, Role.OPERATOR, operators)
        async with centre.begin(entry.tenant, SYSTEM, "bench") as tx:
            found = await tx.session.execute(_FACILITY, {"regency": entry.tenant.id})
            facility = found.scalar_one()
        crews = await _crews(centre, entry)
        await _analyze(system)
        return {
            "port": system.port,
            "crews": crews,
            "residents": await resident_tokens(centre, entry, 60),
            "operators": tokens,
            "consoles": tokens,
            "facility": facility,
            "calls_a_minute": CALLS_A_MINUTE,
            "fix_every_s": 1.0,
        }
    finally:
        await centre.close()


async def _analyze(system: PrivateSystem) -> None:
    """Have the statistics that autovacuum would have made by the time that so many work."""
    connection = await asyncpg.connect(system.settings.database_url)
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _crews(centre: Centre, entry: TenantEntry) -> list[dict[str, str]]:
    password = generate_password()
    known = await hash_password(password)  # one for all: hashing is meant to take its time
    crews = []
    for number in range(1, UNITS + 1):
        account = NewStaff(f"awak-{number:04d}", Role.DRIVER, f"Awak Uji {number}", password, demo=True)
        crew = await add_staff(centre, entry, SYSTEM, account, cause="bench", password_hash=known)
        actor = Actor(ActorKind.STAFF, crew.id, Role.DRIVER)
        await sign_on(centre, entry, actor, f"UJI-{number:03d}", None, cause="bench")
        async with centre.begin(entry.tenant, SYSTEM, "bench") as tx:
            crews.append({"token": (await make_session(tx, "bench", staff_id=crew.id)).token})
    return crews


def _environment(system: PrivateSystem) -> dict[str, str]:
    settings = system.settings
    return os.environ | {
        "DATABASE_URL": settings.database_url,
        "DATABASE_APP_URL": settings.database_app_url,
        "REDIS_URL": settings.redis_url,
        "SEMAR_RUN_DIR": str(settings.run_dir),
    }


def _worker(system: PrivateSystem, folder: Path) -> Program:
    command = [sys.executable, "-m", "dispatch", "worker"]
    return Program("worker", command, environment=_environment(system), log_dir=folder)


def _measure(system: PrivateSystem, plan: dict[str, Any], folder: Path) -> None:
    worker = _worker(system, folder)
    worker.spawn()
    try:
        assert worker.process is not None
        assert system.postgres.process is not None
        redis = system.redis.process
        assert redis is not None
        pids = {
            "serve": system.server_pid,
            "worker": worker.process.pid,
            "PostgreSQL": system.postgres.process.pid,
            "Redis": redis.pid,
        }
        memory = Memory({name: partial(tree, pid) for name, pid in pids.items()})
        (folder / "plan.json").write_text(json.dumps(plan))
        cpu = {name: cpu_s(pids[name]) for name in ("serve", "worker")}
        began = time.monotonic()
        result = _load(folder, plan["seconds"], memory)
        took = time.monotonic() - began
        shares = {name: (cpu_s(pids[name]) - cpu[name]) / took for name in cpu}
        problems = [line for line in _log_of(system, worker) if " ERROR " in line or "Traceback" in line]
        missing = asyncio.run(_missing(system, result["calls"]))
    finally:
        worker.stop()
    problems += _examine_log(system)
    _show(result, memory, shares)
    judge(result, memory, shares, plan["seconds"] * SETTLED, len(problems), missing)
    for line in (*result["wrong"][:10], *problems[:10]):
        print(f"    {line}")


def _load(folder: Path, seconds: float, memory: Memory) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "bench.soak.load",
        str(folder / "plan.json"),
        str(folder / "result.json"),
    ]
    load = subprocess.Popen(command)
    began = told = time.monotonic()
    try:
        while load.poll() is None:
            time.sleep(SAMPLE_EVERY_S)
            if time.monotonic() - began < seconds:  # not the draining: less is at work then
                memory.sample()
            if time.monotonic() - told >= 60:
                told = time.monotonic()
                sizes = ", ".join(f"{name} {sizes[-1] / MB:.0f} MB" for name, sizes in memory.sizes.items())
                print(f"  minute {(told - began) / 60:.0f}: {sizes}", flush=True)
    finally:
        load.kill()
        load.wait()
    if load.returncode != 0:
        raise RuntimeError(f"the load ended with status {load.returncode}")
    return dict(json.loads((folder / "result.json").read_text()))


def _log_of(system: PrivateSystem, worker: Program) -> list[str]:
    files = (system.server.log_file, worker.log_file)
    return [line for file in files for line in file.read_text(errors="replace").splitlines()]


def _examine_log(system: PrivateSystem) -> list[str]:
    """Return what is wrong with the event log: its chain, and the tables rebuilt from it."""
    wrong = []
    for command in (("verify",), ("rebuild", "--check")):
        said = subprocess.run(
            [sys.executable, "-m", "dispatch", "log", *command],
            env=_environment(system),
            capture_output=True,
            text=True,
            check=False,
        )
        if said.returncode != 0:
            wrong.append(f"dispatch log {' '.join(command)}: {(said.stdout + said.stderr)[-500:]}")
    return wrong


async def _missing(system: PrivateSystem, calls: list[str]) -> int:
    """Return how many acknowledged calls are not in the database exactly once."""
    connection = await asyncpg.connect(system.settings.database_url)
    try:
        kept = await connection.fetchval("SELECT count(*) FROM call WHERE id = ANY($1::uuid[])", calls)
        return len(calls) - int(kept)
    finally:
        await connection.close()


def _show(result: dict[str, Any], memory: Memory, shares: dict[str, float]) -> None:
    counts = result["counts"]
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print(f"  {'':<14}{'first MB':>10}{'last MB':>10}{'core':>8}")
    for name, sizes in memory.sizes.items():
        core = f"{shares[name]:.0%}" if name in shares else "-"
        print(f"  {name:<14}{sizes[0] / MB:>10.0f}{sizes[-1] / MB:>10.0f}{core:>8}")


def judge(
    result: dict[str, Any],
    memory: Memory,
    ours: Collection[str],
    settled_s: float,
    problems: int,
    missing: int,
) -> None:
    """Print all figures that have a limit.

    ours: the groups of `memory` that are processes of ours: they must not grow after `settled_s` seconds.
    problems, missing: complaints in logs, and acknowledged calls that are not in the database.
    """
    for name in memory.sizes:
        limit = SLOPE_LIMIT / MB if name in ours else None
        show(f"memory of {name} grows by", memory.slope(name, settled_s) / MB, "MB/min", limit, digits=2)
    show("whole system at most", memory.total_peak / MB, "MB", TOTAL_LIMIT / MB, digits=0)
    for what, times, most, goal in (
        ("call on a console's socket", result["seen_ms"], ON_SCREEN_LIMIT_MS, ON_SCREEN_GOAL_MS),
        ("any request answered", result["asked_ms"], None, None),
        ("board read by a console", result["board_ms"], None, None),
    ):
        p50, p99 = np.percentile(times, (50, 99)) if times else (float("nan"), float("nan"))
        show(f"{what}, p99", p99, "ms", most, goal=goal, remark=f"(p50 {p50:.1f})")
    for what, count in (
        ("errors and gaps", result["counts"].get("wrong", 0)),
        ("complaints in logs", problems),
        ("acknowledged calls missing", missing),
        ("cases not finished", result["left_open"]),
    ):
        show(what, count, limit=0, digits=0)
