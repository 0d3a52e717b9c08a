"""The one table of what waits for somebody: how long it may, who is to act, what is told when nobody does.

Every state of a call, an incident, a run and a leg that is not final stands here, and what a unit or a
caller waits with beside them. A machine checks that none
is missing, and that the open timers of a tenant are those that this table says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dispatch.domain.assignment import FINAL_STATES, AssignmentState, LegState
from dispatch.domain.call import CallState
from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentState
from dispatch.domain.unit import Tracking

S = AssignmentState


class TimerKind(StrEnum):
    """Every kind of timer. Those of `ERRANDS` are work to be done at a moment; nothing waits on them."""

    CALL_UNANSWERED = "call_unanswered"
    NO_VERDICT = "call_no_verdict"
    UNASSIGNED = "incident_unassigned"
    UNCLOSED = "incident_unclosed"
    OFFER_UNACKNOWLEDGED = "offer_unacknowledged"
    OFFER_EXPIRES = "offer_expires"
    MANUAL_UNANSWERED = "manual_unanswered"
    NOT_MOVING = "run_not_moving"
    NOT_ARRIVED = "run_not_arrived"
    STAGED_LONG = "run_staged_long"
    NOT_AT_PATIENT = "run_not_at_patient"
    NOT_LEAVING = "run_not_leaving"
    NOT_AT_FACILITY = "run_not_at_facility"
    NO_HANDOVER = "run_no_handover"
    NOT_CLEARED = "run_not_cleared"
    FACILITY_UNANSWERED = "facility_unanswered"
    REFUSAL_UNHEEDED = "refusal_unheeded"
    COUNTERSIGN = "handover_countersign"
    CANCEL_UNHEEDED = "cancel_unheeded"
    NOT_BACK = "unit_not_back"
    SIGNAL_LOST = "signal_lost"
    NOTICE_PUSH = "notice_push"
    NOTICE_SMS = "notice_sms"
    NOTICE_CALL = "notice_call"
    WIDEN = "incident_widen"
    RECHECK = "registry_recheck"
    ROAD_STARTS = "road_change_starts"
    ROAD_ENDS = "road_change_ends"


ERRANDS = frozenset({TimerKind.WIDEN, TimerKind.RECHECK, TimerKind.ROAD_STARTS, TimerKind.ROAD_ENDS})


class Owner(StrEnum):
    """Who is to act before the deadline passes; after it the operators are told, whoever it was."""

    OPERATORS = "operators"
    CREW = "crew"
    FACILITY = "facility"


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline: the tenant's setting `section.key` in seconds, `default_s` where it has none.

    `tells` is the event by which operators hear that it passed. It is told again every `every_s`, unless the
    deadline passes `once`: then another one of the same state stands behind it.
    """

    kind: TimerKind
    owner: Owner
    section: str
    key: str
    default_s: float
    tells: EventKind
    every_s: float = 60.0
    once: bool = False

    def seconds(self, settings: Mapping[str, Any]) -> float:
        """Return how long a tenant with these settings waits; what is no sensible number is not heeded."""
        value = settings.get(self.section, {}).get(self.key, self.default_s)
        sensible = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 86_400
        return float(value) if sensible else self.default_s


K, E = TimerKind, EventKind
_TEN_MINUTES = 600.0

# --- calls ---

CALLS: Mapping[CallState, tuple[Deadline, ...]] = {
    CallState.RINGING: (
        Deadline(K.CALL_UNANSWERED, Owner.OPERATORS, "targets", "taken_s", 15, E.CALL_UNANSWERED),
    ),
    CallState.TAKEN: (
        Deadline(K.NO_VERDICT, Owner.OPERATORS, "targets", "verdict_s", 60, E.VERDICT_OVERDUE),
    ),
    # its incident has the deadlines
    CallState.LINKED: (),
    CallState.DISPOSED: (),
}

# A caller who wishes to cancel, while a case goes on for the call. The operators end it, or ask the caller.
CANCEL = Deadline(K.CANCEL_UNHEEDED, Owner.OPERATORS, "alarms", "cancel_s", 60, E.CANCEL_OVERDUE, 120)


def cancel_waits(state: CallState, *, asked: bool, case_open: bool, answered: bool) -> bool:
    """Tell whether a caller's wish to cancel waits for the operators.

    Before there is a case the call's own deadlines hold. A caller who was reached since (`answered`) has been
    heard; whatever the operator did then is an answer.
    """
    return state is CallState.LINKED and asked and case_open and not answered


