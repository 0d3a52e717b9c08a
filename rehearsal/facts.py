"""Facts: what the rehearsal's own log tells, and what the system's event log tells, in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rehearsal.logbook import Line
from rehearsal.reckoning import Moment
from rehearsal.shapes import Event

_ENDS_OF_EVENTS = {
    "offer_declined": "declined",
    "offer_timed_out": "timed_out",
    "assignment_stood_down": "stood_down",
    "unit_cleared": "cleared",
    "run_ended_without_transport": "completed_without_transport",
}
_STEPS = frozenset({"assignment_stepped", "patient_handed_over", *_ENDS_OF_EVENTS})


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened: what, when, and to what (ids by name).

    `known` is when the system had answered to it: later than `when`, where it was told without a signal.
    """

    what: str
    when: Moment
    about: dict[str, Any]
    known: datetime | None = None


def fact_of_act(line: Line) -> Fact | None:
    """Return the fact that a line of the own log tells, None when it changes no figure."""
    if line.get("t") != "act":
        return None
    if line.get("reported"):
        return None  # it came too late to be a step: the system keeps it as a report, and no figure changes
    asked, answered = _time(line["asked"]), _time(line["answered"])
    happened = line.get("happened")
    when = Moment(_time(happened[0]), _time(happened[1])) if happened else Moment(asked, answered)
    return Fact(str(line["what"]), when, line, answered)


def fact_of_event(event: Event) -> Fact | None:
    """Return the fact that an event of the system's log tells, in the words of the own log."""
    at, data = Moment(event.occurred_at, event.occurred_at), event.data
    subject, case = event.subject_id, str(event.incident_id)
    match event.kind:
        case "call_received":
            return Fact("call", at, {"call": subject, "simulated": data.get("speed_factor") is not None})
        case "call_taken":
            return Fact("take", at, {"call": subject})
        case "call_reopened":
            return Fact("reopen", at, {"call": subject})
        case "call_disposed":
            return Fact("dispose", at, {"call": subject, "disposal": data.get("disposal")})
        case "call_linked":
            return Fact("link", at, {"call": subject, "incident": case})
        case "incident_reported":
            about = {"call": data.get("call_id"), "incident": subject, "confirmed": False}
            return Fact("open", at, about)
        case "incident_confirmed":
            return Fact("confirm", at, {"incident": subject})
        case "incident_closed":
            return Fact("close", at, {"incident": subject, "closing_code": data.get("closing_code")})
        case "incident_cancelled":
            return Fact("cancel", at, {"incident": subject})
        case "unit_assigned":
            about = {"incident": case, "run": subject, "tracking": data.get("tracking")}
            return Fact("send", at, about)
        case kind if kind in _STEPS:
            about = {"incident": case, "run": subject, "to": _ENDS_OF_EVENTS.get(kind) or data.get("to")}
            return Fact("step", at, about)
        case _:
            return None


Key = tuple[str, str]
"""What happened, and to which subject: the same for an act and for the event that it makes."""


def keys_of_act(line: Line) -> set[Key]:
    """Return the keys of all events that an own act may make."""
    call, case, run = str(line.get("call")), str(line.get("incident")), str(line.get("run"))
    match line["what"]:
        case "call" | "take" | "dispose" | "link" as what:
            return {(what, call)}
        case "cancel_call":
            return {("dispose", call)}
        case "open":
            return {("open", case), ("link", call), ("confirm", case)}
        case "confirm" | "close" as what:
            return {(what, case)}
        case "cancel":
            return {("cancel", case), ("stood_down in", case)}
        case "send":
            return {("send", run)}
        case "step":
            return {("step", f"{run} {line.get('to')}")}
        case "stand_down":
            return {("step", f"{run} stood_down")}
        case _:
            return set()


def sure_keys(fact: Fact) -> set[Key]:
    """Return the keys of the events that an act that was answered must have made."""
    keys = keys_of_act({"what": fact.what, **fact.about})
    if fact.what == "cancel_call":
        return set()  # once an operator has the call, it is a wish
    if fact.what == "open" and not fact.about.get("confirmed"):
        keys.discard(("confirm", str(fact.about.get("incident"))))
    return {key for key in keys if key[0] != "stood_down in"}


def keys_of_event(event: Event, fact: Fact) -> set[Key]:
    """Return the keys of an event; a unit stood down has one for its case too: that may be cancelled."""
    about = fact.about
    match fact.what:
        case "call" | "take" | "dispose" | "link" | "reopen" as what:
            return {(what, str(about["call"]))}
        case "send":
            return {("send", str(about["run"]))}
        case "step":
            keys = {("step", f"{about['run']} {about['to']}")}
            if event.kind == "assignment_stood_down":
                keys.add(("stood_down in", str(about["incident"])))
            return keys
        case what:
            return {(what, str(about["incident"]))}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
