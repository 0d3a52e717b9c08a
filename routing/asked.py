"""Places somebody asked about: checked, snapped to the network, and hung on it under a metric."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from routing import ends
from routing.answers import CLOSED_ROAD, DOUBTS, LONG_ACCESS, LONG_ACCESS_M, OUTSIDE, Snap
from routing.arrays import Floats, Longs, NetworkArrays
from routing.ends import EdgeTimes, PlaceEnds
from routing.engine import FAR, LENGTH_BITS, Ends
from routing.grid import Frame, Nearest, nearest_edges
from routing.metric import Box, outside_by

Flags = NDArray[np.uint8]

# Bits of doubts, in the order of DOUBTS.
DOUBT_BITS = {word: 1 << number for number, word in enumerate(DOUBTS)}
_WORDS = [tuple(word for word, bit in DOUBT_BITS.items() if bits & bit) for bits in range(1 << len(DOUBTS))]


class Asked(NamedTuple):
    """n places: where they were snapped to, `access_ms` of the leg off the network; whether each is `shut`
    (on a stretch that is closed now) or `outside` (too far from the network to be answered)."""

    near: Nearest
    access_ms: Longs
    shut: Flags
    outside: NDArray[np.bool_]

    def rows(self, which: slice | Longs) -> Asked:
        """The same for some of the places."""
        return Asked(self.near.rows(which), self.access_ms[which], self.shut[which], self.outside[which])

    def snaps(self) -> list[Snap]:
        near = self.near
        return [
            Snap(lon, lat, edge, fraction, metres, shut)
            for lon, lat, edge, fraction, metres, shut in zip(
                near.lon.tolist(), near.lat.tolist(), near.edge.tolist(), near.fraction.tolist(),
                near.metres.tolist(), (self.shut > 0).tolist(), strict=True,
            )
        ]  # fmt: skip

    def doubts(self) -> Flags:
        """The doubts that lie in the places themselves, as bits."""
        bits = np.where(self.near.metres > LONG_ACCESS_M, DOUBT_BITS[LONG_ACCESS], 0)
        bits |= np.where(self.shut > 0, DOUBT_BITS[CLOSED_ROAD], 0)
        return (bits | np.where(self.outside, DOUBT_BITS[OUTSIDE], 0)).astype(np.uint8)

    def leaving(self, times: EdgeTimes, *, access: bool) -> PlaceEnds:
        """The ends from the places onto the network, with or without their access legs."""
        return ends.leaving_ends(self.near.edge, self.near.fraction, self._extra(access), times)

    def arriving(self, times: EdgeTimes, *, access: bool) -> PlaceEnds:
        """The ends from the network to the places, with or without their access legs."""
        return ends.arriving_ends(self.near.edge, self.near.fraction, self._extra(access), times)

    def _extra(self, access: bool) -> Longs:
        if not access:
            return np.where(self.outside, FAR, 0)
        return np.where(self.outside, FAR, self.access_ms << LENGTH_BITS)


def placed(
    points: Floats, arrays: NetworkArrays, frame: Frame, box: Box, times: EdgeTimes, access_kmh: float
) -> Asked:
    """Points (n, 2), already checked, on the network."""
    near = nearest_edges(arrays, frame, points, times.bit)
    if len(times.hit_ref) > 0:
        shut = ends.inside_closed(near.edge, near.fraction, times)
    else:
        shut = np.zeros(len(points), np.uint8)
    access_ms = ends.access_milliseconds(near.metres, access_kmh)
    return Asked(near, access_ms, shut, outside_by(points, box))


def for_engine(place_ends: PlaceEnds) -> Ends:
    """Ends as the engine takes them."""
    return Ends(place_ends.node, place_ends.cost, place_ends.owner)


def words(bits: int) -> tuple[str, ...]:
    """Doubts as words."""
    return _WORDS[bits]
