"""The audit after a fault: the clients' ledger against the database, screen by screen and row by row."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chaos.board import RUN_ENDS, Event
from chaos.clock_errors import BELIEVED_WITHIN
from chaos.ledger import Ledger, RefusedFix, Step
from chaos.reading import Held, Stamped
from chaos.stage import REGENCY

STAMP_OF = {
    "accepted": "accepted_at",
    "en_route": "en_route_at",
    "on_scene": "on_scene_at",
    "at_patient": "at_patient_at",
    "left_scene": "left_scene_at",
    "at_facility": "at_facility_at",
    "handed_over": "handed_over_at",
    "cleared": "available_at",
}
_ONCE = {
    "call_received",
    "call_taken",
    "call_linked",
    "incident_reported",
    "incident_confirmed",
    "incident_closed",
    "unit_assigned",
    "unit_cleared",
    "offer_timed_out",
    "offer_unacknowledged",
    "assignment_stood_down",
    "shift_opened",
}
"""Kinds of events that one subject has at most once within a trial."""
_REPEATING = {
    "call_unanswered",
    "verdict_overdue",
    "unit_overdue",
    "departure_overdue",
    "handover_overdue",
    "closure_overdue",
    "cancel_overdue",
    "return_overdue",
}
"""Alarms: each subject has each ring of them at most once."""
_CLOCK_TOLERANCE = timedelta(seconds=1)
_CORRECTED_TOLERANCE = BELIEVED_WITHIN
_IN_THE_FUTURE = "The fix lies in the future; check the phone's clock"
_OFF_DUTY = "The fix was made while not signed on to a unit"


@dataclass(slots=True)
class Findings:
    """What the audit found. `lost` was acknowledged and is not there; `doubled` is there more than once;
    `wrong` is anything else that does not agree."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether all agrees."""
        return not (self.lost or self.doubled or self.wrong)

    def all(self) -> Iterator[str]:
        """Yield every finding in words."""
        for kind, found in (("LOST", self.lost), ("DOUBLED", self.doubled), ("WRONG", self.wrong)):
            yield from (f"{kind} {one}" for one in found)


def audit(ledger: Ledger, held: Held) -> Findings:
    """Compare what was acknowledged with what is held."""
    findings = Findings()
    _calls(ledger, held, findings)
    _cases(ledger, held, findings)
    _one_run_at_a_time(held, findings)
    _steps(ledger, held, findings)
    _fixes(ledger, held, findings)
    _refused_fixes(ledger, findings)
    _events_once(held, findings)
    return findings


def _subjects(held: Held, *kinds: str) -> Counter[str]:
    return Counter(event["subject_id"] for event in held.events if event["kind"] in kinds)


def _missing(findings: Findings, what: str, acknowledged: Iterable[str], there: Iterable[str]) -> None:
    findings.lost += [f"{what} {one}" for one in sorted(set(acknowledged) - set(there))]


def _calls(ledger: Ledger, held: Held, findings: Findings) -> None:
    _missing(findings, "call", ledger.calls, held.calls)
    _missing(findings, "event of call", ledger.calls, _subjects(held, "call_received"))
    _missing(findings, "taking of call", ledger.taken, _subjects(held, "call_taken"))
    for call, times in ledger.callbacks.items():
        there = held.callbacks[call]
        if there < times:
            findings.lost.append(f"call-back to {call}: {there} of {times}")
        if there > times:
            findings.doubled.append(f"call-back to {call}: {there} for {times}")


def _cases(ledger: Ledger, held: Held, findings: Findings) -> None:
    reported = Counter(e["data"]["call_id"] for e in held.events if e["kind"] == "incident_reported")
    _missing(findings, "incident of call", ledger.incidents, reported)
    findings.doubled += [f"incident of call {call}" for call, n in reported.items() if n > 1]
    assigned = {e["subject_id"]: e for e in held.events if e["kind"] == "unit_assigned"}
    _missing(findings, "assignment", ledger.sends, assigned)
    by_operator = Counter(
        e["incident_id"] for e in assigned.values() if e["data"].get("origin") == "operator"
    )
    told = Counter(ledger.sends.values())
    findings.doubled += [
        f"sending to incident {incident}: {n} for {told[incident]}"
        for incident, n in by_operator.items()
        if n > told[incident]
    ]
    _missing(findings, "closing of incident", ledger.closed, _subjects(held, "incident_closed"))


def _one_run_at_a_time(held: Held, findings: Findings) -> None:
    """Follow every unit through the log: it is sent again once its run has ended, and not before.

    After the drain all runs have ended, so that nothing of it is left to be seen in the tables.
    """
    under_way: defaultdict[str, set[str]] = defaultdict(set)
    unit_of: dict[str, str] = {}
    for event in held.events:
        run = event["subject_id"]
        if event["kind"] == "unit_assigned":
            unit = unit_of[run] = event["data"]["unit_id"]
            others = under_way[unit] - {run}
            findings.doubled += [f"unit {unit} sent as {run} while {other} had not ended" for other in others]
            under_way[unit].add(run)
        elif event["kind"] in RUN_ENDS and run in unit_of:
            under_way[unit_of[run]].discard(run)


