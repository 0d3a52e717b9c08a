"""Random walks over the services on the real database: whatever people do, the invariants hold."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from case_scene import CAUSE, Case, S, along, open_case
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from timer_check import check_timers

from dispatch.domain.assignment import DeclineReason, NoTransport, crew_moves
from dispatch.domain.call import CallbackOutcome, Disposal
from dispatch.domain.errors import DispatchError
from dispatch.domain.incident import CancelReason
from dispatch.domain.patient import Outcome
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason, unit_status
from dispatch.services.cancel_call import cancel_call
from dispatch.services.change_destination import change_destination
from dispatch.services.change_incident import PatientChange, add_patient, change_patient
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.crew_calls import CallOutcome, answer_crew_call
from dispatch.services.crew_notices import acknowledge_notice, note_shown
from dispatch.services.end_incident import cancel_incident, close_incident
from dispatch.services.facility_desk import RefusalReason, accept_run, countersign, refuse_run
from dispatch.services.handle_call import dispose_call, record_callback, reopen_call, take_call
from dispatch.services.open_incident import Judgement, confirm_incident, link_call, open_incident
from dispatch.services.readiness import make_available, make_unavailable
from dispatch.services.sessions import SignedIn
from dispatch.services.signals import watch_signals
from dispatch.services.stand_down import acknowledge_stand_down, stand_down
from dispatch.services.unit_state import list_units
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.verify_log import verify_log

_codes = count(1)
picks = st.integers(0, 1_000)
CHANGES = ["confirm", "link", "close", "cancel", "add", "outcome"]

# What is open and nobody is responsible for: no timer, no run, nobody aboard.
_CALLS_ALONE = """
    SELECT c.id, c.state FROM call c WHERE c.regency_id = :r AND c.state IN ('ringing', 'taken')
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.subject_id = c.id AND t.done_at IS NULL
                    AND t.kind = CASE c.state WHEN 'ringing' THEN 'call_unanswered'
                        ELSE 'call_no_verdict' END)
"""
_INCIDENTS_ALONE = """
    SELECT i.id, i.state FROM incident i WHERE i.regency_id = :r AND i.state IN ('reported', 'confirmed')
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.subject_id = i.id AND t.done_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.incident_id = i.id AND a.released_at IS NULL)
"""
_RUNS_ALONE = """
    SELECT a.id, a.state FROM assignment a WHERE a.regency_id = :r
    AND a.state IN ('offered', 'accepted', 'at_facility')
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.subject_id = a.id AND t.done_at IS NULL)
"""
_RUNS_OF_NOBODY = """
    SELECT a.id FROM assignment a JOIN unit u ON u.id = a.unit_id
    WHERE a.regency_id = :r AND a.released_at IS NULL AND u.tracking = 'app'
    AND NOT EXISTS (SELECT 1 FROM shift s JOIN crew_membership m ON m.shift_id = s.id
                    WHERE s.unit_id = u.id AND s.closed_at IS NULL AND m.left_at IS NULL)
"""
_WAITING_WITH_A_UNIT = """
    SELECT i.id FROM incident i JOIN assignment a ON a.incident_id = i.id AND a.released_at IS NULL
    WHERE i.regency_id = :r AND (i.waiting_since IS NOT NULL OR i.state NOT IN ('reported', 'confirmed'))
"""
_TIMERS_OF_WHAT_HAS_ENDED = """
    SELECT t.kind FROM timer t WHERE t.regency_id = :r AND t.done_at IS NULL AND (
        EXISTS (SELECT 1 FROM incident i WHERE i.id = t.subject_id
                AND i.state NOT IN ('reported', 'confirmed'))
        OR EXISTS (SELECT 1 FROM assignment a WHERE a.id = t.subject_id AND a.released_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM call c WHERE c.id = t.subject_id AND c.state IN ('linked', 'disposed'))
        -- a caller may wish to cancel a case that goes on; which of these runs is checked one by one
        AND t.kind <> 'cancel_unheeded')
"""
_HANDED_OVER_WITHOUT_A_RECEIVER = """
    SELECT p.id FROM patient p WHERE p.regency_id = :r AND p.outcome = 'handed_over'
    AND NOT EXISTS (SELECT 1 FROM leg_patient lp JOIN leg l ON l.id = lp.leg_id
                    WHERE lp.patient_id = p.id AND l.receiver_name IS NOT NULL)
