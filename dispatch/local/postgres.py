"""A private PostgreSQL cluster with PostGIS on a unix socket: real engine, nothing to administer."""

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from dispatch.local import places
from dispatch.local.errors import LocalError
from dispatch.local.postgres_binaries import Binaries, find_binaries
from dispatch.local.tether import tethered, working_in

DATABASE = "semar"
ADMIN_ROLE = "postgres"
OWNER_ROLE = "semar_owner"
APP_ROLE = "semar_app"
FALLBACK_ROOT = Path("/var/lib/semar")
ENDS_S = 10.0
"""Seconds that a server which an earlier start left gets to end in order."""

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "jit": "off",  # short queries only: compiling costs more than it gains
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_duration_statement": "500ms",
}
"""For a small machine. fsync and synchronous_commit stay on (the default): what is committed is on disk."""

# Roles come before the migrations, which grant to them. The owner is no superuser, as on a real server.
_ROLES = """
SELECT 'CREATE ROLE semar_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'semar_owner') \\gexec
SELECT 'CREATE ROLE semar_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'semar_app') \\gexec
ALTER ROLE semar_owner LOGIN NOSUPERUSER CREATEROLE CREATEDB;
ALTER ROLE semar_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
"""


class PostgresError(LocalError):
    """The private cluster could not be made, started or asked; the message carries what PostgreSQL said."""


