"""What a phone keeps until the system has acknowledged it: fixes by number, and steps in their order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Fix = dict[str, Any]
A_FRAME = 100
_AGAIN_AFTER_S = 2.0
"""A fix that was sent and not acknowledged for so long is sent again: once more does no harm."""


@dataclass(slots=True)
class FixMemory:
    """The fixes of one installation that are not acknowledged. `made` is the last number given."""

    made: int = 0
    kept: dict[int, Fix] = field(default_factory=dict)
    sent_at: dict[int, float] = field(default_factory=dict)
    """Monotonic moment of the last sending, for those that were sent on the present connection."""

    def add(self, fix: Fix) -> int:
        """Keep a new fix under the next number, and return the number."""
        self.made += 1
        self.kept[self.made] = {"seq": self.made, **fix}
        return self.made

    def forget(self, seq: int) -> float | None:
        """The fix is acknowledged; return when it was sent last, None when it was acknowledged before."""
        sent = self.sent_at.pop(seq, None)
        return sent if self.kept.pop(seq, None) is not None else None

    def unsent(self) -> None:
        """The connection is a new one: what was under way on the old one may be lost."""
        self.sent_at.clear()

    def due(self) -> Iterator[list[Fix]]:
        """Yield frames of fixes to send now: the newest first and alone, then the backlog, marked as such."""
        now = time.monotonic()
        late = [seq for seq in self.kept if now - self.sent_at.get(seq, -_AGAIN_AFTER_S) >= _AGAIN_AFTER_S]
        if not late:
            return
        late.sort()
        newest = late.pop()
        yield self._frame([newest])
        older = [seq for seq in late if seq < newest]
        for first in range(0, len(older), A_FRAME):
            yield self._frame(older[first : first + A_FRAME], replayed=True)

    def _frame(self, seqs: list[int], *, replayed: bool = False) -> list[Fix]:
        for seq in seqs:
            self.sent_at[seq] = time.monotonic()
        return [{**self.kept[seq], "replayed": True} if replayed else self.kept[seq] for seq in seqs]
