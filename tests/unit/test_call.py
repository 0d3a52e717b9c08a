"""A call's transition table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.call import TRANSITIONS, CallState, CallStep, step_call
from dispatch.domain.errors import IllegalStep


@given(st.lists(st.sampled_from(CallStep), max_size=12))
def test_no_walk_leaves_the_table(steps: list[CallStep]) -> None:
    state = CallState.RINGING
    for step in steps:
        moves = TRANSITIONS[state]
        if step in moves:
            state = step_call(state, step)
        else:
            with pytest.raises(IllegalStep) as refused:
                step_call(state, step)
            assert refused.value.allowed == tuple(moves)
    assert state in TRANSITIONS


def test_a_linked_call_stays_with_its_incident() -> None:
    assert TRANSITIONS[CallState.LINKED] == {}


def test_a_call_can_be_linked_before_anybody_took_it() -> None:
    assert step_call(CallState.RINGING, CallStep.LINK) is CallState.LINKED


def test_a_disposed_call_can_be_taken_up_again_and_nothing_else() -> None:
    assert TRANSITIONS[CallState.DISPOSED] == {CallStep.REOPEN: CallState.TAKEN}


def test_every_state_can_be_reached() -> None:
    reached = {CallState.RINGING} | {after for moves in TRANSITIONS.values() for after in moves.values()}
    assert reached == set(CallState)


def test_the_refusal_speaks_both_languages() -> None:
    with pytest.raises(IllegalStep) as refused:
        step_call(CallState.LINKED, CallStep.DISPOSE)
    assert "tidak sah" in refused.value.message_id
    assert "not legal" in refused.value.message_en
    assert refused.value.status == 409
