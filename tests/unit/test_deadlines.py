"""The table of deadlines is whole: no state that is not final lacks a deadline, an owner, an escalation."""

from __future__ import annotations

from itertools import product

import pytest

from dispatch.domain import assignment, call, incident
from dispatch.domain.assignment import AssignmentState, LegState
from dispatch.domain.call import CallState
from dispatch.domain.deadlines import (
    CALLS,
    DEADLINES,
    ERRANDS,
    LEGS,
    NEEDS,
    RUNS,
    LegWait,
    Need,
    TimerKind,
    arrival_seconds,
    cancel_waits,
    default_settings,
    first_look_seconds,
    leg_wait,
    needs,
    of_run,
    return_seconds,
    silence,
    transport_seconds,
)
from dispatch.domain.incident import IncidentState
from dispatch.domain.unit import Tracking
from dispatch.jobs.timers import DISPATCH, HANDLERS

S = AssignmentState


def test_every_state_of_a_run_that_is_not_final_has_a_deadline_for_every_kind_of_unit() -> None:
    assert set(RUNS) == set(S)
    for state, tracking in product(S, Tracking):
        final = state in assignment.FINAL_STATES
        assert bool(of_run(state, tracking)) is not final, (state, tracking)


def test_every_state_of_a_call_that_is_not_final_has_a_deadline() -> None:
    assert set(CALLS) == set(CallState)
    ended = {state for state in CallState if not CALLS[state]}
    # a linked call is its incident's; a disposed one can only be taken up again by a person
    assert ended == {CallState.LINKED, CallState.DISPOSED}
    assert all(set(call.TRANSITIONS[state]) <= {call.CallStep.REOPEN} for state in ended)


def test_every_open_incident_waits_for_something_with_a_deadline_or_for_its_runs() -> None:
    assert set(NEEDS) == set(Need)
    for state, runs, needed, waiting in product(IncidentState, *[(False, True)] * 3):
        found = needs(state, open_runs=runs, in_need=needed, waiting=waiting)
        if state in incident.FINAL_STATES:
            assert found == frozenset()
            continue
        assert found
        assert runs or any(NEEDS[need] for need in found), (state, runs, needed, waiting)
        assert (Need.VERDICT in found) is (state is IncidentState.REPORTED)


def test_every_open_leg_waits_on_itself_or_on_its_run() -> None:
    assert set(LEGS) == set(LegWait)
    for state, answer, closed in product(LegState, (None, "accepted", "refused"), (False, True)):
        wait = leg_wait(state, answer, listed=True, closed=closed, countersigned=False)
        if state in (LegState.PLANNED, LegState.TRANSPORTING):
            expected = {None: LegWait.ANSWER, "refused": LegWait.OTHER_DESTINATION}.get(answer)
            assert wait is (LegWait.OTHER_DESTINATION if closed else expected)
        elif state is LegState.AT_FACILITY:
            assert wait is (LegWait.OTHER_DESTINATION if answer == "refused" else None)
        else:
            assert (wait is LegWait.COUNTERSIGNATURE) is (state is LegState.HANDED_OVER)
        # nobody answers or signs for a place that is not listed, and nothing is asked twice
        assert leg_wait(state, answer, listed=False, closed=closed, countersigned=False) is None
        assert leg_wait(LegState.HANDED_OVER, answer, listed=True, closed=closed, countersigned=True) is None


def test_a_deadline_that_passes_once_has_another_behind_it() -> None:
    for state, tracking in product(S, Tracking):
        found = of_run(state, tracking)
        assert not found or any(not deadline.once for deadline in found), (state, tracking)
    others = [d for found in (*CALLS.values(), *NEEDS.values(), *LEGS.values()) for d in found]
    assert not any(deadline.once for deadline in others)


def test_every_deadline_has_an_owner_an_escalation_and_a_handler() -> None:
    assert set(DEADLINES) | ERRANDS == set(TimerKind) == set(HANDLERS)
    assert not set(DEADLINES) & ERRANDS
    for kind, deadline in DEADLINES.items():
        assert deadline.kind is kind
        assert deadline.owner
        assert deadline.tells
        assert deadline.default_s > 0
        assert deadline.every_s > 0
        assert kind in DISPATCH, "no deadline waits behind a service outside"


@pytest.mark.parametrize("value", [None, "20", True, 0, -1, 90_000, float("nan")])
def test_a_setting_that_is_no_sensible_number_is_not_heeded(value: object) -> None:
    widen = DEADLINES[TimerKind.OFFER_UNACKNOWLEDGED]
    assert widen.seconds({"offers": {"widen_after_s": value}}) == 20
    assert widen.seconds({"offers": {"widen_after_s": 30}}) == 30
    assert widen.seconds({}) == 20


def test_defaults_of_a_section_are_those_of_the_table() -> None:
    assert default_settings("offers")["widen_after_s"] == 20
    assert default_settings("alarms")["facility_answer_s"] == 180


def test_a_unit_is_late_by_what_was_predicted_and_by_the_pace() -> None:
    assert arrival_seconds(600, 1.0, {}) == 960
    assert arrival_seconds(600, 60.0, {}) == 75
    assert arrival_seconds(None, 1.0, {"alarms": {"arrival_s": 700}}) == 700


def test_a_transport_is_late_by_its_road_and_never_before_a_quarter_of_an_hour() -> None:
    assert transport_seconds(1_200, 1.0, {}) == 2_400
    assert transport_seconds(60, 1.0, {}) == 900
    assert transport_seconds(7_200, 60.0, {}) == 900
    assert transport_seconds(None, 1.0, {}) == 2_700
    assert transport_seconds(None, 1.0, {"alarms": {"transport_s": 600}}) == 600


@pytest.mark.parametrize(
    "setting", [{}, {"alarms": {"transport_s": 600}}, {"alarms": {"transport_s": 7_200}}]
)
def test_a_transport_is_looked_at_before_it_can_be_late(setting: dict[str, dict[str, float]]) -> None:
    first = first_look_seconds(setting)
    assert all(first <= transport_seconds(s, 1.0, setting) for s in (None, 0.0, 600.0, 9_000.0))


def test_a_unit_is_to_be_back_when_it_said_or_after_the_setting() -> None:
    assert return_seconds(600, {}) == 600
    assert return_seconds(-5, {}) == 1  # its time has passed when it is told: at once
    assert return_seconds(None, {}) == 4 * 3_600
    assert return_seconds(None, {"alarms": {"unavailable_s": 60}}) == 60


def test_a_wish_to_cancel_waits_only_where_nothing_else_of_the_call_does() -> None:
    for state, asked, case_open, answered in product(CallState, *[(False, True)] * 3):
        waits = cancel_waits(state, asked=asked, case_open=case_open, answered=answered)
        assert waits is (state is CallState.LINKED and asked and case_open and not answered)
        # a call that is not linked has a deadline of its own, or has ended
        assert not (waits and CALLS[state])


def test_silence_is_three_intervals() -> None:
    limits = silence({})
    assert (limits.on_run_s, limits.idle_s, limits.parked_s) == (15, 180, 900)
    assert silence({"positions": {"on_run_s": 10, "silent_after_intervals": 2}}).on_run_s == 20
