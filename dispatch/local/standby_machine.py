"""A standby on a machine of its own: follows a primary over the network, and can take its place."""

import asyncio
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from dispatch.local import places, standby_copy
from dispatch.local.errors import LocalError
from dispatch.local.postgres import PostgresError, PrivatePostgres
from dispatch.local.postgres_binaries import find_binaries
from dispatch.local.postgres_tools import Progress, ToolFailed
from dispatch.local.standby_pair import FIRST, SECOND, StandbyError, slot_of
from dispatch.local.standby_servers import REPLICATION
from dispatch.local.supervise import StopWish, Supervisor
from dispatch.local.tether import working_in
from dispatch.settings import Settings
from dispatch.storage.primary import Primary
from dispatch.storage.vault import master_key_id, read_keys

ROLE = "semar_standby"
NOTE_FILE = "machine.json"
PASSWORDS = "passfile"
READY_S = 600.0
PROMOTE_S = 60
# a standby refuses to serve when it has room for less than its primary
_AT_LEAST = ("max_connections", "max_worker_processes", "max_wal_senders", "max_locks_per_transaction")
_GRANTS = (
    "GRANT pg_monitor TO {role}",
    "GRANT pg_checkpoint TO {role}",
    "GRANT ALTER SYSTEM ON PARAMETER synchronous_standby_names TO {role}",
    "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO {role}",
    # what pg_rewind reads when a former primary is wound back
    "GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean) TO {role}",
    "GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO {role}",
    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO {role}",
    "GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO {role}",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine's folder says. primary: URL of the server it follows, with its own password file.

    listen, port: where it serves. seat: names its slot, `a` or `b`. promoted: it is the primary now.
    at_least: settings that must not be smaller than the primary's.
    """

    primary: str
    listen: str
    port: int
    seat: str
    promoted: bool = False
    at_least: dict[str, str] = field(default_factory=dict)


def read_machine(folder: Path) -> Machine:
    """Return what the folder says. Raises StandbyError."""
    try:
        return Machine(**json.loads((folder / NOTE_FILE).read_text()))
    except FileNotFoundError:
        raise StandbyError(
            f"{folder} is no standby of this machine: 'dispatch standby setup' makes one"
        ) from None
    except (ValueError, TypeError) as damage:
        raise StandbyError(f"{folder / NOTE_FILE} is damaged: {damage}") from damage


def write_machine(folder: Path, machine: Machine) -> None:
    """Write it, whole or not at all."""
    draft = folder / f".{NOTE_FILE}"
    draft.write_text(json.dumps(asdict(machine), indent=2) + "\n")
    draft.replace(folder / NOTE_FILE)


class MachinePostgres(PrivatePostgres):
    """The cluster in a standby machine's folder."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        """Take the settings from what the folder says."""
        settings = {
            **REPLICATION,
            **machine.at_least,
            "listen_addresses": machine.listen,
            "port": str(machine.port),
            "password_encryption": "scram-sha-256",
        }
        if not machine.promoted:
            slot = slot_of(machine.seat)
            source = _following(machine.primary, folder / PASSWORDS, slot)
            settings |= {"primary_conninfo": source, "primary_slot_name": slot}
        super().__init__(folder, settings=settings)
        self.data = folder / "pg"

    def prepare(self) -> None:
        """Find programs and sockets, and clear what a crash left."""
        self.locate()
        self._clear_leftover()

    def locate(self) -> None:
        """Find programs and sockets; nothing is started."""
        self.binaries = find_binaries(self._data_version())
        self.sockets = places.socket_folder(self.run_dir / "sock", self.socket_file, self.user)
        places.private_folder(self.log_file.parent)


def make_role(admin_url: str, password_file: Path) -> None:
    """Make the role that replicates and watches, with a password of its own.

    password_file: gets one line in libpq's form, readable by its owner only; copy it to the other machine.
    """
    password = secrets.token_urlsafe(24)

    async def work() -> None:
        connection = await asyncpg.connect(admin_url, timeout=5)
        try:
            exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE)
            form = f"{'ALTER' if exists else 'CREATE'} ROLE {ROLE} LOGIN REPLICATION PASSWORD %L"
            await connection.execute(await connection.fetchval("SELECT format($1, $2::text)", form, password))
            for grant in _GRANTS:
                await connection.execute(grant.format(role=ROLE))
        finally:
            await connection.close()

    try:
        asyncio.run(work())
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as refusal:
        raise StandbyError(f"the role {ROLE} cannot be made: {refusal}") from refusal
    with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"*:*:*:{ROLE}:{password}\n")


