"""`dispatch run`: everything one checkout needs, started in order, watched, and stopped in order."""

import asyncio
import fcntl
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dispatch.local import addresses, places, standby_kept, standby_pair
from dispatch.local.errors import LocalError
from dispatch.local.phones import Phones, ready_phones, wanted
from dispatch.local.program import Program
from dispatch.local.redis import PrivateRedis
from dispatch.local.roles import ensure_app_role
from dispatch.local.secret_files import LOOKUP_KEY, MASTER_KEY, read_secret, secret_file
from dispatch.local.standby_servers import OnceNoted, PrivatePair
from dispatch.local.supervise import ChildFailed, Interrupted, StopWish, Supervisor
from dispatch.local.terminal import Terminal
from dispatch.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_REGENCY = CHECKOUT / "regencies" / "32.14-purwakarta"
READY_S = 180.0  # a first start compiles the road kernels, on two busy cores in a minute
REGISTRY_USER = "semar"


@dataclass(frozen=True)
class Commands:
    """The programs of the system, each as arguments for this Python.

    prepare: schema and training regency, in one process: each costs seconds of imports.
    demo: its further arguments for a database of our own.
    """

    prepare: tuple[str, ...] = ("-m", "dispatch", "prepare", str(DEFAULT_REGENCY))
    demo: tuple[str, ...] = ("--demo-accounts",)
    registry: tuple[str, ...] = ("-m", "registry.standin")
    worker: tuple[str, ...] = ("-m", "dispatch", "worker")
    serve: tuple[str, ...] = ("-m", "dispatch", "serve")
    serve_tls: tuple[str, ...] = ("-m", "dispatch", "serve", "--tls")
    enrolment: tuple[str, ...] = ("-m", "dispatch.tls.enrolment")
    rehearsal: tuple[str, ...] = ("-m", "rehearsal", "attend")
    standby_watch: tuple[str, ...] = ("-m", "dispatch", "standby", "watch")
    archive: tuple[str, ...] = ("-m", "dispatch", "archive")
    registry_bundles: tuple[str, ...] = field(
        default_factory=lambda: tuple(
            str(p.parent) for p in sorted(CHECKOUT.glob("regencies/*/regency.toml"))
        )
    )


def run(*, tls: bool | None = None) -> int:
    """Start everything, wait for Ctrl-C, stop everything; return the exit status.

    tls: overrules SEMAR_TLS when it is given.
    """
    settings = Settings()
    if tls is not None:
        settings = settings.model_copy(update={"tls": tls})
    return Launcher(settings).run()


