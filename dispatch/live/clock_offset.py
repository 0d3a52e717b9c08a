"""How far a phone's clock is off, measured from the frames it sends."""

from __future__ import annotations

from dispatch.domain.position import Cells, new_cells

BELIEVED_WITHIN_S = 5.0
"""A clock that is off by less is taken as it is."""
LONGEST_WAY_S = 40.0
KEPT = 20
OFFSET, CORRECTION, COUNT, NEXT, MEASURED, CLOCK_CELLS = 0, 1, 2, 3, 4, 4 + KEPT
"""A clock's cells: two reals, two whole numbers, and the last measurements in a ring."""


class ClockOffset:
    """Server time minus phone time on one connection. All times are seconds since 1970.

    A frame's way only ever makes the phone look slow, so the least of the last measurements is the best one.
    A frame cannot have been under way for longer than the connection survives without a pong (20 + 20 s): a
    difference above that means that the phone's clock was set, and measuring begins anew.
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells | None = None) -> None:
        """`cells` are all zero, and for this clock alone."""
        self._cells = cells or new_cells(CLOCK_CELLS)

    @property
    def offset_s(self) -> float:
        """The best estimate; zero before the first measurement."""
        return self._cells.reals[self._cells.first + OFFSET]

    @property
    def correction_s(self) -> float:
        """What is to be added to a time of the phone to have the server's."""
        return self._cells.reals[self._cells.first + CORRECTION]

    def measure(self, received_at: float, sent_at: float) -> None:
        """Take in one frame: the server's clock when it came, the phone's when it was sent."""
        reals, ints, first = self._cells
        offset, known = received_at - sent_at, reals[first + OFFSET]
        if offset - known > LONGEST_WAY_S:
            ints[first + COUNT] = ints[first + NEXT] = 0
        count, at = ints[first + COUNT], ints[first + NEXT]
        gone = reals[first + MEASURED + at]
        reals[first + MEASURED + at] = offset
        ints[first + NEXT] = at + 1 if at + 1 < KEPT else 0
        if count < KEPT:
            ints[first + COUNT] = count + 1
            if count == 0 or offset <= known:
                self._believe(offset)
        elif offset <= known:
            self._believe(offset)
        elif gone == known:  # the least one has had its time
            self._believe(min(reals[first + MEASURED : first + MEASURED + KEPT]))

    def _believe(self, offset_s: float) -> None:
        reals, _, first = self._cells
        reals[first + OFFSET] = offset_s
        reals[first + CORRECTION] = offset_s if abs(offset_s) > BELIEVED_WITHIN_S else 0.0