def set_up(folder: Path, machine: Machine, allow: str, progress: Progress) -> None:
    """Copy the primary over the network into `folder`. Raises StandbyError, ToolFailed.

    allow: network (CIDR) that may connect, with passwords, when this machine is the primary.
    """
    if (folder / NOTE_FILE).exists():
        raise StandbyError(f"{folder} is a standby already: 'dispatch standby rejoin' makes it anew")
    folder.mkdir(parents=True, exist_ok=True)
    _copy(folder, machine, allow, progress)


def rejoin(folder: Path, machine: Machine, allow: str, progress: Progress, say: Callable[[str], None]) -> str:
    """Make what this folder holds a standby of `machine.primary`; return how: `rewound` or `copied`."""
    server = MachinePostgres(folder, machine)
    server.locate()
    if left := working_in(server.data, "postgres"):
        raise StandbyError(f"processes {left} still use {server.data}: end 'dispatch standby run' first")
    if (server.data / "PG_VERSION").exists():
        source = _prepared(folder, machine)
        (server.data / "standby.signal").unlink(missing_ok=True)
        assert server.binaries is not None
        try:
            standby_copy.wind_back(source, server.data, server.binaries, server.user)
        except ToolFailed as refusal:
            standby_copy.fence(server.data, server.user, "could not be wound back")
            say(f"pg_rewind: {refusal}")
        else:
            # what it asks for may have grown, and the note is written anew
            _, at_least = asyncio.run(_measures(machine, folder / PASSWORDS))
            _settle(folder, replace(machine, at_least=at_least), allow, server)
            return "rewound"
    _copy(folder, machine, allow, progress)
    return "copied"


def promote(folder: Path, *, old_is_off: bool) -> None:
    """Make this machine the primary. Raises StandbyError while the old one answers or may be at work."""
    machine = read_machine(folder)
    if machine.promoted:
        raise StandbyError("this machine is the primary already")
    server = MachinePostgres(folder, machine)
    server.locate()
    try:
        server.execute("SELECT 1", timeout_s=10.0)
    except PostgresError as away:
        raise StandbyError(
            f"the standby does not answer; 'dispatch standby run' has to run: {away}"
        ) from away
    if _answers(machine.primary, folder / PASSWORDS):
        raise StandbyError(
            "the old primary still answers: two primaries would tear the data apart. Stop it there (it hands "
            "over the rest when it ends in order), then promote"
        )
    if not old_is_off:
        raise StandbyError(
            "the old primary does not answer from here; that may be the network alone. Switch its machine "
            "off or pull its cable, then say --old-is-off"
        )
    server.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
    if server.execute(f"SELECT pg_promote(true, {PROMOTE_S})") != "t":
        raise StandbyError(f"the standby did not become the primary in {PROMOTE_S} s:\n{server.last_words()}")
    slot = slot_of(FIRST if machine.seat == SECOND else SECOND)
    if slot not in server.execute("SELECT slot_name FROM pg_replication_slots").splitlines():
        server.execute(f"SELECT pg_create_physical_replication_slot('{slot}', true)")
    write_machine(folder, replace(machine, promoted=True))


def keys_missing(server: MachinePostgres, deployment: Settings) -> list[str]:
    """Return what the settings' key files on this machine lack to read what the cluster holds.

    Nothing can be said of services on other machines, nor of a cluster that does not answer.
    """
    lacks = [
        f"{path} (copy it from the other machine, mode 0600)"
        for path in (deployment.master_key_path, deployment.lookup_key_path, deployment.checkpoint_key_path)
        if not path.is_file()
    ]
    if lacks:
        return lacks
    have = {master_key_id(key) for key in read_keys(deployment.master_key_path)}
    try:
        names = "SELECT datname FROM pg_database WHERE datallowconn"
        for database in server.execute(names, timeout_s=5.0).splitlines():
            if server.execute("SELECT to_regclass('person_key') IS NOT NULL", database, timeout_s=5.0) == "t":
                query = "SELECT DISTINCT master_key_id FROM person_key WHERE wrapped IS NOT NULL"
                used = set(server.execute(query, database, timeout_s=30.0).splitlines())
                lacks += [f"master key {name}, in use in {database}" for name in sorted(used - have)]
    except PostgresError:
        return lacks
    return lacks


