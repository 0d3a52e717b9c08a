"""The transition tables of incidents, one per kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import IllegalStep
from dispatch.domain.incident import (
    FINAL_STATES,
    TRANSITIONS,
    IncidentKind,
    IncidentState,
    IncidentStep,
    step_incident,
)
from dispatch.domain.patient import Outcome, closing_code


@given(st.sampled_from(IncidentKind), st.lists(st.sampled_from(IncidentStep), max_size=8))
def test_no_walk_leaves_the_table(kind: IncidentKind, steps: list[IncidentStep]) -> None:
    state = IncidentState.REPORTED
    for step in steps:
        moves = TRANSITIONS[kind][state]
        if step in moves:
            state = step_incident(kind, state, step)
        else:
            with pytest.raises(IllegalStep) as refused:
                step_incident(kind, state, step)
            assert refused.value.allowed == tuple(moves)


@pytest.mark.parametrize("kind", IncidentKind)
def test_ends_are_ends_and_every_end_can_be_reached(kind: IncidentKind) -> None:
    table = TRANSITIONS[kind]
    assert set(table) == set(IncidentState)
    assert {state for state, moves in table.items() if not moves} == FINAL_STATES
    reached = {IncidentState.REPORTED} | {after for moves in table.values() for after in moves.values()}
    unreachable = set() if kind is IncidentKind.EMERGENCY else {IncidentState.MERGED}
    assert reached == set(IncidentState) - unreachable


@pytest.mark.parametrize("kind", IncidentKind)
def test_nothing_is_closed_before_its_verdict(kind: IncidentKind) -> None:
    assert IncidentStep.CLOSE not in TRANSITIONS[kind][IncidentState.REPORTED]


@given(st.lists(st.sampled_from(Outcome)))
def test_the_gravest_outcome_names_the_case(outcomes: list[Outcome]) -> None:
    code = closing_code(outcomes)
    if not outcomes:
        assert code == "no_patient"
    else:
        assert code in outcomes
        assert (code == Outcome.DIED) == (Outcome.DIED in outcomes)
