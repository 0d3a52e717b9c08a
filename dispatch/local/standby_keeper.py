"""Keeps the copy beside the standby up to date while the watcher runs, in a thread of its own.

A disk that hangs must not keep the watcher from letting commits go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from dispatch.local.errors import LocalError
from dispatch.local.standby_kept import keep
from dispatch.settings import Settings

log = logging.getLogger(__name__)

EVERY_S = 10.0
REMIND_S = 60.0


class Keeper:
    """One thread that keeps the copy: every so often, and at once when it is asked."""

    def __init__(self, deployment: Settings, told: Callable[[str], None] = log.error) -> None:
        """Start nothing yet; `told` gets every alarm, in both languages."""
        self._deployment = deployment
        self._told = told
        self._told_at = -REMIND_S
        self._seen = ""
        self._change = threading.Condition()
        self._asked = self._done = 0

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._run, name="standby-keeper", daemon=True).start()

    def saw(self) -> None:
        """Note that what the watcher's note says holds at this moment."""
        self._seen = datetime.now(UTC).isoformat(timespec="milliseconds")

    def keep_now(self, patience_s: float = 1.0) -> bool:
        """Have it kept at once; return whether that was done within `patience_s`."""
        with self._change:
            self._asked += 1
            mine = self._asked
            self._change.notify_all()
            return self._change.wait_for(lambda: self._done >= mine, patience_s)

    def _run(self) -> None:
        while True:
            with self._change:
                asked = self._asked
            self._keep()
            with self._change:
                self._done = asked
                self._change.notify_all()
                self._change.wait_for(lambda: self._asked > self._done, EVERY_S)

    def _keep(self) -> None:
        try:
            keep(self._deployment, self._seen)
        except (LocalError, OSError) as trouble:
            if time.monotonic() - self._told_at >= REMIND_S:
                self._told_at = time.monotonic()
                self._told(
                    f"KUNCI TIDAK TERSALIN ke folder cadangan: {trouble} / "
                    f"KEYS NOT KEPT beside the standby: {trouble}"
                )
