"""Prints the paper board of every tenant once a minute, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from dispatch.paper import HANGS
from dispatch.services.centre import Centre
from dispatch.services.paper_board import read_paper_board
from dispatch.services.paper_prints import MinuteClaim, claim_minute, tell_print
from dispatch.services.paper_sheet import paper_sheet
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
ANSWER_WITHIN_S = 45.0
_REAPED_WITHIN_S = 2.0
_MOST_LINE = 4_000_000


class PressBroken(Exception):
    """The press died, or does not answer."""


class Press:
    """One running press."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Made by `running_press`."""
        self._process = process

    async def print(self, job: dict[str, Any]) -> dict[str, Any]:
        """Have one job done; see `dispatch.paper.press.work_off`.

        Raises:
            PressBroken: it died or does not answer; it is of no use any more.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None, "as started"
        assert stdout is not None, "as started"
        try:
            stdin.write(json.dumps(job).encode() + b"\n")
            await stdin.drain()
            line = await asyncio.wait_for(stdout.readline(), ANSWER_WITHIN_S)
        except (OSError, TimeoutError) as trouble:
            raise PressBroken(str(trouble) or "tidak menjawab / no answer") from trouble
        if not line:
            raise PressBroken("berhenti / it ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PressBroken(answer["error"])
        return answer


@asynccontextmanager
async def running_press() -> AsyncIterator[Press]:
    """Run a press for one board: the typesetter gives no memory back while it lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dispatch.paper.press",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_MOST_LINE,
    )
    try:
        yield Press(process)
    finally:
        # it has nothing to finish: a board is whole or not there
        with suppress(ProcessLookupError):
            process.kill()
        # a write into a share that is dead for good cannot even be killed: not worth waiting for
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _REAPED_WITHIN_S)


class PaperPrinter:
    """The boards of all tenants. Any number of workers may call `pass_once`: each minute is printed once."""

    def __init__(self, centre: Centre, stop: asyncio.Event) -> None:
        """Do nothing yet; once `stop` is set no further board is begun."""
        self._centre = centre
        self._stop = stop
        self._done: datetime | None = None

    async def pass_once(self) -> int:
        """Print what this minute still lacks; return how many boards were made."""
        folders = self._centre.settings.paper_dirs
        begun = self._minute()
        if not folders or self._done == begun:
            return 0
        made = 0
        hanging: set[Path] = set()
        for entry in await self._centre.tenants.all():
            if self._stop.is_set():
                break
            # just before it is printed: what is left is another worker's meanwhile
            minute = self._minute()
            claim = await claim_minute(self._centre, entry, minute)
            if claim is MinuteClaim.TAKEN:
                continue
            try:
                made += await self._one(entry, folders, hanging, minute, passed=claim is MinuteClaim.PASSED)
            except PressBroken as broken:
                await self._failed(entry, f"cetak / press: {broken}")
            # one tenant's odd data must not take the paper from all others; a database that is away ends the
            # round with the attempt to write this down
            except Exception as fault:
                log.exception("%s: no paper board", entry.tenant.slug)
                await self._failed(entry, type(fault).__name__)
        self._done = begun
        return made

    def _minute(self) -> datetime:
        return self._centre.clock().replace(second=0, microsecond=0)

    async def _one(
        self, entry: TenantEntry, folders: list[Path], hanging: set[Path], minute: datetime, *, passed: bool
    ) -> bool:
        """Print one board of a minute; a folder that hangs is not waited for again in this round.

        `passed`: by the clock this minute may have been printed before.
        """
        settings = self._centre.settings
        paper = await read_paper_board(self._centre, entry)
        homes = {str(root / entry.tenant.slug): root for root in folders if root not in hanging}
        job = {
            "sheet": paper_sheet(
                entry.tenant, paper, forms=settings.paper_forms, minute=None if passed else minute
            ),
            "minute": f"{minute.astimezone(entry.tenant.zone):%H%M}",
            "keep_s": settings.paper_keep_minutes * 60,
            "folders": list(homes),
        }
        async with running_press() as press:
            answer = await press.print(job)
        troubles = dict.fromkeys(map(str, sorted(hanging)), HANGS)
        for home, why in answer["troubles"].items():
            troubles[str(homes[home])] = why
            if why == HANGS:
                hanging.add(homes[home])
        words = "; ".join(f"{root}: {why}" for root, why in troubles.items())
        if words:
            log.error("%s: the paper board is not everywhere: %s", entry.tenant.slug, words)
        reached = len(answer["troubles"]) < len(homes)
        await tell_print(self._centre, entry, paper.board.at if reached else None, words or None)
        return reached

    async def _failed(self, entry: TenantEntry, words: str) -> None:
        log.error("%s: no paper board: %s", entry.tenant.slug, words)
        await tell_print(self._centre, entry, None, words)
