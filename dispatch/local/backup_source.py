"""The running server that is backed up: copied whole, and its log received without end."""

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from dispatch.local.errors import LocalError
from dispatch.local.postgres_binaries import Binaries, find_binaries
from dispatch.local.postgres_tools import Progress, ToolFailed, run_tool
from dispatch.local.tether import tethered
from dispatch.storage import backup_wal
from dispatch.storage.primary import Primary

SLOT = "semar_archive"
"""Keeps the log on the server for as long as it has not been received."""
SEGMENT_BYTES = backup_wal.SEGMENT_BYTES
_LEFT_AT = re.compile(r"(?:^|\|)(\d+)\t([0-9A-F]+/[0-9A-F]+)\t", re.MULTILINE)
_LOOK = """
SELECT system_identifier::text AS cluster, current_setting('server_version_num')::int / 10000 AS version,
       current_setting('wal_segment_size') = '16MB' AS usual_segments,
       (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may,
       (SELECT count(*) FROM pg_tablespace) > 2 AS spread,
       current_user AS name, clock_timestamp() AS at
FROM pg_control_system()
"""
_REMOVED = """
SELECT $1::text::pg_lsn < pg_current_wal_flush_lsn()
       AND NOT EXISTS (SELECT FROM pg_ls_waldir() WHERE length(name) = 24 AND substr(name, 9) = $2)
"""
_KEPT_FROM_LATER = """
SELECT restart_lsn - $1::text::pg_lsn >= $2::int FROM pg_replication_slots WHERE slot_name = $3
"""


class SourceRefused(LocalError):
    """This server cannot be backed up like this; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the server says of itself. cluster: its identifier; bytes: of all databases, 0 when hidden."""

    cluster: str
    version: int
    bytes: int
    at: str


