"""The running server that is backed up: copied whole, and its log received without end."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
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
_LEFT_AT = re.compile(r"(?:^|\|)(\d+)\t([0-9A-F]+/[0-9A-F]+)\t", re.MULTILINE)
_SERVER_SAYS = ("unexpected termination of replication stream", "could not send replication command")
"""pg_receivewal's words before those of the server."""
_LOOK = """
SELECT system_identifier::text AS cluster, current_setting('server_version_num')::int / 10000 AS version,
       current_setting('wal_segment_size') = '16MB' AS usual_segments,
       (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may,
       (SELECT count(*) FROM pg_tablespace) > 2 AS spread,
       current_user AS name, clock_timestamp() AS at
FROM pg_control_system()
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

    def renew_slot(self) -> None:
        """Have the server keep its log from now on, and no longer what it kept until now."""
        asyncio.run(self._ensure_slot(anew=True))

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

    def receive(self, folder: Path, binaries: Binaries) -> "Receiver":
        """Start receiving the log into `folder`, written through to the disk, until told to end."""
        tool = str(binaries.folder / "pg_receivewal")
        login, environment = self._login()
        options = ["-S", SLOT, "--synchronous", "--no-password", "--no-loop"]
        return Receiver(
            subprocess.Popen(
                tethered([tool, "-D", str(folder), "-d", login, *options], signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
            )
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

    async def _ensure_slot(self, *, anew: bool = False) -> None:
        connection = await self._connected()
        try:
            status = await connection.fetchval(
                "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", SLOT
            )
            if status == "lost" or (anew and status is not None):  # it is worth nothing any more
                await connection.execute("SELECT pg_drop_replication_slot($1)", SLOT)
            if anew or status in (None, "lost"):
                await connection.execute("SELECT pg_create_physical_replication_slot($1, true)", SLOT)
        finally:
            await connection.close()

    async def _connected(self) -> asyncpg.Connection:
        try:
            return await Primary(self.url, server_settings={"application_name": "semar backup"}).connect()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
            raise SourceRefused(f"the database cannot be reached: {away}") from away


class Receiver:
    """A pg_receivewal at work. What it says goes on to this process's own words."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Follow a process whose words come by a pipe."""
        self.process = process
        self._refusals: list[str] = []
        self._reader = threading.Thread(target=self._read, name="pg_receivewal", daemon=True)
        self._reader.start()

    def ended(self) -> bool:
        """Whether it has ended; all that it said has been read then."""
        if self.process.poll() is None:
            return False
        self._reader.join()
        return True

    def was_refused(self, place: int | None) -> bool:
        """Whether the server ended the stream naming the segment at this position, in bytes: it is gone.

        None: any segment. The server's words are in its own language; the name is not, and it names one for
        no other reason. Where its slot keeps the log from says nothing: whoever asks for less sets that back.
        """
        name = (
            "[0-9A-F]{16}" if place is None else backup_wal.segment_at(0, backup_wal.position_of(place))[8:]
        )
        return any(re.search(rf"\b[0-9A-F]{{8}}{name}\b", words) for words in self._refusals)

    def end(self) -> None:
        """Have it end in order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as said:
            for line in said:
                words = line.decode(errors="replace")
                sys.stderr.write(words)
                sys.stderr.flush()
                if any(before in words for before in _SERVER_SAYS):
                    self._refusals.append(words)


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
    receiver: Receiver | None = None
    looked = 0.0
    try:
        while not stop():
            if receiver is None or receiver.ended():
                if receiver is not None:
                    say("pg_receivewal ended, starting it again")
                    _rest(stop, 1.0)
                try:
                    binaries = binaries or programs_for(source.look().version)
                    source.ensure_slot()
                    if left := backup_wal.leave_branch(folder.parent, *source.history(binaries)):
                        say(f"of a branch that this server does not go on: {', '.join(left)}")
                    if receiver is not None:
                        _leave_gap(source, receiver, folder.parent, say)
                except (SourceRefused, ToolFailed, asyncpg.PostgresError, OSError) as away:
                    say(str(away))
                    _rest(stop, 2.0)
                    continue
                receiver = source.receive(folder, binaries)
            if time.monotonic() - looked >= 2.0:
                look()
                looked = time.monotonic()
            _rest(stop, 0.2)
    finally:
        if receiver is not None:
            receiver.end()
    look()


def _leave_gap(source: Source, receiver: Receiver, wal: Path, say: Callable[[str], None]) -> None:
    """Have the receiver begin behind a gap, when the server has removed what it would go on with.

    So it is after a disk that was away for longer than the server keeps the log, or when the receiver wrote
    to another folder meanwhile and its slot moved on.
    """
    place = backup_wal.goes_on_at(wal)
    if not receiver.was_refused(place):
        return
    backup_wal.leave_gap(wal)
    # by asking for what is gone the receiver has set its slot back to it, and would ask for it again
    source.renew_slot()
    begin = "its slot" if place is None else backup_wal.position_of(place)
    say(
        f"the server has removed its log from {begin} on before it was received: there is a GAP in the kept "
        "log; what comes after it needs a base backup that comes after it, too: run 'dispatch backup'"
    )


def _rest(stop: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not stop() and time.monotonic() < until:
        time.sleep(0.05)
