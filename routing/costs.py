"""What one cost is, milliseconds and millimetres in one number, and the places searches run between."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Costs = NDArray[np.int64]

# One cost is milliseconds in the upper half and millimetres in the lower half of an int64. Sums stay
# ordered by time first and length second, so that of two equally fast ways the shorter is taken, always the
# same one, and the length along the fastest way comes for free. A way may have up to 6 days and 4,294 km.
LENGTH_BITS = 32
# Closed. Two of them still fit an int64, so that a sum needs no check; a closed arc never improves anything.
FAR = 1 << 61
# The same in milliseconds alone (int32): every number of milliseconds is a cost >> LENGTH_BITS, FAR's too.
FAR_MS = FAR >> LENGTH_BITS


class Ends(NamedTuple):
    """Where places hang on the network: `node` (m,), `cost` (m,) between the place and the node, and `owner`
    (m,) which place it is. A place has as many ends as it needs; an end with cost FAR does not exist."""

    node: Ints
    cost: Costs
    owner: Ints


class Found(NamedTuple):
    """Per place, `best` (n,) the least cost (int64), or milliseconds (int32), FAR or FAR_MS if there is none;
    `via` (n,) int32 the row of the end it goes by, or -1 when the cost known in advance was the best."""

    best: Costs | Ints
    via: Ints


class Path(NamedTuple):
    """One way: its `cost`, the row `via` of the end it leaves by and the row `seed` it arrives by (both -1:
    the cost known in advance was the best), and the numbers of the `arcs` between in the order of travel.
    Cost FAR: there is none."""

    cost: int
    via: int
    seed: int
    arcs: Ints