# --- incidents ---


class Need(StrEnum):
    """What an open incident waits for; one may wait for its verdict and for a unit at once."""

    VERDICT = "verdict"
    UNIT = "unit"
    CLOSING = "closing"
    RUNS = "runs"


NEEDS: Mapping[Need, tuple[Deadline, ...]] = {
    Need.VERDICT: (Deadline(K.NO_VERDICT, Owner.OPERATORS, "targets", "verdict_s", 60, E.VERDICT_OVERDUE),),
    Need.UNIT: (Deadline(K.UNASSIGNED, Owner.OPERATORS, "alarms", "unassigned_s", 60, E.UNIT_OVERDUE),),
    Need.CLOSING: (
        Deadline(K.UNCLOSED, Owner.OPERATORS, "alarms", "unclosed_s", 600, E.CLOSURE_OVERDUE, 1_800),
    ),
    # each of its runs has its own deadlines
    Need.RUNS: (),
}


def needs(state: IncidentState, *, open_runs: bool, in_need: bool, waiting: bool) -> frozenset[Need]:
    """Return what an incident waits for; empty when it has ended.

    `in_need` tells whether a unit is still needed, `waiting` whether it is marked as waiting for one.
    """
    if state not in (IncidentState.REPORTED, IncidentState.CONFIRMED):
        return frozenset()
    found = {Need.VERDICT} if state is IncidentState.REPORTED else set()
    if open_runs:
        found.add(Need.RUNS)
    elif waiting:
        found.add(Need.UNIT)
    elif state is IncidentState.CONFIRMED:
        found.add(Need.UNIT if in_need else Need.CLOSING)
    return frozenset(found)


# --- runs ---

_OFFER_WIDENS = Deadline(
    K.OFFER_UNACKNOWLEDGED, Owner.CREW, "offers", "widen_after_s", 20, E.OFFER_UNACKNOWLEDGED, once=True
)
_OFFER_ENDS = Deadline(K.OFFER_EXPIRES, Owner.CREW, "targets", "offer_accepted_s", 60, E.OFFER_TIMED_OUT)
_PHONED_OFFER = Deadline(
    K.MANUAL_UNANSWERED, Owner.OPERATORS, "targets", "offer_accepted_s", 60, E.MANUAL_UNIT_UNANSWERED
)


def _crew(kind: TimerKind, key: str, default_s: float, every_s: float) -> Deadline:
    return Deadline(kind, Owner.CREW, "alarms", key, default_s, E.RUN_OVERDUE, every_s)


RUNS: Mapping[AssignmentState, tuple[Deadline, ...]] = {
    S.OFFERED: (_OFFER_WIDENS, _OFFER_ENDS, _PHONED_OFFER),
    S.ACCEPTED: (Deadline(K.NOT_MOVING, Owner.CREW, "targets", "turnout_s", 60, E.DEPARTURE_OVERDUE),),
    # with a prediction the limit follows from it, see `arrival_seconds`
    S.EN_ROUTE: (_crew(K.NOT_ARRIVED, "arrival_s", 1_200, 300),),
    S.STAGED: (_crew(K.STAGED_LONG, "staged_s", 900, _TEN_MINUTES),),
    S.ON_SCENE: (_crew(K.NOT_AT_PATIENT, "at_patient_s", 300, 300),),
    S.AT_PATIENT: (_crew(K.NOT_LEAVING, "leaving_s", 1_800, _TEN_MINUTES),),
    # by the roads to the facility, where both ends are known, see `transport_seconds`
    S.LEFT_SCENE: (_crew(K.NOT_AT_FACILITY, "transport_s", 2_700, _TEN_MINUTES),),
    S.AT_FACILITY: (
        Deadline(
            K.NO_HANDOVER,
            Owner.FACILITY,
            "targets",
            "handover_alarm_s",
            1_800,
            E.HANDOVER_OVERDUE,
            _TEN_MINUTES,
        ),
    ),
    S.HANDED_OVER: (_crew(K.NOT_CLEARED, "clearing_s", 1_200, _TEN_MINUTES),),
    **dict.fromkeys(FINAL_STATES, ()),
}

