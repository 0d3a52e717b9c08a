"""What the system has acknowledged to its clients, when, and what they still wait for."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chaos.clock_errors import Look

CALL, EVENT, FIX = "call", "console event", "fix"
TAKE, VERDICT, SEND, CLOSE, STEP = "take", "verdict", "send", "close", "step"
CHANGING = frozenset({CALL, TAKE, VERDICT, SEND, CLOSE, STEP})
"""Requests that change a case."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run as the phone reported it; `device_at` is by the phone's clock (ISO 8601).

    taken: the clocks when it was taken; None when one was set before it was acknowledged, for nothing is
    promised then about the time under which it is kept.
    """

    assignment_id: str
    to: str
    device_at: str
    taken: Look | None


@dataclass(frozen=True, slots=True)
class RefusedFix:
    """A fix that the system did not keep, with its reason; set_back: as of `FixTime`."""

    crew: str
    seq: int
    reason: str
    set_back: frozenset[timedelta]


@dataclass(slots=True)
class Ledger:
    """The clients' common book. Ids are texts, as they stand in JSON.

    calls, taken: ids of calls. callbacks: call-backs per call. incidents: call -> incident.
    sends: assignment -> incident. closed: incidents. steps: as reported. fixes: installation -> sequences.
    fix_times: installation -> sequence -> when the server's clock has it made; without those that had a clock
    set between making and acknowledgement.
    """

    calls: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    callbacks: Counter[str] = field(default_factory=Counter)
    incidents: dict[str, str] = field(default_factory=dict)
    sends: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    fixes: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    fix_times: defaultdict[str, dict[int, datetime]] = field(default_factory=lambda: defaultdict(dict))
    refused_fixes: list[RefusedFix] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    """What the system has refused for good, by what was asked and the problem's code."""
    retries: Counter[str] = field(default_factory=Counter)
    """Attempts that got no acknowledgement, by how they failed."""
    waiting: Counter[str] = field(default_factory=Counter)
    """Which requests and steps are sent and not answered now, by kind."""
    first_back: dict[tuple[str, str], float] = field(default_factory=dict)
    """Since the last `mark`: when each client was first acknowledged what it sent after it, by kind."""
    marked: float = field(default_factory=time.monotonic)

    @property
    def in_flight(self) -> int:
        """How many requests and steps are sent and not answered now."""
        return sum(self.waiting.values())

    @property
    def changing(self) -> int:
        """How many of them change a case."""
        return sum(self.waiting[kind] for kind in CHANGING)

    @property
    def unfinished(self) -> int:
        """How many calls have led to no end yet."""
        return len(self.calls) - len(self.closed)

    @contextmanager
    def awaiting(self, kind: str) -> Iterator[None]:
        """Count a request as sent and not answered for as long as the context lasts."""
        self.waiting[kind] += 1
        try:
            yield
        finally:
            self.waiting[kind] -= 1

    def mark(self, moment: float) -> None:
        """Measure the recovery from this moment (monotonic seconds) on."""
        self.marked = moment
        self.first_back.clear()

    def acknowledged(self, kind: str, client: str, sent: float) -> None:
        """A client was acknowledged now what it had sent at `sent` (monotonic seconds)."""
        if sent >= self.marked:
            self.first_back.setdefault((kind, client), time.monotonic())

    def recovered(self, kind: str, clients: int) -> float | None:
        """Return the seconds until so many clients were served again; None when they are not yet."""
        back = sorted(moment for (what, _), moment in self.first_back.items() if what == kind)
        return back[clients - 1] - self.marked if len(back) >= clients else None
