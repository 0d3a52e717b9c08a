"""The run's transition table: no walk leaves it, skips go forward only, every state can be reached."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dispatch.domain.assignment import (
    CENTRE_ONLY,
    FINAL_STATES,
    OPEN_STATES,
    PROGRESS,
    STAMP_OF,
    TRANSITIONS,
    AssignmentState,
    crew_moves,
    step_assignment,
)
from dispatch.domain.errors import IllegalStep
from dispatch.domain.stamps import ASSIGNMENT_STAMPS

S = AssignmentState


class Walk(RuleBasedStateMachine):
    """Tries any step at any time, as a phone with a mind of its own would."""

    def __init__(self) -> None:
        super().__init__()
        self.state = S.OFFERED
        self.history = [S.OFFERED]

    @rule(to=st.sampled_from(S))
    def step(self, to: S) -> None:
        allowed = TRANSITIONS[self.state]
        if to in allowed:
            self.state = step_assignment(self.state, to)
            self.history.append(to)
            return
        with pytest.raises(IllegalStep) as refused:
            step_assignment(self.state, to)
        assert refused.value.allowed == allowed
        assert refused.value.extra["allowed"] == list(allowed)

    @precondition(lambda self: self.state in FINAL_STATES)
    @rule(to=st.sampled_from(S))
    def nothing_follows_an_end(self, to: S) -> None:
        with pytest.raises(IllegalStep):
            step_assignment(self.state, to)

    @invariant()
    def only_a_new_leg_goes_back(self) -> None:
        for before, after in zip(self.history, self.history[1:], strict=False):
            if before in PROGRESS and after in PROGRESS and (before, after) != (S.AT_FACILITY, S.LEFT_SCENE):
                assert PROGRESS.index(after) > PROGRESS.index(before)

    @invariant()
    def nobody_is_handed_over_who_was_not_carried(self) -> None:
        if S.HANDED_OVER in self.history:
            assert {S.LEFT_SCENE, S.AT_FACILITY} & set(self.history)

    @invariant()
    def a_carried_patient_is_never_left_behind(self) -> None:
        if {S.LEFT_SCENE, S.AT_FACILITY} & set(self.history):
            assert self.state in {S.LEFT_SCENE, S.AT_FACILITY, S.HANDED_OVER, S.CLEARED}
        if self.state is S.CLEARED:
            assert S.HANDED_OVER in self.history


TestWalk = Walk.TestCase


def _reachable(start: S) -> Iterator[S]:
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        yield state
        fresh = set(TRANSITIONS[state]) - seen
        seen |= fresh
        todo += fresh


def test_every_state_can_be_reached_and_every_run_can_end() -> None:
    assert set(_reachable(S.OFFERED)) == set(S)
    for state in OPEN_STATES:
        assert FINAL_STATES & set(_reachable(state))
    assert set(S) == OPEN_STATES | FINAL_STATES
    assert not any(TRANSITIONS[state] for state in FINAL_STATES)


@given(st.sampled_from(sorted(OPEN_STATES)))
def test_a_crew_is_never_offered_what_only_the_centre_does(state: S) -> None:
    moves = crew_moves(state)
    assert not CENTRE_ONLY & set(moves)
    assert set(moves) | CENTRE_ONLY >= set(TRANSITIONS[state])
    assert moves


def test_every_step_forward_may_be_skipped_up_to_the_facility() -> None:
    before_leaving = PROGRESS[: PROGRESS.index(S.LEFT_SCENE)]
    for at, state in enumerate(before_leaving):
        assert set(PROGRESS[at + 1 : PROGRESS.index(S.AT_FACILITY) + 1]) <= set(TRANSITIONS[state])
    assert TRANSITIONS[S.LEFT_SCENE] == (S.AT_FACILITY, S.HANDED_OVER)
    assert TRANSITIONS[S.AT_FACILITY] == (S.HANDED_OVER, S.LEFT_SCENE)
    assert TRANSITIONS[S.HANDED_OVER] == (S.CLEARED,)


def test_a_unit_is_called_back_only_while_it_carries_nobody() -> None:
    may = {state for state in S if S.STOOD_DOWN in TRANSITIONS[state]}
    assert may == {S.OFFERED, S.ACCEPTED, S.EN_ROUTE, S.STAGED, S.ON_SCENE, S.AT_PATIENT}


def test_an_offer_alone_can_be_declined_or_run_out() -> None:
    for end in (S.DECLINED, S.TIMED_OUT):
        assert {state for state in S if end in TRANSITIONS[state]} == {S.OFFERED}


def test_an_end_without_transport_needs_a_unit_at_the_scene() -> None:
    may = {state for state in S if S.COMPLETED_WITHOUT_TRANSPORT in TRANSITIONS[state]}
    assert may == {S.ON_SCENE, S.AT_PATIENT}


def test_every_state_of_progress_has_a_stamp_of_its_own() -> None:
    stamps = [STAMP_OF[state] for state in PROGRESS]
    assert len(set(stamps)) == len(stamps)
    assert set(STAMP_OF.values()) <= set(ASSIGNMENT_STAMPS)
    # what a step can lead to without a service of its own must have a stamp to write
    steps = {to for state in S for to in crew_moves(state)} - {S.DECLINED}
    assert steps <= set(STAMP_OF)
