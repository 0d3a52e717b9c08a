"""An operator's screen as the soak plays it, and the tally of what happened and should not have."""

from __future__ import annotations

import asyncio
import json
import re
import time
import zlib
from collections import Counter

import httpx

BOARD_GAP_S = 0.5
"""As `BOARD_GAP_MS` of the operator's page."""


class Tally:
    """What happened, and what should not have."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.seen_ms: list[float] = []
        self.asked_ms: list[float] = []
        self.board_ms: list[float] = []

    def fault(self, what: str) -> None:
        """Keep the first hundred; count all."""
        self.counts["wrong"] += 1
        if len(self.wrong) < 100:
            self.wrong.append(what)


def _seq_of(packed: bytes) -> int:
    """Return the event of a board. Only its beginning is unpacked: pages have machines of their own."""
    beginning = zlib.decompressobj(wbits=31).decompress(packed, 40)
    found = re.match(rb'\{"seq":(\d+),', beginning)
    if found is None:
        raise ValueError(f"no board: {beginning!r}")
    return int(found[1])


class Console:
    """One operator's screen: every event once, in order, and after them the board, as the page reads it."""

    def __init__(self, tally: Tally, sent: dict[str, float] | None) -> None:
        """`sent` are the moments at which calls were made; the console that has it times their arrival."""
        self._tally = tally
        self._sent = sent
        self._board_due = asyncio.Event()
        self.seq = -1

    async def read_boards(self, client: httpx.AsyncClient, token: str) -> None:
        """Read the board after events until cancelled; it must hold the last of them."""
        headers = {"Authorization": f"Bearer {token}"}
        while True:
            await self._board_due.wait()
            self._board_due.clear()
            known, began = self.seq, time.perf_counter()
            try:
                async with client.stream("GET", "/api/v1/operator/board", headers=headers) as answer:
                    packed = b"".join([part async for part in answer.aiter_raw()])
            except httpx.HTTPError as failure:
                self._tally.fault(f"board: {type(failure).__name__}: {failure}")
                continue
            took = time.perf_counter() - began
            self._tally.board_ms.append(took * 1000)
            self._tally.counts["boards read"] += 1
            if not answer.is_success:
                self._tally.fault(f"board: {answer.status_code} {packed[:200]!r}")
            elif (shown := _seq_of(packed)) < known:
                self._tally.fault(f"board of event {shown} after event {known}")
            await asyncio.sleep(max(0.0, BOARD_GAP_S - took))

    def take(self, text: bytes) -> None:
        """Read a frame."""
        if b'"t":"positions"' in text[:60]:
            self._tally.counts["position frames"] += 1
            return
        frame = json.loads(text)
        if frame["t"] == "welcome":
            self.seq = frame["seq"]
        elif frame["t"] == "event":
            if frame["seq"] != self.seq + 1:
                self._tally.fault(f"console: event {frame['seq']} after {self.seq}")
            self.seq = frame["seq"]
            self._board_due.set()
            self._tally.counts["events"] += 1
            if self._sent is not None and frame["kind"] == "call_received":
                asked = self._sent.pop(frame["subject_id"], None)
                if asked is not None:
                    self._tally.seen_ms.append((time.perf_counter() - asked) * 1000)
        elif frame["t"] not in ("pong",):
            self._tally.fault(f"console: {text[:200]!r}")
