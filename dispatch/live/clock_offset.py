"""How far a phone's clock is off, measured from the frames it sends."""

from __future__ import annotations

from array import array

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

    __slots__ = ("_count", "_measured", "_next", "correction_s", "offset_s")

    def __init__(self) -> None:
        # side by side: thousands of clocks lie all over the memory
        self._measured = array("d", bytes(8 * _KEPT))
        self._count = self._next = 0
        self.offset_s = 0.0
        """The best estimate; zero before the first measurement."""
        self.correction_s = 0.0
        """What is to be added to a time of the phone to have the server's."""

    def measure(self, received_at: float, sent_at: float) -> None:
        """Take in one frame: the server's clock when it came, the phone's when it was sent."""
        offset = received_at - sent_at
        measured, at, known = self._measured, self._next, self.offset_s
        if offset - known > _LONGEST_WAY_S:
            self._count = at = 0
        gone = measured[at]
        measured[at] = offset
        self._next = at + 1 if at + 1 < _KEPT else 0
        if self._count < _KEPT:
            self._count += 1
            if self._count == 1 or offset <= known:
                self._believe(offset)
        elif offset <= known:
            self._believe(offset)
        elif gone == known:  # the least one has had its time
            self._believe(min(measured))

    def _believe(self, offset_s: float) -> None:
        self.offset_s = offset_s
        self.correction_s = offset_s if abs(offset_s) > BELIEVED_WITHIN_S else 0.0
