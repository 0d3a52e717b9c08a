"""The two private clusters of a run folder as children of the launcher, each on its seat."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from dispatch.local import places
from dispatch.local.errors import LocalError
from dispatch.local.postgres import (
    ADMIN_ROLE,
    DATABASE,
    FALLBACK_ROOT,
    PostgresError,
    PrivatePostgres,
    RoleUrls,
)
from dispatch.local.postgres_binaries import find_binaries
from dispatch.local.program import Program
from dispatch.local.standby_pair import FIRST, PORTS, SECOND, Pair, read_pair, slot_of

STANDBY_SIGNAL = "standby.signal"
REPLICATION = {
    "wal_keep_size": "256MB",
    "max_slot_wal_keep_size": "4GB",  # a standby that stays away must not fill the primary's disk
    "wal_sender_timeout": "10s",
    "wal_receiver_timeout": "10s",
    "wal_receiver_status_interval": "1s",
    "hot_standby": "on",
    "wal_retrieve_retry_interval": "500ms",
}
"""What both clusters need to follow and to replace each other."""
_AGAIN_S = 5.0
PROMOTE_S = 60


class SeatPostgres(PrivatePostgres):
    """The cluster on one seat. Without a pair, seat `a` is the run folder's only cluster, and `b` is empty.

    As a child it follows the pair's file: it starts when a standby was set up or has rejoined, and stays down
    when it was replaced.
    """

    def __init__(
        self,
        run_dir: Path,
        seat: str,
        *,
        settings: Mapping[str, str] | None = None,
        fallback_root: Path = FALLBACK_ROOT,
        say: Callable[[str], None] = print,
    ) -> None:
        super().__init__(
            run_dir,
            settings={**REPLICATION, **(settings or {}), "port": PORTS[seat]},
            fallback_root=fallback_root,
            say=say,
        )
        self.seat = seat
        if seat == SECOND:
            self.log_file = self.log_file.with_name("postgres-b.log")
        self._own_settings = dict(self.settings)
        self._due = 0.0

    @property
    def pair(self) -> Pair | None:
        """What the run folder says now."""
        return read_pair(self.run_dir)

    def allowed(self) -> bool:
        """Whether a server may run here now."""
        pair = self.pair
        return self.seat == FIRST if pair is None else pair.runs(self.seat)

    def locate(self) -> None:
        """Find data, programs and sockets of this seat; nothing is made or started."""
        base = self._choose_place()
        pair = self.pair
        self.data = (base if pair is None else pair.places[self.seat]) / "pg"
        self.binaries = find_binaries(self._data_version())
        self.sockets = places.socket_folder(base / "sock", self.socket_file, self.user)
        places.private_folder(self.log_file.parent)

    def prepare(self) -> None:
        """Make the cluster when it is the only one and new; clear what a crash left."""
        if self.pair is None and self.seat == FIRST:
            super().prepare()
            return
        self.locate()

    def spawn(self) -> None:
        """Start the server when it may run."""
        pair = self.pair
        if not self.allowed():
            return
        if pair is not None and self.process is None:
            self.locate()
            self._clear_leftover()
        self.settings = {**self._own_settings, **self._following(pair)}
        super().spawn()

    def poll(self) -> int | None:
        """Return the exit status of a server that should run; one that was replaced is not missed."""
        status = super().poll()
        if self.process is not None and status is None:
            return None
        if not self.allowed():
            if self.process is not None:
                self.process = None
                self.say(f"PostgreSQL {self.seat} was replaced as primary and stays down")
            return None
        if self.process is None and self.pair is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + _AGAIN_S
            try:
                self.spawn()
            except (LocalError, OSError) as trouble:
                self.say(f"PostgreSQL {self.seat} cannot be started: {trouble}")
        return status

    def provision(self) -> None:
        """Make what is missing, as in any cluster; finish a promotion that was only ordered."""
        if self.pair is not None and self.execute("SELECT pg_is_in_recovery()") == "t":
            self.take_over()
        super().provision()

    def take_over(self) -> None:
        """Become the primary; the other seat is fenced already. Raises PostgresError."""
        # a copy of the old one's settings would let it wait for a standby that is itself
        self.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        if self.execute(f"SELECT pg_promote(true, {PROMOTE_S})") != "t":
            raise PostgresError(
                f"the standby did not become the primary in {PROMOTE_S} s:\n{self.last_words()}"
            )
        # keeps what the old one needs to be wound back; until it follows, the slot shows as an alarm
        self.ensure_slot(slot_of(FIRST if self.seat == SECOND else SECOND))

    def ensure_slot(self, slot: str) -> None:
        """Have the log kept for a standby."""
        if not self.slot_status(slot):
            self.execute(f"SELECT pg_create_physical_replication_slot('{slot}', true)")

    def slot_status(self, slot: str) -> str:
        """`reserved` and the like; `lost` when it keeps nothing any more; empty when there is none."""
        names = self.execute("SELECT slot_name, wal_status FROM pg_replication_slots").splitlines()
        return dict(line.split("|") for line in names).get(slot, "")

    def _following(self, pair: Pair | None) -> dict[str, str]:
        if pair is None or pair.standby != self.seat:
            return {}
        source = (
            f"host='{self.sockets}' port={PORTS[pair.primary]} user={ADMIN_ROLE} "
            f"application_name={slot_of(self.seat)} connect_timeout=5"
        )
        return {"primary_conninfo": source, "primary_slot_name": slot_of(self.seat)}


class PrivatePair(RoleUrls):
    """Both seats of a run folder, and the addresses that lead to whichever of them takes writes."""

    def __init__(
        self,
        run_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        fallback_root: Path = FALLBACK_ROOT,
        say: Callable[[str], None] = print,
    ) -> None:
        self.run_dir = run_dir.absolute()
        self.seats = {
            seat: SeatPostgres(run_dir, seat, settings=settings, fallback_root=fallback_root, say=say)
            for seat in PORTS
        }

    @property
    def primary(self) -> SeatPostgres:
        """The cluster that takes writes."""
        pair = read_pair(self.run_dir)
        return self.seats[FIRST if pair is None else pair.primary]

    @property
    def secondary(self) -> SeatPostgres:
        """The other one, which may not exist."""
        return self.seats[SECOND if self.primary.seat == FIRST else FIRST]

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of both servers, in libpq's form."""
        sockets = quote(str(self.primary.sockets))
        ports = ",".join(PORTS.values())
        hosts = ",".join(sockets for _ in PORTS)
        return f"postgresql://{role}@/{database}?host={hosts}&port={ports}&target_session_attrs=read-write"


class OnceNoted:
    """A program that is run as soon as a file says that it is needed, such as the watcher of a standby."""

    def __init__(self, note: Path, program: Program) -> None:
        self._note = note
        self._program = program

    def spawn(self) -> None:
        """Start it when it is needed."""
        if self._note.exists():
            self._program.spawn()

    def poll(self) -> int | None:
        """Return its exit status, None while it runs or is not needed."""
        if self._program.process is None:
            self.spawn()
        return self._program.poll()

    def stop(self) -> None:
        """End it."""
        self._program.stop()

    def last_words(self) -> str:
        """Return the last lines it wrote."""
        return self._program.last_words()