# An offer is watched in another way where nobody has the app.
_ONLY: Mapping[TimerKind, Tracking] = {
    K.OFFER_UNACKNOWLEDGED: Tracking.APP,
    K.OFFER_EXPIRES: Tracking.APP,
    K.MANUAL_UNANSWERED: Tracking.MANUAL,
}

LATE_FACTOR = 1.5
LATE_MARGIN_S = 60.0
TRANSPORT_MARGIN_S = 600.0
TRANSPORT_LEAST_S = 900.0
"""A patient is loaded, and made stable on the way: no transport is late before."""


def of_run(state: AssignmentState, tracking: Tracking) -> tuple[Deadline, ...]:
    """Return the deadlines of a run in this state by a unit that is tracked, or is not."""
    return tuple(d for d in RUNS[state] if _ONLY.get(d.kind, tracking) is tracking)


def arrival_seconds(predicted_s: float | None, pace: float, settings: Mapping[str, Any]) -> float:
    """Return after how long a unit under way is late: half as long again as was predicted, and a minute.

    `pace` is how many times faster than life a training case runs. Without a prediction the setting holds.
    """
    if predicted_s is None:
        return RUNS[S.EN_ROUTE][0].seconds(settings)
    return predicted_s / pace * LATE_FACTOR + LATE_MARGIN_S


def transport_seconds(predicted_s: float | None, pace: float, settings: Mapping[str, Any]) -> float:
    """Return after how long a unit with its patient is late: 1.5 times the drive, and ten minutes.

    Not before a quarter of an hour. `pace` as in `arrival_seconds`; without a prediction the setting holds.
    """
    if predicted_s is None:
        return RUNS[S.LEFT_SCENE][0].seconds(settings)
    return max(TRANSPORT_LEAST_S, predicted_s / pace * LATE_FACTOR + TRANSPORT_MARGIN_S)


def first_look_seconds(settings: Mapping[str, Any]) -> float:
    """Return after how long a transport is first looked at: no limit that it may have lies before."""
    return min(TRANSPORT_LEAST_S, RUNS[S.LEFT_SCENE][0].seconds(settings))


# --- legs ---


class LegWait(StrEnum):
    """What a leg waits for."""

    ANSWER = "answer"
    OTHER_DESTINATION = "other_destination"
    COUNTERSIGNATURE = "countersignature"


LEGS: Mapping[LegWait, tuple[Deadline, ...]] = {
    LegWait.ANSWER: (
        Deadline(
            K.FACILITY_UNANSWERED,
            Owner.FACILITY,
            "alarms",
            "facility_answer_s",
            180,
            E.FACILITY_UNANSWERED,
            300,
        ),
    ),
    LegWait.OTHER_DESTINATION: (
        Deadline(K.REFUSAL_UNHEEDED, Owner.OPERATORS, "alarms", "refusal_s", 60, E.REFUSAL_UNHEEDED),
    ),
    LegWait.COUNTERSIGNATURE: (
        Deadline(
            K.COUNTERSIGN,
            Owner.FACILITY,
            "alarms",
            "countersign_s",
            900,
            E.COUNTERSIGNATURE_OVERDUE,
            3_600,
        ),
    ),
}


_UNDER_WAY = (LegState.PLANNED, LegState.TRANSPORTING)


def leg_wait(
    state: LegState, answer: str | None, *, listed: bool, closed: bool, countersigned: bool
) -> LegWait | None:
    """Return what a leg waits for; None when that is its run's matter, or nobody's.

    `listed` tells whether the destination is a facility that can answer, `closed` whether it takes no
    ambulances now: then a run on its way is to be led elsewhere, whatever was said before. At the door the
    run's own deadline for the handover holds, and a refusal there is the operators' all the same.
    """
    if not listed:
        return None
    if state in _UNDER_WAY:
        if closed or answer == "refused":
            return LegWait.OTHER_DESTINATION
        return LegWait.ANSWER if answer is None else None
    if state is LegState.AT_FACILITY and answer == "refused":
        return LegWait.OTHER_DESTINATION
    if state is LegState.HANDED_OVER and not countersigned:
        return LegWait.COUNTERSIGNATURE
    return None


# --- units ---

SIGNAL = Deadline(K.SIGNAL_LOST, Owner.CREW, "alarms", "signal_again_s", 60, E.SIGNAL_LOST)
SIGNAL_IDLE_EVERY_S = 600.0


