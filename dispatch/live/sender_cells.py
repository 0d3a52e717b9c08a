"""What is known of each sender, as numbers in one table: compiled code reads a row of it for every fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import numpy as np

from dispatch.domain.position import TRAIL_CELLS, Cells, new_cells
from dispatch.live.clock_offset import CLOCK_CELLS

JOINED, PACE, INSTALLATION, UNIT, HELD_BACK, TRAIL = 0, 1, 2, 4, 6, 7
"""A row: since when its driver is aboard (seconds since 1970; infinite: aboard none), the case's pace, two
ids in two cells each, the round in which a frame was left to the steps, and the trail."""
CLOCK = TRAIL + TRAIL_CELLS
WIDTH = CLOCK + CLOCK_CELLS
MOST = 1 << 16
"""Senders of one process with a row. Further ones are served as well, by the longer way alone."""
NOBODY = float("inf")


class SenderTable:
    """The rows of one process. Memory is taken by those that are in use only."""

    def __init__(self) -> None:
        """No row is taken."""
        self.reals = np.zeros((MOST, WIDTH))
        self.ints = self.reals.view(np.int64)
        whole = self.reals.data.cast("B")
        self._reals, self._ints = whole.cast("d"), whole.cast("q")
        self._used = 0
        self._free: list[int] = []

    @contextmanager
    def row(self) -> Iterator[Row]:
        """Lend a row of zeros; one beyond the table when none is left.

        It goes to another sender afterwards: no frame that was announced for it may still be unread then.
        """
        row = self._take()
        try:
            yield row
        finally:
            if row.number >= 0:
                row.left()
                self._free.append(row.number)

    def _take(self) -> Row:
        if self._free:
            number = self._free.pop()
            self.reals[number] = 0.0
        elif self._used < MOST:
            number = self._used
            self._used += 1
        else:
            return Row()
        return Row(number, Cells(self._reals, self._ints, number * WIDTH))


class Row:
    """The numbers of one sender."""

    __slots__ = ("_cells", "number")

    def __init__(self, number: int = -1, cells: Cells | None = None) -> None:
        """Without arguments it is in no table."""
        self.number = number
        self._cells = cells or new_cells(WIDTH)
        self._cells.reals[self._cells.first + JOINED] = NOBODY
        self._cells.reals[self._cells.first + PACE] = 1.0

    @property
    def trail(self) -> Cells:
        """Where the sender's trail keeps what it knows."""
        return self._cells.after(TRAIL)

    @property
    def clock(self) -> Cells:
        """Where the sender's clock keeps what it has measured."""
        return self._cells.after(CLOCK)

    @property
    def pace(self) -> float:
        """How much faster than life the sender's case runs."""
        return self._cells.reals[self._cells.first + PACE]

    @pace.setter
    def pace(self, pace: float) -> None:
        self._cells.reals[self._cells.first + PACE] = pace

    def of(self, installation_id: UUID) -> None:
        """Note whose row it is."""
        self._write(INSTALLATION, installation_id)

    def boarded(self, unit_id: UUID, joined_at: float) -> None:
        """Note for which unit the sender reports from now on, and since when somebody has been aboard."""
        self._write(UNIT, unit_id)
        self._cells.reals[self._cells.first + JOINED] = joined_at

    def left(self) -> None:
        """Note that the sender reports for no unit."""
        self._cells.reals[self._cells.first + JOINED] = NOBODY

    def _write(self, cell: int, id_: UUID) -> None:
        at, raw = self._cells.first + cell, memoryview(id_.bytes).cast("q")
        self._cells.ints[at], self._cells.ints[at + 1] = raw
