"""A console's own picture of the board: a snapshot, and every event since, folded into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
_CALL_STATES = {
    "call_received": "ringing",
    "call_taken": "taken",
    "call_reopened": "taken",
    "call_linked": None,
    "call_disposed": None,
}
_INCIDENT_STATES = {
    "incident_reported": "reported",
    "incident_confirmed": "confirmed",
    "incident_closed": None,
    "incident_cancelled": None,
}
RUN_ENDS = {
    "unit_cleared": "cleared",
    "run_ended_without_transport": "completed_without_transport",
    "offer_declined": "declined",
    "offer_timed_out": "timed_out",
    "assignment_stood_down": "stood_down",
}
_STEPPED = ("assignment_stepped", "patient_handed_over")


@dataclass(slots=True)
class Picture:
    """Everything open as of event `seq`: calls and incidents with their states, runs with unit and state."""

    seq: int = 0
    calls: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, str] = field(default_factory=dict)
    runs: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Assignment -> (incident, unit, state), for all runs of open incidents."""

    def take(self, event: Event) -> None:
        """Fold the next event in."""
        self.seq, kind, subject = event["seq"], event["kind"], event["subject_id"]
        if kind in _CALL_STATES:
            _put(self.calls, subject, _CALL_STATES[kind])
        elif kind in _INCIDENT_STATES:
            state = _INCIDENT_STATES[kind]
            _put(self.incidents, subject, state)
            if state is None:
                self.runs = {run: about for run, about in self.runs.items() if about[0] != subject}
        elif kind == "unit_assigned":
            self.runs[subject] = (event["incident_id"], event["data"]["unit_id"], "offered")
        elif kind in _STEPPED or kind in RUN_ENDS:
            state = RUN_ENDS.get(kind) or event["data"]["to"]
            if subject in self.runs:
                incident, unit, _ = self.runs[subject]
                self.runs[subject] = (incident, unit, state)


def _put(table: dict[str, str], key: str, state: str | None) -> None:
    if state is None:
        table.pop(key, None)
    else:
        table[key] = state


def picture_of(board: dict[str, Any]) -> Picture:
    """Return what a board as the system shows it says in these terms."""
    return Picture(
        seq=board["seq"],
        calls={call["id"]: call["state"] for call in board["calls"]},
        incidents={incident["id"]: incident["state"] for incident in board["incidents"]},
        runs={
            run["id"]: (incident["id"], run["unit_id"], run["state"])
            for incident in board["incidents"]
            for run in incident["runs"]
        },
    )
