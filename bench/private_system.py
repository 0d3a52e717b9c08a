"""A private running system for the measurements: real servers, Purwakarta, and sessions of its people."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from chaos.places import root_on_disk
from dispatch.domain.roles import SYSTEM, Role
from dispatch.local.postgres import APP_ROLE, DATABASE, OWNER_ROLE, PrivatePostgres
from dispatch.local.program import Program
from dispatch.local.redis import PrivateRedis
from dispatch.local.secret_files import secret_file
from dispatch.services.centre import Centre, open_centre
from dispatch.services.load_regency import load_regency
from dispatch.services.passwords import generate_password
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.sessions import make_session
from dispatch.services.staff_accounts import NewStaff, add_staff
from dispatch.services.tenants import TenantEntry
from dispatch.settings import Settings
from dispatch.storage.migrate import upgrade

REPOSITORY = Path(__file__).resolve().parents[1]
BUNDLE = REPOSITORY / "regencies" / "32.14-purwakarta"
SLUG = "32.14-latihan"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class PrivateSystem:
    """Where the system answers, and the processes whose time is measured."""

    settings: Settings
    port: int
    server: Program
    postgres: PrivatePostgres
    redis: PrivateRedis

    @property
    def server_pid(self) -> int:
        """The serving process."""
        assert self.server.process is not None
        return self.server.process.pid

    @property
    def database_pid(self) -> int:
        """PostgreSQL's first process."""
        assert self.postgres.process is not None
        return self.postgres.process.pid

    def database_cpu_s(self) -> float:
        """CPU seconds of all PostgreSQL processes, those that have ended included."""
        return database_cpu_s(self.database_pid)


def database_cpu_s(master: int) -> float:
    """CPU seconds of PostgreSQL's first process and all its others, those that have ended included."""
    while True:
        with suppress(FileNotFoundError, ProcessLookupError):  # one ended: its time is elsewhere now
            return cpu_s(master, ended=True) + sum(cpu_s(pid) for pid in _children(master))
        if not Path("/proc", str(master)).exists():
            raise RuntimeError("PostgreSQL has ended")


def cpu_s(pid: int, *, ended: bool = False) -> float:
    """Return the CPU seconds, user and system, that a process has used; with its `ended` children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11 : 15 if ended else 13]) / TICKS


def _children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until_listens(port: int, program: Program, patience_s: float = 60.0) -> None:
    """Wait until a program takes connections."""

    def listens() -> bool:
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        return False

    _until(listens, program, patience_s, f"{program.name} does not listen on {port}")


def until_answers(url: str, program: Program, patience_s: float = 60.0) -> None:
    """Wait until a program answers over HTTP."""

    def answers() -> bool:
        with suppress(URLError, ConnectionError), urllib.request.urlopen(url, timeout=5):
            return True
        return False

    _until(answers, program, patience_s, f"{url} does not answer")


def _until(ready: Callable[[], bool], program: Program, patience_s: float, otherwise: str) -> None:
    until = time.monotonic() + patience_s
    while not ready():
        if program.process is None or program.process.poll() is not None:
            raise RuntimeError(f"{program.name} ended: " + "\n".join(program.last_lines))
        if time.monotonic() > until:
            raise RuntimeError(otherwise)
        time.sleep(0.05)


@contextmanager
def private_system(bundle: Path = BUNDLE) -> Iterator[PrivateSystem]:
    """Start everything in a folder of its own and stop it at the end; durability as in production.

    `bundle` is the regency's folder that is loaded.

    Raises:
        NoPlace: there is no disk to write to; in memory a commit costs nothing.
    """
    with tempfile.TemporaryDirectory(prefix="semar-bench-", dir=root_on_disk()) as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres, redis = PrivatePostgres(folder / "servers"), PrivateRedis(folder / "servers")
        try:
            postgres.start()
            redis.start()
            postgres.provision()
            settings = _settings(postgres, redis, folder / "run")
            asyncio.run(_fill(settings, bundle))
            port = free_port()
            server = _serving(settings, port, folder / "log")
            try:
                until_answers(f"http://127.0.0.1:{port}/health", server)
                yield PrivateSystem(settings, port, server, postgres, redis)
            finally:
                server.stop()
        finally:
            redis.stop()
            postgres.stop()


def _settings(postgres: PrivatePostgres, redis: PrivateRedis, run_dir: Path) -> Settings:
    for key in ("master", "lookup"):
        secret_file(run_dir / "secrets" / f"{key}.key")
    return Settings(
        database_url=postgres.url(OWNER_ROLE, DATABASE),
        database_app_url=postgres.url(APP_ROLE, DATABASE),
        redis_url=redis.url,
        run_dir=run_dir,
    )


async def _fill(settings: Settings, bundle: Path) -> None:
    await upgrade(settings.database_url)
    centre = open_centre(settings, name="bench load")
    try:
        await load_regency(centre, bundle)
    finally:
        await centre.close()


def _serving(settings: Settings, port: int, log_dir: Path) -> Program:
    log_dir.mkdir()
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "DATABASE_APP_URL": settings.database_app_url,
        "REDIS_URL": settings.redis_url,
        "SEMAR_RUN_DIR": str(settings.run_dir),
    }
    command = [sys.executable, "-m", "dispatch", "serve", "--port", str(port)]
    server = Program("serve", command, environment=environment, log_dir=log_dir)
    server.spawn()
    return server


async def staff_tokens(centre: Centre, entry: TenantEntry, role: Role, names: Sequence[str]) -> list[str]:
    """Add staff and return a session's token of each."""
    tokens = []
    for name in names:
        account = NewStaff(name, role, f"Petugas Uji {name}", generate_password(), demo=True)
        view = await add_staff(centre, entry, SYSTEM, account, cause="bench")
        async with centre.begin(entry.tenant, SYSTEM, "bench") as tx:
            tokens.append((await make_session(tx, "bench", staff_id=view.id)).token)
    return tokens


async def resident_tokens(centre: Centre, entry: TenantEntry, count: int) -> list[str]:
    """Register made-up residents and return a session's token of each."""
    tokens = []
    for number in range(1, count + 1):
        given = Registration(
            name=f"Warga Uji {number}",
            address="Jl. Contoh 1",
            email=f"warga{number}@example.com",
            phone=f"0812000{number:05d}",
            nik=f"321401010190{number:04d}",
        )
        made = await register_resident(centre, entry, given, "bench", cause="bench")
        tokens.append(made.session.token)
    return tokens
