"""The audit of a fault trial finds what is lost, doubled and wrong: it would be worth nothing otherwise."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chaos.audit import Findings, audit, audit_messages, audit_screen
from chaos.board import Picture
from chaos.clock_errors import Look
from chaos.ledger import Ledger, RefusedFix, Step
from chaos.reading import Held, Stamped
from chaos.stage import REGENCY
from dispatch.notify.files import FileTransport
from dispatch.notify.transport import Message

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
HOURS = timedelta(hours=3)
RIGHT = Look(AT, timedelta(0), apart=False, setting=0)
WRONG = Look(AT, HOURS, apart=True, setting=1)
FUTURE = "The fix lies in the future; check the phone's clock"
OFF_DUTY = "The fix was made while not signed on to a unit"


def event(seq: int, kind: str, subject: str, incident: str | None = None, **data: Any) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "subject_id": subject, "incident_id": incident, "data": data}


EVENTS = [
    event(1, "call_received", "call"),
    event(2, "call_taken", "call"),
    event(3, "incident_reported", "case", "case", call_id="call"),
    event(4, "unit_assigned", "run", "case", origin="operator", unit_id="unit"),
    event(5, "assignment_stepped", "run", "case", to="accepted"),
    event(6, "incident_closed", "case", "case"),
]


@pytest.fixture
def ledger() -> Ledger:
    told = Ledger(calls={"call"}, taken={"call"}, incidents={"call": "case"}, sends={"run": "case"})
    told.callbacks["call"] = 1
    told.closed = {"case"}
    told.steps = [Step("run", "accepted", AT.isoformat(), RIGHT)]
    told.fixes["phone"] = {1, 2}
    told.fix_times["phone"] = {1: AT}
    return told


@pytest.fixture
def held() -> Held:
    return Held(
        events=deepcopy(EVENTS),
        calls={"call"},
        callbacks=Counter({"call": 1}),
        stamps={"run": [Stamped("accepted_at", AT, False)]},
        fixes={"phone": Counter({1: 1, 2: 1})},
        fix_times={"phone": {1: AT, 2: AT + HOURS}},
        latest={"phone": 2},
        messages={},
        unsent=[],
    )


def test_what_agrees_is_clean(ledger: Ledger, held: Held) -> None:
    assert audit(ledger, held).clean


@pytest.mark.parametrize(
    "missing",
    [
        {"calls": set()},
        {"callbacks": Counter()},
        {"stamps": {}},
        {"fixes": {"phone": Counter({1: 1})}},
        {"latest": {}},
        *({"events": [e for e in EVENTS if e["seq"] != gone]} for gone in range(1, 7)),
    ],
)
def test_what_is_missing_is_lost(ledger: Ledger, held: Held, missing: dict[str, Any]) -> None:
    assert audit(ledger, replace(held, **missing)).lost


@pytest.mark.parametrize(
    "more",
    [
        {"callbacks": Counter({"call": 2})},
        {"stamps": {"run": [Stamped("accepted_at", AT, False)] * 2}},
        {"fixes": {"phone": Counter({1: 2, 2: 1})}},
        *({"events": [*EVENTS, {**EVENTS[again], "seq": 7}]} for again in range(6)),
        {
            "events": [
                *EVENTS,
                event(7, "unit_assigned", "another run", "case", origin="operator", unit_id="unit"),
            ]
        },
    ],
)
def test_what_is_there_twice_is_doubled(ledger: Ledger, held: Held, more: dict[str, Any]) -> None:
    assert audit(ledger, replace(held, **more)).doubled


def test_a_unit_sent_to_two_cases_at_once_is_doubled_though_both_were_acknowledged_and_have_ended(
    ledger: Ledger, held: Held
) -> None:
    ledger.calls.add("call 2")
    ledger.taken.add("call 2")
    ledger.incidents["call 2"], ledger.sends["run 2"] = "case 2", "case 2"
    other = [
        ("call_received", "call 2", {}),
        ("call_taken", "call 2", {}),
        ("incident_reported", "case 2", {"call_id": "call 2"}),
        ("unit_assigned", "run 2", {"origin": "operator", "unit_id": "unit"}),
    ]
    ends = [("unit_cleared", "run", {"to": "cleared"}), ("assignment_stood_down", "run 2", {})]
    held.calls.add("call 2")

    def log(*happened: tuple[str, str, dict[str, Any]]) -> Held:
        more = [
            event(seq, kind, subject, "case 2", **data)
            for seq, (kind, subject, data) in enumerate(happened, 7)
        ]
        return replace(held, events=[*EVENTS, *more])

    assert audit(ledger, log(*other, *ends)).doubled == ["unit unit sent as run 2 while run had not ended"]
    assert audit(ledger, log(ends[0], *other, ends[1])).clean


def test_a_stamp_at_another_time_and_a_marker_moved_back_are_wrong(ledger: Ledger, held: Held) -> None:
    late = {"run": [Stamped("accepted_at", AT + timedelta(seconds=6), True)]}
    assert audit(ledger, replace(held, stamps=late)).wrong
    assert audit(ledger, replace(held, latest={"phone": 1})).wrong


@pytest.mark.parametrize(
    ("at", "corrected", "clean"),
    [
        (AT, True, True),
        (AT + timedelta(seconds=4), True, True),
        (AT + timedelta(seconds=6), True, False),
        (AT + HOURS, True, False),
        (AT + HOURS, False, False),
        (AT, False, False),
    ],
)
def test_a_stamp_by_a_wrong_clock_is_put_right_to_seconds_and_says_so(
    ledger: Ledger, held: Held, at: datetime, corrected: bool, clean: bool
) -> None:
    ledger.steps = [Step("run", "accepted", (AT + HOURS).isoformat(), WRONG)]
    stamps = {"run": [Stamped("accepted_at", at, corrected)]}
    assert audit(ledger, replace(held, stamps=stamps)).clean == clean


def test_a_stamp_is_not_before_its_run_and_one_across_a_setting_only_has_to_be_there(
    ledger: Ledger, held: Held
) -> None:
    offered = Stamped("offered_at", AT + HOURS, False)
    stamps = {"run": [offered, Stamped("accepted_at", AT + HOURS, True)]}
    assert audit(ledger, replace(held, stamps=stamps)).clean
    ledger.steps = [Step("run", "accepted", AT.isoformat(), None)]
    anywhere = {"run": [Stamped("accepted_at", AT - HOURS, True)]}
    assert audit(ledger, replace(held, stamps=anywhere)).clean
    assert audit(ledger, replace(held, stamps={})).lost


def test_a_fix_at_another_time_is_wrong(ledger: Ledger, held: Held) -> None:
    assert audit(ledger, replace(held, fix_times={"phone": {1: AT + HOURS, 2: AT}})).wrong


@pytest.mark.parametrize(
    ("set_back", "reason", "clean"),
    [
        ([HOURS], FUTURE, True),
        ([-HOURS], OFF_DUTY, True),
        ([], FUTURE, False),
        ([], OFF_DUTY, False),
        ([HOURS], OFF_DUTY, False),
        ([-HOURS], FUTURE, False),
        ([HOURS], "Coordinates 0, 0 out of range", False),
    ],
)
def test_only_a_fix_from_across_a_setting_is_refused_and_with_the_reason_promised(
    ledger: Ledger, held: Held, set_back: list[timedelta], reason: str, clean: bool
) -> None:
    ledger.refused_fixes = [RefusedFix("crew", 3, reason, frozenset(set_back))]
    assert audit(ledger, held).clean == clean


async def test_a_second_message_about_the_same_is_doubled_and_the_same_one_again_is_not(
    held: Held, tmp_path: Path
) -> None:
    first, second = UUID(int=1), UUID(int=2)
    files = FileTransport(tmp_path)
    for one in (first, first, second):
        await files.deliver(Message(one, REGENCY, "+62800", "Tugas baru", "offer", AT))

    def found(**subjects: str) -> Findings:
        findings = Findings()
        about = {str(UUID(int=int(name[1:]))): subject for name, subject in subjects.items()}
        audit_messages(replace(held, messages=about), tmp_path, findings)
        return findings

    assert found(m1="notice", m2="another").clean
    assert found(m1="notice", m2="notice").doubled
    assert found(m3="notice").lost


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (EVENTS[:-1], "lost"),
        ([*EVENTS, EVENTS[-1]], "doubled"),
        ([EVENTS[1], EVENTS[0], *EVENTS[2:]], "wrong"),
    ],
)
def test_a_console_that_was_shown_something_else_is_found(shown: list[dict[str, Any]], kind: str) -> None:
    findings = Findings()
    audit_screen("operator", shown, EVENTS, findings)
    assert getattr(findings, kind)


def test_a_console_that_was_shown_the_log_is_clean() -> None:
    findings = Findings()
    audit_screen("operator", list(EVENTS), EVENTS, findings)
    assert findings.clean


def test_the_picture_follows_a_case_to_its_end() -> None:
    picture = Picture()
    for one in EVENTS[:5]:
        picture.take(one)
    assert picture.calls == {"call": "taken"}
    assert picture.incidents == {"case": "reported"}
    assert picture.runs == {"run": ("case", "unit", "accepted")}
    picture.take(EVENTS[5])
    assert (picture.incidents, picture.runs) == ({}, {})
