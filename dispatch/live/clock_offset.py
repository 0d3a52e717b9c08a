"""How far a phone's clock is off, measured from the frames it sends."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

BELIEVED_WITHIN = timedelta(seconds=5)
"""A clock that is off by less is taken as it is."""
_LONGEST_WAY = timedelta(seconds=40)
_KEPT = 20


class ClockOffset:
    """Server time minus phone time on one connection.

    A frame's way only ever makes the phone look slow, so the least of the last measurements is the best one.
    A frame cannot have been under way for longer than the connection survives without a pong (20 + 20 s): a
    difference above that means that the phone's clock was set, and measuring begins anew.
    """

    def __init__(self) -> None:
        self._measured: deque[timedelta] = deque(maxlen=_KEPT)
        self.offset = timedelta(0)
        """The best estimate; zero before the first measurement."""

    def measure(self, received_at: datetime, sent_at: datetime) -> None:
        """Take in one frame: the server's clock when it came, the phone's when it was sent."""
        offset = received_at - sent_at
        if offset - self.offset > _LONGEST_WAY:
            self._measured.clear()
        measured = self._measured
        gone = measured[0] if len(measured) == _KEPT else None
        measured.append(offset)
        if len(measured) == 1 or offset <= self.offset:
            self.offset = offset
        elif gone is not None and gone == self.offset:  # the least one has had its time
            self.offset = min(measured)

    def corrected(self, device_at: datetime) -> datetime:
        """Return the server's time of what the phone says."""
        offset = self.offset
        return device_at + offset if abs(offset) > BELIEVED_WITHIN else device_at
