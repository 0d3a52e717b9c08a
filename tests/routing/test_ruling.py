"""The reading of OpenStreetMap tags for ambulances and cars."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import AMBULANCE, AMBULANCE_SIREN, CAR, Profile
from routing.arrays import BRIDGE, CONNECTOR, FERRY, ROUNDABOUT, TOLL, TUNNEL
from routing.ruling import Ruling, ferry_kmh, judge, ruling_keys, way_flags


def ruling(profile: Profile = AMBULANCE, **tags: str) -> Ruling | str:
    """The ruling on a tertiary road with these tags; `__` stands for a colon."""
    return judge(
        {"highway": "tertiary"} | {key.replace("__", ":"): value for key, value in tags.items()},
        profile,
        frozenset(),
    )


def directions(profile: Profile = AMBULANCE, **tags: str) -> tuple[bool, bool]:
    found = ruling(profile, **tags)
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
    assert directions(AMBULANCE_SIREN, oneway="yes", oneway__emergency="no") == (True, True)
    assert directions(CAR, oneway="yes", oneway__emergency="no") == (True, False)


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
        ({"highway": "pedestrian"}, "class:pedestrian"),
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
        {"hov": "designated"},
        {"psv": "designated"},
    ],
)
def test_open_to_ambulances(tags: dict[str, str]) -> None:
    assert directions(**tags) == (True, True)


def test_what_binds_a_car() -> None:
    assert ruling(CAR, access="private") == "access"
    assert ruling(CAR, access="no", emergency="yes") == "access"
    assert ruling(CAR, hov="designated") == "impassable"
    assert directions(CAR, access="destination") == (True, True)


def test_what_a_siren_opens() -> None:
    assert directions(AMBULANCE_SIREN, motor_vehicle="no") == (True, True)
    assert directions(AMBULANCE_SIREN, highway="pedestrian") == (True, True)
    # nobody at all: that may be a wall
    assert ruling(AMBULANCE_SIREN, access="no") == "access"
    assert ruling(AMBULANCE_SIREN, access="no", motor_vehicle="no") == "access"
    assert ruling(AMBULANCE_SIREN, motor_vehicle="yes", emergency="no") == "access"


TAGS = st.fixed_dictionaries(
    {"highway": st.sampled_from(["tertiary", "motorway", "track", "pedestrian", "footway", "service"])},
    optional={
        "access": st.sampled_from(["no", "yes", "private", "destination"]),
        "vehicle": st.sampled_from(["no", "yes", "private"]),
        "motor_vehicle": st.sampled_from(["no", "yes", "private"]),
        "motorcar": st.sampled_from(["no", "yes"]),
        "emergency": st.sampled_from(["no", "yes"]),
        "oneway": st.sampled_from(["yes", "-1", "no", "reversible"]),
        "oneway:emergency": st.just("no"),
        "junction": st.sampled_from(["roundabout", "yes"]),
        "surface": st.sampled_from(["mud", "asphalt"]),
        "maxspeed": st.sampled_from(["20", "none", "RI:urban"]),
        "tracktype": st.sampled_from(["grade1", "grade5"]),
    },
)


@settings(max_examples=300, deadline=None)
@given(TAGS)
def test_a_siren_only_opens_and_never_turns_round(tags: dict[str, str]) -> None:
    """Under siren everything open stays open as fast; and nothing is driven against its direction."""
    plain, siren = (judge(tags, profile, frozenset()) for profile in (AMBULANCE, AMBULANCE_SIREN))
    if isinstance(plain, Ruling):
        assert siren == plain
    elif isinstance(siren, Ruling) and tags.get("oneway") == "yes" and "oneway:emergency" not in tags:
        assert siren.backward_kmh == 0


@settings(max_examples=200, deadline=None)
@given(TAGS)
def test_other_tags_decide_nothing(tags: dict[str, str]) -> None:
    keys = ruling_keys([AMBULANCE, CAR])
    for profile in (AMBULANCE, CAR):
        bare = {key: value for key, value in tags.items() if key in keys}
        assert judge(tags | {"name": "Jalan Contoh", "lit": "yes"}, profile, frozenset()) == judge(
            bare, profile, frozenset()
        )


def test_excluded_classes() -> None:
    assert judge({"highway": "motorway"}, AMBULANCE, frozenset({"motorway"})) == "excluded:motorway"


def test_a_limit_holds_down_and_never_up() -> None:
    slow, fast = ruling(maxspeed="20"), ruling(maxspeed="100")
    assert isinstance(slow, Ruling)
    assert isinstance(fast, Ruling)
    assert (slow.forward_kmh, slow.backward_kmh) == (20.0, 20.0)
    assert fast.forward_kmh == AMBULANCE.speed_kmh["tertiary"]


def test_a_limit_per_direction() -> None:
    found = ruling(maxspeed="30", maxspeed__backward="10")
    assert isinstance(found, Ruling)
    assert (found.forward_kmh, found.backward_kmh) == (30.0, 10.0)


def test_surfaces_slow_down() -> None:
    found = ruling(surface="mud")
    assert isinstance(found, Ruling)
    assert found.forward_kmh == AMBULANCE.surface_cap_kmh["mud"]
    rough = dataclasses.replace(AMBULANCE, surface_cap_kmh={}, surface_factor={"gravel": 0.5})
    found = ruling(rough, surface="gravel")
    assert isinstance(found, Ruling)
    assert found.forward_kmh == AMBULANCE.speed_kmh["tertiary"] / 2


def test_ferries() -> None:
    ferry = {"route": "ferry"}
    assert judge(ferry, AMBULANCE, frozenset()) == "ferry:no_vehicles"
    assert judge(ferry | {"motor_vehicle": "no"}, AMBULANCE, frozenset()) == "access"
    assert judge(ferry | {"access": "yes"}, AMBULANCE, frozenset()) == "ferry:no_vehicles"
    for profile in (AMBULANCE, AMBULANCE_SIREN, CAR):
        found = judge(ferry | {"motorcar": "yes"}, profile, frozenset())
        assert found == Ruling(profile.speed_kmh["ferry"], profile.speed_kmh["ferry"])
    assert judge(ferry | {"motorcar": "yes"}, AMBULANCE, frozenset({"ferry"})) == "excluded:ferry"
    without = dataclasses.replace(AMBULANCE, speed_kmh={"tertiary": 35.0})
    assert judge(ferry | {"motorcar": "yes"}, without, frozenset()) == "class:ferry"


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("00:30", 20.0),
        ("0:30", 20.0),
        ("00:30:00", 20.0),
        ("PT30M", 20.0),
        ("PT1H", 10.0),
        ("30", 20.0),
        ("00:00", None),
        ("30 minutes", None),
        ("", None),
        ("99:00", None),
    ],
)
def test_duration_of_a_ferry(text: str, kmh: float | None) -> None:
    assert ferry_kmh({"duration": text}, 10_000.0) == (None if kmh is None else pytest.approx(kmh))


def test_flags() -> None:
    assert way_flags({"highway": "tertiary"}) == 0
    assert way_flags({"highway": "tertiary", "source": "connector"}) == CONNECTOR
    assert way_flags({"highway": "primary", "junction": "roundabout"}) == ROUNDABOUT
    assert way_flags({"route": "ferry"}) == FERRY
    assert way_flags({"highway": "motorway", "toll": "yes", "bridge": "viaduct"}) == TOLL | BRIDGE
    assert way_flags({"highway": "motorway", "bridge": "no", "tunnel": "yes"}) == TUNNEL
