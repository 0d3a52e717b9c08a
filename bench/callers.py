"""Residents who call one after the other, and the console that sees it: run beside the load as a process.

Arguments: port, seconds. Reads the tokens of an operator and of residents as a JSON list, and prints the
milliseconds from each request to the operator's socket as another.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

_PLACE = {"lon": 107.4434, "lat": -6.5567}
_EVERY_S = 0.15


async def _watch(console: ClientConnection, seen: dict[str, float], news: asyncio.Event) -> None:
    async for text in console:
        if isinstance(text, str) and '"t":"event"' in text[:40]:
            frame = json.loads(text)
            if frame["kind"] == "call_received":
                seen[frame["subject_id"]] = time.perf_counter()
                news.set()


async def _call(client: httpx.AsyncClient, token: str, sent: dict[str, float], until: float) -> None:
    while time.perf_counter() < until:
        call = str(uuid4())
        sent[call] = time.perf_counter()
        answer = await client.post(
            "/api/v1/calls",
            json={"id": call, "place": _PLACE, "place_accuracy_m": 12.0},
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        await asyncio.sleep(_EVERY_S)


async def main(port: int, seconds: float, operator: str, residents: list[str]) -> list[float]:
    """Call for so long and return the milliseconds of each call that was seen, lost ones as infinite."""
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    news = asyncio.Event()
    base = f"127.0.0.1:{port}"
    async with (
        httpx.AsyncClient(base_url=f"http://{base}", trust_env=False, timeout=30) as client,
        connect(f"ws://{base}/ws/operator", proxy=None, max_size=None) as console,
    ):
        await console.send(json.dumps({"t": "hello", "token": operator}))
        async for text in console:  # what a console is shown at first takes its time
            if isinstance(text, str) and '"t":"positions"' in text[:40]:
                break
        watching = asyncio.create_task(_watch(console, seen, news))
        until = time.perf_counter() + seconds
        await asyncio.gather(*(_call(client, token, sent, until) for token in residents))
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                while len(seen) < len(sent):
                    news.clear()
                    await news.wait()
        watching.cancel()
    return [(seen.get(call, float("inf")) - at) * 1000 for call, at in sent.items()]


if __name__ == "__main__":
    tokens = json.loads(sys.stdin.read())
    print(json.dumps(asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), tokens[0], tokens[1:]))))
