"""What the rehearsal hears of calls and cases in the event feed, and which ones people have taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from rehearsal.shapes import Event, Place

RELEASED = frozenset(
    {"cleared", "declined", "timed_out", "stood_down", "diverted", "completed_without_transport"}
)
_ENDS = {
    "incident_closed": "closed",
    "incident_cancelled": "cancelled",
}
_RUN_ENDS = {
    "unit_cleared": "cleared",
    "run_ended_without_transport": "completed_without_transport",
    "offer_declined": "declined",
    "offer_timed_out": "timed_out",
    "assignment_stood_down": "stood_down",
}
_OPERATORS = ("staff:operator:", "staff:admin:")


@dataclass(slots=True)
class RunNote:
    """One unit's run. `by_person` once a person has stepped it; `destination` is a facility's id, and
    `refused_by` are those that could not take its patient."""

    id: str
    incident_id: str
    unit_id: str
    call_sign: str
    tracking: str
    origin: str
    predicted_s: float | None
    state: str = "offered"
    by_person: bool = False
    leg_id: str | None = None
    destination: str | None = None
    answered: str | None = None
    refused_by: set[str] = field(default_factory=set)

    @property
    def open(self) -> bool:
        """Whether the unit is still bound by it."""
        return self.state not in RELEASED


@dataclass(slots=True)
class CaseNote:
    """One incident."""

    id: str
    number: str
    triage: str | None
    place: Place | None
    persons: bool = False
    ended: bool = False
    runs: dict[str, RunNote] = field(default_factory=dict)

    def open_runs(self) -> list[RunNote]:
        """Return the runs that have not ended, the first sent first."""
        return [run for run in self.runs.values() if run.open]


@dataclass(slots=True)
class CallNote:
    """One call; `persons` once a person has dealt with it as an operator."""

    id: str
    by: str
    state: str = "ringing"
    place: Place | None = None
    persons: bool = False
    incident_id: str | None = None


class Casebook:
    """Everything open, as told by events.

    own: the rehearsal's own actors, as events name them; operators who are not among them are people.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self.own = set(own)
        self.seq = 0
        self.calls: dict[str, CallNote] = {}
        self.cases: dict[str, CaseNote] = {}
        self.run_of_unit: dict[str, str] = {}
        self.people_aboard: dict[str, set[str]] = {}
        self.taken_over = 0
        self.listeners: list[Callable[[Event], None]] = []

    def is_person(self, actor: str) -> bool:
        """Whether an actor is a member of staff who is none of ours."""
        return actor.startswith("staff:") and actor not in self.own

    def is_foreign_operator(self, actor: str) -> bool:
        """Whether an actor is a person at an operator's console."""
        return actor.startswith(_OPERATORS) and actor not in self.own

    def run(self, run_id: str) -> RunNote | None:
        """Return an open case's run."""
        return next((case.runs[run_id] for case in self.cases.values() if run_id in case.runs), None)

    def ours(self, case_id: str) -> bool:
        """Whether an incident is open and no person has taken it over."""
        case = self.cases.get(case_id)
        return case is not None and not case.persons and not case.ended

    def call_is_ours(self, call_id: str) -> bool:
        """Whether a call waits for an operator, and no person has taken it over."""
        call = self.calls.get(call_id)
        return call is not None and not call.persons and call.state in ("ringing", "taken")

    def hear(self, event: Event) -> None:
        """Note one event, then tell the listeners."""
        if event.seq <= self.seq:
            return
        self.seq = event.seq
        self._note(event)
        if self.is_foreign_operator(event.actor):
            self._hand_over(event)
        for listen in self.listeners:
            listen(event)
        self._forget(event)

    def _note(self, event: Event) -> None:
        data, about = event.data, event.subject_id
        match event.kind:
            case "call_received":
                self.calls[about] = CallNote(about, event.actor, place=_place(data))
            case "call_located" if about in self.calls:
                self.calls[about].place = _place(data) or self.calls[about].place
            case "call_taken" | "call_reopened" if about in self.calls:
                self.calls[about].state = "taken"
            case "call_disposed" if about in self.calls:
                self.calls[about].state = "disposed"
            case "call_linked" if about in self.calls:
                self.calls[about].state = "linked"
                self.calls[about].incident_id = _text(event.incident_id)
            case "incident_reported":
                number = str(data.get("number", ""))
                self.cases[about] = CaseNote(about, number, data.get("triage"), _place(data))
            case "incident_confirmed" | "incident_changed" if about in self.cases:
                self.cases[about].triage = data.get("triage")
                self.cases[about].place = _place(data) or self.cases[about].place
            case "incident_closed" | "incident_cancelled" if about in self.cases:
                self.cases[about].ended = True
            case "shift_opened" | "crew_changed" | "shift_closed":
                self._note_crew(data)
            case _:
                self._note_run(event)

    def _note_run(self, event: Event) -> None:
        data, case = event.data, self.cases.get(_text(event.incident_id) or "")
        if case is None:
            return
        if event.kind == "unit_assigned":
            case.runs[event.subject_id] = RunNote(
                event.subject_id,
                case.id,
                str(data["unit_id"]),
                str(data["call_sign"]),
                str(data["tracking"]),
                str(data["origin"]),
                data.get("predicted_s"),
            )
            self.run_of_unit[str(data["unit_id"])] = event.subject_id
            return
        run = case.runs.get(event.subject_id) or case.runs.get(str(data.get("assignment_id")))
        if run is None:
            return
        if event.kind in _RUN_ENDS:
            run.state = _RUN_ENDS[event.kind]
            self.run_of_unit.pop(run.unit_id, None)
        elif event.kind in ("assignment_stepped", "patient_handed_over"):
            run.state = str(data["to"])
            if data.get("leg_id"):
                if (run.leg_id, run.destination) != (data["leg_id"], data.get("facility_id")):
                    run.answered = None
                run.leg_id, run.destination = str(data["leg_id"]), _text(data.get("facility_id"))
            run.by_person = run.by_person or self.is_foreign_operator(event.actor)
        elif event.kind in ("facility_accepted", "facility_refused"):
            run.answered = event.kind.removeprefix("facility_")
            if run.answered == "refused" and run.destination is not None:
                run.refused_by.add(run.destination)

    def _note_crew(self, data: dict[str, Any]) -> None:
        unit = str(data.get("unit_id"))
        aboard = self.people_aboard.setdefault(unit, set())
        joined, left = data.get("joined"), data.get("left")
        if joined is not None and f"staff:driver:{joined}" not in self.own:
            aboard.add(str(joined))
        aboard.discard(str(left))
        if joined is None and left is None:
            aboard.clear()  # the roster closed the shift

    def _hand_over(self, event: Event) -> None:
        """A person has acted as an operator: what they acted on is theirs from now on."""
        call = self.calls.get(event.subject_id) or self.calls.get(str(event.data.get("call_id")))
        if call is not None and not call.persons:
            call.persons = True
            self.taken_over += call.by in self.own or call.state != "ringing"
        case = self.cases.get(_text(event.incident_id) or "")
        if case is not None and not case.persons:
            case.persons = True
            self.taken_over += 1

    def _forget(self, event: Event) -> None:
        """Keep nothing of what has ended but what a countersignature may still refer to."""
        if event.kind == "call_disposed":
            self.calls.pop(event.subject_id, None)
        if event.kind in _ENDS:
            self.cases.pop(event.subject_id, None)
            for call in [c for c in self.calls.values() if c.incident_id == event.subject_id]:
                del self.calls[call.id]


def _place(data: dict[str, Any]) -> Place | None:
    lon, lat = data.get("lon"), data.get("lat")
    return Place(float(lon), float(lat)) if lon is not None and lat is not None else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
