"""Times the ranking of a regency's 120 units for one place, as an operator's page asks for it over HTTP."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import httpx
import numpy as np

from bench.private_system import SLUG, PrivateSystem, private_system, staff_tokens
from bench.verdicts import alone, show
from dispatch.domain.roles import Role
from dispatch.services.centre import open_centre

LIMIT_MS = 50.0
WARM_UP, MEASURED = 20, 300
PLACES = ((107.4434, -6.5567), (107.3813, -6.6478), (107.5688, -6.7012), (107.4779, -6.4800))


async def _ask(system: PrivateSystem) -> tuple[list[float], int]:
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        token = (await staff_tokens(centre, entry, Role.OPERATOR, ["peringkat"]))[0]
    finally:
        await centre.close()
    times, units = [], 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{system.port}", timeout=10) as client:
        for n in range(WARM_UP + MEASURED):
            lon, lat = PLACES[n % len(PLACES)]
            began = time.perf_counter()
            answer = await client.get(
                "/api/v1/operator/candidates",
                params={"lon": lon, "lat": lat, "triage": "red"},
                headers={"Authorization": f"Bearer {token}"},
            )
            times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{answer.status_code}: {answer.text}")
            ranking = answer.json()
            units = len(ranking["candidates"]) + len(ranking["not_offered"])
    return times[WARM_UP:], units


def main() -> None:
    """Print median and p99 beside the limit."""
    with private_system() as system:
        times, units = asyncio.run(_ask(system))
    p99 = float(np.percentile(times, 99))
    print(f"ranking of {units} units over HTTP, one after the other ({len(times)} requests)")
    show("ranking, median", statistics.median(times), "ms")
    show("ranking, p99", p99, "ms", LIMIT_MS)


if __name__ == "__main__":
    sys.exit(alone(main))
