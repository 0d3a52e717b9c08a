"""Which ways an ambulance may use, in which direction, and how fast: read from OpenStreetMap tags."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

# Mean running speeds in km/h of an ambulance on call, junctions and traffic included, per OSM highway
# class. They are a prior, not a measurement: they lie below the legal limits (100 on toll roads, 80 between
# towns, 50 in towns, 30 in housing areas: Government Regulation PP 79/2013, article 23) and are meant to be
# calibrated by the times the regency's own crews record.
_SPEEDS = {
    "motorway": 80.0,
    "motorway_link": 45.0,
    "trunk": 55.0,
    "trunk_link": 40.0,
    "primary": 50.0,
    "primary_link": 35.0,
    "secondary": 45.0,
    "secondary_link": 35.0,
    "tertiary": 35.0,
    "tertiary_link": 30.0,
    "unclassified": 30.0,
    "road": 25.0,
    "residential": 25.0,
    "living_street": 15.0,
    "service": 15.0,
    "track": 12.0,
}
_SURFACE_CAPS = {
    "unpaved": 25.0,
    "compacted": 30.0,
    "fine_gravel": 30.0,
    "gravel": 20.0,
    "pebblestone": 20.0,
    "cobblestone": 20.0,
    "unhewn_cobblestone": 15.0,
    "ground": 15.0,
    "dirt": 15.0,
    "earth": 15.0,
    "grass": 10.0,
    "sand": 10.0,
    "mud": 8.0,
    "wood": 15.0,
}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a vehicle may drive on and how fast. Every field is part of the store's version.

    `speeds` km/h per highway class (a class that is absent is not driven); `surface_caps` km/h at most per
    surface; `access_keys` from the most to the least specific: the first one present decides; `closed` the
    access values that shut a way; `impassable` (key, value) tags that shut it whatever the law says.
    """

    name: str
    speeds: Mapping[str, float]
    surface_caps: Mapping[str, float] = field(default_factory=dict)
    access_keys: tuple[str, ...] = ("emergency", "motorcar", "motor_vehicle", "vehicle", "access")
    closed: frozenset[str] = frozenset({"no"})
    impassable: frozenset[tuple[str, str]] = frozenset()

    @property
    def classes(self) -> tuple[str, ...]:
        """Highway classes in the order of the numbers stored per edge."""
        return tuple(self.speeds)

    @property
    def digest(self) -> str:
        """SHA-256 over every rule of the profile, hexadecimal."""
        rules = asdict(self)
        rules["speeds"] = list(self.speeds.items())  # their order numbers the classes
        rules["surface_caps"] = sorted(self.surface_caps.items())
        rules["closed"] = sorted(self.closed)
        rules["impassable"] = sorted(self.impassable)
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


AMBULANCE = Profile(
    name="ambulance",
    speeds=_SPEEDS,
    surface_caps=_SURFACE_CAPS,
    impassable=frozenset({
        ("tracktype", "grade4"), ("tracktype", "grade5"),
        ("smoothness", "very_horrible"), ("smoothness", "impassable"),
    }),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the profile makes of one way: km/h along and against its node order (0: not permitted), its class
    number, and whether it was added to the map by hand."""

    forward_kmh: float
    backward_kmh: float
    highway: int
    connector: bool


def judge(tags: Mapping[str, str], profile: Profile, exclude_highway: frozenset[str]) -> Ruling | str:
    """The ruling on a way, or the reason (a stable short word) why it is left out."""
    highway = tags.get("highway", "")
    if highway in exclude_highway:
        return f"excluded:{highway}"
    speed = profile.speeds.get(highway)
    if speed is None:
        return f"class:{highway}"
    if tags.get("area") == "yes":
        return "area"
    access = next((tags[key] for key in profile.access_keys if key in tags), "yes")
    if access in profile.closed:
        return "access"
    if any((key, tags.get(key)) in profile.impassable for key in ("tracktype", "smoothness")):
        return "impassable"
    forward, backward = _directions(tags)
    if not forward and not backward:
        return "reversible"
    speed = min(speed, profile.surface_caps.get(tags.get("surface", ""), speed))
    return Ruling(
        _capped(speed, tags, "forward") if forward else 0.0,
        _capped(speed, tags, "backward") if backward else 0.0,
        profile.classes.index(highway),
        tags.get("source") == "connector",
    )


def _directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether the way may be driven along and against its node order."""
    if tags.get("oneway:emergency") == "no":
        return True, True
    implied = tags.get("highway") == "motorway" or tags.get("junction") in ("roundabout", "circular")
    oneway = tags.get("oneway", "yes" if implied else "no").strip().lower()
    if oneway in ("yes", "true", "1"):
        return True, False
    if oneway in ("-1", "reverse"):
        return False, True
    if oneway == "reversible":  # the permitted direction changes by the hour and is not in the map
        return False, False
    return True, True


# The lowest speed a maxspeed tag can lead to: some mappers write 0 for "none known".
_CRAWL_KMH = 5.0
_MILE_KM = 1.609344
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?")
_WORDS = {"walk": 7.0, "none": None, "signals": None, "variable": None}
# Zone words such as "ID:urban"; limits of PP 79/2013, article 23.
_ZONES = {"urban": 50.0, "rural": 80.0, "motorway": 100.0, "living_street": 30.0, "residential": 30.0}


def parse_maxspeed(text: str) -> float | None:
    """The limit in km/h that a maxspeed tag states, or None when it states none that can be read.

    Of several values ("50;30", "60|40") the lowest counts.
    """
    limits = [limit for part in re.split(r"[;|,]", text) if (limit := _one_limit(part)) is not None]
    return min(limits, default=None)


def _one_limit(text: str) -> float | None:
    text = text.strip().lower()
    if text in _WORDS:
        return _WORDS[text]
    if ":" in text:
        return _ZONES.get(text.rpartition(":")[2])
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    value = float(found[1]) * {"mph": _MILE_KM, "knots": 1.852}.get(found[2] or "", 1.0)
    return max(value, _CRAWL_KMH)


def _capped(speed: float, tags: Mapping[str, str], direction: str) -> float:
    """The class speed, held down by a posted limit (which does not say how fast one really drives)."""
    text = tags.get(f"maxspeed:{direction}", tags.get("maxspeed"))
    limit = parse_maxspeed(text) if text else None
    return speed if limit is None else min(speed, limit)