def _steps(ledger: Ledger, held: Held, findings: Findings) -> None:
    told: Counter[tuple[str, str]] = Counter()
    for event in held.events:
        if event["kind"] in ("assignment_stepped", "patient_handed_over", "unit_cleared"):
            told[event["subject_id"], event["data"]["to"]] += 1
        elif event["kind"] == "assignment_fact_reported":
            told[event["data"]["assignment_id"], event["data"]["step"]] += 1
    findings.doubled += [f"step {to} of {run}" for (run, to), n in told.items() if n > 1]
    for step in ledger.steps:
        if not told[step.assignment_id, step.to]:
            findings.lost.append(f"step {step.to} of {step.assignment_id}")
            continue
        stamps = [s for s in held.stamps.get(step.assignment_id, []) if s.name == STAMP_OF[step.to]]
        if not stamps:
            findings.lost.append(f"stamp {step.to} of {step.assignment_id}")
        if len(stamps) > 1:
            findings.doubled.append(f"stamp {step.to} of {step.assignment_id}")
        offered = [s for s in held.stamps.get(step.assignment_id, []) if s.name == "offered_at"]
        if stamps:
            findings.wrong += _wrong_time(step, stamps[0], offered)


def _wrong_time(step: Step, stamp: Stamped, offered: list[Stamped]) -> Iterator[str]:
    """Yield what is wrong with a stamp's time, which is the server's, whatever the phone's clock shows."""
    if step.taken is None:
        return
    # a server's clock that was set back has the run offered later than its steps: none is put before that
    due = max([step.taken.server_at, *(one.occurred_at for one in offered)])
    tolerance = _CORRECTED_TOLERANCE if step.taken.apart else _CLOCK_TOLERANCE
    if abs(stamp.occurred_at - due) > tolerance:
        yield f"stamp {step.to} at {stamp.occurred_at}, taken at {due}, reported at {step.device_at}"
    if step.taken.apart and not stamp.corrected:
        yield f"stamp {step.to} of {step.assignment_id} does not say that a clock was wrong"


def _fixes(ledger: Ledger, held: Held, findings: Findings) -> None:
    for phone, seqs in ledger.fixes.items():
        there = held.fixes.get(phone, Counter())
        findings.lost += [f"fix {seq} of {phone}" for seq in sorted(seqs - there.keys())]
        findings.doubled += [f"fix {seq} of {phone}" for seq, times in there.items() if times > 1]
        marker, newest = held.latest.get(phone), max(seqs)
        if marker is None:
            findings.lost.append(f"marker of {phone}, newest is {newest}")
        elif marker < newest:
            findings.wrong.append(f"marker of {phone} at fix {marker}, newest is {newest}")
        findings.wrong += [
            f"fix {seq} of {phone} made at {held.fix_times[phone][seq]}, not at {due}"
            for seq, due in ledger.fix_times[phone].items()
            if seq in there and abs(held.fix_times[phone][seq] - due) > _CORRECTED_TOLERANCE
        ]


def _refused_fixes(ledger: Ledger, findings: Findings) -> None:
    findings.wrong += [f"fix refused: {one}" for one in ledger.refused_fixes if not _promised(one)]


def _promised(refused: RefusedFix) -> bool:
    """Whether a fix is refused for what its clock has made of it.

    A phone corrects nothing that it has made: a fix of before its clock was set back lies in the future of
    the new one, and one of before it was put forward lies before the crew came aboard. No other is refused.
    """
    reasons = {_IN_THE_FUTURE if back > timedelta(0) else _OFF_DUTY for back in refused.set_back}
    return refused.reason in reasons


def _events_once(held: Held, findings: Findings) -> None:
    seen = Counter((e["kind"], e["subject_id"]) for e in held.events if e["kind"] in _ONCE)
    rings = Counter(
        (e["kind"], e["subject_id"], e["data"].get("times")) for e in held.events if e["kind"] in _REPEATING
    )
    for repeated in (seen, rings):
        findings.doubled += [f"event {' '.join(map(str, key))}" for key, n in repeated.items() if n > 1]
    seqs = [event["seq"] for event in held.events]
    if seqs and seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        findings.lost.append("events: the log has a gap")


def audit_messages(held: Held, outbox: Path, findings: Findings) -> None:
    """Compare the messages that count as sent with the files that were written.

    The same message delivered again, after a worker died before it could say so, is the same file: that is
    promised. A second message about the same thing to the same recipient is not.
    """
    written = [json.loads(path.read_bytes()) for path in (outbox / REGENCY).glob("*.json")]
    recipients = {message["id"]: message["to"] for message in written}
    _missing(findings, "message", held.messages, recipients)
    told = Counter((subject, recipients[one]) for one, subject in held.messages.items() if one in recipients)
    findings.doubled += [f"message about {subject} to {to}" for (subject, to), n in told.items() if n > 1]
    findings.wrong += [f"message {one} was never sent" for one in held.unsent]


def audit_screen(name: str, shown: list[Event], log: list[Event], findings: Findings) -> None:
    """Compare the events that one console was shown with the same stretch of the log."""
    there = [(e["seq"], e["kind"], e["subject_id"]) for e in log]
    seen = [(e["seq"], e["kind"], e["subject_id"]) for e in shown]
    if len(seen) != len(set(seen)):
        findings.doubled.append(f"event on the console of {name}")
    if seen != there[: len(seen)]:
        findings.wrong.append(f"the console of {name} was shown other events than the log holds")
    if len(seen) < len(there):
        findings.lost.append(f"{len(there) - len(seen)} events at the console of {name}")