class RoleUrls(ABC):
    """The addresses under which the roles log in: to one server, or to a pair of which one writes."""

    @abstractmethod
    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of a database for one role, as libpq, asyncpg and SQLAlchemy read it."""

    @property
    def admin_url(self) -> str:
        """The superuser of the cluster, database `postgres`."""
        return self.url(ADMIN_ROLE, "postgres")

    @property
    def owner_url(self) -> str:
        """The role that owns the database and its tables."""
        return self.url(OWNER_ROLE)

    @property
    def app_url(self) -> str:
        """The role of the application: bound by row-level security."""
        return self.url(APP_ROLE)


class PrivatePostgres(RoleUrls):
    """One cluster under a run folder: `pg/` (data) and `sock/` (socket), or under /var/lib when out of reach.

    settings: further `name = value` settings of the server, over SETTINGS.
    say: gets one line for everything the user should know, such as another folder being taken.
    """

    before: tuple[str, ...] = ()
    """Words before the server's program: what it is started by, such as `env` with a library of its own."""

    def __init__(
        self,
        run_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        fallback_root: Path = FALLBACK_ROOT,
        say: Callable[[str], None] = print,
    ) -> None:
        self.run_dir = run_dir.absolute()
        self.settings = {**SETTINGS, **(settings or {})}
        self.fallback_root = fallback_root
        self.say = say
        self.process: subprocess.Popen[bytes] | None = None
        self.user = places.server_user()
        self.log_file = self.run_dir / "log" / "postgres.log"
        self.data = Path()
        self.sockets = Path()
        self.binaries: Binaries | None = None

    @property
    def socket_file(self) -> str:
        """The name of the server's socket in its folder."""
        return f".s.PGSQL.{self.settings['port']}"

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of a database for one role, as libpq, asyncpg and SQLAlchemy read it."""
        port = self.settings["port"]
        where = quote(str(self.sockets)) + (f"&port={port}" if port != SETTINGS["port"] else "")
        return f"postgresql://{role}@/{database}?host={where}"

    def start(self) -> None:
        """Make the cluster when it is new, start it and wait until it answers. Call from the main thread."""
        self.prepare()
        self.spawn()
        self.wait_ready()
        self.provision()

    def prepare(self) -> None:
        """Choose the folders, make the cluster when there is none, clear what a crash left."""
        place = self._choose_place()
        self.data = place / "pg"
        self.binaries = find_binaries(self._data_version())
        self.sockets = places.socket_folder(place / "sock", self.socket_file, self.user)
        if self.sockets != place / "sock":
            self.say(f"the path of {place / 'sock'} is too long for a unix socket, using {self.sockets}")
        places.private_folder(self.log_file.parent)
        if self._data_version() is None:
            self._initdb()
        else:
            self._clear_leftover()

    def spawn(self) -> None:
        """Start the server in a session of its own, so that Ctrl-C in the terminal does not reach it.

        Also after it died, however it died: what was committed is recovered from its log.
        """
        assert self.binaries is not None
        if self.process is not None:
            self._clear_crash()
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        options += ["-c", f"unix_socket_directories={self.sockets}"]
        command = [*self.before, str(self.binaries.folder / "postgres"), "-D", str(self.data), *options]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                tethered(command, signal.SIGINT, self.user),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_clean_environment(),
                start_new_session=True,
            )

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Wait until the server takes connections; recovery after a crash is part of that."""
        until = time.monotonic() + timeout_s
        while not self.is_ready():
            if self.poll() is not None:
                raise PostgresError(f"PostgreSQL ended at once:\n{self.last_words()}")
            if time.monotonic() > until:
                raise PostgresError(f"PostgreSQL was not ready after {timeout_s:.0f} s:\n{self.last_words()}")
            time.sleep(0.01)

    def is_ready(self) -> bool:
        """Whether the server takes connections: what it says in the eighth line of its pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        own = self.process is not None and lines[:1] == [str(self.process.pid)]
        return own and len(lines) > 7 and lines[7].strip() == "ready"

    def provision(self) -> None:
        """Make the roles and the database `semar` when they are missing."""
        self.execute(_ROLES)
        if not self.execute("SELECT 1 FROM pg_database WHERE datname = 'semar'"):
            self.create_database(DATABASE)
        # made here, not by the migrations: postgis may be created by a superuser only
        self.execute(
            "CREATE EXTENSION IF NOT EXISTS postgis; CREATE EXTENSION IF NOT EXISTS pg_trgm", DATABASE
        )

    def create_database(self, name: str, template: str = "template1") -> None:
        """Make the database `name`, owned by the owner role, as a copy of `template`."""
        assert self.binaries is not None
        # one with tables is copied file by file, in two thirds of the time; before 15 there is no other way
        by_file = " STRATEGY FILE_COPY" if template != "template1" and self.binaries.version >= 15 else ""
        self.execute(f'CREATE DATABASE "{name}" OWNER {OWNER_ROLE} TEMPLATE "{template}"{by_file}')

    def drop_database(self, name: str) -> None:
        """Remove the database `name` with all sessions in it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, sql: str, database: str = "postgres", *, timeout_s: float | None = None) -> str:
        """Run `sql` (psql's language) as the superuser; return the rows, fields parted by `|`.

        timeout_s: how long it may take; None leaves it all the time it needs.
        Raises PostgresError with what PostgreSQL said.
        """
        assert self.binaries is not None
        command = [str(self.binaries.folder / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", str(self.sockets), "-p", self.settings["port"], "-U", ADMIN_ROLE, "-d", database]
        try:
            done = subprocess.run(
                command,
                input=f"SET client_min_messages = warning;\n{sql}\n;",
                capture_output=True,
                text=True,
                check=False,
                env=_clean_environment(),
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired as silence:
            raise PostgresError(f"PostgreSQL did not answer within {timeout_s:.0f} s") from silence
        if done.returncode != 0:
            raise PostgresError(done.stderr.strip())
        return done.stdout.strip()

    def poll(self) -> int | None:
        """Return the exit status of the server, None while it runs."""
        return None if self.process is None else self.process.poll()

    def stop(self, grace_s: float = 60.0) -> None:
        """Shut down fast and clean: sessions are ended, everything committed is on disk."""
        if self.process is None:
            return
        for wish, patience_s in ((signal.SIGINT, grace_s), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(wish)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
        with suppress(OSError):  # only an own short folder, and only when empty
            if self.sockets.name != "sock":
                self.sockets.rmdir()

    def last_words(self) -> str:
        """Return the end of the server's log."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-15:])

    def _choose_place(self) -> Path:
        places.prepare_run_dir(self.run_dir, self.user)
        fallback = self.fallback_root / places.fingerprint(self.run_dir)
        reachable = places.reaches(self.user, self.run_dir)
        if (self.run_dir / "pg" / "PG_VERSION").exists():
            if not reachable:
                raise places.PlaceError(
                    f"the data is in {self.run_dir / 'pg'}, which the user {self.user} can no longer reach: "
                    f"allow passage (chmod o+x) through the folders above it, or move it to {fallback / 'pg'}"
                )
            return self.run_dir
        if reachable and not (fallback / "pg" / "PG_VERSION").exists():
            return self.run_dir
        self.say(f"{self.run_dir} is out of reach for the user {self.user}: the database is in {fallback}")
        self.fallback_root.mkdir(parents=True, exist_ok=True)
        self.fallback_root.chmod(0o711)
        places.prepare_run_dir(fallback, self.user)
        (fallback / "belongs-to").write_text(f"{self.run_dir}\n")
        return fallback

    def _data_version(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def _initdb(self) -> None:
        """Make the cluster aside and rename it when it is whole: an interrupted start leaves nothing half."""
        assert self.binaries is not None
        draft = self.data.with_name("pg.new")
        if draft.exists():
            shutil.rmtree(draft)
        places.private_folder(draft, self.user)
        options = [
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=trust",
            "--data-checksums",
            "--no-instructions",
        ]
        if self.settings.get("fsync") == "off":
            options.append("--no-sync")
        command = [
            str(self.binaries.folder / "initdb"),
            "-D",
            str(draft),
            f"--username={ADMIN_ROLE}",
            *options,
        ]
        done = subprocess.run(
            tethered(command, signal.SIGTERM, self.user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            env=_clean_environment(),
        )
        if done.returncode != 0:
            raise PostgresError(f"initdb failed:\n{done.stdout}{done.stderr}")
        draft.rename(self.data)

    def _clear_crash(self, patience_s: float = 10.0) -> None:
        """End what a killed postmaster left: sessions still at work keep its memory, and a new one out."""
        until = time.monotonic() + patience_s
        while left := working_in(self.data, "postgres"):
            if time.monotonic() > until:
                raise PostgresError(f"processes {left} still use {self.data}")
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT)
            time.sleep(0.02)
        self._remove_marks()

    def _clear_leftover(self, patience_s: float = 60.0) -> None:
        """Have the processes of an earlier start end, then remove the marks they left.

        One that cannot end in order is cut off, and recovers from its log: a session that commits as it ends
        (it drops its temporary tables) waits for ever for a standby that was switched off with it.
        """
        pid_file = self.data / "postmaster.pid"
        began = time.monotonic()
        wishes = [(ENDS_S, signal.SIGQUIT), (0.0, signal.SIGINT)]
        while left := working_in(self.data, "postgres"):
            waited = time.monotonic() - began
            if wishes and waited >= wishes[-1][0]:
                _, wish = wishes.pop()
                self.say(f"stopping the PostgreSQL that an earlier start left (processes {left})")
                with suppress(OSError, ValueError):
                    os.kill(int(pid_file.read_text().splitlines()[0]), wish)
            if waited > patience_s:
                raise PostgresError(f"processes {left} still use {self.data}")
            time.sleep(0.02)
        self._remove_marks()

    def _remove_marks(self) -> None:
        """PostgreSQL trusts the pid in these files, which may be another program's by now."""
        pid_file = self.data / "postmaster.pid"
        for mark in (pid_file, self.sockets / self.socket_file, self.sockets / f"{self.socket_file}.lock"):
            mark.unlink(missing_ok=True)


def _clean_environment() -> dict[str, str]:
    """The environment without libpq's variables: a PGPORT meant for another server must not count here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
