"""A private Redis on a unix socket, without a TCP port."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from dispatch.local import places
from dispatch.local.errors import LocalError
from dispatch.local.tether import tethered, working_in

PROGRAM = Path("/usr/bin/redis-server")
SOCKET_FILE = "redis.sock"

# What Redis holds is hints and the latest positions: PostgreSQL has the truth. A dump now and then and one at
# the end are enough, and nothing is refused when the disk is full.
OPTIONS = ["--port", "0", "--daemonize", "no", "--appendonly", "no", "--save", "300 1"]
OPTIONS += ["--stop-writes-on-bgsave-error", "no", "--databases", "64", "--unixsocketperm", "700"]


class RedisError(LocalError):
    """The private Redis could not be started; the message carries what it said."""


class PrivateRedis:
    """One Redis under a run folder: `redis/` holds its dump, its pid and its socket.

    say: gets one line for everything the user should know.
    """

    def __init__(self, run_dir: Path, *, say: Callable[[str], None] = print) -> None:
        self.run_dir = run_dir.absolute()
        self.say = say
        self.folder = self.run_dir / "redis"
        self.log_file = self.run_dir / "log" / "redis.log"
        self.sockets = self.folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address as redis-py reads it."""
        return f"unix://{quote(str(self.sockets / SOCKET_FILE))}"

    def start(self) -> None:
        """Start the server and wait until it answers. Call from the main thread."""
        self.prepare()
        self.spawn()
        self.wait_ready()

    def prepare(self) -> None:
        """Choose the folders and wait for a server that an earlier start left."""
        if not PROGRAM.exists():
            raise RedisError("Redis is not installed: apt-get install redis-server")
        places.private_folder(self.folder)
        places.private_folder(self.log_file.parent)
        self.sockets = places.socket_folder(self.folder, SOCKET_FILE)
        if self.sockets != self.folder:
            self.say(f"the path of {self.folder} is too long for a unix socket, using {self.sockets}")
        until = time.monotonic() + 30.0
        while left := working_in(self.folder, PROGRAM.name):
            if time.monotonic() > until:
                raise RedisError(f"the Redis of an earlier start (process {left[0]}) does not end")
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            time.sleep(0.05)

    def spawn(self) -> None:
        """Start the server in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        paths = ["--dir", str(self.folder), "--unixsocket", str(self.sockets / SOCKET_FILE)]
        command = [str(PROGRAM), *OPTIONS, *paths]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                tethered(command, signal.SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the server has read its dump and answers."""
        until = time.monotonic() + timeout_s
        while not self.is_ready():
            if self.poll() is not None:
                raise RedisError(f"Redis ended at once:\n{self.last_words()}")
            if time.monotonic() > until:
                raise RedisError(f"Redis was not ready after {timeout_s:.0f} s:\n{self.last_words()}")
            time.sleep(0.01)

    def is_ready(self) -> bool:
        """Whether it has finished loading: one PING."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5.0)
            try:
                connection.connect(str(self.sockets / SOCKET_FILE))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def last_words(self) -> str:
        """Return the end of the server's log."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-10:])

    def poll(self) -> int | None:
        """Return the exit status of the server, None while it runs."""
        return None if self.process is None else self.process.poll()

    def stop(self, grace_s: float = 20.0) -> None:
        """Write the dump and end."""
        if self.process is None:
            return
        for wish, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10.0)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(wish)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
        with suppress(OSError):  # only an own short folder, and only when empty
            if self.sockets != self.folder:
                self.sockets.rmdir()
