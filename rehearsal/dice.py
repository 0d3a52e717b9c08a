"""Dice with a name: the same seed and name give the same throws, whoever else throws meanwhile."""

from __future__ import annotations

import math
import random


def dice(*name: object) -> random.Random:
    """Return a generator of its own for one actor, call or choice."""
    # seeded with text, which is hashed the same way in every process
    return random.Random("|".join(map(str, name)))  # noqa: S311 - a play's dice, no secret


def delay(throws: random.Random, usual_s: float, spread: float = 0.45) -> float:
    """Return a human delay in seconds: log-normal around its median, as reaction times are."""
    return usual_s * math.exp(throws.gauss(0.0, spread))


def chance(throws: random.Random, share: float) -> bool:
    """Throw once; true in that share (0..1) of the throws."""
    return throws.random() < share
