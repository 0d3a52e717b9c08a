"""Judges ways by their OpenStreetMap tags: may a profile's vehicle use them, in which direction, how fast."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing.arrays import BRIDGE, CONNECTOR, FERRY, ROUNDABOUT, TOLL, TUNNEL
from routing.maxspeed import posted_limit
from routing.profile import FERRY_CLASS, Profile

Tags = Mapping[str, str]

ROUNDABOUTS = ("roundabout", "circular")
_RULED_BY = frozenset({
    "highway", "route", "area", "oneway", "junction", "surface", "maxspeed", "maxspeed:forward",
    "maxspeed:backward", "maxspeed:type", "zone:maxspeed", "zone:traffic", "source:maxspeed",
})  # fmt: skip
_YES = frozenset({"yes", "true", "1"})
_AGAINST = frozenset({"-1", "reverse"})
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")
_ISO_TIME = re.compile(r"pt(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a profile makes of one way: km/h along and against its node order (0: not permitted)."""

    forward_kmh: float
    backward_kmh: float


def ruling_keys(profiles: Iterable[Profile]) -> frozenset[str]:
    """The keys that decide what the profiles make of a way: equal values, equal rulings."""
    keys = set(_RULED_BY)
    for profile in profiles:
        keys.update(
            profile.access_keys, profile.access_ignores, profile.impassable, profile.oneway_exemptions
        )
    return frozenset(keys)


def road_class(tags: Tags) -> str:
    """The class of a way: that of its `highway`, or "ferry"; empty when it is neither."""
    if "highway" in tags:
        return tags["highway"]
    return FERRY_CLASS if tags.get("route") == "ferry" else ""


def judge(tags: Tags, profile: Profile, exclude_highway: frozenset[str]) -> Ruling | str:
    """The ruling on a way, or the reason (a stable short word) why it is left out."""
    name = road_class(tags)
    if name in exclude_highway:
        return f"excluded:{name}"
    speed = profile.speed_kmh.get(name)
    if speed is None:
        return f"class:{name}"
    if tags.get("area") == "yes":
        return "area"
    access = access_of(tags, profile)
    if access is not None and access in profile.access_closed:
        return "access"
    if name == FERRY_CLASS and not _carries_vehicles(tags, profile):
        return "ferry:no_vehicles"
    if any(tags.get(key) in values for key, values in profile.impassable.items()):
        return "impassable"
    forward, backward = _directions(tags, profile)
    if not forward and not backward:
        return "reversible"
    surface = tags.get("surface", "")
    speed = min(speed * profile.surface_factor.get(surface, 1.0), profile.surface_cap_kmh.get(surface, speed))
    return Ruling(
        _capped(speed, tags, "forward") if forward else 0.0,
        _capped(speed, tags, "backward") if backward else 0.0,
    )


def access_of(tags: Tags, profile: Profile) -> str | None:
    """The access value that decides for the profile; None when no tag does."""
    for key in profile.access_keys:
        value = tags.get(key)
        if value is not None and value not in profile.access_ignores.get(key, ()):
            return value
    return None


def way_flags(tags: Tags) -> int:
    """The flags of a way's edges."""
    return (
        (tags.get("source") == "connector") * CONNECTOR
        | (tags.get("junction") in ROUNDABOUTS) * ROUNDABOUT
        | (road_class(tags) == FERRY_CLASS) * FERRY
        | (tags.get("toll") == "yes") * TOLL
        | (tags.get("bridge", "no") != "no") * BRIDGE
        | (tags.get("tunnel", "no") != "no") * TUNNEL
    )


def ferry_kmh(tags: Tags, metres: float) -> float | None:
    """The speed of a ferry whose crossing of `metres` has a stated duration; None without a credible one."""
    text = tags.get("duration", "").strip().lower()
    if text.isdecimal():
        seconds = int(text) * 60
    else:
        found = _CLOCK.fullmatch(text) or _ISO_TIME.fullmatch(text)
        if found is None:
            return None
        hours, minutes, rest = (int(part or 0) for part in found.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    kmh = metres * 3.6 / seconds if seconds else 0.0
    return kmh if 0.5 <= kmh <= 120 else None


def _carries_vehicles(tags: Tags, profile: Profile) -> bool:
    """Whether a tag says that a ferry takes vehicles; many carry people alone, so silence means no."""
    keys = [key for key in profile.access_keys if key not in ("access", "emergency")]
    return any(tags.get(key, "no") not in profile.access_closed for key in keys)


def _directions(tags: Tags, profile: Profile) -> tuple[bool, bool]:
    """Whether the way may be driven along and against its node order."""
    if any(tags.get(key) == "no" for key in profile.oneway_exemptions):
        return True, True
    implied = tags.get("highway") == "motorway" or tags.get("junction") in ROUNDABOUTS
    oneway = tags.get("oneway", "yes" if implied else "no").strip().lower()
    if oneway in _YES:
        return True, False
    if oneway in _AGAINST:
        return False, True
    if oneway == "reversible":  # the permitted direction changes by the hour and is not in the map
        return False, False
    return True, True  # "alternating" too: both directions in turns, within minutes


def _capped(speed: float, tags: Tags, direction: str) -> float:
    """The class speed, held down by a posted limit (which does not say how fast one really drives)."""
    limit = posted_limit(tags, direction)
    return speed if limit is None else min(speed, limit)
