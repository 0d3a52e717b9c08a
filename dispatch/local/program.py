"""One of our own programs as a child process: tethered, in its own session, its words kept in a log file."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from dispatch.local.tether import tethered

LOG_LIMIT = 10_000_000
"""Bytes of a log file before it becomes `NAME.log.1` and a new one begins."""


class Program:
    """A command that is run to its end (`run`) or kept running (`spawn`, `poll`, `stop`).

    environment: the whole environment of the process.
    grace_s: seconds it gets to end by itself after SIGTERM.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log_dir: Path,
        grace_s: float = 10.0,
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.environment = dict(environment)
        self.log_file = log_dir / f"{name}.log"
        self.grace_s = grace_s
        self.process: subprocess.Popen[bytes] | None = None
        self.last_lines: deque[str] = deque(maxlen=20)
        self._reader: threading.Thread | None = None

    def spawn(self) -> None:
        """Start the process. Call from the main thread."""
        # SIGKILL on our death: nobody would be left to insist, and nothing that counts is in its memory alone
        process = subprocess.Popen(
            tethered(self.command, signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
        )
        assert process.stdout is not None
        self.process = process
        self._reader = threading.Thread(target=self._keep_log, args=(process.stdout,), daemon=True)
        self._reader.start()

    def poll(self) -> int | None:
        """Return the exit status, None while it runs (or before it was started)."""
        return None if self.process is None else self.process.poll()

    def run(self, interrupted: Callable[[], bool]) -> int:
        """Run to the end and return the exit status; stop it when `interrupted` becomes true."""
        self.spawn()
        while self.poll() is None and not interrupted():
            time.sleep(0.01)
        self.stop()
        status = self.poll()
        assert status is not None
        return status

    def stop(self) -> None:
        """End the process, politely first, and everything it started."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.grace_s)
        with suppress(
            ProcessLookupError
        ):  # it leads a group of its own; who is left in it has had time enough
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._reader is not None:
            self._reader.join(5.0)

    def last_words(self) -> str:
        """Return the last lines it wrote."""
        return "\n".join(self.last_lines)

    def _keep_log(self, words: IO[bytes]) -> None:
        """Copy each line with the time it was read; runs in a thread until the process closes its end."""
        with words:
            for line in words:
                text = line.decode(errors="replace").rstrip("\r\n")
                self.last_lines.append(text)
                now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                # a full disk must not stop the reading: the program would block on its next word
                with suppress(OSError):
                    self._write_down(f"{now} {text}\n".encode())

    def _write_down(self, line: bytes) -> None:
        # unbuffered and opened for each line: nothing is kept back, and room that came back is used at once
        with self.log_file.open("ab", buffering=0) as log:
            log.write(line)
            full = log.tell() > LOG_LIMIT
        if full:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
