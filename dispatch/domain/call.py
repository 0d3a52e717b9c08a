"""A call: one contact by one caller over one channel, and the states it passes."""

from __future__ import annotations

from enum import StrEnum

from dispatch.domain.errors import IllegalStep


class Channel(StrEnum):
    """How the contact came in."""

    APP = "app"
    PHONE = "phone"
    SMS = "sms"
    WALK_IN = "walk_in"
    PARTNER = "partner"


class CallState(StrEnum):
    """`ringing -> taken -> linked` to an incident, or `disposed` with a code."""

    RINGING = "ringing"
    TAKEN = "taken"
    LINKED = "linked"
    DISPOSED = "disposed"


class Disposal(StrEnum):
    """Why a call did not become, or join, an incident."""

    PRANK = "prank"
    SILENT = "silent"
    WRONG_NUMBER = "wrong_number"
    NOT_MEDICAL = "not_medical"
    INFORMATION = "information"
    CANCELLED_BY_CALLER = "cancelled_by_caller"


class CallbackOutcome(StrEnum):
    """What a call-back met. None of them closes a case by itself."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


class CallStep(StrEnum):
    """Moves of a call."""

    TAKE = "take"
    LINK = "link"
    DISPOSE = "dispose"
    REOPEN = "reopen"


TRANSITIONS: dict[CallState, dict[CallStep, CallState]] = {
    # a red case is sent before anybody has time to "take" it: linking straight from ringing is legal
    CallState.RINGING: {
        CallStep.TAKE: CallState.TAKEN,
        CallStep.LINK: CallState.LINKED,
        CallStep.DISPOSE: CallState.DISPOSED,
    },
    CallState.TAKEN: {CallStep.LINK: CallState.LINKED, CallStep.DISPOSE: CallState.DISPOSED},
    CallState.LINKED: {},
    # disposed by mistake, or the caller pressed again: the operator can take it up once more
    CallState.DISPOSED: {CallStep.REOPEN: CallState.TAKEN},
}


def step_call(state: CallState, step: CallStep) -> CallState:
    """Return the state after `step`.

    Raises:
        IllegalStep: the table has no such move; it carries the legal ones.
    """
    moves = TRANSITIONS[state]
    if step not in moves:
        raise IllegalStep("call", state, step, tuple(moves))
    return moves[step]
