"""The rehearsal's own reckoning: facts, cases, intervals, and the bounds of their percentiles."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from rehearsal.facts import Fact, fact_of_act, fact_of_event, keys_of_act, keys_of_event
from rehearsal.ledger import Ledger
from rehearsal.reckoning import Moment, Tally, Value, reckon
from rehearsal.shapes import Event

NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
CASE = "00000000-0000-0000-0000-000000000001"


def act(at_s: float, what: str, took_s: float = 1.0, **about: Any) -> Fact:
    asked = NOON + timedelta(seconds=at_s)
    answered = asked + timedelta(seconds=took_s)
    line = {"t": "act", "what": what, "asked": asked.isoformat(), "answered": answered.isoformat(), **about}
    found = fact_of_act(line)
    assert found is not None
    return found


def whole_case(tracking: str = "app") -> list[Fact]:
    run = {"incident": CASE, "run": "r"}
    return [
        act(0, "call", call="c", simulated=True),
        act(10, "take", call="c"),
        act(40, "open", call="c", incident=CASE, confirmed=True),
        act(50, "send", tracking=tracking, **run),
        act(60, "step", to="accepted", **run),
        act(90, "step", to="en_route", **run),
        act(390, "step", to="on_scene", **run),
        act(450, "step", to="at_patient", **run),
        act(900, "step", to="left_scene", **run),
        act(1500, "step", to="at_facility", **run),
        act(1800, "step", to="handed_over", **run),
        act(2000, "step", to="cleared", **run),
        act(2100, "close", incident=CASE, closing_code="handed_over"),
    ]


def reckoned(facts: list[Fact]) -> tuple[Ledger, dict[str, Tally]]:
    ledger = Ledger()
    ledger.enter_all(facts)
    assert ledger.loose == []
    return ledger, reckon(list(ledger.cases.values()))


def test_a_whole_case() -> None:
    ledger, tallies = reckoned(whole_case())
    assert ledger.call_counts() == {"linked": 1}
    assert ledger.cases[CASE].simulated
    measured = {name: tally.values[0] for name, tally in tallies.items() if tally.n}
    assert set(measured) == {
        *("answer", "confirm", "assign", "accept", "turnout", "travel"),
        *("response", "to_patient", "scene", "transport", "handover", "total"),
    }
    # each moment is known to a second, an interval between two of them to two
    assert measured["to_patient"] == Value(449.0, 451.0)
    assert measured["handover"] == Value(299.0, 301.0)
    assert all(tally.missing == tally.pending == tally.backwards == 0 for tally in tallies.values())


def test_a_manual_unit_has_no_offer_and_what_was_skipped_is_missing() -> None:
    facts = [f for f in whole_case("manual") if f.about.get("to") not in ("en_route", "at_facility")]
    _, tallies = reckoned(facts)
    missing = {name: (t.missing, t.missing_app, t.missing_manual) for name, t in tallies.items() if t.missing}
    assert missing == dict.fromkeys(("accept", "turnout", "travel", "transport", "handover"), (1, 0, 1))


def test_sent_before_the_verdict() -> None:
    facts = whole_case()
    facts[2] = act(40, "open", call="c", incident=CASE, confirmed=False)
    facts.append(act(80, "confirm", incident=CASE))
    _, tallies = reckoned(facts)
    assert (tallies["assign"].n, tallies["assign"].backwards) == (0, 1)


def test_cancelled_and_diverted() -> None:
    cancelled = [*whole_case()[:6], act(200, "cancel", incident=CASE)]
    ledger, tallies = reckoned(cancelled)
    assert ledger.cases[CASE].runs["r"].state == "stood_down"
    assert {name for name, tally in tallies.items() if tally.n} == {"accept", "turnout"}
    facts = whole_case()
    run = {"incident": CASE, "run": "r"}
    facts.insert(10, act(1600, "step", to="left_scene", **run))
    facts.insert(11, act(1700, "step", to="at_facility", **run))
    _, tallies = reckoned(facts)
    assert (tallies["transport"].n, tallies["handover"].n, tallies["handover"].missing) == (2, 1, 0)
    assert tallies["scene"].values == [Value(509.0, 511.0)]  # the scene was left once


def test_a_linked_earlier_call_is_the_first_contact() -> None:
    facts = [act(-30, "call", call="earlier"), *whole_case(), act(100, "link", call="earlier", incident=CASE)]
    _, tallies = reckoned(facts)
    assert tallies["to_patient"].values == [Value(479.0, 481.0)]


def test_percentiles_lie_between_bounds() -> None:
    tally = Tally(values=[Value(float(s), s + 1.0) for s in (10, 20, 30, 40, 50)])
    assert tally.percentile(0.5) == Value(30.0, 31.0)
    assert tally.percentile(0.9) == Value(46.0, 47.0)
    assert Tally().percentile(0.5) is None
    assert Moment.earliest([]) is None


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("call_taken", {}, {"what": "take", "call": CASE}),
        ("incident_confirmed", {}, {"what": "open", "call": "c", "incident": CASE}),
        ("unit_assigned", {"tracking": "app"}, {"what": "send", "run": CASE}),
        ("assignment_stepped", {"to": "en_route"}, {"what": "step", "run": CASE, "to": "en_route"}),
        ("unit_cleared", {}, {"what": "step", "run": CASE, "to": "cleared"}),
        ("assignment_stood_down", {}, {"what": "stand_down", "run": CASE}),
        ("assignment_stood_down", {}, {"what": "cancel", "incident": CASE}),
    ],
)
def test_an_act_is_known_by_the_event_it_makes(kind: str, data: dict[str, Any], line: dict[str, Any]) -> None:
    event = Event(1, kind, CASE, UUID(CASE), "staff:operator:x", NOON, NOON, data)
    fact = fact_of_event(event)
    assert fact is not None
    assert keys_of_event(event, fact) & keys_of_act(line)
