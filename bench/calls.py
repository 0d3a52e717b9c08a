"""Times the way of a request: to its acknowledgement, and to the operator's socket."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.private_system import SLUG, PrivateSystem, cpu_s, private_system, resident_tokens, staff_tokens
from bench.verdicts import alone, show
from dispatch.domain.roles import Role
from dispatch.services.centre import open_centre

ACKNOWLEDGED_LIMIT_MS, ON_SCREEN_LIMIT_MS = 50.0, 150.0
WARM_UP, MEASURED = 40, 400
PLACE = {"lon": 107.4434, "lat": -6.5567}


@dataclass
class Times:
    """When each call was sent, acknowledged, and seen on the console; seconds of one clock."""

    sent: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    def ms(self, arrived: dict[str, float]) -> list[float]:
        """Return the milliseconds from sending to `arrived`, in the order of sending, warm-up left out."""
        return [(arrived[call] - sent) * 1000 for call, sent in list(self.sent.items())[WARM_UP:]]


async def _read_console(console: ClientConnection, times: Times, expected: int) -> None:
    while len(times.seen) < expected:
        frame = json.loads(await console.recv())
        if frame["t"] == "event" and frame["kind"] == "call_received":
            times.seen[frame["subject_id"]] = time.perf_counter()


async def _call(client: httpx.AsyncClient, token: str, times: Times, count: int) -> None:
    for _ in range(count):
        call = str(uuid4())
        times.sent[call] = time.perf_counter()
        answer = await client.post(
            "/api/v1/calls",
            json={"id": call, "place": PLACE, "place_accuracy_m": 12.0},
            headers={"Authorization": f"Bearer {token}"},
        )
        times.acknowledged[call] = time.perf_counter()
        if answer.status_code != 201:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")


async def _measure(system: PrivateSystem, residents: Sequence[str], operator: str) -> Times:
    """Let every resident call in turn, all of them at once."""
    times = Times()
    base = f"127.0.0.1:{system.port}"
    each = (WARM_UP + MEASURED) // len(residents)
    async with (
        httpx.AsyncClient(base_url=f"http://{base}", trust_env=False) as client,
        connect(f"ws://{base}/ws/operator", proxy=None, max_size=None) as console,
    ):
        await console.send(json.dumps({"t": "hello", "token": operator}))
        reading = asyncio.create_task(_read_console(console, times, each * len(residents)))
        await asyncio.gather(*(_call(client, token, times, each) for token in residents))
        async with asyncio.timeout(30):
            await reading
    return times


async def _accounts(system: PrivateSystem) -> tuple[list[str], str]:
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        residents = await resident_tokens(centre, entry, 8)
        return residents, (await staff_tokens(centre, entry, Role.OPERATOR, ["uji-operator"]))[0]
    finally:
        await centre.close()


def _show(what: str, milliseconds: list[float], limit: float) -> None:
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    show(f"{what}, p99", cuts[98], "ms", limit, remark=f"(p50 {cuts[49]:.1f})")


async def _run(system: PrivateSystem) -> None:
    residents, operator = await _accounts(system)
    for at_once in (1, len(residents)):
        server, database = cpu_s(system.server_pid), system.database_cpu_s()
        times = await _measure(system, residents[:at_once], operator)
        server, database = cpu_s(system.server_pid) - server, system.database_cpu_s() - database
        told = f"{at_once} at a time"
        _show(f"request acknowledged, {told}", times.ms(times.acknowledged), ACKNOWLEDGED_LIMIT_MS)
        _show(f"request on operator's socket, {told}", times.ms(times.seen), ON_SCREEN_LIMIT_MS)
        cpu = (server / len(times.sent) * 1000, database / len(times.sent) * 1000)
        print(f"  CPU per request: serving process {cpu[0]:.1f} ms, PostgreSQL {cpu[1]:.1f} ms")


def main() -> None:
    """Print the figures."""
    print(f"calls: {MEASURED} requests over HTTP, one console connected")
    with private_system() as system:
        asyncio.run(_run(system))


if __name__ == "__main__":
    sys.exit(alone(main))