class Source:
    """A server named by a URL, of one or several addresses, whose login may replicate."""

    def __init__(self, url: str) -> None:
        """Open nothing yet."""
        self.url = url

    def look(self) -> Look:
        """Ask the server who it is. Raises SourceRefused: it cannot be backed up with this login."""
        return asyncio.run(self._look())

    def copy(self, target: Path, binaries: Binaries, progress: Progress) -> None:
        """Copy the whole server into the folder `target`, and have the copy verified. Raises ToolFailed."""
        tool = str(binaries.folder / "pg_basebackup")
        login, environment = self._login()
        options = ["-X", "stream", "-c", "fast", "--manifest-checksums=SHA256", "--progress", "--no-password"]
        run_tool([tool, "-D", str(target), "-d", login, *options], None, progress, environment)
        run_tool([str(binaries.folder / "pg_verifybackup"), str(target)], None, progress)

    def ensure_slot(self) -> None:
        """Have the server keep its log until it is received."""
        asyncio.run(self._ensure_slot())

    def has_removed(self, place: int) -> bool:
        """Whether the server has written past this position, in bytes, and removed its log there since.

        One whose login may not look at the files is asked from where its slot keeps the log.
        """
        return asyncio.run(self._has_removed(place))

    def history(self, binaries: Binaries) -> tuple[int, dict[int, int]]:
        """Return the server's timeline, and where it left each earlier one. Raises ToolFailed."""
        timeline = int(self._replicating(binaries, "IDENTIFY_SYSTEM").split("|")[1])
        told = self._replicating(binaries, f"TIMELINE_HISTORY {timeline}") if timeline > 1 else ""
        return timeline, {int(own): backup_wal.bytes_at(end) for own, end in _LEFT_AT.findall(told)}

    def _replicating(self, binaries: Binaries, command: str) -> str:
        """Ask over a connection for replication, which answers what no query does. Raises ToolFailed."""
        login, environment = self._login()
        done = subprocess.run(
            [str(binaries.folder / "psql"), "-XqAtw", "-d", f"{login}&replication=true", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
        )
        if done.returncode != 0:
            raise ToolFailed(done.stderr.strip())
        return done.stdout

    def receive(self, folder: Path, binaries: Binaries) -> subprocess.Popen[bytes]:
        """Start receiving the log into `folder`, written through to the disk, until told to end."""
        tool = str(binaries.folder / "pg_receivewal")
        login, environment = self._login()
        command = [
            tool,
            "-D",
            str(folder),
            "-d",
            login,
            "-S",
            SLOT,
            "--synchronous",
            "--no-password",
            "--no-loop",
        ]
        return subprocess.Popen(
            tethered(command, signal.SIGINT),
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
        )

    def _login(self) -> tuple[str, dict[str, str]]:
        """The address as libpq reads it, and its password apart: arguments show in the list of processes."""
        parts = urlsplit(self.url)
        user, at, places = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        query = dict(parse_qsl(parts.query))
        if len(Primary(self.url).servers) > 1:
            query["target_session_attrs"] = "read-write"
        query |= {"application_name": SLOT, "connect_timeout": "5"}
        login = urlunsplit(
            (
                "postgresql",
                f"{name}{at}{places}",
                parts.path,
                urlencode(query, quote_via=quote, safe=",/"),
                "",
            )
        )
        return login, {"PGPASSWORD": unquote(password)} if password else {}

    async def _look(self) -> Look:
        connection = await self._connected()
        try:
            row = await connection.fetchrow(_LOOK)
            assert row is not None
            if not row["may"]:
                raise SourceRefused(
                    f"the role {row['name']} may not replicate: let an administrator run "
                    f"ALTER ROLE {row['name']} REPLICATION, and allow 'replication' for it in pg_hba.conf"
                )
            if row["spread"]:
                raise SourceRefused(
                    "the server has tablespaces of its own: back it up with the means of its DBA"
                )
            if not row["usual_segments"]:
                raise SourceRefused("the server's log has segments of another size than 16 MB: not supported")
            return Look(row["cluster"], row["version"], await self._size(connection), row["at"].isoformat())
        finally:
            await connection.close()

    async def _size(self, connection: asyncpg.Connection) -> int:
        try:
            return int(await connection.fetchval("SELECT sum(pg_database_size(oid)) FROM pg_database"))
        except asyncpg.InsufficientPrivilegeError:
            return 0

    async def _ensure_slot(self) -> None:
        connection = await self._connected()
        try:
            status = await connection.fetchval(
                "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", SLOT
            )
            if status == "lost":  # it was kept for too long, and is worth nothing any more
                await connection.execute("SELECT pg_drop_replication_slot($1)", SLOT)
            if status in (None, "lost"):
                await connection.execute("SELECT pg_create_physical_replication_slot($1, true)", SLOT)
        finally:
            await connection.close()

    async def _has_removed(self, place: int) -> bool:
        position = backup_wal.position_of(place)
        segment = backup_wal.segment_at(0, position)
        connection = await self._connected()
        try:
            return bool(await connection.fetchval(_REMOVED, position, segment[8:]))
        except asyncpg.InsufficientPrivilegeError:
            return bool(await connection.fetchval(_KEPT_FROM_LATER, position, SEGMENT_BYTES, SLOT))
        finally:
            await connection.close()

    async def _connected(self) -> asyncpg.Connection:
        try:
            return await Primary(self.url, server_settings={"application_name": "semar backup"}).connect()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
            raise SourceRefused(f"the database cannot be reached: {away}") from away


def programs_for(version: int) -> Binaries:
    """Return PostgreSQL's tools of the server's major version. Raises PostgresMissing."""
    return find_binaries(version)


def keep_receiving(
    source: Source,
    folder: Path,
    look: Callable[[], None],
    stop: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Receive the log into `folder`, of a backup's `wal`, until `stop()`, with a `look` every two seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    binaries = None
    process: subprocess.Popen[bytes] | None = None
    looked = 0.0
    try:
        while not stop():
            if process is None or process.poll() is not None:
                if process is not None:
                    say("pg_receivewal ended, starting it again")
                    _rest(stop, 1.0)
                try:
                    binaries = binaries or programs_for(source.look().version)
                    source.ensure_slot()
                    if left := backup_wal.leave_branch(folder.parent, *source.history(binaries)):
                        say(f"of a branch that this server does not go on: {', '.join(left)}")
                    if process is not None:
                        _leave_gap(source, folder.parent, say)
                except (SourceRefused, ToolFailed, asyncpg.PostgresError, OSError) as away:
                    say(str(away))
                    _rest(stop, 2.0)
                    continue
                process = source.receive(folder, binaries)
            if time.monotonic() - looked >= 2.0:
                look()
                looked = time.monotonic()
            _rest(stop, 0.2)
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    look()


def _leave_gap(source: Source, wal: Path, say: Callable[[str], None]) -> None:
    """Have the receiver begin behind a gap, when the server has removed what it would go on with.

    So it is after a disk that was away for longer than the server keeps the log, or when the receiver wrote
    to another folder meanwhile and its slot moved on.
    """
    place = backup_wal.goes_on_at(wal)
    if place is None or not source.has_removed(place):
        return
    backup_wal.leave_gap(wal)
    say(
        f"the server has removed its log from {backup_wal.position_of(place)} on before it was received: "
        "there is a GAP in the kept log; what comes after it needs a base backup that comes after it, too: "
        "run 'dispatch backup'"
    )


def _rest(stop: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not stop() and time.monotonic() < until:
        time.sleep(0.05)
