"""How far a phone's clock is off, measured from the frames it sends."""

from __future__ import annotations

from collections import deque

BELIEVED_WITHIN_S = 5.0
"""A clock that is off by less is taken as it is."""
_LONGEST_WAY_S = 40.0
_KEPT = 20


class ClockOffset:
    """Server time minus phone time on one connection. All times are seconds since 1970.

    A frame's way only ever makes the phone look slow, so the least of the last measurements is the best one.
    A frame cannot have been under way for longer than the connection survives without a pong (20 + 20 s): a
    difference above that means that the phone's clock was set, and measuring begins anew.
    """

    __slots__ = ("_measured", "correction_s", "offset_s")

    def __init__(self) -> None:
        self._measured: deque[float] = deque(maxlen=_KEPT)
        self.offset_s = 0.0
        """The best estimate; zero before the first measurement."""
        self.correction_s = 0.0
        """What is to be added to a time of the phone to have the server's."""

    def measure(self, received_at: float, sent_at: float) -> None:
        """Take in one frame: the server's clock when it came, the phone's when it was sent."""
        offset = received_at - sent_at
        measured = self._measured
        if offset - self.offset_s > _LONGEST_WAY_S:
            measured.clear()
        gone = measured[0] if len(measured) == _KEPT else None
        measured.append(offset)
        if len(measured) == 1 or offset <= self.offset_s:
            self._believe(offset)
        elif gone == self.offset_s:  # the least one has had its time
            self._believe(min(measured))

    def _believe(self, offset_s: float) -> None:
        self.offset_s = offset_s
        self.correction_s = offset_s if abs(offset_s) > BELIEVED_WITHIN_S else 0.0
