"""Slows down guessing: failures per key within a sliding window, kept in this process's memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from dispatch.domain.errors import TooManyRequests

_MOST_KEYS = 20_000


class Throttle:
    """Refuses a key after `limit` marks within `window_s` seconds.

    A mark is set before the attempt and taken back when it succeeds, so that a hundred attempts at once count
    as a hundred. Memory is bounded: the key that was quiet longest is forgotten first.
    """

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `clock` gives seconds that never go back."""
        self.limit = limit
        self.window_s = window_s
        self._clock = clock
        self._marks: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def wait_s(self, key: Hashable) -> float:
        """Return the seconds until `key` may try again, 0 when it may now."""
        marks = self._live(key)
        if marks is None or len(marks) < self.limit:
            return 0.0
        return marks[-self.limit] + self.window_s - self._clock()

    def mark(self, key: Hashable) -> None:
        """Count one attempt."""
        self._marks.setdefault(key, deque()).append(self._clock())
        self._marks.move_to_end(key)
        while len(self._marks) > _MOST_KEYS:
            self._marks.popitem(last=False)

    def unmark(self, key: Hashable) -> None:
        """Take the last mark back: the attempt was a good one."""
        marks = self._marks.get(key)
        if marks:
            marks.pop()
            if not marks:
                del self._marks[key]

    def _live(self, key: Hashable) -> deque[float] | None:
        marks = self._marks.get(key)
        if marks is None:
            return None
        oldest = self._clock() - self.window_s
        while marks and marks[0] <= oldest:
            marks.popleft()
        if not marks:
            del self._marks[key]
            return None
        return marks


def refuse_too_many(wait_s: float) -> None:
    """Raise TooManyRequests when there is anything left to wait."""
    if wait_s <= 0:
        return
    seconds = math.ceil(wait_s)
    raise TooManyRequests(
        f"Terlalu banyak percobaan; coba lagi {seconds} detik lagi",
        f"Too many attempts; try again in {seconds} seconds",
        retry_after_s=seconds,
    )


class SignInThrottle:
    """Guards sign-in per name and per client address.

    Where a name has signed in before, it has a window of its own: a stranger who guesses at an operator's
    name from elsewhere does not lock that operator out of the usual console.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nobody yet."""
        self._names = Throttle(10, 300.0, clock)
        self._addresses = Throttle(60, 300.0, clock)
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def enter(self, regency: str, login: str, address: str) -> None:
        """Count an attempt.

        Raises:
            TooManyRequests: too many failures; the error says how long to wait.
        """
        name = self._name(regency, login, address)
        refuse_too_many(max(self._names.wait_s(name), self._addresses.wait_s(address)))
        self._names.mark(name)
        self._addresses.mark(address)

    def succeed(self, regency: str, login: str, address: str) -> None:
        """Take the attempt back, and remember the address as one this name signs in from."""
        self._names.unmark(self._name(regency, login, address))
        self._addresses.unmark(address)
        self._known[regency, login.casefold(), address] = None
        self._known.move_to_end((regency, login.casefold(), address))
        while len(self._known) > _MOST_KEYS:
            self._known.popitem(last=False)

    def _name(self, regency: str, login: str, address: str) -> tuple[str, ...]:
        known = (regency, login.casefold(), address)
        return known if known in self._known else known[:2]
