"""What a driver is told: turns, roundabouts, ferries, arrival; in both languages."""

from __future__ import annotations

import pytest
from road_sketch import Edge, at, network_of

from routing import Network, Route
from routing.arrays import CLOSED_MS, FERRY, ROUNDABOUT
from routing.phrases import MANEUVERS, distance_words, in_words


def street(first: int, last: int, name: str | None = None, **more: object) -> Edge:
    return Edge(first, last, 10_000, 10_000, name=name, **more)


def told(route: Route) -> list[str]:
    return [step.maneuver for step in route.steps]


@pytest.fixture
def crossing() -> Network:
    """A crossing in the middle: Jalan Merdeka west to east, Jalan Pasar north, a lane south; then a bend."""
    nodes = [(0.0, 0.0), (-500.0, 0.0), (500.0, 0.0), (0.0, 500.0), (0.0, -500.0), (600.0, 300.0)]
    return network_of(
        nodes,
        [
            street(1, 0, "Jalan Merdeka"),
            street(0, 2, "Jalan Merdeka"),
            street(0, 3, "Jalan Pasar"),
            street(0, 4, road_class="unclassified"),
            street(2, 5, "Jalan Merdeka"),
        ],
    )


def test_straight_on_is_no_step(crossing: Network) -> None:
    route = crossing.route(at(-500, 0), at(600, 300), steps=True)
    assert told(route) == ["depart", "arrive"]
    depart, arrive = route.steps
    assert depart.text_id == "Berangkat ke arah timur di Jalan Merdeka"
    assert depart.text_en == "Head east on Jalan Merdeka"
    assert (depart.name, depart.bearing, depart.distance_id) == ("Jalan Merdeka", 90, "1,3 km")
    assert (depart.metres, depart.seconds) == (route.road_m, route.road_s)
    assert (arrive.metres, arrive.distance_id) == (0.0, "")


@pytest.mark.parametrize(
    ("goal", "maneuver", "text_id", "text_en"),
    [
        ((0, 500), "left", "Belok kiri ke Jalan Pasar", "Turn left onto Jalan Pasar"),
        ((0, -500), "right", "Belok kanan ke jalan desa", "Turn right onto the village road"),
    ],
)
def test_turns_name_the_road(
    crossing: Network, goal: tuple[int, int], maneuver: str, text_id: str, text_en: str
) -> None:
    route = crossing.route(at(-500, 0), at(*goal), steps=True)
    assert told(route) == ["depart", maneuver, "arrive"]
    turn = route.steps[1]
    assert (turn.text_id, turn.text_en) == (text_id, text_en)
    assert (turn.lon, turn.lat) == pytest.approx(at(0, 0))
    assert turn.bearing == (0 if maneuver == "left" else 180)


def test_steps_only_when_asked(crossing: Network) -> None:
    assert crossing.route(at(-500, 0), at(0, 500)).steps == ()


def test_the_place_is_on_one_side(crossing: Network) -> None:
    sides = [
        told(crossing.route(at(-500, 0), at(300, y), steps=True))[-1] for y in (40, -40, 1)
    ]  # fmt: skip
    assert sides == ["arrive_left", "arrive_right", "arrive"]
    # the other way round it is on the other side
    assert told(crossing.route(at(600, 300), at(300, 40), steps=True))[-1] == "arrive_right"


def test_there_already(crossing: Network) -> None:
    route = crossing.route(at(100, 0), at(100, 0), steps=True)
    assert told(route) == ["arrive"]


def roundabout() -> Network:
    """A ring driven counter-clockwise (traffic keeps right), with arms to the west, south, east and north."""
    ring = [(-30.0, 0.0), (0.0, -30.0), (30.0, 0.0), (0.0, 30.0)]
    arms = [(-400.0, 0.0), (0.0, -400.0), (400.0, 0.0), (0.0, 400.0)]
    edges = [Edge(i, (i + 1) % 4, 2_000, CLOSED_MS, flags=ROUNDABOUT, name="Bundaran") for i in range(4)]
    names = ["Jalan Barat", "Jalan Selatan", "Jalan Timur", "Jalan Utara"]
    return network_of([*ring, *arms], [*edges, *(street(i, 4 + i, names[i]) for i in range(4))])


