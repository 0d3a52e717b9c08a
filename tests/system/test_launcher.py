"""`dispatch run` with small programs in place of the real ones: order, stop, death, restart, second start."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from running_desk import wait_until

from dispatch.local.addresses import free_port
from dispatch.local.postgres import PrivatePostgres
from dispatch.local.tether import working_in

# Answers /health, and on SIGTERM notes its end and whether PostgreSQL still ran.
SERVE = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
run_dir = Path(os.environ["SEMAR_RUN_DIR"])
def note(*_):
    database = (run_dir / "pg" / "postmaster.pid").exists() or "external"
    with (run_dir / "ends").open("a") as file: file.write(f"serve {database}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, note)
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
HTTPServer(("127.0.0.1", int(os.environ["SEMAR_PORT"])), Health).serve_forever()
"""
WAIT = """
import json, os, signal, socket, sys
from pathlib import Path
if "--port" in sys.argv:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[-1])))
run_dir, name = Path(os.environ["SEMAR_RUN_DIR"]), sys.argv[1]
def note(*_):
    with (run_dir / "ends").open("a") as file: file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, note)
(run_dir / f"{name}.json").write_text(json.dumps(dict(os.environ)))
with (run_dir / "starts").open("a") as file: file.write(f"{name} {os.getpid()}\\n")
while True: signal.pause()
"""
STEP = """
import json, os, sys
from pathlib import Path
run_dir = Path(os.environ["SEMAR_RUN_DIR"])
(run_dir / "steps").write_text(" ".join(sys.argv[1:]) + "\\n")
(run_dir / "seen.json").write_text(json.dumps(dict(os.environ)))
if "--demo-accounts" in sys.argv:
    accounts = {"32.14-latihan": [{"username": "operator", "password": "rahasia"}]}
    (run_dir / "accounts.json").write_text(json.dumps(accounts))
print("did", sys.argv[1])
sys.exit(int(os.environ.get("TOY_STATUS", "0")))
"""
LAUNCH = f"""
import sys
from dispatch.local.launcher import Commands, Launcher
from dispatch.settings import Settings
sys.exit(Launcher(Settings(), Commands(
    prepare=("-c", {STEP!r}, "prepare"),
    registry=("-c", {WAIT!r}, "registry"),
    worker=("-c", {WAIT!r}, "worker"),
    serve=("-c", {SERVE!r}),
    rehearsal=(),
)).run())
"""


