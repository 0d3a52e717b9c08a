"""The usual and the unusual spellings of speed limits."""

from __future__ import annotations

import pytest

from routing.maxspeed import is_readable, parse_maxspeed, posted_limit


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("40", 40.0),
        ("40 km/h", 40.0),
        ("40kmh", 40.0),
        ("40 km/jam", 40.0),
        ("30 mph", 48.28032),
        ("30mph", 48.28032),
        ("10 knots", 18.52),
        ("walk", 7.0),
        ("RI:urban", 50.0),
        ("ID:urban", 50.0),
        ("id:rural", 80.0),
        ("DE:zone:30", 30.0),
        ("DE:zone30", 30.0),
        ("AD:30", 30.0),
        ("50;30", 30.0),
        ("60|40", 40.0),
        ("60, 40", 40.0),
        ("50; none", 50.0),
        ("22.5", 22.5),
        ("22,5", 22.5),
        ("0", 5.0),
        ("60; 30 @ (22:00-06:00)", 60.0),
        ("none", None),
        ("signals", None),
        ("30 @ (wet)", None),
        ("ID:bukit", None),
        ("cepat", None),
        ("", None),
        ("-30", None),
        ("30 furlongs", None),
    ],
)
def test_spellings(text: str, kmh: float | None) -> None:
    assert parse_maxspeed(text) == (None if kmh is None else pytest.approx(kmh))


@pytest.mark.parametrize("text", ["50", "none", "signals", "30 @ (wet)", "50;none", "ID:urban", ""])
def test_nothing_is_wrong_with(text: str) -> None:
    assert is_readable(text)


@pytest.mark.parametrize("text", ["cepat", "ID:bukit", "-30", "50;pelan", "30 furlongs"])
def test_what_a_steward_should_look_at(text: str) -> None:
    assert not is_readable(text)


def test_the_limit_of_a_direction() -> None:
    tags = {"maxspeed": "50", "maxspeed:backward": "30"}
    assert posted_limit(tags, "forward") == 50.0
    assert posted_limit(tags, "backward") == 30.0
    assert posted_limit({"maxspeed": "50", "maxspeed:forward": "?"}, "forward") == 50.0


def test_the_zone_counts_where_no_limit_stands() -> None:
    assert posted_limit({"maxspeed:type": "ID:urban"}, "forward") == 50.0
    assert posted_limit({"zone:maxspeed": "DE:30"}, "forward") == 30.0
    assert posted_limit({"source:maxspeed": "ID:rural", "maxspeed": "40"}, "forward") == 40.0
    assert posted_limit({"source:maxspeed": "survey"}, "forward") is None
    assert posted_limit({"maxspeed": "none", "maxspeed:type": "DE:motorway"}, "forward") is None
    assert posted_limit({}, "forward") is None


def test_conditional_limits_are_not_taken() -> None:
    assert posted_limit({"maxspeed:conditional": "20 @ (07:00-08:00)"}, "forward") is None
