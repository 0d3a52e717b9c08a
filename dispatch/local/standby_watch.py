"""Watches over synchronous replication: a standby that is gone must not hold up commits for ever.

While the standby keeps up, a commit is acknowledged once the standby has it on its disk. When it has not
kept up for `patience_s`, the primary goes on alone, which is told loudly and noted in a file; when it has
caught up again, commits wait for it again. What is acknowledged in between is on the primary alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from dispatch.local.standby_note import Note, read_note, write_note
from dispatch.storage.primary import Primary

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""Seconds that commits may wait for a standby that does not answer."""
STEADY_S = 3.0
"""Seconds a standby has to keep up before commits wait for it again."""
TICK_S = 0.5
REMIND_S = 60.0
_ASK_S = 5.0

_LOOK = r"""
SELECT pg_current_wal_flush_lsn()::text AS written,
       current_setting('synchronous_standby_names') AS waited_for,
       (SELECT array_agg(slot_name::text ORDER BY slot_name) FROM pg_replication_slots
         WHERE slot_type = 'physical' AND slot_name LIKE 'semar\_standby\_%') AS expected,
       (SELECT max(flush_lsn) FROM pg_stat_replication
         WHERE state = 'streaming' AND application_name LIKE 'semar\_standby\_%')
         >= CAST($1::text AS pg_lsn) AS keeps_up
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the primary. `keeps_up`: the standby has what was written one look before."""

    written: str
    synchronous: bool
    expected: tuple[str, ...]
    keeps_up: bool


class Judge:
    """Decides from looks, one after another, whether commits shall wait for the standby."""

    def __init__(self, patience_s: float, steady_s: float = STEADY_S) -> None:
        self._patience_s = patience_s
        self._steady_s = steady_s
        self._good_since: float | None = None
        self._bad_since: float | None = None

    def after_absence(self) -> None:
        """Forget what was seen: the primary did not answer, which says nothing of the standby."""
        self._good_since = self._bad_since = None

    def verdict(self, sight: Sight, now: float) -> bool:
        """Return whether commits shall be synchronous from now on. `now` in seconds of a steady clock."""
        if not sight.expected:
            return False
        if sight.keeps_up:
            self._bad_since = None
            self._good_since = now if self._good_since is None else self._good_since
            return sight.synchronous or now - self._good_since >= self._steady_s
        self._good_since = None
        self._bad_since = now if self._bad_since is None else self._bad_since
        return sight.synchronous and now - self._bad_since < self._patience_s


class Watcher:
    """Holds one connection to the primary, wherever it is, as a role that may set what commits wait for."""

    def __init__(
        self,
        url: str,
        run_dir: Path,
        *,
        patience_s: float = PATIENCE_S,
        told: Callable[[str], None] = log.error,
    ) -> None:
        """Open nothing yet; `told` gets every alarm, in both languages."""
        self._primary = Primary(url, server_settings={"application_name": "semar standby watch"})
        self._run_dir = run_dir
        self._patience_s = patience_s
        self._judge = Judge(patience_s)
        self._told = told
        self._before: str | None = None
        self._reminded = 0.0
        self._waiting_since = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set."""
        while not stop.is_set():
            try:
                connection = await self._primary.connect()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
                log.warning("no primary to watch: %s", away)
                await _pause(stop, 1.0)
                continue
            try:
                self._judge.after_absence()
                self._before = None
                while not stop.is_set():
                    async with asyncio.timeout(_ASK_S):
                        await self.look(connection, time.monotonic())
                    await _pause(stop, TICK_S)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as lost:
                log.warning("the primary does not answer: %s", lost or type(lost).__name__)
                await _pause(stop, TICK_S)
            finally:
                connection.terminate()

    async def look(self, connection: asyncpg.Connection, now: float) -> None:
        """Look once and do what follows from it."""
        row = await connection.fetchrow(_LOOK, self._before)
        assert row is not None
        written = str(row["written"])
        sight = Sight(written, bool(row["waited_for"]), tuple(row["expected"] or ()), bool(row["keeps_up"]))
        self._before = written
        wanted = self._judge.verdict(sight, now)
        if wanted != sight.synchronous:
            await self._change(connection, wanted, sight)
            self._reminded = now
        elif (known := read_note(self._run_dir)) is None or known.synchronous != wanted:
            # all processes of the server have to have read the change before it may be relied on
            if not wanted or now - self._waiting_since >= STEADY_S:
                write_note(self._run_dir, _note(wanted, sight))
        elif sight.expected and not wanted and not sight.keeps_up and now - self._reminded >= REMIND_S:
            self._reminded = now
            self._told(
                f"STANDBY MASIH TERPUTUS sejak {known.since}; data hanya ada di primer / "
                f"STANDBY STILL AWAY since {known.since}; data are on the primary alone"
            )

    async def _change(self, connection: asyncpg.Connection, wanted: bool, sight: Sight) -> None:
        names = ", ".join(f'"{name}"' for name in sight.expected)
        value = f"FIRST 1 ({names})" if wanted else ""
        if not wanted:  # noted before the first commit goes without: a promotion must not miss it
            write_note(self._run_dir, _note(False, sight))
        # ALTER SYSTEM and the reload wait for nobody, also while all commits do
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{value}'")
        await connection.execute("SELECT pg_reload_conf()")
        if wanted:
            self._waiting_since = time.monotonic()
            log.warning("commits wait for the standby (%s)", names)
        elif sight.expected:
            self._told(
                f"STANDBY TERPUTUS: {names} tidak menjawab {self._patience_s:g} s, data hanya disimpan di "
                f"primer / STANDBY AWAY: {names} did not answer for {self._patience_s:g} s, data are stored "
                "on the primary alone. Periksa / check: dispatch standby status"
            )


def _note(synchronous: bool, sight: Sight) -> Note:
    return Note(synchronous, datetime.now(UTC).isoformat(timespec="milliseconds"), sight.written)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
