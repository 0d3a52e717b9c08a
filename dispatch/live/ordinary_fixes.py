"""The ordinary fix, thousands a second: compiled code that takes what all steps let pass, and that alone.

A frame is ordinary when it holds one fix, written as clients write it, and when `fix_steps` would keep that
fix as it is: in range, on the clock, of the unit that is boarded, the newest, near enough to the last one.
Every other frame is left untouched to them, and so are those that follow it of the same sender. What is taken
leaves the sender's row as the steps would have left it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.domain import position
from dispatch.domain.position import (
    BELIEVED,
    BELIEVED_AT,
    COARSE_M,
    IN_DOUBT,
    METRES_PER_DEGREE,
    NEWEST,
    SLACK_M,
    TOP_SPEED_MS,
    UNKNOWN_ACCURACY_M,
)
from dispatch.live import clock_offset, fix_steps, positions_text, sender_cells
from dispatch.live.fix_steps import AHEAD_S, FASTEST_MS, FULL_BATTERY, FULL_CIRCLE_DEG, OLDEST
from dispatch.live.positions_text import (
    ACCURACY,
    BATTERY,
    FIELDS,
    HEADING,
    LAT,
    LON,
    MADE_AT,
    SPEED,
    Reals,
    Text,
    read_frame,
)
from dispatch.live.sender_cells import CLOCK, HELD_BACK, INSTALLATION, JOINED, PACE, TRAIL, UNIT, SenderTable
from dispatch.services.save_positions import FIX, LIVE
from dispatch.storage.queries import positions
from routing.compiled import Compiler

_SOURCES = (
    sys.modules[__name__], position, clock_offset, fix_steps, positions_text, sender_cells, positions
)  # fmt: skip
compiled = Compiler("intake", [Path(str(each.__file__)) for each in _SOURCES])
"""Compiled anew when any file changes whose constants or kernels these use."""
Ints = NDArray[np.int64]

_OLDEST_S = OLDEST.total_seconds()
_KEPT = clock_offset.KEPT
_OFFSET, _CORRECTION = CLOCK + clock_offset.OFFSET, CLOCK + clock_offset.CORRECTION
_COUNT, _NEXT = CLOCK + clock_offset.COUNT, CLOCK + clock_offset.NEXT
_MEASURED = CLOCK + clock_offset.MEASURED
_BELIEVED_WITHIN_S, _LONGEST_WAY_S = clock_offset.BELIEVED_WITHIN_S, clock_offset.LONGEST_WAY_S
_AT, _NEWEST, _IN_DOUBT = TRAIL + BELIEVED_AT, TRAIL + NEWEST, TRAIL + IN_DOUBT
_LON, _LAT, _ACCURACY = TRAIL + BELIEVED, TRAIL + BELIEVED + 1, TRAIL + BELIEVED + 2


@compiled
def _within(value: float, most: float) -> bool:
    return math.isnan(value) or 0.0 <= value <= most


@compiled
def _measured(row: Reals, ints: Ints, offset: float) -> tuple[int, int, float]:
    """What `ClockOffset.measure` makes of one: where it stands in the ring, their count, and the least."""
    known, count, at = row[_OFFSET], ints[_COUNT], ints[_NEXT]
    if offset - known > _LONGEST_WAY_S:
        count = at = 0
    if count < _KEPT:
        return at, count + 1, offset if count == 0 or offset <= known else known
    if offset <= known or row[_MEASURED + at] != known:
        return at, count, min(offset, known)
    least = offset
    for n in range(_KEPT):
        if n != at:
            least = min(least, row[_MEASURED + n])
    return at, count, least


@compiled
def _take(
    row: Reals, ints: Ints, received_at: float, sequence: int, sent_at: float, told: Reals, out: Reals,
    whole: Ints,
) -> bool:  # fmt: skip
    """Take one fix through all steps, or leave everything as it is.

    `row` and `ints` are the same cells, and so are `out` and `whole`: a record of `FIX`.
    """
    lon, lat, accuracy = told[LON], told[LAT], told[ACCURACY]
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        return False
    if not (_within(told[SPEED], FASTEST_MS) and _within(told[HEADING], FULL_CIRCLE_DEG)):
        return False
    if not _within(told[BATTERY], FULL_BATTERY):
        return False
    if not (math.isnan(accuracy) or 0.0 <= accuracy <= COARSE_M):
        return False
    place, count, offset = -1, 0, row[_OFFSET]
    if not math.isnan(sent_at):
        place, count, offset = _measured(row, ints, received_at - sent_at)
    correction = offset if abs(offset) > _BELIEVED_WITHIN_S else 0.0
    at = told[MADE_AT] + correction
    late_s = received_at - at
    if late_s < -AHEAD_S or late_s > _OLDEST_S:
        return False
    at = min(at, received_at)
    if not row[JOINED] <= at or sequence <= ints[_NEWEST] or ints[_IN_DOUBT] != 0:
        return False
    doubt_m = accuracy if accuracy > 0.0 else UNKNOWN_ACCURACY_M
    seconds = max(abs(at - row[_AT]), 1.0)
    reach = SLACK_M + doubt_m + row[_ACCURACY] + TOP_SPEED_MS * row[PACE] * seconds
    # a degree of longitude is nowhere longer than one of latitude: this sum is too long, and quick
    east = abs(lon - row[_LON])
    if not (east < 180.0 and (east + abs(lat - row[_LAT])) * METRES_PER_DEGREE <= reach < math.inf):
        return False
    if place >= 0:
        row[_MEASURED + place], row[_OFFSET], row[_CORRECTION] = received_at - sent_at, offset, correction
        ints[_COUNT], ints[_NEXT] = count, place + 1 if place + 1 < _KEPT else 0
    ints[_NEWEST] = sequence
    row[_LON], row[_LAT], row[_ACCURACY], row[_AT] = lon, lat, doubt_m, at
    whole[0], whole[1] = ints[INSTALLATION], ints[INSTALLATION + 1]
    whole[2], whole[3] = ints[UNIT], ints[UNIT + 1]
    whole[4] = sequence
    out[5], out[6], out[7], out[8] = told[MADE_AT], at, received_at, offset
    out[9], out[10], out[11], out[12] = lon, lat, accuracy, told[SPEED]
    out[13], out[14] = told[HEADING], told[BATTERY]
    whole[15] = LIVE
    return True


@compiled
def _take_all(
    text: Text, ends: Ints, rows: Ints, received_at: Reals, round_: int,
    table: Reals, ints: Ints, out: Reals, whole: Ints,
) -> NDArray[np.bool_]:  # fmt: skip
    taken = np.zeros(len(rows), np.bool_)
    told = np.empty(FIELDS)
    begin = 0
    for i in range(len(rows)):
        row = rows[i]
        if row >= 0 and ints[row, HELD_BACK] != round_:
            sequence, sent_at = read_frame(text, begin, ends[i], told)
            taken[i] = sequence >= 0 and _take(
                table[row], ints[row], received_at[i], sequence, sent_at, told, out[i], whole[i]
            )
            if not taken[i]:
                ints[row, HELD_BACK] = round_
        begin = ends[i]
    return taken


class OrdinaryFixes:
    """Takes ordinary fixes of the senders of one table."""

    def __init__(self, table: SenderTable) -> None:
        """Nothing is taken before `prepare`."""
        self._table = table
        self._round = 0
        self.ready = False

    def prepare(self) -> None:
        """Compile, or load what was compiled before; takes some seconds once per machine."""
        self.take([b"{}"], [-1], np.zeros(1))
        self.ready = True

    def take(
        self, texts: Sequence[bytes], rows: Sequence[int], received_at: Reals
    ) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Return which frames were taken, and their fixes, as records of `FIX`, for these alone.

        The frames are in the order in which they came. `rows`: those of their senders in the table, -1 for
        none; `received_at` in seconds since 1970.
        """
        count = len(texts)
        self._round += 1
        out = np.empty((count, FIX.itemsize // 8))
        text = np.frombuffer(b"".join(texts), np.uint8)
        ends = np.cumsum(np.fromiter(map(len, texts), np.int64, count))
        taken = _take_all(
            text, ends, np.array(rows, np.int64), received_at, self._round,
            self._table.reals, self._table.ints, out, out.view(np.int64),
        )  # fmt: skip
        return taken, out[taken].view(FIX)[:, 0]