# A unit out of service is to be back when it said; without a word, after this setting.
RETURN = Deadline(K.NOT_BACK, Owner.CREW, "alarms", "unavailable_s", 14_400, E.RETURN_OVERDUE, _TEN_MINUTES)


def return_seconds(expected_in_s: float | None, settings: Mapping[str, Any]) -> float:
    """Return in how many seconds a unit is to be back in service; what has passed already is due at once."""
    return RETURN.seconds(settings) if expected_in_s is None else max(1.0, expected_in_s)


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds without a fix after which a tracked unit's signal is lost: on a run, idle, out of service."""

    on_run_s: float
    idle_s: float
    parked_s: float


def silence(settings: Mapping[str, Any]) -> Silence:
    """Return the limits of a tenant: so many times the interval in which a phone is to tell its place."""
    told = settings.get("positions", {})
    times = float(told.get("silent_after_intervals", 3))

    def limit(key: str, interval_s: float) -> float:
        return times * float(told.get(key, interval_s))

    return Silence(limit("on_run_s", 5), limit("idle_s", 60), limit("parked_s", 300))


# --- what a crew must acknowledge ---


class NoticeKind(StrEnum):
    """What a crew is told and must acknowledge."""

    OFFER = "offer"
    STAND_DOWN = "stand_down"
    DESTINATION = "destination"


# The page has it at once. Unacknowledged, each rung is climbed at its time.
LADDER: tuple[Deadline, ...] = (
    Deadline(K.NOTICE_PUSH, Owner.CREW, "offers", "push_after_s", 5, E.NOTICE_PUSHED),
    Deadline(K.NOTICE_SMS, Owner.CREW, "offers", "sms_after_s", 15, E.NOTICE_TEXTED),
    Deadline(K.NOTICE_CALL, Owner.OPERATORS, "offers", "call_after_s", 30, E.CREW_CALL_DUE),
)


def rungs_left(*, ended: bool, pushed: bool, texted: bool) -> tuple[Deadline, ...]:
    """Return the rungs that a notice has before it; the call stays until somebody has answered."""
    if ended:
        return ()
    climbed = {K.NOTICE_PUSH: pushed, K.NOTICE_SMS: texted}
    return tuple(rung for rung in LADDER if not climbed.get(rung.kind, False))


# --- all of them ---

_ALL = (*CALLS.values(), *NEEDS.values(), *RUNS.values(), *LEGS.values(), (CANCEL, RETURN, SIGNAL), LADDER)
DEADLINES: Mapping[TimerKind, Deadline] = {d.kind: d for found in _ALL for d in found}

# by times that people named
_NAMED = frozenset({TimerKind.ROAD_STARTS, TimerKind.ROAD_ENDS})
_LONGEST_S: Mapping[TimerKind, float] = {
    # by the roads: nothing in a regency is farther
    K.NOT_ARRIVED: 14_400.0,
    K.NOT_AT_FACILITY: 14_400.0,
    K.WIDEN: 60.0,
    K.RECHECK: 7_200.0,
}


def longest_wait(kind: TimerKind, settings: Mapping[str, Any], *, told: bool) -> float | None:
    """Return for how many seconds at most a timer of this kind is ever set; None when a person names it.

    A person may have named when a unit is back; this is for where nobody has. `told` says that its alarm was
    told before. One that was told very often comes at a slower rate than this.
    """
    if kind in _NAMED:
        return None
    deadline = DEADLINES.get(kind)
    if deadline is None:
        return _LONGEST_S[kind]
    if told:
        return max(deadline.every_s, SIGNAL_IDLE_EVERY_S) if deadline is SIGNAL else deadline.every_s
    return max(deadline.seconds(settings), _LONGEST_S.get(kind, 0.0))


CALL_KINDS = frozenset(d.kind for found in CALLS.values() for d in found)
NEED_KINDS = frozenset(d.kind for found in NEEDS.values() for d in found)
RUN_KINDS = frozenset(d.kind for found in RUNS.values() for d in found)
NOTICE_KINDS = frozenset(d.kind for d in LADDER)
LEG_KINDS = frozenset(d.kind for found in LEGS.values() for d in found)


def default_settings(section: str) -> dict[str, float]:
    """Return the deadlines of one section of a regency's settings, with their safe values."""
    return {d.key: d.default_s for d in DEADLINES.values() if d.section == section}
