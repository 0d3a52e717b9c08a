"""Watches over synchronous replication: a standby that is gone must not hold up commits for ever.

While the standby keeps up, a commit is acknowledged once the standby has it on its disk. When it has not
kept up for `patience_s`, the primary goes on alone, which is told loudly and noted in a file; when it has
caught up again, commits wait for it again. What is acknowledged in between is on the primary alone.

Between two machines that is not enough: a primary that was replaced and is switched on again finds no standby
either, and must not go on alone. There the watcher gives up only a standby that it has itself seen keep up
since this start of the primary; else commits wait until a person has said that no other primary is at work.
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

from dispatch.local.standby_keeper import Keeper
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
       pg_postmaster_start_time()::text AS started,
       (SELECT array_agg(slot_name::text ORDER BY slot_name) FROM pg_replication_slots
         WHERE slot_type = 'physical' AND slot_name LIKE 'semar\_standby\_%') AS expected,
       (SELECT max(flush_lsn) FROM pg_stat_replication
         WHERE state = 'streaming' AND application_name LIKE 'semar\_standby\_%')
         >= CAST($1::text AS pg_lsn) AS keeps_up
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the primary. `keeps_up`: the standby has what was written one look before.

    started: when this server was started, which tells one life of it from the next.
    """

    written: str
    synchronous: bool
    expected: tuple[str, ...]
    keeps_up: bool
    started: str = ""


class Judge:
    """Decides from looks, one after another, whether commits shall wait for the standby."""

    def __init__(self, patience_s: float, steady_s: float = STEADY_S, *, fenced: bool = True) -> None:
        """fenced: a replaced primary cannot be started; else see the module on two machines."""
        self._patience_s = patience_s
        self._steady_s = steady_s
        self._fenced = fenced
        self._good_since: float | None = None
        self._bad_since: float | None = None
        self._synchronous_since: float | None = None
        self._started: str | None = None
        self._seen = False
        self.away = False
        """Whether the standby has not kept up for longer than the patience."""

    def after_absence(self) -> None:
        """Forget what was seen: the primary did not answer, which says nothing of the standby."""
        self._good_since = self._bad_since = self._synchronous_since = None

    def verdict(self, sight: Sight, now: float) -> bool:
        """Return whether commits shall be synchronous from now on. `now` in seconds of a steady clock."""
        if sight.started != self._started:
            self._started, self._seen = sight.started, False
        if not sight.synchronous:
            self._synchronous_since = None
        elif self._synchronous_since is None:
            self._synchronous_since = now
        self.away = False
        if not sight.expected:
            return False
        if sight.keeps_up:
            self._seen = True
            self._bad_since = None
            self._good_since = now if self._good_since is None else self._good_since
            return sight.synchronous or now - self._good_since >= self._steady_s
        self._good_since = None
        self._bad_since = now if self._bad_since is None else self._bad_since
        self.away = now - self._bad_since >= self._patience_s
        may_go_alone = self._fenced or self._seen
        return sight.synchronous and not (self.away and may_go_alone)

    def in_step(self, sight: Sight, now: float) -> bool:
        """Whether all that is acknowledged is on the standby's disk: after `verdict`, with the same look.

        It keeps up, and commits have waited for it so long that all processes of the server have read that
        they shall.
        """
        since = self._synchronous_since
        return sight.keeps_up and since is not None and now - since >= self._steady_s


