"""A serving process has restarted and all phones come back at once: until when, and what requests feel."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from bench.fleet import make_fleet
from bench.private_system import SLUG, PrivateSystem, private_system, resident_tokens, until_answers
from bench.returning import Job, Report
from bench.verdicts import alone, show
from dispatch.local.postgres import DATABASE
from dispatch.services.centre import open_centre

SIZES = (1000, 5000)
ON_RUNS = 250
"""So many of the largest fleet are on a run; all others are parked."""
RESIDENTS = 2
QUIET_S = 6.0
BACK_LIMIT_S, REQUEST_LIMIT_MS = 8.0, 1000.0
"""A page gives up after 8 s without a welcome; a request that takes a second has been felt."""
Answer = tuple[float, float, bool]


async def _people(system: PrivateSystem) -> tuple[list[str], list[str]]:
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        busy = await make_fleet(centre, entry, ON_RUNS)
        idle = await make_fleet(centre, entry, max(SIZES) - ON_RUNS, idle=True, first=ON_RUNS)
        every = max(SIZES) // ON_RUNS
        crews = list(idle)
        for n, crew in enumerate(busy):
            crews.insert(n * every, crew)
        return [crew.token for crew in crews], await resident_tokens(centre, entry, RESIDENTS)
    finally:
        await centre.close()


@contextmanager
def _asking(port: int, tokens: Sequence[str]) -> Iterator[list[Answer]]:
    """Have residents ask for help meanwhile; the list is filled at the end."""
    answers: list[Answer] = []
    with subprocess.Popen(
        [sys.executable, "-m", "bench.asking", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as asking:
        assert asking.stdin is not None
        asking.stdin.write(json.dumps(list(tokens)).encode() + b"\n")
        asking.stdin.flush()
        time.sleep(QUIET_S)
        yield answers
        told, _ = asking.communicate()
    if asking.returncode != 0:
        raise RuntimeError(f"the residents ended with {asking.returncode}")
    answers.extend(json.loads(told))


def _storm(system: PrivateSystem, tokens: list[str]) -> Report:
    job = Job(system.port, system.server_pid, system.database_pid, tokens)
    told = subprocess.run(
        [sys.executable, "-m", "bench.returning"],
        input=msgspec.json.encode(job), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return msgspec.json.decode(told.stdout, type=Report)


def _restart(system: PrivateSystem) -> None:
    system.server.stop()
    system.server.spawn()
    until_answers(f"http://127.0.0.1:{system.port}/health", system.server)


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


def _said(what: str, answers: Sequence[Answer]) -> None:
    took = [ms for _, ms, _ in answers]
    refused = sum(1 for *_, taken in answers if not taken)
    print(
        f"    requests for help {what:<7} p50 {_quantile(took, 0.5):7.1f}  p99 {_quantile(took, 0.99):7.1f}  "
        f"worst {max(took, default=float('nan')):7.1f} ms   ({len(took)}, {refused} refused)",
        flush=True,
    )


def _measure(system: PrivateSystem, phones: list[str], residents: list[str]) -> None:
    _restart(system)
    with _asking(system.port, residents) as answers:
        report = _storm(system, phones)
    count = len(phones)
    half = f"(half of them {report.back_s[count // 2]:.1f}; {report.tries - count} came again)"
    show(f"{count} phones at once, all back after", report.back_s[-1], "s", BACK_LIMIT_S, remark=half)
    print(
        f"    CPU of each: serving process {report.server_cpu_s / count * 1000:.2f}, "
        f"PostgreSQL {report.database_cpu_s / count * 1000:.2f} ms (with the requests beside them)"
    )
    _said("before", [a for a in answers if a[0] + a[1] / 1000 < report.began][2 * RESIDENTS :])
    during = [a for a in answers if report.began < a[0] + a[1] / 1000 and a[0] < report.ended]
    _said("during", during)
    worst = max((ms for _, ms, _ in during), default=float("nan"))
    show(f"slowest request beside {count} phones", worst, "ms", REQUEST_LIMIT_MS)


def main() -> None:
    """Print the figures."""
    with private_system() as system:
        phones, residents = asyncio.run(_people(system))
        system.postgres.execute("VACUUM ANALYZE", DATABASE)
        print(f"phones come back to a restarted process, 1 in 20 on a run; load {os.getloadavg()[0]:.1f}")
        for size in SIZES:
            _measure(system, phones[:size], residents)


if __name__ == "__main__":
    sys.exit(alone(main))
