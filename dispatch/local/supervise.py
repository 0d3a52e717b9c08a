"""Starts children in order, brings back those that die, stops all in reverse order."""

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol, Self

from dispatch.local.errors import LocalError

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
"""Callers wait meanwhile: a start that fails for now is tried often, though never in a tight circle."""
STEADY_S = 30.0
"""A child that ran this long before it died starts its pauses anew."""


class Interrupted(LocalError):
    """Somebody asked to stop before everything was started."""


class ChildFailed(LocalError):
    """A child that is needed did not start, did not become ready, or died."""


class Child(Protocol):
    """What the supervisor needs of a server or program."""

    def spawn(self) -> None:
        """Start it; again after it died."""

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""

    def stop(self) -> None:
        """End it and wait for that."""

    def last_words(self) -> str:
        """Return the end of its log."""


class StopWish:
    """Whether SIGINT, SIGTERM or SIGHUP has come; a wait that ends at once when one comes."""

    def __init__(self) -> None:
        self.wished = False
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._note)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reading)
        os.close(self._writing)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.wished = True

    def asked(self) -> bool:
        """Whether to stop."""
        return self.wished

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until somebody asks to stop."""
        if not self.wished:
            select.select([self._reading], [], [], seconds)


@dataclass(slots=True)
class _Kept:
    """A child and the story of its deaths."""

    name: str
    child: Child
    started: float
    pause_s: float = FIRST_PAUSE_S
    due: float | None = None


class Supervisor:
    """Keeps children running.

    say: gets one line for every death and every new start.
    """

    def __init__(self, stop_wish: StopWish, say: Callable[[str], None]) -> None:
        self.stop_wish = stop_wish
        self.say = say
        self._kept: list[_Kept] = []

    def keep(self, name: str, child: Child) -> None:
        """Start `child` and remember it. For the main thread."""
        self.interruptible()
        kept = _Kept(name, child, time.monotonic())
        self._kept.append(kept)
        child.spawn()

    def interruptible(self) -> None:
        """Raise Interrupted when somebody asked to stop."""
        if self.stop_wish.asked():
            raise Interrupted("stopped before everything was started")

    def until_ready(self, name: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready()`; raise ChildFailed when the child called `name` ends or takes too long."""
        child = next(kept.child for kept in self._kept if kept.name == name)
        until = time.monotonic() + timeout_s
        while not ready():
            self.interruptible()
            if (status := child.poll()) is not None:
                raise ChildFailed(
                    f"{name} ended ({_cause(status)}) before it was ready\n{child.last_words()}"
                )
            if time.monotonic() > until:
                raise ChildFailed(f"{name} was not ready after {timeout_s:.0f} s\n{child.last_words()}")
            self.stop_wish.wait(0.05)

    def watch(self, interval_s: float = 0.1) -> None:
        """Keep everything running until somebody asks to stop: whatever dies is brought back."""
        while not self.stop_wish.asked():
            for kept in self._kept:
                self._look_after(kept)
            self.stop_wish.wait(interval_s)

    def stop(self) -> None:
        """Stop all children, the last started first; each has ended before the next is asked to."""
        while self._kept:
            self._kept.pop().child.stop()

    def _look_after(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.due is not None:
            if now >= kept.due:
                self._start_again(kept, now)
            return
        status = kept.child.poll()
        if status is None:
            return
        if now - kept.started >= STEADY_S:
            kept.pause_s = FIRST_PAUSE_S
        self._try_later(kept, f"ended unexpectedly ({_cause(status)})", now)

    def _start_again(self, kept: _Kept, now: float) -> None:
        kept.due, kept.started = None, now
        try:
            kept.child.spawn()
        except (LocalError, OSError) as trouble:
            # a full disk, a table of processes without room: it passes, and nobody else would try again
            self._try_later(kept, f"cannot be started ({trouble})", now)

    def _try_later(self, kept: _Kept, what: str, now: float) -> None:
        self.say(f"{kept.name} {what}, starting it again in {kept.pause_s:g} s")
        kept.due = now + kept.pause_s
        kept.pause_s = min(kept.pause_s * 2, LONGEST_PAUSE_S)


def _cause(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