class Watcher:
    """Holds one connection to the primary, wherever it is, as a role that may set what commits wait for."""

    def __init__(
        self,
        url: str,
        run_dir: Path,
        *,
        patience_s: float = PATIENCE_S,
        fenced: bool = True,
        keeper: Keeper | None = None,
        told: Callable[[str], None] = log.error,
    ) -> None:
        """Open nothing yet; `told` gets every alarm, in both languages.

        fenced: as in `Judge`. keeper: keeps the copy beside the standby, where that is on the same machine.
        """
        self._primary = Primary(url, server_settings={"application_name": "semar standby watch"})
        self._run_dir = run_dir
        self._patience_s = patience_s
        self._judge = Judge(patience_s, fenced=fenced)
        self._keeper = keeper
        self._told = told
        self._before: str | None = None
        self._reminded = -REMIND_S

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set."""
        if self._keeper is not None:
            self._keeper.start()
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
        sight = Sight(
            written=str(row["written"]),
            synchronous=bool(row["waited_for"]),
            expected=tuple(row["expected"] or ()),
            keeps_up=bool(row["keeps_up"]),
            started=str(row["started"]),
        )
        self._before = sight.written
        wanted = self._judge.verdict(sight, now)
        known = read_note(self._run_dir)
        if wanted != sight.synchronous:
            await self._change(connection, wanted, sight)
            self._reminded = now
        elif known is None or known.synchronous != wanted:
            self._take_note(wanted, sight, now)
        if self._keeper is not None:
            self._keeper.saw()
        if now - self._reminded >= REMIND_S and (words := self._alarm(sight, wanted, known)):
            self._reminded = now
            self._told(words)

    def _take_note(self, wanted: bool, sight: Sight, now: float) -> None:
        if not wanted or self._judge.in_step(sight, now):
            write_note(self._run_dir, _note(wanted, sight))

    def _alarm(self, sight: Sight, wanted: bool, known: Note | None) -> str | None:
        if not self._judge.away:
            return None
        if wanted:
            names = ", ".join(sight.expected)
            return (
                f"SEMUA KOMIT MENUNGGU {names}, yang belum terlihat sejak primer ini dinyalakan: mungkin "
                "yang lain kini primer. Bila pasti tidak: dispatch standby alone / "
                f"ALL COMMITS WAIT for {names}, not seen since this primary was started: the other one may "
                "be the primary now. If it certainly is not: dispatch standby alone"
            )
        since = known.since if known else "?"
        return (
            f"STANDBY MASIH TERPUTUS sejak {since}; data hanya ada di primer / "
            f"STANDBY STILL AWAY since {since}; data are on the primary alone"
        )

    async def _change(self, connection: asyncpg.Connection, wanted: bool, sight: Sight) -> None:
        names = ", ".join(f'"{name}"' for name in sight.expected)
        if not wanted:  # noted before the first commit goes without: a promotion must not miss it
            write_note(self._run_dir, _note(False, sight))
            if self._keeper is not None:
                await asyncio.to_thread(self._keeper.keep_now)
        await _wait_for(connection, f"FIRST 1 ({names})" if wanted else "")
        if wanted:
            log.warning("commits wait for the standby (%s)", names)
        elif sight.expected:
            self._told(
                f"STANDBY TERPUTUS: {names} tidak menjawab {self._patience_s:g} s, data hanya disimpan di "
                f"primer / STANDBY AWAY: {names} did not answer for {self._patience_s:g} s, data are stored "
                "on the primary alone. Periksa / check: dispatch standby status"
            )


async def go_alone(url: str, run_dir: Path) -> None:
    """Let commits go on without a standby, on a person's word that no other primary is at work.

    Raises NoPrimary, OSError, TimeoutError, asyncpg.PostgresError.
    """
    connection = await Primary(url).connect()
    try:
        written = str(await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text"))
        write_note(run_dir, _note(False, Sight(written, synchronous=True, expected=(), keeps_up=False)))
        await _wait_for(connection, "")
    finally:
        await connection.close()


async def _wait_for(connection: asyncpg.Connection, names: str) -> None:
    # ALTER SYSTEM and the reload wait for nobody, also while all commits do
    await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    await connection.execute("SELECT pg_reload_conf()")


def _note(synchronous: bool, sight: Sight) -> Note:
    return Note(synchronous, datetime.now(UTC).isoformat(timespec="milliseconds"), sight.written)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
