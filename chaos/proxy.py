"""The reverse proxy before two serving processes: HAProxy with the product's own configuration."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from chaos.stage import REPOSITORY, NotReady
from dispatch.local.addresses import accepts, free_port
from dispatch.local.tether import tethered

PROGRAM = Path("/usr/sbin/haproxy")
CONFIGURATION = REPOSITORY / "deploy" / "haproxy.cfg"
_READY_S = 15.0


class Proxy:
    """One HAProxy in front of two ports, with its control socket in `folder`."""

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        self._control = folder / "haproxy.sock"
        self._log = folder / "haproxy.log"
        self._port = free_port("127.0.0.1", 0, *ports)
        self._ports = ports
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The public door."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it takes connections. Call from the main thread: it ends with it.

        Raises:
            NotReady: it is not installed, or does not start.
        """
        if not PROGRAM.exists():
            raise NotReady("HAProxy is not installed: apt-get install haproxy")
        told = {
            "SEMAR_DOOR": f"127.0.0.1:{self._port}",
            "SEMAR_SERVE_1": f"127.0.0.1:{self._ports[0]}",
            "SEMAR_SERVE_2": f"127.0.0.1:{self._ports[1]}",
            "SEMAR_PROXY_CONTROL": str(self._control),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                tethered([str(PROGRAM), "-db", "-f", str(CONFIGURATION)], signal.SIGTERM),
                env=os.environ | told,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _READY_S
        while not accepts("127.0.0.1", self._port):
            if self._process.poll() is not None or time.monotonic() > until:
                raise NotReady(f"HAProxy did not start:\n{self._log.read_text(errors='replace')}")
            await asyncio.sleep(0.02)

    def kill(self) -> None:
        """Kill it."""
        assert self._process is not None, "started"
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it. Ended already is harmless."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)

    def set_state(self, number: int, state: str) -> None:
        """Put one server (1 or 2) into a state: ready, drain or maint."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5.0)
            control.connect(str(self._control))
            control.sendall(f"set server semar/serve-{number} state {state}\n".encode())
            answer = control.recv(1000).strip()
        if answer:
            raise NotReady(f"HAProxy: {answer.decode(errors='replace')}")
