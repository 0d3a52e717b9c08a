"""A receiver for which the server did not keep its log: it goes on behind the gap, and the gap is known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from running_desk import wait_until

from dispatch.local.backup_source import SLOT, Source, keep_receiving
from dispatch.local.postgres import PrivatePostgres
from dispatch.storage import backup_wal

pytestmark = pytest.mark.timeout(120)
QUICK = {"shared_buffers": "16MB", "wal_level": "replica", "min_wal_size": "32MB", "max_wal_size": "64MB"}


class Writer:
    """A real server, and what it is told to do."""

    def __init__(self, run_dir: Path) -> None:
        self.server = PrivatePostgres(run_dir, settings=QUICK, say=lambda _: None)
        self.server.start()
        self.said: list[str] = []

    def ask(self, *statements: str, role: str = "postgres") -> str:
        """Run statements one by one; return what the last one answers."""

        async def work() -> str:
            connection = await asyncpg.connect(self.server.url(role, "postgres"))
            try:
                return str([await connection.fetchval(one) for one in statements][-1])
            finally:
                await connection.close()

        return asyncio.run(work())

    def write_on(self, segments: int = 8) -> None:
        """Write several segments of log, and have the server remove what it need not keep."""
        for _ in range(segments):
            self.ask("SELECT pg_logical_emit_message(true, 'test', 'x')", "SELECT pg_switch_wal()")
        self.ask("CHECKPOINT")

    @contextmanager
    def received(self, wal: Path, role: str = "postgres") -> Iterator[None]:
        """Have the log received into the folder meanwhile."""
        end = threading.Event()
        source = Source(self.server.url(role, "postgres"))

        def look() -> None:
            backup_wal.seal_arrived(wal)

        arguments = (source, wal / backup_wal.INCOMING, look, end.is_set, self.said.append)
        receiver = threading.Thread(target=keep_receiving, args=arguments)
        receiver.start()
        try:
            wait_until(lambda: self.slot() is not None)
            yield
        finally:
            end.set()
            receiver.join()

    def arrives(self, wal: Path) -> None:
        """Wait until all that is written now has been received into the folder."""
        at = self.ask(
            "SELECT pg_logical_emit_message(true, 'test', 'last')",
            "SELECT pg_current_wal_lsn()::text",
            "SELECT pg_switch_wal()::text",
        )
        wait_until(lambda: backup_wal.has_passed(wal, 1, at))

    def slot(self) -> str | None:
        """What the server says of the log that it keeps for the receiver; None when it keeps none."""
        status = self.ask(f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{SLOT}'")
        return None if status == "None" else status

    def first(self) -> str:
        """The name of the segment that is being written."""
        return self.ask("SELECT pg_walfile_name(pg_current_wal_lsn() + 1)")


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[Writer]:
    made = Writer(server_folder / "gap")
    made.ask("CREATE ROLE copier LOGIN REPLICATION")
    try:
        yield made
    finally:
        made.server.stop()


@pytest.fixture
def writer(server: Writer) -> Iterator[Writer]:
    """The server, of whose log nothing has been received yet."""
    yield server
    server.said.clear()
    server.ask(
        f"SELECT pg_drop_replication_slot('{SLOT}')",
        "ALTER SYSTEM RESET max_slot_wal_keep_size",
        "ALTER SYSTEM RESET wal_keep_size",
        "SELECT pg_reload_conf()",
    )


def told(wal: Path, first: str) -> tuple[set[str], str]:
    """What is of use from this segment on, and what is said of the rest."""
    segments, fault = backup_wal.needed(backup_wal.segments(wal), first, set())
    return {segment.name for segment in segments}, "" if fault is None else fault.message_en


def test_a_disk_that_was_away_for_longer_than_the_log_is_kept(writer: Writer, tmp_path: Path) -> None:
    wal = tmp_path / "wal"
    with writer.received(wal):
        before = writer.first()
        writer.arrives(wal)
    begun = {*told(wal, before)[0]}
    writer.ask("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'", "SELECT pg_reload_conf()")
    writer.write_on()
    assert writer.slot() == "lost"
    after = writer.first()
    with writer.received(wal):
        writer.arrives(wal)
    assert any("GAP" in words for words in writer.said)
    reached, words = told(wal, before)
    assert begun <= reached
    assert after not in reached
    assert "is missing or not whole" in words
    assert told(wal, after)[1] == ""
    assert after in told(wal, after)[0]


@pytest.mark.parametrize("role", ["postgres", "copier"])
def test_a_folder_that_another_one_took_the_place_of_for_a_while(
    writer: Writer, tmp_path: Path, role: str
) -> None:
    """Also with a login that may replicate and see nothing else: as on the server of a DBA."""
    daily, other = tmp_path / "daily", tmp_path / "other"
    with writer.received(daily, role):
        before = writer.first()
        writer.arrives(daily)
    with writer.received(other, role):
        writer.arrives(other)
        writer.write_on()
        writer.arrives(other)
    writer.ask("CHECKPOINT")
    after = writer.first()
    with writer.received(daily, role):
        writer.arrives(daily)
    assert any("GAP" in words for words in writer.said)
    assert "is missing or not whole" in told(daily, before)[1]
    assert told(daily, after)[1] == ""


def test_what_the_server_has_still_got_is_no_gap(writer: Writer, tmp_path: Path) -> None:
    daily, other = tmp_path / "daily", tmp_path / "other"
    # a checkpoint may come at any moment, and removes what nothing asks to be kept
    writer.ask("ALTER SYSTEM SET wal_keep_size = '512MB'", "SELECT pg_reload_conf()")
    with writer.received(daily):
        before = writer.first()
        writer.arrives(daily)
    with writer.received(other):
        writer.arrives(other)
        writer.arrives(other)
    with writer.received(daily):
        writer.arrives(daily)
    assert told(daily, before)[1] == ""
    assert not any("GAP" in words for words in writer.said)
