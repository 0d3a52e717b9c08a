"""The system as real processes over a database of its own: a registry stand-in, a worker, a server."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from websockets.sync.client import connect

from dispatch.local import addresses
from dispatch.local.program import Program

REPOSITORY = Path(__file__).resolve().parents[2]
PURWAKARTA = REPOSITORY / "regencies" / "32.14-purwakarta"
SLUG = "32.14-latihan"
PATIENCE_S = 60.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Account:
    """A person of the training tenant who can sign in."""

    username: str
    password: str
    name: str


class Served:
    """A regency at work. Nothing of it is in the tests' own process, so it can be stopped and started.

    database_url, database_app_url: the owner's and the application's connection to a migrated database.
    redis_url: an empty Redis.
    ask: runs SQL as the superuser and returns psql's bare rows.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        database_url: str,
        database_app_url: str,
        redis_url: str,
        ask: Callable[[str], str],
    ) -> None:
        self.run_dir = run_dir
        self.ask = ask
        self.port = addresses.free_port(LOOPBACK, 0)
        self.address = addresses.base_url(LOOPBACK, self.port)
        registry_port = addresses.free_port(LOOPBACK, 0)
        (run_dir / "secrets").mkdir(parents=True)
        (run_dir / "log").mkdir()
        for name in ("master", "lookup"):
            (run_dir / "secrets" / f"{name}.key").write_text(os.urandom(32).hex())
        environment = {
            **os.environ,
            "DATABASE_APP_URL": database_app_url,
            "REDIS_URL": redis_url,
            "SEMAR_RUN_DIR": str(run_dir),
            "SEMAR_HOST": LOOPBACK,
            "SEMAR_PORT": str(self.port),
            "SEMAR_REGISTRY_URL": addresses.base_url(LOOPBACK, registry_port),
            "SEMAR_REGISTRY_USER": "semar",
            "SEMAR_REGISTRY_PASSWORD": "kata-sandi-peraga",
            "PYTHONUNBUFFERED": "1",
        }

        def program(name: str, *arguments: str, **more: str) -> Program:
            command = (sys.executable, "-m", *arguments)
            return Program(name, command, environment=environment | more, log_dir=run_dir / "log")

        folder = str(PURWAKARTA)
        self._prepare = program(
            "prepare", "dispatch", "prepare", folder, "--demo-accounts", DATABASE_URL=database_url
        )
        self._registry = program(
            "registry", "registry.standin", "--bundle", folder, "--port", str(registry_port)
        )
        self._worker = program("worker", "dispatch", "worker")
        self.serve = program("serve", "dispatch", "serve")
        self._registry_port = registry_port
        self._clients: dict[str, httpx.Client] = {}

    def start(self) -> None:
        """Load the regency, make the accounts and start everything."""
        self._registry.spawn()
        status = self._prepare.run(lambda: False)
        assert status == 0, self._prepare.last_words()
        self._worker.spawn()
        self.serve.spawn()
        self.until_healthy()
        self._until(lambda: addresses.accepts(LOOPBACK, self._registry_port), self._registry)

    def stop(self) -> None:
        """Stop everything, the last first."""
        for client in self._clients.values():
            client.close()
        for program in (self.serve, self._worker, self._registry, self._prepare):
            program.stop()

    def until_healthy(self) -> None:
        """Wait until the server answers."""
        self._until(lambda: addresses.healthy(LOOPBACK, self.port), self.serve)

    def freeze(self) -> None:
        """Suspend the server: its connections stay open and say nothing."""
        assert self.serve.process is not None
        os.kill(self.serve.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the suspended server go on."""
        assert self.serve.process is not None
        with suppress(ProcessLookupError):
            os.kill(self.serve.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the server without a word to anybody."""
        assert self.serve.process is not None
        self.serve.process.kill()
        self.serve.stop()

    def start_again(self) -> None:
        """Start the server that was killed, at its old address."""
        self.serve.spawn()
        self.until_healthy()

    def account(self, username: str) -> Account:
        """Return one of the training accounts."""
        rows = json.loads((self.run_dir / "accounts.json").read_text())[SLUG]
        row = next(row for row in rows if row["username"] == username)
        return Account(row["username"], row["password"], row["display_name"])

    def api(self, username: str) -> httpx.Client:
        """Return a client signed in as this member of staff, in a session beside those of the pages."""
        if username not in self._clients:
            account = self.account(username)
            client = httpx.Client(base_url=f"{self.address}/api/v1", timeout=20)
            body = {"regency": SLUG, "username": account.username, "password": account.password}
            signed_in = client.post("/sessions/staff", json={**body, "device": "test"}).raise_for_status()
            client.headers["Authorization"] = f"Bearer {signed_in.json()['session']['token']}"
            self._clients[username] = client
        return self._clients[username]

    def get(self, path: str, username: str = "operator1", **query: Any) -> Any:
        """Read something from the API."""
        return self.api(username).get(path, params=query).raise_for_status().json()

    def post(self, path: str, username: str = "operator1", **body: Any) -> Any:
        """Do something through the API, as somebody who is not on any page."""
        answer = self.api(username).post(path, json=body).raise_for_status()
        return answer.json() if answer.content else None

    def count(self, kind: str, subject: str = "") -> int:
        """Return how many events of a kind the log holds, of one subject or incident where it is given."""
        about = f" AND '{subject}' IN (subject_id::text, incident_id::text)" if subject else ""
        return int(self.ask(f"SELECT count(*) FROM event WHERE kind = '{kind}'{about}"))

    def leave_nothing_open(self) -> None:
        """End what a test has left open, so that the next one finds quiet desks."""
        board = self.get("/operator/board")
        desk = self.api("operator1")
        for call in board["calls"]:
            desk.post(f"/operator/calls/{call['id']}/disposal", json={"disposal": "prank"})
        for incident in board["incidents"]:
            desk.post(f"/operator/incidents/{incident['id']}/cancellation", json={"reason": "false_alarm"})
        aboard = (
            "SELECT username FROM crew_membership JOIN staff_user s ON s.id = staff_id WHERE left_at IS NULL"
        )
        for username in self.ask(aboard).split():
            self._sign_off(username)

    def _sign_off(self, username: str) -> None:
        """Take a driver off the unit that a closed page has left them on."""
        token = self.api(username).headers["Authorization"].removeprefix("Bearer ")
        with connect(f"{self.address.replace('http', 'ws', 1)}/ws/driver") as socket:
            moment = datetime.now(UTC).isoformat()
            hello = {"t": "hello", "token": token, "installation_id": str(uuid4()), "device_at": moment}
            socket.send(json.dumps(hello))
            socket.send(json.dumps({"t": "sign_off", "id": 1}))
            answers = (json.loads(socket.recv(timeout=PATIENCE_S)) for _ in range(20))
            answer = next(frame for frame in answers if frame.get("id") == 1)
            assert answer["t"] == "done", answer

    def _until(self, holds: Callable[[], bool], program: Program) -> None:
        patience = time.monotonic() + PATIENCE_S
        while not holds():
            assert program.poll() is None, program.last_words()
            assert time.monotonic() < patience, program.last_words()
            time.sleep(0.05)