@pytest.mark.parametrize(
    ("goal", "number", "road"),
    [((0, -400), 1, "Jalan Selatan"), ((400, 0), 2, "Jalan Timur"), ((0, 400), 3, "Jalan Utara")],
)
def test_exits_of_a_roundabout_are_counted(goal: tuple[int, int], number: int, road: str) -> None:
    route = roundabout().route(at(-400, 0), at(*goal), steps=True)
    assert told(route) == ["depart", "roundabout", "arrive"]
    step = route.steps[1]
    assert (step.exit_number, step.name) == (number, road)
    assert step.text_id == f"Di bundaran ambil jalan keluar ke-{number} ke {road}"
    assert step.metres > 400


def test_a_journey_that_ends_in_the_ring() -> None:
    route = roundabout().route(at(-400, 0), at(16, 16), steps=True)
    assert told(route)[:2] == ["depart", "roundabout"]
    assert route.steps[1].text_en == "Enter the roundabout"


def test_a_ferry_is_told_and_doubted() -> None:
    network = network_of(
        [(0.0, 0.0), (300.0, 0.0), (900.0, 0.0), (1200.0, 0.0)],
        [
            street(0, 1, "Jalan Dermaga"),
            street(1, 2, flags=FERRY, road_class="ferry"),
            street(2, 3, "Jalan Pulau"),
        ],
    )
    route = network.route(at(0, 0), at(1200, 0), steps=True)
    assert told(route) == ["depart", "ferry", "continue", "arrive"]
    assert route.steps[1].text_id == "Naik feri"
    assert route.ferry_m == pytest.approx(600, abs=1)
    assert route.doubts == ("ferry",)
    assert network.to_one([at(0, 0)], at(1200, 0))[0].doubts == ("ferry",)
    assert network.to_one([at(0, 0)], at(200, 0))[0].doubts == ()


def test_two_turns_in_a_row_are_one() -> None:
    """Across the gap of a divided road: left and left within ten metres is a U-turn."""
    nodes = [(-300.0, 0.0), (0.0, 0.0), (0.0, 10.0), (-300.0, 10.0), (300.0, 0.0), (300.0, 10.0)]
    edges = [
        Edge(0, 1, 9_000, CLOSED_MS, name="Jalan Arteri"), Edge(1, 4, 9_000, CLOSED_MS, name="Jalan Arteri"),
        Edge(1, 2, 900, 900), Edge(2, 3, 9_000, CLOSED_MS, name="Jalan Arteri"),
        Edge(5, 2, 9_000, CLOSED_MS, name="Jalan Arteri"),
    ]  # fmt: skip
    route = network_of(nodes, edges).route(at(-300, 0), at(-300, 10), steps=True)
    assert told(route) == ["depart", "uturn", "arrive"]
    assert route.steps[1].text_id == "Putar balik di Jalan Arteri"


def test_every_maneuver_has_its_words() -> None:
    for maneuver in MANEUVERS:
        for number in (None, 2):
            texts = in_words(maneuver, None, "residential", 200.0, number)
            assert all(text and "{" not in text for text in texts)


@pytest.mark.parametrize(
    ("metres", "text_id", "text_en"),
    [
        (1.0, "5 m", "5 m"), (12.4, "10 m", "10 m"), (44.0, "40 m", "40 m"), (97.0, "100 m", "100 m"),
        (130.0, "150 m", "150 m"), (974.0, "950 m", "950 m"), (980.0, "1,0 km", "1.0 km"),
        (1_260.0, "1,3 km", "1.3 km"), (12_300.0, "12 km", "12 km"),
    ],
)  # fmt: skip
def test_distances_are_said_as_people_do(metres: float, text_id: str, text_en: str) -> None:
    assert distance_words(metres) == (text_id, text_en)