def run(folder: Path, say: Callable[[str], None]) -> int:
    """Keep this machine's server running until somebody asks to stop; return the exit status."""
    server = MachinePostgres(folder, read_machine(folder))
    try:
        with StopWish() as stop_wish:
            supervisor = Supervisor(stop_wish, say)
            try:
                server.prepare()
                supervisor.keep("postgres", server)
                supervisor.until_ready("postgres", server.is_ready, READY_S)
                say(f"PostgreSQL {server.settings['listen_addresses']}:{server.settings['port']}")
                supervisor.watch()
            finally:
                supervisor.stop()
    except LocalError as trouble:
        say(str(trouble))
        return 1
    return 0


def _copy(folder: Path, machine: Machine, allow: str, progress: Progress) -> None:
    server = MachinePostgres(folder, machine)
    places.prepare_run_dir(folder, server.user)
    source = _prepared(folder, machine)
    version, at_least = asyncio.run(_measures(machine, folder / PASSWORDS))
    machine = replace(machine, at_least=at_least)
    binaries = find_binaries(version)
    standby_copy.copy_primary(source, slot_of(machine.seat), server.data, binaries, server.user, progress)
    _settle(folder, machine, allow, server)


def _settle(folder: Path, machine: Machine, allow: str, server: MachinePostgres) -> None:
    lines = ["local all all trust", f"host all all {allow} scram-sha-256"]
    hba = server.data / "pg_hba.conf"
    hba.write_text("\n".join([*lines, f"host replication {ROLE} {allow} scram-sha-256", ""]))
    places.give(hba, server.user)
    for name in ("postgresql.conf", "pg_ident.conf"):  # Debian keeps them elsewhere
        if not (server.data / name).exists():
            (server.data / name).touch()
            places.give(server.data / name, server.user)
    write_machine(folder, machine)


def _prepared(folder: Path, machine: Machine) -> str:
    """Copy the password to where the server's user reads it, make the slot, and return libpq's address."""
    passfile = folder / PASSWORDS
    given = dict(parse_qsl(urlsplit(machine.primary).query)).get("passfile")
    if given and Path(given) != passfile:
        passfile.unlink(missing_ok=True)
        with os.fdopen(os.open(passfile, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(Path(given).read_text())
    places.give(passfile, places.server_user())
    asyncio.run(_ensure_slot(machine, passfile))
    return _following(machine.primary, passfile, slot_of(machine.seat))


def _following(url: str, passfile: Path, name: str) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | {
        "passfile": str(passfile), "application_name": name, "connect_timeout": "5",
    }  # fmt: skip
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote, safe="/,")))


def _answers(url: str, passfile: Path) -> bool:
    async def ask() -> bool:
        try:
            connection = await asyncpg.connect(with_password(url, passfile), timeout=5)
        except asyncpg.PostgresError:
            return True  # a server that refuses is a server
        except (OSError, TimeoutError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    return asyncio.run(ask())


async def _ensure_slot(machine: Machine, passfile: Path) -> None:
    slot = slot_of(machine.seat)
    connection = await _connected(machine.primary, passfile)
    try:
        status = await connection.fetchval(
            "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", slot
        )
        if status == "lost":
            await connection.execute("SELECT pg_drop_replication_slot($1)", slot)
        if status in (None, "lost"):
            await connection.execute("SELECT pg_create_physical_replication_slot($1, true)", slot)
        # pg_rewind 15 takes the timeline from the last checkpoint: after a promotion, the former one
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _measures(machine: Machine, passfile: Path) -> tuple[int, dict[str, str]]:
    connection = await _connected(machine.primary, passfile)
    try:
        version = int(await connection.fetchval("SHOW server_version_num")) // 10000
        return version, {name: str(await connection.fetchval(f"SHOW {name}")) for name in _AT_LEAST}
    finally:
        await connection.close()


async def _connected(url: str, passfile: Path) -> asyncpg.Connection:
    try:
        return await Primary(with_password(url, passfile)).connect()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as refusal:
        raise StandbyError(f"the primary cannot be reached as {ROLE}: {refusal}") from refusal


def with_password(url: str, passfile: Path) -> str:
    """The address for asyncpg, its password taken from the file."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "passfile"]
    user, at, place = parts.netloc.rpartition("@")
    password = passfile.read_text().strip().rpartition(":")[2] if passfile.is_file() else ""
    login = f"{user.partition(':')[0]}:{quote(unquote(password), safe='')}" if password else user
    return urlunsplit(parts._replace(netloc=f"{login}{at}{place}", query=urlencode(query)))
