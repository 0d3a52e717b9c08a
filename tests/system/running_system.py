"""The whole system as real processes, for tests that play it from outside."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


class System:
    """The whole system as `dispatch run` starts it, in a run folder and on a port of its own."""

    def __init__(self, run_dir: Path, **environment: str) -> None:
        self.run_dir = run_dir
        settings = {"SEMAR_RUN_DIR": str(run_dir), "SEMAR_PORT": "0", **environment}
        self._launcher = subprocess.Popen(
            [sys.executable, "-m", "dispatch", "run"],
            env={**os.environ, **settings},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ready(self) -> None:
        """Wait until everything runs."""
        assert self._launcher.stdout is not None
        told = ""
        for line in self._launcher.stdout:
            told += line
            if line.startswith("Berhenti / stop"):
                return
        pytest.fail(f"the system did not start:\n{told}")

    def stop(self) -> int:
        """Stop everything and return the launcher's exit status."""
        if self._launcher.poll() is None:
            self._launcher.send_signal(signal.SIGTERM)
        self._launcher.communicate(timeout=60)
        return self._launcher.returncode

    def kill(self) -> None:
        """End everything as a power cut does."""
        self._launcher.kill()
        self._launcher.communicate(timeout=60)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of commands that speak to this system."""
        lines = (self.run_dir / "environment").read_text().splitlines()
        noted = dict(shlex.split(line)[0].split("=", 1) for line in lines)
        return {**os.environ, **noted}

    def command(self, *arguments: str) -> str:
        """Run a `dispatch` command to its end and return what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "dispatch", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def drill(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a drill."""
        return subprocess.Popen(
            [sys.executable, "-m", "dispatch", "drill", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # as in a terminal, even when the tests' own process ignores Ctrl-C
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def board(self, regency: str) -> dict[str, Any]:
        """The operator's board."""
        address = json.loads((self.run_dir / "addresses.json").read_text())["serve"]
        accounts = json.loads((self.run_dir / "accounts.json").read_text())[regency]
        operator = next(account for account in accounts if account["role"] == "operator")
        with httpx.Client(base_url=f"{address}/api/v1", timeout=20) as client:
            body = {"regency": regency, "username": operator["username"], "password": operator["password"]}
            token = client.post("/sessions/staff", json=body).raise_for_status().json()["session"]["token"]
            headers = {"Authorization": f"Bearer {token}"}
            board: dict[str, Any] = client.get("/operator/board", headers=headers).raise_for_status().json()
            client.delete("/sessions/current", headers=headers).raise_for_status()
        return board


def nothing_open(system: System, regency: str) -> bool:
    """Whether no call, no incident, no run and no crew is left."""
    board = system.board(regency)
    crews = [u["call_sign"] for u in board["units"] if u["tracking"] == "app" and u["status"] != "off_shift"]
    busy = [u["call_sign"] for u in board["units"] if u["assignment_id"] is not None]
    return (board["calls"], board["incidents"], crews, busy) == ([], [], [], [])