"""
_UNITS = """
    SELECT u.id,
        (SELECT count(*) FROM assignment a WHERE a.unit_id = u.id AND a.released_at IS NULL) AS runs,
        EXISTS (SELECT 1 FROM shift s WHERE s.unit_id = u.id AND s.opened_at IS NOT NULL
                AND s.closed_at IS NULL) AS manned,
        EXISTS (SELECT 1 FROM unavailability x WHERE x.unit_id = u.id AND x.ended_at IS NULL) AS parked
    FROM unit u WHERE u.regency_id = :r
"""
NEVER = {
    "a call has neither owner nor timer": _CALLS_ALONE,
    "an incident has neither run nor timer": _INCIDENTS_ALONE,
    "a run waits for something and has no timer": _RUNS_ALONE,
    "a tracked unit is on a run with nobody aboard": _RUNS_OF_NOBODY,
    "a case waits, or has ended, with a unit on the way": _WAITING_WITH_A_UNIT,
    "a timer outlives what it waits for": _TIMERS_OF_WHAT_HAS_ENDED,
    "a patient was handed over to nobody": _HANDED_OVER_WITHOUT_A_RECEIVER,
}
_EVER = " UNION ALL ".join(f"SELECT '{what}' AS what FROM ({query}) x" for what, query in NEVER.items())


class Walk(RuleBasedStateMachine):
    """Operators, crews and time do anything in any order; refusals are fine, everything else is not."""

    database: Any
    run_dir: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        code = f"98.{next(_codes):02d}"
        opened = self.stack.enter_async_context(open_case(self.database, self.run_dir, code=code))
        self.case: Case = self.runner.run(opened)
        self.calls: list[UUID] = []
        self.incidents: list[UUID] = []
        self.refused = 0

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def try_to(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """Do it; a refusal is an answer, too."""
        try:
            return self.runner.run(doing)
        except DispatchError:
            self.refused += 1
            return None

    def ids(self, query: str) -> list[UUID]:
        """Ids that a query gives."""
        rows = self.runner.run(self.case.rows(query, r=self.case.entry.tenant.id))
        return [row.id for row in rows]

    @property
    def about(self) -> tuple[Any, Any, Any]:
        return self.case.centre, self.case.entry, self.case.operator

    # --- calls ---

    @initialize(placed=st.booleans(), patients=st.integers(0, 2))
    def begin(self, placed: bool, patients: int) -> None:
        """Two cases to begin with, one of them on its way."""
        self.ring(True)
        self.judge(0, Triage.RED, True, True, patients)
        self.ring(placed)
        self.judge(1, Triage.YELLOW, placed, placed, 1)
        self.send(0, 0)

    @precondition(lambda self: len(self.calls) < 6)
    @rule(placed=st.booleans())
    def ring(self, placed: bool) -> None:
        receipt = self.try_to(self.case.ring(along(0) if placed else None))
        self.calls.append(receipt.call_id)

    @precondition(lambda self: self.calls)
    @rule(pick=picks, what=st.sampled_from(["take", "call back", "reached", "dispose", "reopen", "cancel"]))
    def handle(self, pick: int, what: str) -> None:
        call = self.calls[pick % len(self.calls)]
        if what == "take":
            self.try_to(take_call(*self.about, call, cause=CAUSE))
        elif what == "call back":
            self.try_to(record_callback(*self.about, call, CallbackOutcome.NO_ANSWER, None, cause=CAUSE))
        elif what == "reached":
            self.try_to(record_callback(*self.about, call, CallbackOutcome.ANSWERED, None, cause=CAUSE))
        elif what == "cancel":
            self.try_to(cancel_call(*self.about, call, cause=CAUSE))
        elif what == "dispose":
            self.try_to(dispose_call(*self.about, call, Disposal.SILENT, cause=CAUSE))
        else:
            self.try_to(reopen_call(*self.about, call, cause=CAUSE))

    @precondition(lambda self: self.calls)
    @rule(
        pick=picks,
        triage=st.sampled_from([None, *Triage]),
        confirmed=st.booleans(),
        placed=st.booleans(),
        patients=st.integers(0, 2),
    )
    def judge(self, pick: int, triage: Triage | None, confirmed: bool, placed: bool, patients: int) -> None:
        fresh = self.ids(
            "SELECT id FROM call WHERE regency_id = :r AND state <> 'linked' ORDER BY received_at, id"
        )
        call = fresh[pick % len(fresh)] if fresh else self.calls[0]
        judgement = Judgement(confirmed, triage, place=along(200) if placed else None, patients=patients)
        opened = self.try_to(open_incident(*self.about, call, judgement, cause=CAUSE))
        if opened is not None:
            self.incidents.append(opened.incident_id)

    # --- incidents ---

    @precondition(lambda self: self.incidents)
    @rule(
        pick=picks,
        other=picks,
        what=st.sampled_from(["confirm", "link", "close", "cancel", "add", "outcome"]),
    )
    def change(self, pick: int, other: int, what: str) -> None:
        incident = self.incidents[pick % len(self.incidents)]
        if what == "confirm":
            self.try_to(confirm_incident(*self.about, incident, Judgement(triage=Triage.YELLOW), cause=CAUSE))
        elif what == "link":
            call = self.calls[other % len(self.calls)]
            self.try_to(link_call(*self.about, call, incident, cause=CAUSE))
        elif what == "close":
            self.try_to(close_incident(*self.about, incident, cause=CAUSE))
        elif what == "cancel":
            self.try_to(cancel_incident(*self.about, incident, CancelReason.NOT_NEEDED, cause=CAUSE))
        elif what == "add":
            self.try_to(add_patient(*self.about, incident, PatientChange(), cause=CAUSE))
        elif patients := self.ids(f"SELECT id FROM patient WHERE incident_id = '{incident}' ORDER BY id"):
            done = PatientChange(outcome=Outcome.TREATED_ON_SCENE)
            self.try_to(change_patient(*self.about, patients[other % len(patients)], done, cause=CAUSE))

    @precondition(lambda self: self.incidents)
    @rule(pick=picks, unit=picks)
    def send(self, pick: int, unit: int) -> None:
        signs = sorted(self.case.units)
        self.try_to(self.case.send(signs[unit % len(signs)], self.incidents[pick % len(self.incidents)]))

    @precondition(lambda self: self.incidents)
    @rule(pick=picks, to=st.sampled_from(S), late=st.sampled_from([None, 5, 60]))
    def step(self, pick: int, to: S, late: int | None) -> None:
        if runs := self.runs():
            given: dict[str, Any] = {"reason": DeclineReason.OTHER, "code": NoTransport.NOT_FOUND}
            if late is not None:
                given |= {"device_at": self.case.now - self.case.now.resolution * late * 1_000_000}
            self.try_to(self.case.step(runs[pick % len(runs)], to, **given))

    @precondition(lambda self: self.incidents)
    @rule(pick=picks, forward=st.integers(0, 3), times=st.integers(1, 4))
    def go_on(self, pick: int, forward: int, times: int) -> None:
        """Steps that are legal, most of the time forward."""
        for _ in range(times):
            self.one_more(pick, forward)

    def one_more(self, pick: int, forward: int) -> None:
        """A legal step of some open run."""
        runs = self.ids("SELECT id FROM assignment WHERE regency_id = :r AND released_at IS NULL ORDER BY id")
        if runs:
            run = runs[pick % len(runs)]
            moves = self.runner.run(_moves(self.case, run))
            to = moves[min(forward, len(moves) - 1)]
            self.try_to(self.case.step(run, to, reason=DeclineReason.CREW, code=NoTransport.TREATED_ON_SCENE))

    @precondition(lambda self: self.incidents)
    @rule(pick=picks)
    def stand_down(self, pick: int) -> None:
        if runs := self.runs():
            self.try_to(stand_down(*self.about, runs[pick % len(runs)], "uji", cause=CAUSE))

    def runs(self) -> list[UUID]:
        """All runs, ended ones too."""
        return self.ids("SELECT id FROM assignment WHERE regency_id = :r ORDER BY id")

    # --- units ---

    @rule(sign=st.sampled_from(["A-1", "A-2", "A-3"]), to=st.sampled_from(["A-1", "A-2", "A-3", None]))
    def change_crew(self, sign: str, to: str | None) -> None:
        centre, entry, driver = self.case.centre, self.case.entry, self.case.crew[sign]
        if to is None:
            self.try_to(sign_off(centre, entry, driver, cause=CAUSE))
        else:
            self.try_to(sign_on(centre, entry, driver, to, None, cause=CAUSE))

    @rule(
        unit=picks,
        ready=st.sampled_from([True, True, False]),
        expected=st.sampled_from([None, -60, 30, 3_600]),
    )
    def change_readiness(self, unit: int, ready: bool, expected: int | None) -> None:
        unit_id = self.case.units[sorted(self.case.units)[unit % len(self.case.units)]]
        if ready:
            self.try_to(make_available(*self.about, unit_id, cause=CAUSE))
        else:
            why = UnavailabilityReason.FUEL
            until = None if expected is None else self.case.now + timedelta(seconds=expected)
            self.try_to(make_unavailable(*self.about, unit_id, why, None, until, cause=CAUSE))

    # --- facilities, and what crews are told ---

    @precondition(lambda self: self.incidents)
    @rule(pick=picks, what=st.sampled_from(["accept", "refuse", "countersign", "elsewhere", "outside"]))
    def take_patients_in(self, pick: int, what: str) -> None:
        legs = self.ids("SELECT id FROM leg WHERE regency_id = :r ORDER BY id")
        if not legs:
            return
        leg = legs[pick % len(legs)]
        desk = SignedIn(leg, self.case.entry, self.case.operator, None)
        if what == "accept":
            self.try_to(accept_run(self.case.centre, desk, leg, "3", cause=CAUSE))
        elif what == "refuse":
            self.try_to(refuse_run(self.case.centre, desk, leg, RefusalReason.NO_BED, cause=CAUSE))
        elif what == "countersign":
            self.try_to(countersign(self.case.centre, desk, leg, cause=CAUSE))
        else:
            (run,) = self.ids(f"SELECT assignment_id AS id FROM leg WHERE id = '{leg}'")
            clinic = self.case.facilities["clinic"] if what == "elsewhere" else None
            other = None if clinic else "Klinik Uji"
            self.try_to(change_destination(*self.about, run, clinic, other, cause=CAUSE))

    @precondition(lambda self: self.incidents)
    @rule(pick=picks, what=st.sampled_from(["shown", "understood", "stood down", *CallOutcome]))
    def tell_crews(self, pick: int, what: str) -> None:
        notices = self.ids("SELECT id FROM crew_notice WHERE regency_id = :r ORDER BY id")
        if not notices:
            return
        notice = notices[pick % len(notices)]
        driver = self.case.crew[f"A-{1 + pick % 3}"]
        crew = (self.case.centre, self.case.entry, driver)
        if what == "shown":
            self.try_to(note_shown(*crew, notice, cause=CAUSE))
        elif what == "understood":
            self.try_to(acknowledge_notice(*crew, notice, cause=CAUSE))
        elif what == "stood down":
            (run,) = self.ids(f"SELECT assignment_id AS id FROM crew_notice WHERE id = '{notice}'")
            self.try_to(acknowledge_stand_down(*crew, run, cause=CAUSE))
        else:
            self.try_to(answer_crew_call(*self.about, notice, CallOutcome(what), cause=CAUSE))

    @rule(seconds=st.sampled_from([1, 6, 20, 61, 700]), looking=st.booleans())
    def wait(self, seconds: int, looking: bool) -> None:
        self.case.pass_time(seconds)
        self.runner.run(self.case.work())
        if looking:
            self.runner.run(watch_signals(self.case.centre, self.case.entry))

    # --- what must hold ---

    @invariant()
    def nothing_is_left_alone(self) -> None:
        found = self.runner.run(self.case.rows(_EVER, r=self.case.entry.tenant.id))
        assert [row.what for row in found] == []

    @invariant()
    def the_timers_are_those_of_the_table(self) -> None:
        self.runner.run(check_timers(self.case))

    @invariant()
    def the_log_is_whole_and_rebuilds_the_tables(self) -> None:
        self.runner.run(self._check_log())

    async def _check_log(self) -> None:
        async with self.case.centre.snapshot(self.case.entry.tenant) as tx:
            assert (await verify_log(tx)).fault is None
            assert list(differences(await rebuild(tx), await current(tx))) == []

    @invariant()
    def status_is_derived(self) -> None:
        self.runner.run(self._check_status())

    async def _check_status(self) -> None:
        rows = await self.case.rows(_UNITS, r=self.case.entry.tenant.id)
        shown = {u.id: u.status for u in await list_units(self.case.centre, self.case.entry)}
        for row in rows:
            assert row.runs <= 1
            expected = unit_status(
                open_shift=row.manned, open_unavailability=row.parked, open_assignment=row.runs == 1
            )
            assert shown[row.id] is expected


async def _moves(case: Case, run: UUID) -> list[S]:
    return list(crew_moves(S(await case.state(run))))


def test_walks(module_database: Any, tmp_path: Path) -> None:
    Walk.database, Walk.run_dir = module_database, tmp_path
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # to shrink a walk takes minutes; its steps are printed as they are
            suppress_health_check=list(HealthCheck),
        ),
    )
