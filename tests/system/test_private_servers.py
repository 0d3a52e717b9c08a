"""The private PostgreSQL and Redis: real engines, closed doors, data that survives, places out of reach."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from dispatch.local import places, postgres
from dispatch.local.places import PlaceError
from dispatch.local.postgres import PostgresError, PrivatePostgres
from dispatch.local.postgres_binaries import PostgresMissing, find_binaries
from dispatch.local.redis import PrivateRedis

REPOSITORY = Path(__file__).resolve().parents[2]
QUICK = {"fsync": "off", "shared_buffers": "16MB"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as another user")


@pytest.fixture
def room(server_folder: Path) -> Path:
    """An empty folder that the server user reaches."""
    folder = server_folder / f"room-{time.monotonic_ns()}"
    folder.mkdir(mode=0o755)
    return folder


def private(
    run_dir: Path, said: list[str] | None = None, fallback_root: Path | None = None
) -> PrivatePostgres:
    root = fallback_root or run_dir.parent / "fallback"
    return PrivatePostgres(
        run_dir, settings=QUICK, fallback_root=root, say=(said if said is not None else []).append
    )


def tcp_listeners(pid: int) -> list[str]:
    """The inodes of listening TCP sockets that the process holds."""
    held = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            target = str(entry.readlink())
            if target.startswith("socket:["):
                held.add(target[8:-1])
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return [row[1] for row in rows if row[3] == "0A" and row[9] in held]


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "condition not met in time"
        time.sleep(0.01)


async def test_postgis_answers_over_the_socket_alone(postgres_server: PrivatePostgres) -> None:
    connection = await asyncpg.connect(postgres_server.owner_url)
    try:
        # one degree of latitude at the equator, WGS84: 110,574.4 m
        metres = await connection.fetchval(
            "SELECT ST_Distance('POINT(107 0)'::geography, 'POINT(107 1)'::geography)"
        )
        assert metres == pytest.approx(110_574.4, abs=0.5)
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
    finally:
        await connection.close()
    assert postgres_server.process is not None
    assert tcp_listeners(postgres_server.process.pid) == []
    assert (postgres_server.sockets.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE intruder",
        "CREATE DATABASE intruder",
        "ALTER ROLE semar_app BYPASSRLS",
        "SET ROLE semar_owner",
        "CREATE TABLE public.intruder (id int)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
async def test_the_application_role_may_not(postgres_server: PrivatePostgres, statement: str) -> None:
    connection = await asyncpg.connect(postgres_server.app_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_roles_are_what_they_should_be(postgres_server: PrivatePostgres) -> None:
    rows = postgres_server.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles "
        "WHERE rolname LIKE 'semar%' ORDER BY 1"
    )
    assert rows.splitlines() == ["semar_app|f|f|f|f|t", "semar_owner|f|f|t|t|t"]


def test_rows_survive_a_clean_stop(room: Path) -> None:
    server = private(room / ".run")
    server.start()
    server.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)", "semar")
    server.stop()
    assert server.poll() == 0
    again = private(room / ".run")
    again.start()
    try:
        assert again.execute("SELECT n FROM kept", "semar") == "7"
    finally:
        again.stop()


def test_rows_survive_a_crash_whose_pid_is_another_program_now(room: Path) -> None:
    server = private(room / ".run")
    server.start()
    assert server.process is not None
    server.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)", "semar")
    pid_file = server.data / "postmaster.pid"
    left = pid_file.read_text().splitlines()
    server.process.kill()
    server.process.wait()
    # user `postgres` owns the file; PostgreSQL on its own refuses to start beside a live pid of its user
    sleeper = subprocess.Popen(
        ["setpriv", "--reuid=postgres", "--clear-groups", "sleep", "60"] if server.user else ["sleep", "60"],
        cwd="/",
    )
    try:
        pid_file.write_text("\n".join([str(sleeper.pid), *left[1:]]) + "\n")
        again = private(room / ".run")
        again.start()
        assert again.execute("SELECT n FROM kept", "semar") == "7"
        again.stop()
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_server_left_running_is_stopped_first(room: Path) -> None:
    said: list[str] = []
    first = private(room / ".run")
    first.start()
    second = private(room / ".run", said)
    second.start()
    try:
        assert first.poll() == 0
        assert any("earlier start" in line for line in said)
    finally:
        second.stop()


def test_a_server_whose_sessions_wait_for_a_standby_that_is_gone_is_stopped_too(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ENDS_S", 1.0)
    first = private(room / ".run")
    first.start()
    waited_for = "SELECT pg_sleep(600)"
    session = subprocess.Popen(
        ["psql", "-Xq", first.admin_url, "-c", "CREATE TEMPORARY TABLE mine (n int)", "-c", waited_for],
        stderr=subprocess.DEVNULL,
    )
    try:
        active = f"SELECT count(*) FROM pg_stat_activity WHERE query = '{waited_for}' AND state = 'active'"
        wait_until(lambda: first.execute(active, "postgres") == "1")
        first.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "postgres")
        first.execute("SELECT pg_reload_conf()", "postgres")
        wait_until(lambda: first.execute("SHOW synchronous_standby_names", "postgres") == "nobody")
        private(room / ".run").prepare()
        assert first.poll() is not None
    finally:
        session.kill()
        session.wait()
        first.stop()


def test_a_half_made_cluster_is_made_anew(room: Path) -> None:
    server = private(room / ".run")
    (room / ".run" / "pg.new").mkdir(parents=True)
    (room / ".run" / "pg.new" / "PG_VERSION").write_text("15\n")
    server.start()
    server.stop()
    assert not (room / ".run" / "pg.new").exists()


def test_data_of_a_version_that_is_not_installed(room: Path) -> None:
    (room / ".run" / "pg").mkdir(parents=True)
    (room / ".run" / "pg" / "PG_VERSION").write_text("9\n")
    with pytest.raises(
        PostgresMissing, match=r"made by PostgreSQL 9, but only PostgreSQL .*apt-get install postgresql-9"
    ):
        private(room / ".run").prepare()


def test_the_highest_version_with_postgis_is_taken(tmp_path: Path) -> None:
    for version, with_postgis in (("14", True), ("15", True), ("9.6", True), ("17", False)):
        (tmp_path / "lib" / version / "bin").mkdir(parents=True)
        (tmp_path / "lib" / version / "bin" / "postgres").touch()
        extensions = tmp_path / "share" / version / "extension"
        extensions.mkdir(parents=True)
        if with_postgis:
            (extensions / "postgis.control").touch()
    find = partial(find_binaries, servers=tmp_path / "lib", extensions=tmp_path / "share")
    assert find().version == 15
    assert find(14).version == 14
    with pytest.raises(PostgresMissing, match="apt-get install postgresql-17"):
        find(17)


def test_what_postgres_says_is_shown_when_it_does_not_start(room: Path) -> None:
    server = PrivatePostgres(room / ".run", settings=QUICK | {"shared_buffers": "never"}, say=print)
    with pytest.raises(PostgresError, match="shared_buffers"):
        server.start()


@needs_root
def test_a_closed_folder_moves_the_data_to_a_reachable_one(room: Path, tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    said: list[str] = []
    server = private(closed / ".run", said, fallback_root=room / "fallback")
    server.start()
    try:
        assert server.data.parent.parent == room / "fallback"
        assert any("out of reach" in line and str(server.data.parent) in line for line in said)
        assert (server.data.parent / "belongs-to").read_text().strip() == str(closed / ".run")
        assert (closed / ".run").stat().st_mode & 0o007 == 0
        server.execute("CREATE TABLE kept (n int)", "semar")
    finally:
        server.stop()
    again = private(closed / ".run", fallback_root=room / "fallback")
    again.start()
    try:
        assert again.execute("SELECT count(*) FROM kept", "semar") == "0"
    finally:
        again.stop()


@needs_root
def test_data_that_became_unreachable_is_not_silently_replaced(room: Path) -> None:
    (room / "home").mkdir()
    server = private(room / "home" / ".run")
    server.start()
    server.stop()
    (room / "home").chmod(0o700)
    with pytest.raises(PlaceError, match="can no longer reach"):
        private(room / "home" / ".run").prepare()


def test_a_path_too_long_for_a_socket(room: Path) -> None:
    deep = room / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    said: list[str] = []
    postgres, redis = private(deep / ".run", said), PrivateRedis(deep / ".run", say=said.append)
    postgres.start()
    redis.start()
    try:
        assert postgres.execute("SELECT 1", "semar") == "1"
        with Redis.from_url(redis.url) as client:
            assert client.ping()
        assert sum("too long" in line for line in said) == 2
        assert postgres.sockets.stat().st_mode & 0o777 == 0o700
    finally:
        redis.stop()
        postgres.stop()
    assert not postgres.sockets.exists()
    assert not redis.sockets.exists()


def test_a_short_socket_folder_that_somebody_else_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlaceError, match="somebody else"):
        places.private_folder(tmp_path / "link")


def test_redis_keeps_its_dump_and_opens_no_port(room: Path) -> None:
    server = PrivateRedis(room / ".run")
    server.start()
    assert server.process is not None
    assert tcp_listeners(server.process.pid) == []
    with Redis.from_url(server.url) as client:
        client.set("kept", "7")
    server.stop()
    assert server.poll() == 0
    again = PrivateRedis(room / ".run")
    again.start()
    with Redis.from_url(again.url) as client:
        assert client.get("kept") == b"7"
    again.stop()


STARTER = """
import sys, signal
from functools import partial
from pathlib import Path
from dispatch.local.postgres import PrivatePostgres
from dispatch.local.redis import PrivateRedis
run_dir = Path(sys.argv[1])
postgres, redis = PrivatePostgres(run_dir, settings={"fsync": "off"}), PrivateRedis(run_dir)
postgres.start()
redis.start()
print(postgres.process.pid, redis.process.pid, flush=True)
signal.pause()
"""


def start_in_another_process(
    run_dir: Path, *become: str, **environment: str
) -> tuple[subprocess.Popen[str], list[int]]:
    command = become or (sys.executable,)
    starter = subprocess.Popen(
        [*command, "-c", STARTER, str(run_dir)],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        start_new_session=True,
    )
    assert starter.stdout is not None
    return starter, [int(pid) for pid in starter.stdout.readline().split()]


def gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be collected has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_no_server_outlives_a_killed_starter(room: Path) -> None:
    starter, pids = start_in_another_process(room / ".run")
    assert len(pids) == 2
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert starter.stdout is not None
    starter.stdout.close()
    wait_until(lambda: all(gone(pid) for pid in pids))
    assert not (room / ".run" / "pg" / "postmaster.pid").exists()  # a clean shutdown, not a crash


@needs_root
def test_an_ordinary_user_runs_the_servers_as_himself(room: Path) -> None:
    home = room / "home"
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    # neither this checkout nor this Python need be in reach for others: a copy of the room, Debian's Python
    shutil.copytree(REPOSITORY / "dispatch" / "local", room / "code" / "dispatch" / "local")
    (room / "code" / "dispatch" / "__init__.py").touch()
    become = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3")
    starter, pids = start_in_another_process(home / ".run", *become, PYTHONPATH=str(room / "code"))
    try:
        assert [Path(f"/proc/{pid}").stat().st_uid for pid in pids] == [65534, 65534]
        assert (home / ".run").stat().st_mode & 0o777 == 0o700
        assert (home / ".run" / "pg" / "PG_VERSION").exists()
    finally:
        starter.kill()
        starter.wait()
        assert starter.stdout is not None
        starter.stdout.close()
    wait_until(lambda: all(gone(pid) for pid in pids))
