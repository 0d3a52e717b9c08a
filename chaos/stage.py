"""The system under test: a whole one of its own, as `dispatch run` starts it, durable as in production."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx

from chaos import processes
from chaos.disk import SmallDisk
from dispatch.local.addresses import free_port
from dispatch.local.tether import tethered

REPOSITORY = Path(__file__).resolve().parents[1]
REGENCY = "32.14-latihan"
READY_S = 120.0
PROGRAM = ("-m", "dispatch", "run")
_SERVERS = 2


class NotReady(Exception):
    """The system under test does not run."""


class Stage:
    """One system in `folder`. Its launcher is our child; everything else is the launcher's.

    disk: what all of it lies on, where that is a disk of its own.
    """

    def __init__(self, folder: Path, disk: SmallDisk | None = None) -> None:
        self.disk = disk
        self.run_dir = folder / "run"
        self.log = folder / "launcher.log"
        self._ports = _two_ports()
        self._launcher: subprocess.Popen[bytes] | None = None
        self._told = 0

    # --- its life --------------------------------------------------------------------------------

    async def start(self, *, program: tuple[str, ...] = PROGRAM, **more: str) -> None:
        """Start everything and wait until it is ready; `more` goes into the environment.

        `program` is the launcher, as arguments for this Python.

        Raises:
            NotReady: it ended, or took too long.
        """
        self.launch(program, **more)
        await self.until_started()

    def launch(self, program: tuple[str, ...] = PROGRAM, **more: str) -> None:
        """Start the launcher. Call from the main thread: the launcher ends with it."""
        self.log.write_bytes(b"")
        self._told = 0
        with self.log.open("ab") as log:
            self._launcher = subprocess.Popen(
                tethered([sys.executable, *program], signal.SIGTERM),
                cwd=REPOSITORY,
                env=self._environment() | more,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        # compiled Python is kept from start to start, as `make run` keeps it: it halves the time
        mine = ("SEMAR_", "DATABASE_", "REDIS_", "PG", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
        return {
            "NUMBA_CACHE_DIR": str(REPOSITORY / ".run" / "numba"),
            **kept,
            "SEMAR_RUN_DIR": str(self.run_dir),
            "SEMAR_PORT": str(self._ports[0]),
            "SEMAR_SERVERS": str(_SERVERS),
            "SEMAR_REHEARSAL": "off",
            "SEMAR_TLS": "off",
        }

    async def until_started(self) -> None:
        """Wait until the launcher has said that all is ready."""
        until = time.monotonic() + READY_S
        while b"Berhenti / stop:" not in self.log.read_bytes():
            assert self._launcher is not None, "launched"
            if self._launcher.poll() is not None or time.monotonic() > until:
                raise NotReady(f"the system did not start:\n{self.log.read_text(errors='replace')}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop everything, politely."""
        if self._launcher is None:
            return
        if self._launcher.poll() is None:
            self._launcher.terminate()
        await asyncio.to_thread(self._launcher.wait, 90)
        self._launcher = None

    def deaths(self) -> list[str]:
        """Return what the launcher said of parts that ended or could not be started, and how often.

        What an earlier call has returned is left out.
        """
        said = self.log.read_bytes()
        whole = said.rfind(b"\n") + 1  # what is just being written is told next time
        lines = said[self._told : whole].decode(errors="replace").splitlines()
        self._told = whole
        told = Counter(
            line.partition(", starting")[0].strip()
            for line in lines
            if "ended unexpectedly" in line or "cannot be started" in line
        )
        return [f"{what}, {times} times" if times > 1 else what for what, times in told.items()]

    def kill_launcher(self) -> None:
        """Kill the launcher, which takes everything with it; wait until it is gone."""
        assert self._launcher is not None, "launched"
        self._launcher.kill()
        self._launcher.wait()

    # --- its parts -------------------------------------------------------------------------------

    @property
    def launcher(self) -> int:
        """The launcher's process."""
        assert self._launcher is not None, "launched"
        return self._launcher.pid

    def pid(self, name: str, number: int = 0) -> int:
        """Return the process of a part.

        Raises:
            NotReady: it does not run now.
        """
        found = processes.named(self.launcher, name)
        if name == processes.SERVE:
            port = str(self._ports[number])
            found = [pid for pid in found if processes.variable(pid, "SEMAR_PORT") == port]
        if not found:
            raise NotReady(f"{name} does not run")
        return found[0]

    async def until_runs(self, name: str, number: int = 0, *, other_than: int = 0) -> int:
        """Wait until a part runs as another process than this one, and return it."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            with suppress(NotReady):
                if (pid := self.pid(name, number)) != other_than:
                    return pid
            await asyncio.sleep(0.02)
        raise NotReady(f"{name} was not started again")

    def address(self, number: int = 0) -> str:
        """Return where one serving process answers."""
        return f"http://127.0.0.1:{self._ports[number]}"

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of both serving processes."""
        return self._ports

    @property
    def noted(self) -> dict[str, str]:
        """What the launcher noted for commands."""
        lines = (self.run_dir / "environment").read_text().splitlines()
        return dict(shlex.split(line)[0].split("=", 1) for line in lines)

    def accounts(self, role: str) -> list[dict[str, str]]:
        """Return the training accounts of one role."""
        told = json.loads((self.run_dir / "accounts.json").read_text())
        return [account for account in told[REGENCY] if account["role"] == role]

    async def healthy(self, number: int = 0, *, redis: str | None = None) -> bool:
        """Whether a serving process says that it is well; with `redis`, also that Redis is in this state."""
        said = await self.health(number)
        return said.get("database") == "ok" and redis in (None, said["redis"])

    async def health(self, number: int = 0) -> dict[str, str]:
        """Return what a serving process says of its parts; nothing when it does not answer."""
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            try:
                answer = await client.get(f"{self.address(number)}/health")
            except httpx.HTTPError:
                return {}
        said: dict[str, str] = answer.json()
        return said

    async def until_healthy(self) -> None:
        """Wait until both serving processes and Redis are well."""
        until = time.monotonic() + READY_S
        while not all([await self.healthy(number, redis="ok") for number in range(_SERVERS)]):
            if time.monotonic() > until:
                raise NotReady("the system is not well again")
            await asyncio.sleep(0.1)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run a `dispatch` command; return its exit status and what it said."""
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "dispatch", *arguments),
            env=self._environment() | self.noted,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await running.communicate()
        return running.returncode or 0, said.decode(errors="replace")


def _two_ports() -> tuple[int, int]:
    """Return two free ports beside each other: the launcher takes the next one for the second process."""
    while True:
        first = free_port("127.0.0.1", 0)
        if first < 65535 and free_port("127.0.0.1", first + 1) == first + 1:
            return first, first + 1