class Launcher:
    """One run of the whole system.

    commands: the programs to run, exchangeable so that tests can run small ones.
    """

    def __init__(self, settings: Settings, commands: Commands | None = None) -> None:
        self.settings = settings
        self.commands = commands or Commands()
        self.run_dir = settings.run_dir.absolute()
        self.phones: Phones | None = None
        self.terminal = Terminal()
        self.environment = dict(os.environ)
        self.derived: dict[str, str] = {}
        self.private_database = not settings.database_url
        self.addresses: dict[str, str] = {}
        self.registry_port = 0

    def run(self) -> int:
        """Start, watch, stop; return 0 after a wished stop, 1 after a failure."""
        try:
            with StopWish() as stop_wish, self._run_dir_to_ourselves():
                supervisor = Supervisor(stop_wish, self.terminal.say)
                try:
                    self._start(supervisor)
                    self._summary()
                    supervisor.watch()
                finally:
                    self._stop(supervisor)
        except Interrupted:
            return 0
        except (LocalError, OSError) as error:
            self.terminal.say(f"\nSEMAR berhenti / stopped: {error}")
            return 1
        return 0

    @contextmanager
    def _run_dir_to_ourselves(self) -> Iterator[None]:
        """Make and hold the run folder; the kernel lets go of it when this process dies."""
        places.prepare_run_dir(self.run_dir, places.server_user() if self.private_database else None)
        with (self.run_dir / "launcher.pid").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                pid = file.read().strip()
                raise LocalError(f"already running in {self.run_dir}: process {pid}, stop it first") from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
            file.truncate(0)

    def _start(self, supervisor: Supervisor) -> None:
        self.terminal.say(f"SEMAR ({self.run_dir})")
        self._forget_addresses()  # of a start that was killed
        for name in ("log", "secrets"):
            places.private_folder(self.run_dir / name)
        secrets = self.run_dir / "secrets"
        self._derive(
            SEMAR_RUN_DIR=str(self.run_dir),
            SEMAR_MASTER_KEY_FILE=str(self.settings.master_key_file or secret_file(secrets / MASTER_KEY)),
            SEMAR_LOOKUP_KEY_FILE=str(self.settings.lookup_key_file or secret_file(secrets / LOOKUP_KEY)),
            NUMBA_CACHE_DIR=os.environ.get("NUMBA_CACHE_DIR", str(self.run_dir / "numba")),
            PYTHONUNBUFFERED="1",
        )
        self._start_database(supervisor)
        archive = self._program("archive", self.commands.archive, as_owner=True)
        supervisor.keep("archive", OnceNoted(self.run_dir / "backup.json", archive))
        self._start_redis(supervisor)
        self._start_registry(supervisor)
        with self.terminal.step("Skema, kabupaten, akun / schema, regency, accounts"):
            self._prepare(supervisor)
        self._start_serve(supervisor)
        if wanted(self.settings):
            self._start_phones(supervisor)
        self._note_addresses()
        self._start_rehearsal(supervisor)

    def _start_database(self, supervisor: Supervisor) -> None:
        if not self.private_database:
            with self.terminal.step("Basis data / database (DATABASE_URL)"):
                self._derive(DATABASE_APP_URL=self.settings.database_app_url or self._app_url())
            self._derive(SEMAR_EXTERNAL_DATABASE="1")  # the last guard against demo accounts in it
            return
        for name in [n for n in self.environment if n.startswith("PG")]:
            del self.environment[name]  # meant for another server
        if (pair := standby_pair.read_pair(self.run_dir)) is not None:
            standby_kept.require_current(pair)
        servers = PrivatePair(self.run_dir, say=self.terminal.say)
        primary = servers.primary
        with self.terminal.step("PostgreSQL + PostGIS"):
            primary.prepare()
            supervisor.keep("postgres", primary)
            # before anything is committed: commits may wait for the standby, or for the watcher's verdict
            supervisor.keep("postgres-standby", servers.secondary)
            watch = self._program("standby-watch", self.commands.standby_watch)
            supervisor.keep("standby-watch", OnceNoted(self.run_dir / standby_pair.FILE, watch))
            supervisor.until_ready("postgres", primary.is_ready, READY_S)
            primary.provision()
        self._derive(DATABASE_URL=servers.owner_url, DATABASE_APP_URL=servers.app_url)

    def _app_url(self) -> str:
        password = read_secret(self.run_dir / "secrets" / "database-app.password")
        return asyncio.run(ensure_app_role(self.settings.database_url, password))

    def _start_redis(self, supervisor: Supervisor) -> None:
        if self.settings.redis_url:
            return
        server = PrivateRedis(self.run_dir, say=self.terminal.say)
        with self.terminal.step("Redis"):
            server.prepare()
            supervisor.keep("redis", server)
            supervisor.until_ready("redis", server.is_ready, READY_S)
        self._derive(REDIS_URL=server.url)

    def _start_registry(self, supervisor: Supervisor) -> None:
        """Start the stand-in for the resident registry; it gets ready while the steps run."""
        if self.settings.registry_url:
            return
        password = read_secret(self.run_dir / "secrets" / "registry.password", 16)
        self.registry_port = addresses.free_port("127.0.0.1", 0)
        self.addresses["registry"] = addresses.base_url("127.0.0.1", self.registry_port)
        self._derive(
            SEMAR_REGISTRY_URL=self.addresses["registry"],
            SEMAR_REGISTRY_USER=REGISTRY_USER,
            SEMAR_REGISTRY_PASSWORD=password,
        )
        # user and password come from the environment: arguments show in the list of processes
        bundles = [part for folder in self.commands.registry_bundles for part in ("--bundle", folder)]
        arguments = (*self.commands.registry, *bundles, "--port", str(self.registry_port))
        supervisor.keep("registry", self._program("registry", arguments))

    def _start_serve(self, supervisor: Supervisor) -> None:
        host = self.settings.host
        ports = self._serving_ports()
        self._derive(SEMAR_HOST=host, SEMAR_PORT=str(ports["serve"]))
        with self.terminal.step("Server dan pekerja / server and worker"):
            supervisor.keep("worker", self._program("worker", self.commands.worker))
            for name, port in ports.items():
                self.addresses[name] = addresses.base_url(host, port)
                supervisor.keep(name, self._program(name, self.commands.serve, SEMAR_PORT=str(port)))
            for name, port in ports.items():
                supervisor.until_ready(name, partial(addresses.healthy, host, port), READY_S)
            if self.registry_port:
                supervisor.until_ready(
                    "registry", lambda: addresses.accepts("127.0.0.1", self.registry_port), READY_S
                )

    def _serving_ports(self) -> dict[str, int]:
        """The serving processes by name, each with its port: `serve`, `serve-2`, and so on."""
        wanted, ports = self.settings.port, dict[str, int]()
        for number in range(1, self.settings.servers + 1):
            port = addresses.free_port(self.settings.host, wanted, *ports.values())
            if wanted and port != wanted:
                self.terminal.say(f"  port {wanted} sedang dipakai / is in use: {port}")
            ports["serve" if number == 1 else f"serve-{number}"] = port
            wanted = wanted and port + 1
        return ports

    def _start_phones(self, supervisor: Supervisor) -> None:
        """Serve HTTPS on the local network in a process of its own, and the page that enrols phones."""
        phones, notes = ready_phones(self.settings)
        for note in notes:
            self.terminal.say(f"  {note}")
        host = self.settings.tls_host
        self._derive(SEMAR_TLS_PORT=str(phones.https_port), SEMAR_ENROL_PORT=str(phones.enrol_port))
        self.addresses["https"] = phones.https[0]
        with self.terminal.step("HTTPS untuk ponsel / for phones"):
            supervisor.keep("serve-tls", self._program("serve-tls", self.commands.serve_tls))
            if phones.enrol_port:
                self.addresses["enrolment"] = phones.enrolment
                supervisor.keep("enrolment", self._program("enrolment", self.commands.enrolment))
                supervisor.until_ready(
                    "enrolment", lambda: addresses.accepts(host, phones.enrol_port), READY_S
                )
            supervisor.until_ready("serve-tls", lambda: addresses.accepts(host, phones.https_port), READY_S)
        self.phones = phones

    def _note_addresses(self) -> None:
        _write_private(self.run_dir / "addresses.json", json.dumps(self.addresses, indent=2) + "\n")
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.derived.items()]
        _write_private(self.run_dir / "environment", "".join(lines))

    def _start_rehearsal(self, supervisor: Supervisor) -> None:
        """Have the training tenant played; never in a database of somebody else's."""
        if self._rehearses:
            supervisor.keep("rehearsal", self._program("rehearsal", self.commands.rehearsal))

    @property
    def _rehearses(self) -> bool:
        return self.settings.rehearsal and self.private_database and bool(self.commands.rehearsal)

    def _prepare(self, supervisor: Supervisor) -> None:
        arguments = (*self.commands.prepare, *(self.commands.demo if self.private_database else ()))
        program = self._program("prepare", arguments, as_owner=True)
        status = program.run(supervisor.stop_wish.asked)
        supervisor.interruptible()
        if status != 0:
            raise ChildFailed(
                f"prepare ended with status {status} ({program.log_file})\n{program.last_words()}"
            )

    def _program(
        self, name: str, arguments: tuple[str, ...], *, as_owner: bool = False, **environment_of_its_own: str
    ) -> Program:
        """A program of ours; those that run on never hold the owner's connection, which sees every tenant."""
        environment = self.environment | environment_of_its_own
        if not as_owner:
            environment.pop("DATABASE_URL", None)
        command = (sys.executable, *arguments)
        return Program(name, command, environment=environment, log_dir=self.run_dir / "log")

    def _derive(self, **values: str) -> None:
        self.derived |= values
        self.environment |= values

    def _summary(self) -> None:
        say = self.terminal.say
        serve = self.addresses["serve"]
        say(f"\nSEMAR siap / ready:  {serve}   (API: {serve}/openapi.json)")
        if self.phones is None:
            say("Ponsel / phones:  perlu HTTPS / need HTTPS: make tls")
        else:
            for line in self.phones.lines(draw=sys.stdout.isatty()):
                say(line)
        if "registry" in self.addresses:
            say(f"Registri peraga / registry stand-in:  {self.addresses['registry']}")
        if self._rehearses:
            say("Gladi / rehearsal:  .venv/bin/dispatch rehearsal status | stop | start")
        accounts = _accounts(self.run_dir / "accounts.json") if self.private_database else []
        if accounts:
            say(f"\nAkun latihan / training accounts ({self.run_dir / 'accounts.json'}):")
            self.terminal.table(accounts)
        say("\nKabupaten sungguhan / live tenant:  .venv/bin/dispatch tenant create --help")
        say("Berhenti / stop:  Ctrl-C")

    def _forget_addresses(self) -> None:
        for name in ("addresses.json", "environment"):
            (self.run_dir / name).unlink(missing_ok=True)

    def _stop(self, supervisor: Supervisor) -> None:
        self._forget_addresses()
        self.terminal.say()
        with self.terminal.step("Berhenti / stopping"):
            supervisor.stop()


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _accounts(path: Path) -> list[Mapping[str, object]]:
    """Read the training accounts for people: a list per tenant, without those that the rehearsal plays."""
    try:
        tenants = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    return [
        {"regency": slug, **account}
        for slug, accounts in tenants.items()
        for account in accounts
        if not str(account.get("username", "")).startswith("latihan-")
    ]
