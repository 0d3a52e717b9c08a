"""The reading of OpenStreetMap tags for an ambulance."""

from __future__ import annotations

import dataclasses

import pytest

from routing import AMBULANCE
from routing.profile import Ruling, judge, parse_maxspeed


def ruling(**tags: str) -> Ruling | str:
    """The ruling on a tertiary road with these tags; `__` stands for a colon."""
    return judge(
        {"highway": "tertiary"} | {key.replace("__", ":"): value for key, value in tags.items()},
        AMBULANCE,
        frozenset(),
    )


def directions(**tags: str) -> tuple[bool, bool]:
    found = ruling(**tags)
    assert isinstance(found, Ruling)
    return found.forward_kmh > 0, found.backward_kmh > 0


@pytest.mark.parametrize("value", ["yes", "true", "1", "Yes", " yes "])
def test_oneway_along(value: str) -> None:
    assert directions(oneway=value) == (True, False)


@pytest.mark.parametrize("value", ["-1", "reverse"])
def test_oneway_against(value: str) -> None:
    assert directions(oneway=value) == (False, True)


@pytest.mark.parametrize("value", ["no", "false", "0", "alternating"])
def test_two_way(value: str) -> None:
    assert directions(oneway=value) == (True, True)


def test_implied_oneway() -> None:
    assert directions(junction="roundabout") == (True, False)
    assert directions(junction="circular") == (True, False)
    assert directions(junction="roundabout", oneway="-1") == (False, True)
    assert directions(highway="motorway") == (True, False)
    assert directions(highway="motorway", oneway="no") == (True, True)
    assert directions(highway="motorway_link") == (True, True)


def test_oneway_that_does_not_bind_ambulances() -> None:
    assert directions(oneway="yes", oneway__emergency="no") == (True, True)


def test_reversible_lanes_are_left_out() -> None:
    assert ruling(oneway="reversible") == "reversible"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"access": "no"}, "access"),
        ({"motor_vehicle": "no"}, "access"),
        ({"access": "yes", "motorcar": "no"}, "access"),
        ({"access": "yes", "emergency": "no"}, "access"),
        ({"area": "yes"}, "area"),
        ({"smoothness": "impassable"}, "impassable"),
        ({"highway": "track", "tracktype": "grade5"}, "impassable"),
        ({"highway": "footway"}, "class:footway"),
        ({"highway": "steps"}, "class:steps"),
        ({"highway": "construction"}, "class:construction"),
    ],
)
def test_left_out(tags: dict[str, str], reason: str) -> None:
    assert ruling(**tags) == reason


@pytest.mark.parametrize(
    "tags",
    [
        {"access": "private"},
        {"access": "destination"},
        {"access": "no", "emergency": "yes"},
        {"access": "no", "motor_vehicle": "yes"},
        {"motor_vehicle": "private"},
    ],
)
def test_open_to_ambulances(tags: dict[str, str]) -> None:
    assert directions(**tags) == (True, True)


def test_excluded_classes() -> None:
    assert judge({"highway": "motorway"}, AMBULANCE, frozenset({"motorway"})) == "excluded:motorway"


def test_connectors_are_marked() -> None:
    found = ruling(source="connector")
    assert isinstance(found, Ruling)
    assert found.connector


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("40", 40.0),
        ("40 km/h", 40.0),
        ("40kmh", 40.0),
        ("30 mph", 48.28032),
        ("30mph", 48.28032),
        ("10 knots", 18.52),
        ("walk", 7.0),
        ("ID:urban", 50.0),
        ("id:rural", 80.0),
        ("50;30", 30.0),
        ("60|40", 40.0),
        ("50; none", 50.0),
        ("22.5", 22.5),
        ("0", 5.0),
        ("none", None),
        ("signals", None),
        ("ID:bukit", None),
        ("cepat", None),
        ("", None),
        ("-30", None),
    ],
)
def test_maxspeed_spellings(text: str, kmh: float | None) -> None:
    assert parse_maxspeed(text) == (None if kmh is None else pytest.approx(kmh))


def test_a_limit_holds_down_and_never_up() -> None:
    slow, fast = ruling(maxspeed="20"), ruling(maxspeed="100")
    assert isinstance(slow, Ruling)
    assert isinstance(fast, Ruling)
    assert (slow.forward_kmh, slow.backward_kmh) == (20.0, 20.0)
    assert fast.forward_kmh == AMBULANCE.speeds["tertiary"]


def test_a_limit_per_direction() -> None:
    found = ruling(maxspeed="30", maxspeed__backward="10")
    assert isinstance(found, Ruling)
    assert (found.forward_kmh, found.backward_kmh) == (30.0, 10.0)


def test_surfaces_slow_down() -> None:
    found = ruling(surface="mud")
    assert isinstance(found, Ruling)
    assert found.forward_kmh == AMBULANCE.surface_caps["mud"]


def test_every_rule_is_in_the_digest() -> None:
    """A changed profile must change the version of the stores made with it."""
    others = [
        dataclasses.replace(AMBULANCE, name="other"),
        dataclasses.replace(AMBULANCE, speeds=dict(AMBULANCE.speeds) | {"tertiary": 36.0}),
        dataclasses.replace(AMBULANCE, surface_caps={}),
        dataclasses.replace(AMBULANCE, access_keys=("access",)),
        dataclasses.replace(AMBULANCE, closed=frozenset({"no", "private"})),
        dataclasses.replace(AMBULANCE, impassable=frozenset()),
    ]
    assert len({AMBULANCE.digest, *(other.digest for other in others)}) == 7
    assert dataclasses.replace(AMBULANCE).digest == AMBULANCE.digest
