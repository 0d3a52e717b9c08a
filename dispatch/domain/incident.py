"""An incident: one event that needs help, its kinds and their transition tables."""

from __future__ import annotations

from enum import StrEnum

from dispatch.domain.errors import IllegalStep


class IncidentKind(StrEnum):
    """What sort of help is needed; each kind has its own transition table."""

    EMERGENCY = "emergency"
    INTERFACILITY = "interfacility"
    SCHEDULED = "scheduled"
    STANDBY = "standby"
    HOME_OR_MORTUARY = "home_or_mortuary"


class IncidentState(StrEnum):
    """Stored states; progress between confirmed and closed is derived from the assignments."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"
    FORWARDED = "forwarded"


class IncidentStep(StrEnum):
    """Moves of an incident."""

    CONFIRM = "confirm"
    CLOSE = "close"
    CANCEL = "cancel"
    MERGE = "merge"
    FORWARD = "forward"


class CancelReason(StrEnum):
    """Why an incident ended without help being needed any more."""

    CALLER_CANCELLED = "caller_cancelled"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
    OTHER_SERVICE = "other_service"
    NOT_NEEDED = "not_needed"


FINAL_STATES = frozenset(
    {IncidentState.CLOSED, IncidentState.CANCELLED, IncidentState.MERGED, IncidentState.FORWARDED}
)

_EMERGENCY: dict[IncidentState, dict[IncidentStep, IncidentState]] = {
    IncidentState.REPORTED: {
        IncidentStep.CONFIRM: IncidentState.CONFIRMED,
        IncidentStep.CANCEL: IncidentState.CANCELLED,
        IncidentStep.MERGE: IncidentState.MERGED,
        IncidentStep.FORWARD: IncidentState.FORWARDED,
    },
    IncidentState.CONFIRMED: {
        IncidentStep.CLOSE: IncidentState.CLOSED,
        IncidentStep.CANCEL: IncidentState.CANCELLED,
        IncidentStep.MERGE: IncidentState.MERGED,
        IncidentStep.FORWARD: IncidentState.FORWARDED,
    },
    IncidentState.CLOSED: {},
    IncidentState.CANCELLED: {},
    IncidentState.MERGED: {},
    IncidentState.FORWARDED: {},
}

# Planned work is agreed before it is entered: it cannot be fused with another call's incident.
_PLANNED: dict[IncidentState, dict[IncidentStep, IncidentState]] = {
    state: {step: after for step, after in moves.items() if step is not IncidentStep.MERGE}
    for state, moves in _EMERGENCY.items()
}

TRANSITIONS: dict[IncidentKind, dict[IncidentState, dict[IncidentStep, IncidentState]]] = {
    IncidentKind.EMERGENCY: _EMERGENCY,
    IncidentKind.INTERFACILITY: _PLANNED,
    IncidentKind.SCHEDULED: _PLANNED,
    IncidentKind.STANDBY: _PLANNED,
    IncidentKind.HOME_OR_MORTUARY: _PLANNED,
}


def step_incident(kind: IncidentKind, state: IncidentState, step: IncidentStep) -> IncidentState:
    """Return the state after `step`.

    Raises:
        IllegalStep: the kind's table has no such move; it carries the legal ones.
    """
    moves = TRANSITIONS[kind][state]
    if step not in moves:
        raise IllegalStep("incident", state, step, tuple(moves))
    return moves[step]
