"""Whatever the road network refuses is a refusal of the centre's, with the value in it."""

from __future__ import annotations

import pytest

import routing
from dispatch.domain.errors import Conflict, InvalidInput, Unavailable
from dispatch.services.road_refusals import in_words

ASKED_WRONGLY = [
    routing.BadPoint("tertukar 107.4, -6.5", "swapped 107.4, -6.5", (107.4, -6.5), 0),
    routing.OutsideNetwork("di luar 0, 0", "outside 0, 0", (0.0, 0.0), 0),
    routing.UnknownProfile("helikopter", ["ambulance"]),
    routing.NoUnits("origins"),
    routing.TooLarge("pasangan", "pairs", 10_000, 100),
    routing.BadQuestion("Kecepatan 0", "Speed 0", 0),
]


@pytest.mark.parametrize("refused", ASKED_WRONGLY, ids=lambda refused: type(refused).__name__)
def test_what_was_asked_wrongly_names_the_field(refused: routing.RoutingError) -> None:
    wrong = in_words(refused, "place")
    assert isinstance(wrong, InvalidInput)
    assert wrong.status == 422
    (problem,) = wrong.problems
    assert problem.field == "place"
    assert problem.reason_id == refused.message_id
    assert problem.reason_en == refused.message_en


def test_a_change_in_hand_is_refused_without_its_id() -> None:
    refused = routing.BadChange("gambar kosong", "the drawing is empty", "Polygon", "abc")
    wrong = in_words(refused, "shape")
    assert isinstance(wrong, InvalidInput)
    (problem,) = wrong.problems
    assert (problem.reason_id, problem.reason_en) == ("Gambar kosong", "The drawing is empty")
    assert "abc" in refused.message_id


def test_no_way_is_a_conflict_and_a_broken_store_is_the_server_s() -> None:
    assert isinstance(in_words(routing.Unreachable("tidak ada jalan", "no way"), "target"), Conflict)
    assert isinstance(in_words(routing.BadStore("rusak", "damaged"), "target"), Unavailable)
