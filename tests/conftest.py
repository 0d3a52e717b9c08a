"""Real PostgreSQL and Redis for every test that asks, a fresh database each, and no way out of the machine.

Every test process (each worker of pytest-xdist) starts its own private servers when the first test asks for
them. They are tied to that process: they end with it, even when it is killed.
"""

import asyncio
import ipaddress
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from redis import Redis

from dispatch.local import places
from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres
from dispatch.local.redis import PrivateRedis

REPOSITORY = Path(__file__).resolve().parents[1]
TEMPLATE = "semar_template"
FOLDER_PREFIX = "semar-tests-"
NO_DURABILITY = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
"""The data of tests need not survive a power cut; everything else is as in production."""

_numbers = count(1)

# compiled code is kept from run to run; before anything imports numba
os.environ.setdefault("NUMBA_CACHE_DIR", str(REPOSITORY / ".run" / "numba"))
# settings of the machine must not decide what a test finds
for _name in ("DATABASE_URL", "DATABASE_APP_URL", "REDIS_URL"):
    os.environ.pop(_name, None)
for _name in [name for name in os.environ if name.startswith(("SEMAR_", "PG"))]:
    del os.environ[_name]

# a change is judged by cases that are the same every time; `make explore` looks for new ones
settings.register_profile("usual", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


LONGEST_FIRST = ("chaos", "system", "web", "proof", "services/test_race_claims.py", "live", "services")
"""What takes long begins first; what is quick comes last, so that no process is idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long tests first."""

    def rank(item: pytest.Item) -> int:
        inside = item.path.relative_to(REPOSITORY / "tests").as_posix()
        return next(
            (n for n, long in enumerate(LONGEST_FIRST) if inside.startswith(long)), len(LONGEST_FIRST)
        )

    items.sort(key=rank)


class OutsideConnection(RuntimeError):
    """A test tried to speak to another machine."""


def _refuse_outside(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if not isinstance(host, str) or host in ("", "localhost"):
        return  # unix and netlink sockets, the wildcard address
    try:
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback or event == "socket.getaddrinfo":
            return  # a numeric address is not looked up anywhere
    except ValueError:
        pass
    raise OutsideConnection(f"{event} {host}: tests stay on this machine")


sys.addaudithook(_refuse_outside)


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """One database made by the real migrations, for one test or one module."""

    __test__ = False
    name: str
    admin_url: str
    owner_url: str
    app_url: str


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder for servers that the user `postgres` reaches, unlike pytest's own; removed at the end."""
    user = places.server_user()
    root = next(r for r in (Path(tempfile.gettempdir()), Path("/tmp")) if places.reaches(user, r))
    _remove_abandoned(root)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=root))
    folder.chmod(0o711)  # passage for every server user, the rooms inside are closed
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[PrivatePostgres]:
    """A running cluster with roles and the empty database `semar`."""
    server = PrivatePostgres(server_folder / "main", settings=NO_DURABILITY)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_template(postgres_server: PrivatePostgres) -> str:
    """The name of a database that the migrations made and that nobody may enter."""
    from dispatch.storage.migrate import upgrade

    postgres_server.create_database(TEMPLATE)
    extensions = "CREATE EXTENSION postgis; CREATE EXTENSION pg_trgm"
    postgres_server.execute(extensions, TEMPLATE)
    with ThreadPoolExecutor(1) as aside:  # the migrations run an event loop of their own
        aside.submit(asyncio.run, upgrade(postgres_server.url(OWNER_ROLE, TEMPLATE))).result()
    postgres_server.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
    return TEMPLATE


@pytest.fixture
def database(postgres_server: PrivatePostgres, database_template: str) -> Iterator[TestDatabase]:
    """A fresh database for this test."""
    yield from _clone(postgres_server, database_template)


@pytest.fixture(scope="module")
def module_database(postgres_server: PrivatePostgres, database_template: str) -> Iterator[TestDatabase]:
    """A fresh database for all tests of the module, which must not mind each other's rows."""
    yield from _clone(postgres_server, database_template)


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> Iterator[PrivateRedis]:
    """A running Redis of this test process alone: channels know no logical databases."""
    server = PrivateRedis(server_folder / "main")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: PrivateRedis) -> str:
    """The address of an empty Redis."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


def _clone(server: PrivatePostgres, template: str) -> Iterator[TestDatabase]:
    name = f"test_{next(_numbers)}"
    server.create_database(name, template)
    yield TestDatabase(
        name,
        admin_url=server.url("postgres", name),
        owner_url=server.url(OWNER_ROLE, name),
        app_url=server.url(APP_ROLE, name),
    )
    server.drop_database(name)


def _remove_abandoned(root: Path) -> None:
    """Remove the folders of test processes that were killed."""
    for folder in root.glob(f"{FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