class Launched:
    """A launcher in a process of its own."""

    def __init__(self, run_dir: Path, **environment: str) -> None:
        self.run_dir = run_dir
        settings = {"SEMAR_RUN_DIR": str(run_dir), "SEMAR_PORT": "0", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""

    def ready(self) -> "Launched":
        """Read until everything runs."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Berhenti / stop"):
                return self
        pytest.fail(f"the launcher ended:\n{self.output}")

    def end(self, wish: signal.Signals | None = None) -> int:
        """Send `wish`, read the rest, return the exit status."""
        if wish is not None:
            self.process.send_signal(wish)
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest
        return self.process.returncode

    def lines(self, name: str) -> list[str]:
        return (self.run_dir / name).read_text().splitlines()

    @property
    def address(self) -> str:
        return str(json.loads((self.run_dir / "addresses.json").read_text())["serve"])


def processes_of(run_dir: Path) -> list[str]:
    """The command lines of all live processes that were started for `run_dir`, the launcher aside."""
    mark = f"SEMAR_RUN_DIR={run_dir}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if command and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(command.replace(b"\0", b" ").decode()[:100])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    servers = [*working_in(run_dir / "pg", "postgres"), *working_in(run_dir / "redis", "redis-server")]
    found += [f"server {pid}" for pid in servers]
    return [command for command in found if "from dispatch.local.launcher import" not in command]


@pytest.fixture(scope="module")
def run_dir(server_folder: Path) -> Path:
    """One run folder for the module: its cluster is made once and started by every test."""
    return server_folder / "launcher" / ".run"


@pytest.fixture
def launched(run_dir: Path) -> Iterator[Launched]:
    """A launcher that runs, with everything it started; killed at the end if it still does."""
    for name in ("starts", "ends", "steps"):
        (run_dir / name).unlink(missing_ok=True)
    launch = Launched(run_dir)
    try:
        yield launch.ready()
    finally:
        if launch.process.poll() is None:
            launch.process.kill()
        launch.process.communicate()
        wait_until(lambda: processes_of(run_dir) == [])


def test_everything_is_told_where_to_find_the_rest(launched: Launched) -> None:
    assert launched.lines("steps") == ["prepare --demo-accounts"]
    seen = json.loads((launched.run_dir / "seen.json").read_text())
    assert seen["DATABASE_URL"].startswith("postgresql://semar_owner@/semar?host=")
    assert seen["DATABASE_APP_URL"].startswith("postgresql://semar_app@/semar?host=")
    assert seen["REDIS_URL"].startswith("unix://")
    assert seen["SEMAR_REGISTRY_URL"].startswith("http://127.0.0.1:")
    wait_until((launched.run_dir / "worker.json").exists)
    worker = json.loads((launched.run_dir / "worker.json").read_text())
    assert "DATABASE_URL" not in worker
    assert worker["DATABASE_APP_URL"] == seen["DATABASE_APP_URL"]
    for key in ("SEMAR_MASTER_KEY_FILE", "SEMAR_LOOKUP_KEY_FILE"):
        assert len(bytes.fromhex(Path(seen[key]).read_text())) == 32
        assert Path(seen[key]).stat().st_mode & 0o777 == 0o600
    assert launched.address in launched.output
    assert "32.14-latihan  operator  rahasia" in launched.output
    noted = subprocess.check_output(
        ["sh", "-c", '. "$0/environment"; echo "$DATABASE_URL"', str(launched.run_dir)]
    )
    assert noted.decode().strip() == seen["DATABASE_URL"]
    assert (launched.run_dir / "environment").stat().st_mode & 0o777 == 0o600
    assert "did prepare" in (launched.run_dir / "log" / "prepare.log").read_text()
    assert launched.run_dir.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_wished_stop_goes_in_order_and_leaves_nothing(launched: Launched, wish: signal.Signals) -> None:
    assert len(processes_of(launched.run_dir)) >= 4
    assert launched.end(wish) == 0
    assert launched.lines("ends") == ["serve True", "worker", "registry"]
    assert processes_of(launched.run_dir) == []
    assert not (launched.run_dir / "pg" / "postmaster.pid").exists()
    assert not (launched.run_dir / "addresses.json").exists()


def test_a_killed_launcher_leaves_no_process_and_no_damage(launched: Launched) -> None:
    launched.process.kill()
    launched.process.wait()
    wait_until(lambda: processes_of(launched.run_dir) == [])
    assert "shut down" in (launched.run_dir / "log" / "postgres.log").read_text().splitlines()[-1]


async def test_a_second_start_has_the_rows_of_the_first(launched: Launched, run_dir: Path) -> None:
    url = json.loads((run_dir / "seen.json").read_text())["DATABASE_URL"]
    keys = (run_dir / "secrets" / "master.key").read_text()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    await connection.close()
    assert launched.end(signal.SIGINT) == 0
    again = Launched(run_dir).ready()
    try:
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.execute("DROP TABLE kept")
        await connection.close()
        assert (run_dir / "secrets" / "master.key").read_text() == keys
    finally:
        assert again.end(signal.SIGINT) == 0


def test_a_second_launcher_is_refused(launched: Launched, run_dir: Path) -> None:
    second = Launched(run_dir)
    assert second.end() == 1
    assert f"already running in {run_dir}: process {launched.process.pid}" in second.output
    assert httpx.get(f"{launched.address}/health").status_code == 200


def test_a_program_that_dies_is_started_again_at_its_address(launched: Launched) -> None:
    address = launched.address
    first = int(httpx.get(f"{address}/health").text)
    os.kill(first, signal.SIGKILL)

    def answered_by_another() -> bool:
        try:
            return int(httpx.get(f"{address}/health").text) != first
        except httpx.TransportError:
            return False

    wait_until(answered_by_another)
    assert launched.end(signal.SIGTERM) == 0
    assert "serve ended unexpectedly (signal SIGKILL), starting it again in 0.1 s" in launched.output


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGQUIT, signal.SIGINT])
async def test_a_database_that_dies_comes_back_with_its_rows(
    launched: Launched, run_dir: Path, death: signal.Signals
) -> None:
    url = json.loads((run_dir / "seen.json").read_text())["DATABASE_URL"]
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    pid_file = run_dir / "pg" / "postmaster.pid"
    first = pid_file.read_text().splitlines()[0]
    os.kill(int(first), death)

    def another_is_ready() -> bool:
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return len(lines) > 7 and lines[0] != first and lines[7].strip() == "ready"

    wait_until(another_is_ready)
    connection.terminate()
    again = await asyncpg.connect(url)
    assert await again.fetchval("SELECT n FROM kept") == 7
    await again.execute("DROP TABLE kept")
    await again.close()
    assert launched.end(signal.SIGTERM) == 0
    assert "postgres ended unexpectedly" in launched.output


def test_a_server_that_cannot_be_started_for_now_is_tried_again(launched: Launched, run_dir: Path) -> None:
    folder, aside = run_dir / "redis", run_dir / "redis.away"
    folder.rename(aside)
    for pid in working_in(aside, "redis-server"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not working_in(aside, "redis-server"))
    aside.rename(folder)
    wait_until(lambda: bool(working_in(folder, "redis-server")))
    assert launched.end(signal.SIGTERM) == 0
    assert "redis ended unexpectedly" in launched.output


def test_several_servers_each_at_an_address_of_its_own(run_dir: Path) -> None:
    launch = Launched(run_dir, SEMAR_SERVERS="3").ready()
    try:
        told = json.loads((run_dir / "addresses.json").read_text())
        places = [told[name] for name in ("serve", "serve-2", "serve-3")]
        assert len({httpx.get(f"{place}/health").text for place in places}) == 3
    finally:
        assert launch.end(signal.SIGTERM) == 0
    assert processes_of(run_dir) == []


def test_a_failed_step_is_shown_and_stops_the_start(run_dir: Path) -> None:
    launch = Launched(run_dir, TOY_STATUS="3")
    assert launch.end() == 1
    assert "prepare ended with status 3" in launch.output
    assert "did prepare" in launch.output
    assert processes_of(run_dir) == []


def test_a_stop_during_the_start(run_dir: Path) -> None:
    launch = Launched(run_dir)
    wait_until(lambda: any("postgres" in command for command in processes_of(run_dir)))
    assert launch.end(signal.SIGINT) == 0
    assert processes_of(run_dir) == []


def test_servers_of_somebody_else(
    server_folder: Path, postgres_server: PrivatePostgres, redis_url: str
) -> None:
    postgres_server.create_database("elsewhere")
    run_dir = server_folder / "elsewhere" / ".run"
    servers = {"DATABASE_URL": postgres_server.url("semar_owner", "elsewhere"), "REDIS_URL": redis_url}
    launch = Launched(run_dir, **servers).ready()
    try:
        assert launch.lines("steps") == ["prepare"]  # no demo account is ever made there
        assert "rahasia" not in launch.output
        seen = json.loads((run_dir / "seen.json").read_text())
        assert seen["DATABASE_URL"] == servers["DATABASE_URL"]
        assert seen["DATABASE_APP_URL"].startswith("postgresql://semar_app:")
        assert seen["REDIS_URL"] == redis_url
        assert seen["SEMAR_EXTERNAL_DATABASE"] == "1"
        assert not (run_dir / "pg").exists()
        assert not (run_dir / "redis").exists()
    finally:
        assert launch.end(signal.SIGINT) == 0
        postgres_server.drop_database("elsewhere")


def test_a_busy_port_gives_the_next_free_one() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        assert taken < free_port("127.0.0.1", taken) <= taken + 49
