"""An assignment: one unit's run for one incident, its order of states, skips and exits."""

from __future__ import annotations

from enum import StrEnum

from dispatch.domain.errors import IllegalStep
from dispatch.domain.stamps import Stamp


class AssignmentState(StrEnum):
    """States in the order of a run, then the exits."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    STAGED = "staged"
    ON_SCENE = "on_scene"
    AT_PATIENT = "at_patient"
    LEFT_SCENE = "left_scene"
    AT_FACILITY = "at_facility"
    HANDED_OVER = "handed_over"
    CLEARED = "cleared"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    STOOD_DOWN = "stood_down"
    DIVERTED = "diverted"
    COMPLETED_WITHOUT_TRANSPORT = "completed_without_transport"


class LegState(StrEnum):
    """States of a leg; a diverted one goes on in the next."""

    PLANNED = "planned"
    TRANSPORTING = "transporting"
    AT_FACILITY = "at_facility"
    HANDED_OVER = "handed_over"
    DIVERTED = "diverted"


class NoTransport(StrEnum):
    """Why a run ended without carrying anybody; needed for `completed_without_transport`."""

    TREATED_ON_SCENE = "treated_on_scene"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    DIED = "died"
    REFERRED = "referred"


class DeclineReason(StrEnum):
    """Why a crew cannot take an offer."""

    VEHICLE = "vehicle"
    CREW = "crew"
    TOO_FAR = "too_far"
    UNSAFE = "unsafe"
    OTHER = "other"


S = AssignmentState

PROGRESS: tuple[AssignmentState, ...] = (
    S.OFFERED,
    S.ACCEPTED,
    S.EN_ROUTE,
    S.STAGED,
    S.ON_SCENE,
    S.AT_PATIENT,
    S.LEFT_SCENE,
    S.AT_FACILITY,
    S.HANDED_OVER,
    S.CLEARED,
)
FINAL_STATES = frozenset(
    {S.CLEARED, S.DECLINED, S.TIMED_OUT, S.STOOD_DOWN, S.DIVERTED, S.COMPLETED_WITHOUT_TRANSPORT}
)
OPEN_STATES = frozenset(S) - FINAL_STATES

STAMP_OF: dict[AssignmentState, Stamp] = {
    S.OFFERED: Stamp.OFFERED,
    S.ACCEPTED: Stamp.ACCEPTED,
    S.EN_ROUTE: Stamp.EN_ROUTE,
    S.STAGED: Stamp.STAGED,
    S.ON_SCENE: Stamp.ON_SCENE,
    S.AT_PATIENT: Stamp.AT_PATIENT,
    S.LEFT_SCENE: Stamp.LEFT_SCENE,
    S.AT_FACILITY: Stamp.AT_FACILITY,
    S.HANDED_OVER: Stamp.HANDED_OVER,
    S.CLEARED: Stamp.AVAILABLE,
    S.COMPLETED_WITHOUT_TRANSPORT: Stamp.AVAILABLE,
    S.STOOD_DOWN: Stamp.STOOD_DOWN,
}


def _moves(state: AssignmentState) -> tuple[AssignmentState, ...]:
    if state in FINAL_STATES:
        return ()
    at = PROGRESS.index(state)
    # Forward skips are legal, but nobody is handed over who never left for a facility, and only a handover
    # (or a code saying why there was none) ends a run that carries a patient.
    if at < PROGRESS.index(S.LEFT_SCENE):
        forward = PROGRESS[at + 1 : PROGRESS.index(S.AT_FACILITY) + 1]
    elif at < PROGRESS.index(S.HANDED_OVER):
        forward = PROGRESS[at + 1 : PROGRESS.index(S.HANDED_OVER) + 1]
    else:
        forward = (S.CLEARED,)
    if state is S.OFFERED:
        return (*forward, S.DECLINED, S.TIMED_OUT, S.STOOD_DOWN, S.DIVERTED)
    if at < PROGRESS.index(S.ON_SCENE):
        return (*forward, S.STOOD_DOWN, S.DIVERTED)
    if at < PROGRESS.index(S.LEFT_SCENE):
        return (*forward, S.STOOD_DOWN, S.COMPLETED_WITHOUT_TRANSPORT)
    if state is S.AT_FACILITY:
        # the facility cannot take the patient: the run goes on to another one, with a new leg
        return (*forward, S.LEFT_SCENE)
    return forward


TRANSITIONS: dict[AssignmentState, tuple[AssignmentState, ...]] = {state: _moves(state) for state in S}

# Exits that the centre makes, not the crew.
CENTRE_ONLY = frozenset({S.TIMED_OUT, S.STOOD_DOWN, S.DIVERTED})


def crew_moves(state: AssignmentState) -> tuple[AssignmentState, ...]:
    """Return the moves the driver's page may offer from `state`."""
    return tuple(s for s in TRANSITIONS[state] if s not in CENTRE_ONLY)


def step_assignment(state: AssignmentState, to: AssignmentState) -> AssignmentState:
    """Return `to` when the table allows it from `state`.

    Raises:
        IllegalStep: it does not; the error carries the legal moves.
    """
    if to not in TRANSITIONS[state]:
        raise IllegalStep("assignment", state, to, TRANSITIONS[state])
    return to
