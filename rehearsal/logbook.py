"""The rehearsal's own log: one JSON line for everything its actors did, with the moments before and after."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from rehearsal.findings import Refused
from rehearsal.wire import Disconnected

Result = TypeVar("Result")
Line = dict[str, Any]

_KEPT = timedelta(days=35)
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_LAST_WORDS_S = 4.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_OVERTAKEN = frozenset({404, 409})
_OVERTAKEN_CODES = frozenset({"reason_needed"})  # another unit was proposed first a moment ago


class Overtaken(Exception):
    """Somebody or something else was faster: the act is not needed, or not possible, any more."""


class Logbook:
    """Lines by day (UTC) in one folder. `counts` are the acts by name since this process began."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, readable for its owner alone, and throw away logs older than 35 days."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.last_surprise: str | None = None
        oldest = _file_of(folder, datetime.now(UTC) - _KEPT)
        for path in folder.glob("acts-*.jsonl"):
            if path.name < oldest.name:
                path.unlink()

    def write(self, kind: str, **fields: Any) -> None:
        """Write one line: its kind, the time, and what there is to say."""
        now = datetime.now(UTC)
        line = msgspec.json.encode({"t": kind, "at": now, **fields})
        with _file_of(self.folder, now).open("ab") as file:
            file.write(line + b"\n")

    def surprise(self, words: str, **fields: Any) -> None:
        """Keep what should not have happened."""
        self.counts["surprises"] += 1
        self.last_surprise = words
        self.write("surprise", words=words, **fields)

    async def act(
        self,
        by: str,
        what: str,
        work: Callable[[], Awaitable[Result]],
        see: Callable[[Result], Line] | None = None,
        *,
        happened: tuple[datetime, datetime] | None = None,
        **about: Any,
    ) -> Result:
        """Do something through the API, and keep when it was asked for and when it was answered.

        by: the actor as the system's log names it. A system that is away is asked again for a minute.
        happened: between which moments it was, when it is told later than it was done.

        Raises:
            Overtaken: refused because the case has moved on.
            Refused: refused otherwise.
        """
        asked = datetime.now(UTC)
        if happened is not None:
            about["happened"] = happened
        doing = asyncio.ensure_future(persist(work))
        stopped: asyncio.CancelledError | None = None
        try:
            await asyncio.wait({doing})
        except asyncio.CancelledError as cancelled:
            # what was asked for may happen: hear how it ends, for the log has to know
            await asyncio.wait({doing}, timeout=_LAST_WORDS_S)
            doing.cancel()
            stopped = cancelled
        try:
            result = await doing
        except asyncio.CancelledError:
            self.write("unanswered", by=by, what=what, asked=asked, **about)
            raise
        except Refused as refused:
            if self._note_refusal(refused, by=by, what=what, asked=asked, **about):
                raise Overtaken(f"{what}: {refused.words}") from refused
            raise
        self.counts[what] += 1
        answered = datetime.now(UTC)
        seen = see(result) if see else {}
        self.write("act", by=by, what=what, asked=asked, answered=answered, **about, **seen)
        if stopped is not None:
            raise stopped
        return result

    def _note_refusal(self, refused: Refused, **about: Any) -> bool:
        """Write a refusal down; whether it is one of those that come of being too late."""
        overtaken = refused.status in _OVERTAKEN or refused.code in _OVERTAKEN_CODES
        self.counts["overtaken" if overtaken else "refused"] += 1
        self.write("refused", code=refused.code, status=refused.status, words=refused.words, **about)
        return overtaken


async def persist(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do something, again after a pause while the system is away or too busy."""
    for pause_s in _PAUSES_S:
        try:
            return await work()
        except Refused as refused:
            if refused.status not in _TRY_AGAIN:
                raise
        except (httpx.TransportError, Disconnected):
            pass
        await asyncio.sleep(pause_s)
    return await work()


def read_lines(folder: Path, since: datetime) -> Iterator[Line]:
    """Yield the lines of all days from `since` on, oldest first; a line cut off by a crash is left out."""
    first = _file_of(folder, since - timedelta(days=1))
    for path in sorted(folder.glob("acts-*.jsonl")):
        if path.name < first.name:
            continue
        for text in path.read_bytes().splitlines():
            try:
                line = msgspec.json.decode(text)
            except msgspec.DecodeError:
                continue
            if isinstance(line, dict):
                yield line


def _file_of(folder: Path, moment: datetime) -> Path:
    return folder / f"acts-{moment:%Y%m%d}.jsonl"
