"""Reads speed limits out of OpenStreetMap tags in their usual spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The lowest speed a maxspeed tag can lead to: some mappers write 0 for "none known".
_CRAWL_KMH = 5.0
_KMH_PER_UNIT = {"mph": 1.609344, "knots": 1.852}
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*(km/h|kmh|kph|km/jam|mph|knots)?")
_ZONE_NUMBER = re.compile(r"(?:zone)?[: ]?(\d+)")
# Words that are limits or say that there is none (None).
_WORDS: dict[str, float | None] = {
    "walk": 7.0, "walking": 7.0, "none": None, "no": None, "unlimited": None, "signals": None,
    "variable": None, "implicit": None, "default": None, "sign": None,
}  # fmt: skip
# Zone words such as "ID:urban"; limits of PP 79/2013, article 23.
_ZONES = {
    "urban": 50.0, "rural": 80.0, "motorway": 100.0, "trunk": 80.0, "living_street": 30.0,
    "residential": 30.0, "school": 30.0, "walk": 7.0, "pedestrian_zone": 7.0,
}  # fmt: skip
# Where no maxspeed stands, these may say which zone it is; in this order.
_ZONE_KEYS = ("maxspeed:type", "zone:maxspeed", "zone:traffic", "source:maxspeed")


def parse_maxspeed(text: str) -> float | None:
    """The limit in km/h that a maxspeed tag states, or None when it states none that can be read.

    Of several values ("50;30", "60|40") the lowest counts. What holds at times only ("30 @ (22:00-06:00)")
    is passed over.
    """
    limits = [limit for part in _parts(text) if (limit := _one_limit(part)) is not None]
    return min(limits, default=None)


def is_readable(text: str) -> bool:
    """Whether every value of a maxspeed tag is a limit, or a known word for none."""
    return all(part in _WORDS or _one_limit(part) is not None for part in _parts(text))


def posted_limit(tags: Mapping[str, str], direction: str) -> float | None:
    """The limit in km/h in a direction ("forward", "backward") of a way; None where the map has none."""
    for key in (f"maxspeed:{direction}", "maxspeed"):
        limit = parse_maxspeed(tags[key]) if key in tags else None
        if limit is not None:
            return limit
    if tags.get("maxspeed", "").strip().lower() in _WORDS:
        return None
    zones = (tags[key] for key in _ZONE_KEYS if ":" in tags.get(key, ""))
    return next((limit for zone in zones if (limit := _one_limit(_tidy(zone))) is not None), None)


def _parts(text: str) -> list[str]:
    return [tidy for part in re.split(r"[;|]|,(?!\d)", text) if (tidy := _tidy(part)) and "@" not in tidy]


def _tidy(text: str) -> str:
    return text.strip().lower()


def _one_limit(text: str) -> float | None:
    if text in _WORDS:
        return _WORDS[text]
    if ":" in text:
        zone = text.partition(":")[2]
        numbered = _ZONE_NUMBER.fullmatch(zone)
        return max(float(numbered[1]), _CRAWL_KMH) if numbered else _ZONES.get(zone)
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    value = float(found[1].replace(",", ".")) * _KMH_PER_UNIT.get(found[2] or "", 1.0)
    return max(value, _CRAWL_KMH)
