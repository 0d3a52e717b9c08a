"""Residents who ask for help one request after the other, in a process of its own, until it is told to stop.

Argument: port. Reads their tokens as a line of JSON, stops at the end of standard input, and prints for each
request when it was sent (seconds since 1970), the milliseconds to its receipt, and whether it was taken.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from uuid import uuid4

import httpx

_PLACE = {"lon": 107.4434, "lat": -6.5567}
_EVERY_S = 0.05
Answer = tuple[float, float, bool]


async def _ask(client: httpx.AsyncClient, token: str, answers: list[Answer], stop: asyncio.Event) -> None:
    while not stop.is_set():
        sent, began = time.time(), time.perf_counter()
        answer = await client.post(
            "/api/v1/calls",
            json={"id": str(uuid4()), "place": _PLACE, "place_accuracy_m": 12.0},
            headers={"Authorization": f"Bearer {token}"},
        )
        answers.append((sent, (time.perf_counter() - began) * 1000, answer.is_success))
        await asyncio.sleep(_EVERY_S)


async def main(port: int, tokens: list[str]) -> list[Answer]:
    """Ask until standard input ends."""
    answers: list[Answer] = []
    stop = asyncio.Event()
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
        asking = asyncio.gather(*(_ask(client, token, answers, stop) for token in tokens))
        await asyncio.to_thread(sys.stdin.read)
        stop.set()
        await asking
    return answers


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), json.loads(sys.stdin.readline())))))
