"""Where the network ends: on some drives a crew's phone is without a signal for a while. By seed alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rehearsal.dice import chance, delay

_ON_SO_MANY_DRIVES = 0.18
_USUAL_S = 100.0
_LONGEST_S = 900.0


@dataclass(frozen=True, slots=True)
class Outage:
    """One loss of signal: it begins after this share of the drive (0..1) and lasts simulated seconds."""

    after_share: float
    lasts_s: float


def outage(throws: random.Random) -> Outage | None:
    """Draw whether a drive has one. It may outlast the drive: then the steps after it wait, too."""
    if not chance(throws, _ON_SO_MANY_DRIVES):
        return None
    return Outage(throws.uniform(0.15, 0.95), min(delay(throws, _USUAL_S, 0.7), _LONGEST_S))
