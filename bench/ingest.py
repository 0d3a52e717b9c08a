"""Position intake through all its steps beside a bare echo: CPU per message, what a core carries, and delays.

Every unit has a crew's phone and a run, and drives on a real road: each fix is judged, matched to the roads,
stored, acknowledged, watched by a geofence and shown on a console. The load, the requests and the echo run in
processes of their own; CPU is that of the serving process, as the kernel counted it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from bench.echo import echo_server
from bench.fleet import make_fleet, ways
from bench.load import Job, Report
from bench.private_system import SLUG, PrivateSystem, private_system, resident_tokens, staff_tokens
from bench.verdicts import alone, show
from dispatch.domain.roles import Role
from dispatch.services.centre import open_centre

SIZES = (1000, 5000)
SATURATING = 5000
MEASURED_S, REQUESTS_S = 15.0, 15.0
CPU_RATIO_LIMIT, CPU_RATIO_GOAL = 4.0, 2.5
CORE_LIMIT, CORE_GOAL = 50.0, 30.0
CONSOLE_LIMIT_S, REQUEST_LIMIT_MS = 1.5, 150.0
KEPT_LIMIT = 99.0
"""Per cent of what the phones would send by the clock: figures of less work than that are not the load's."""


@dataclass(frozen=True)
class _People:
    drivers: list[str]
    operator: str
    residents: list[str]
    ways: list[tuple[list[tuple[float, float]], list[float]]]


async def _people(system: PrivateSystem) -> _People:
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        crews = await make_fleet(centre, entry, max(SIZES))
        operator = (await staff_tokens(centre, entry, Role.OPERATOR, ["uji-operator"]))[0]
        residents = await resident_tokens(centre, entry, 4)
        roads = ways(await centre.roads.of(entry), 120)
        return _People([crew.token for crew in crews], operator, residents, [tuple(way) for way in roads])
    finally:
        await centre.close()


def _start(job: Job) -> subprocess.Popen[bytes]:
    """Start the load; returns when all its phones are connected."""
    load = subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert load.stdin is not None
    assert load.stderr is not None
    load.stdin.write(msgspec.json.encode(job))
    load.stdin.close()
    load.stdin = None
    _await(load, b"ready")
    return load


def _await(load: subprocess.Popen[bytes], word: bytes) -> None:
    assert load.stderr is not None
    told = load.stderr.readline()
    if told.strip() != word:
        raise RuntimeError((told + load.stderr.read()).decode())


def _report(load: subprocess.Popen[bytes]) -> Report:
    assert load.stdout is not None
    assert load.stderr is not None
    told, wrong = load.communicate()
    if load.returncode != 0 or not told:
        raise RuntimeError(f"the load ended with {load.returncode}: {wrong.decode()}")
    return msgspec.json.decode(told, type=Report)


def _requests(system: PrivateSystem, people: _People) -> list[float]:
    """Let residents call while the load runs; milliseconds until the operator's socket had it."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.callers", str(system.port), str(REQUESTS_S)],
        input=msgspec.json.encode([people.operator, *people.residents]), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return msgspec.json.decode(told.stdout, type=list[float])


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def _us(report: Report) -> float:
    return report.server_cpu_s / report.messages * 1e6


def _echoes(people: _People) -> dict[int | None, Report]:
    with echo_server() as (port, pid):
        found: dict[int | None, Report] = {}
        for size in (*SIZES, None):
            tokens = people.drivers[: size or SATURATING]
            job = Job(port, pid, True, tokens, people.ways, None if size is None else 1.0, MEASURED_S)
            found[size] = _report(_start(job))
        return found


def _at_pace(system: PrivateSystem, people: _People, size: int, echo: Report) -> None:
    job = Job(
        system.port, system.server_pid, False, people.drivers[:size], people.ways, 1.0, MEASURED_S,
        system.database_pid, people.operator, REQUESTS_S + 12, CONSOLE_LIMIT_S,
    )  # fmt: skip
    load = _start(job)
    _await(load, b"measured")
    shown = _requests(system, people)
    report = _report(load)
    print(f"  {size} phones at 1 Hz, each unit on a run and moving; then {len(shown)} requests beside them")
    show("CPU per message, serving process", _us(report), "us")
    show("CPU per message, bare picows echo", _us(echo), "us")
    show(f"ratio, {size} phones", _us(report) / _us(echo), "x", CPU_RATIO_LIMIT, goal=CPU_RATIO_GOAL)
    core = report.server_cpu_s / report.took_s * 100
    if size == max(SIZES):
        show("serving process, of one core", core, "%", CORE_LIMIT, goal=CORE_GOAL)
    else:
        show("serving process, of one core", core, "%")
    show("PostgreSQL, of one core", report.database_cpu_s / report.took_s * 100, "%")
    show("messages stored and acknowledged", report.messages / report.took_s, "/s")
    offered = size * report.took_s  # one a second of each
    share = report.kept / offered * 100
    show(f"of {offered:.0f} offered fixes acknowledged", share, "%", KEPT_LIMIT, least=True)
    show("fix to its acknowledgement, p99", _quantile(report.answered_s, 0.99) * 1000, "ms")
    show(f"fix to console, p99, {size} phones", _quantile(report.on_console_s, 0.99) * 1000, "ms",
         CONSOLE_LIMIT_S * 1000)  # fmt: skip
    show("the load's own worst delay", report.sent_late_s * 1000, "ms")
    show("request to operator's screen, p50", _quantile(shown, 0.5), "ms")
    show(f"request to operator's screen, p99, {size} phones", _quantile(shown, 0.99), "ms", REQUEST_LIMIT_MS)


def _saturated(system: PrivateSystem, people: _People, echo: Report) -> None:
    job = Job(
        system.port, system.server_pid, False, people.drivers[:SATURATING], people.ways, None, MEASURED_S,
        system.database_pid, people.operator,
    )  # fmt: skip
    report = _report(_start(job))
    print(f"  {SATURATING} phones, each sends when the last fix is answered")
    show("messages", report.messages / report.took_s, "/s")
    show("messages, bare picows echo", echo.messages / echo.took_s, "/s")
    show("CPU per message, serving process", _us(report), "us")
    show("CPU per message, bare picows echo", _us(echo), "us")
    show("ratio", _us(report) / _us(echo), "x")


def main() -> None:
    """Print the figures."""
    print(f"position intake beside a bare echo, {MEASURED_S:.0f} s each; load {os.getloadavg()[0]:.1f}")
    with private_system() as system:
        people = asyncio.run(_people(system))
        echoes = _echoes(people)
        for size in SIZES:
            _at_pace(system, people, size, echoes[size])
        _saturated(system, people, echoes[None])


if __name__ == "__main__":
    sys.exit(alone(main))
