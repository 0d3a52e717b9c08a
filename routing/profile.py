"""What the rules of a vehicle consist of: what it may drive on, and how fast."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

HOURS = 24
SLOTS = 2 * HOURS  # the hours of a weekday, then those of a day at the weekend
ALL_CLASSES = "all"
# Bit f of an array's masks belongs to profile f, and the masks are bytes.
MOST_PROFILES = 8

# Classes from the most to the least important road; the order numbers the classes of a store. Classes that
# only a user's profile knows follow by name.
CLASS_ORDER = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary",
    "secondary_link", "tertiary", "tertiary_link", "unclassified", "road", "residential", "living_street",
    "service", "track", "busway", "pedestrian", "ferry",
)  # fmt: skip
FERRY_CLASS = "ferry"


@dataclass(frozen=True, slots=True)
class Hours:
    """Factors of the speed by local hour: 24 for working days, 24 for Saturdays and Sundays."""

    weekday: tuple[float, ...]
    weekend: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """Where 80 of 100 real times lie: between these factors of the modelled time."""

    low_factor: float
    high_factor: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules of one kind of vehicle. Every field is part of the version of the stores made with it.

    `speed_kmh` per road class (a class that is absent is not driven); `surface_cap_kmh` at most per surface,
    `surface_factor` times the speed. `hour_factor` of the speed, per class or for "all"; absent means 1.

    Access: of `access_keys`, from the most to the least specific, the first one present decides, and the
    values `access_closed` shut the way. `access_ignores` (key -> values) are passed over as if they were not
    there. `impassable` (key -> values) shut a way whatever the law says. `oneway_exemptions` are keys whose
    value "no" lifts a one-way rule.

    Turns: restrictions of the kinds in `turns_ignored` do not bind, nor those that except one of
    `turn_exceptions`.

    Barriers: `barrier_delay_s` per kind; `barrier_closed` kinds let nobody through, unless a tag of theirs
    says so: then `barrier_opened_delay_s` passes. All other kinds are no hindrance.

    Ferries take `ferry_wait_s` before they leave. `junction_delay_s` is lost at every node of a kind
    ("traffic_signals", "crossing", ...). `calibrated_on` is the day (ISO) the speeds were fitted to recorded
    runs, empty for a prior; `evidence` says what they rest on.
    """

    name: str
    title_id: str
    title_en: str
    speed_kmh: Mapping[str, float]
    interval: Interval
    surface_cap_kmh: Mapping[str, float]
    surface_factor: Mapping[str, float]
    hour_factor: Mapping[str, Hours]
    access_keys: tuple[str, ...]
    access_closed: frozenset[str]
    access_ignores: Mapping[str, frozenset[str]]
    impassable: Mapping[str, frozenset[str]]
    oneway_exemptions: tuple[str, ...]
    turns_ignored: frozenset[str]
    turn_exceptions: frozenset[str]
    barrier_delay_s: Mapping[str, float]
    barrier_closed: frozenset[str]
    barrier_opened_delay_s: float
    ferry_wait_s: float
    junction_delay_s: Mapping[str, float]
    calibrated_on: str = ""
    evidence: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over every rule of the profile, hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=sorted).encode()).hexdigest()

    def hour_factors(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """Factors of the speed, (len(classes), SLOTS): a class's own, or those for all, or 1."""
        factors = np.ones((len(classes), SLOTS))
        for row, name in enumerate(classes):
            hours = self.hour_factor.get(name) or self.hour_factor.get(ALL_CLASSES)
            if hours:
                factors[row] = (*hours.weekday, *hours.weekend)
        return factors


def class_names(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The road classes that any of the profiles drives, in the order of the numbers stored per edge."""
    driven = {name for profile in profiles for name in profile.speed_kmh}
    return (
        *(name for name in CLASS_ORDER if name in driven),
        *sorted(driven.difference(CLASS_ORDER)),
    )


def profiles_digest(profiles: Sequence[Profile]) -> str:
    """SHA-256 over all rules of all profiles in their order, hexadecimal."""
    return hashlib.sha256("".join(profile.digest for profile in profiles).encode()).hexdigest()
