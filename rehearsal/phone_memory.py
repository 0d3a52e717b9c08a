"""What a crew's phone keeps until the server has it: fixes by their numbers, and steps in the order taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rehearsal import desks

_A_FRAME = 50
_ENDS = frozenset({"cleared", "declined", "completed_without_transport"})
Fix = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeptStep:
    """One step that waits. It was taken between the two moments; `device_at` is what the phone will say."""

    incident_id: UUID
    run_id: UUID
    to: str
    fields: dict[str, Any]
    device_at: str
    between: tuple[datetime, datetime]


@dataclass
class PhoneMemory:
    """Fixes and steps that the server has not acknowledged."""

    fixes: dict[int, Fix] = field(default_factory=dict)
    steps: list[KeptStep] = field(default_factory=list)

    def forget(self, numbers: Iterable[int]) -> None:
        """Let go of fixes that the server has stored, or will never take."""
        for number in numbers:
            self.fixes.pop(number, None)

    def newest(self) -> Fix | None:
        """Return the newest fix: it is sent first, for it says where the unit is now."""
        return self.fixes[max(self.fixes)] if self.fixes else None

    def backlog(self, before: int) -> Iterator[list[Fix]]:
        """Yield the fixes older than this number in frames, oldest first, marked as replayed."""
        older = [{**self.fixes[n], "replayed": True} for n in sorted(self.fixes) if n < before]
        for first in range(0, len(older), _A_FRAME):
            yield older[first : first + _A_FRAME]

    def since(self, number: int) -> list[Fix]:
        """Return the fixes newer than this number, oldest first."""
        return [self.fixes[n] for n in sorted(self.fixes) if n > number]

    def ahead(self, desk: desks.Desk) -> desks.Desk:
        """Return a desk as the crew sees it: with the steps over it that the server does not know yet."""
        run = desk.run
        waiting = [step.to for step in self.steps if run is not None and step.run_id == run.assignment_id]
        if run is None or not waiting:
            return desk
        if waiting[-1] in _ENDS:
            return replace(desk, run=None)
        return replace(desk, run=replace(run, state=waiting[-1]))
