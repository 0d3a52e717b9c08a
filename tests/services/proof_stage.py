"""Plays the model's moves on the real services and database, and reads it back as the model sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from case_scene import CAUSE, NOON, SCENE, Case, S
from proof_faults import Died, Search, Turnstile, firing_of_nothing, lose, with_turnstile
from sqlalchemy import text

from dispatch.domain.assignment import DeclineReason, NoTransport
from dispatch.domain.call import CallState, Channel, Disposal
from dispatch.domain.deadlines import CALL_KINDS, NEED_KINDS, RUN_KINDS, TimerKind
from dispatch.domain.errors import DispatchError
from dispatch.domain.incident import CancelReason, IncidentState
from dispatch.domain.patient import Outcome
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.jobs.timers import HANDLERS
from dispatch.services.centre import Centre
from dispatch.services.change_incident import PatientChange, change_patient
from dispatch.services.due_timers import Firing, claim_timer, settle_timer
from dispatch.services.end_incident import cancel_incident, close_incident
from dispatch.services.handle_call import dispose_call, reopen_call, take_call
from dispatch.services.open_incident import Judgement, confirm_incident, open_incident
from dispatch.services.readiness import make_available, make_unavailable
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.send_unit import send_unit
from dispatch.services.stand_down import stand_down
from dispatch.services.step_run import LATE_AFTER, Step, step_run
from dispatch.services.widen_offer import alert_next
from dispatch.storage.transaction import new_id
from proof.case import DUPLICATE, REORDER, RETRY, Run
from proof.case import Case as Model
from proof.moves import Label

LONG_AGO = NOON - timedelta(days=1)


@dataclass
class Actual:
    """The rows that one case of the model stands for."""

    call: UUID = field(default_factory=new_id)
    commands: dict[str, UUID] = field(default_factory=dict)
    incident: UUID | None = None
    runs: dict[int, UUID] = field(default_factory=dict)
    last_run: dict[int, UUID] = field(default_factory=dict)
    ended: dict[int, S] = field(default_factory=dict)
    told: dict[tuple[UUID, S], tuple[datetime, datetime]] = field(default_factory=dict)
    overtaken: int = 0
    search: Search | None = None

    def run(self, unit: int) -> UUID:
        """The unit's open run; when it has none, its last one."""
        return self.runs.get(unit) or self.last_run[unit]


class Stage:
    """One scene with the units and incidents of the model. Unit `n` of the model is `signs[n]`."""

    def __init__(self, case: Case, signs: list[str]) -> None:
        self.case = case
        self.signs = signs
        self.units = [case.units[sign] for sign in signs]
        self.cases: list[Actual] = []
        self._old: dict[tuple[UUID, str], Firing] = {}

    async def park_others(self) -> None:
        """Take out of service whoever the model does not have."""
        for sign, unit in self.case.units.items():
            if sign not in self.signs:
                await self._readiness(unit, ready=False)

    def begin(self, incidents: int) -> None:
        """Start anew: nothing has been rung."""
        self.cases = [Actual() for _ in range(incidents)]

    async def play(self, incident: int, label: Label, *, centre: Centre | None = None) -> str:
        """Do it; return `done`, `refused` or `died`. Time goes on by a second first."""
        self.case.pass_time(1)
        deeds: dict[str, Callable[..., Awaitable[Any]]] = {
            "ring": self._ring,
            "take": self._take,
            "dispose": self._dispose,
            "reopen": self._reopen,
            "open": self._open,
            "confirm": self._confirm,
            "outcome": self._outcome,
            "cancel": self._cancel,
            "close": self._close,
            "send": self._send,
            "step": self._step,
            "stand down": self._stand_down,
            "ended: step": self._step,
            "ended: stand down": self._stand_down,
            "ended: timer": self._timer,
            "timer": self._timer,
            "call timer": self._timer,
        }
        centre = centre or self.case.centre
        try:
            if incident < 0:
                await self._readiness(self.units[label.unit], ready=label.what == "back in service")
            elif label.what in deeds:
                await deeds[label.what](centre, self.cases[incident], label)
            else:
                await self._widen(self.cases[incident], label)
        except DispatchError:
            return "refused"
        except Died:
            return "died"
        finally:
            if incident >= 0:
                await self._find_runs(self.cases[incident])
        return "done"

    def was_told(self, incident: int, unit: int, to: S) -> bool:
        """Whether the crew has told this step of its run before."""
        it = self.cases[incident]
        return (it.run(unit), to) in it.told

    def ended_as(self, incident: int, unit: int) -> S:
        """How the unit's last run ended."""
        return self.cases[incident].ended[unit]

    # --- people ---

    def _who(self, centre: Centre) -> tuple[Centre, Any, Actor]:
        return centre, self.case.entry, self.case.operator

    async def _ring(self, centre: Centre, it: Actual, label: Label) -> None:

        request = HelpRequest(it.call, Channel.PHONE, SCENE)
        await request_help(*self._who(centre), request, cause=CAUSE)

    async def _take(self, centre: Centre, it: Actual, label: Label) -> None:
        owner = await self.case.rows("SELECT taken_by, state FROM call WHERE id = :i", i=it.call)
        free = owner[0].taken_by is None or owner[0].state == CallState.DISPOSED
        actor = self.case.operator if label.fault or free else self.case.colleague
        await take_call(centre, self.case.entry, actor, it.call, cause=CAUSE)

    async def _dispose(self, centre: Centre, it: Actual, label: Label) -> None:
        named = self._named(it, label)
        await dispose_call(*self._who(centre), it.call, Disposal.SILENT, cause=CAUSE, command_id=named)
        it.commands[label.what] = named

    async def _reopen(self, centre: Centre, it: Actual, label: Label) -> None:
        named = self._named(it, label)
        await reopen_call(*self._who(centre), it.call, cause=CAUSE, command_id=named)
        it.commands[label.what] = named

    def _named(self, it: Actual, label: Label) -> UUID:
        """The command's id: a repeat has that of the last that was done."""
        return it.commands[label.what] if label.fault else new_id()

    async def _open(self, centre: Centre, it: Actual, label: Label) -> None:
        judgement = Judgement(confirmed=not label.detail, triage=Triage.RED)
        opened = await open_incident(*self._who(centre), it.call, judgement, cause=CAUSE)
        it.incident = opened.incident_id

    async def _confirm(self, centre: Centre, it: Actual, label: Label) -> None:
        await confirm_incident(*self._who(centre), it.incident, Judgement(triage=Triage.RED), cause=CAUSE)

    async def _outcome(self, centre: Centre, it: Actual, label: Label) -> None:
        patient = await self.case.value("SELECT id FROM patient WHERE incident_id = :i", i=it.incident)
        known = await self.case.value("SELECT outcome FROM patient WHERE id = :i", i=patient)
        change = PatientChange(outcome=Outcome(known or Outcome.TREATED_ON_SCENE))
        await change_patient(*self._who(centre), patient, change, cause=CAUSE)

    async def _cancel(self, centre: Centre, it: Actual, label: Label) -> None:
        await cancel_incident(*self._who(centre), it.incident, CancelReason.NOT_NEEDED, cause=CAUSE)

    async def _close(self, centre: Centre, it: Actual, label: Label) -> None:
        await close_incident(*self._who(centre), it.incident, cause=CAUSE)

    async def _send(self, centre: Centre, it: Actual, label: Label) -> None:
        run_id = it.last_run[label.unit] if label.fault else new_id()
        unit = self.units[label.unit]
        await send_unit(*self._who(centre), it.incident, unit, "uji", cause=CAUSE, assignment_id=run_id)

    async def _step(self, centre: Centre, it: Actual, label: Label) -> None:
        run, to = it.run(label.unit), S(label.detail)
        said = await self._said(it, run, to, label.fault)
        step = Step(
            to,
            device_at=said[0],
            sent_at=self.case.now,
            facility_id=self.case.facilities["hospital"] if to in (S.LEFT_SCENE, S.AT_FACILITY) else None,
            outside_name="Luar Uji" if to is S.HANDED_OVER else None,
            receiver="Perawat Uji",
            room="IGD 1",
            code=NoTransport.TREATED_ON_SCENE,
            reason=DeclineReason.CREW,
        )
        actor = self.case.crew.get(self.signs[label.unit], self.case.operator)
        view = await step_run(centre, self.case.entry, actor, run, step, cause=CAUSE)
        if not view.repeated:
            it.told.setdefault((run, to), said)

    async def _said(self, it: Actual, run: UUID, to: S, fault: str) -> tuple[datetime, datetime]:
        """By the device's clock: now, or of a report that was overtaken, or of the first time it was told."""
        if fault in (RETRY, DUPLICATE) and (run, to) in it.told:
            return it.told[run, to]
        if fault == REORDER:
            made = await self.case.value("SELECT created_at FROM assignment WHERE id = :i", i=run)
            self.case.pass_time(LATE_AFTER.total_seconds() + 5)
            it.overtaken += 1
            return made + timedelta(milliseconds=it.overtaken), self.case.now
        return self.case.now, self.case.now

    async def _stand_down(self, centre: Centre, it: Actual, label: Label) -> None:
        await stand_down(*self._who(centre), it.run(label.unit), "uji", cause=CAUSE)

    async def _readiness(self, unit: UUID, *, ready: bool) -> None:
        if ready:
            await make_available(*self._who(self.case.centre), unit, cause=CAUSE)
        else:
            why = UnavailabilityReason.FUEL
            await make_unavailable(*self._who(self.case.centre), unit, why, None, None, cause=CAUSE)

    # --- the worker ---

    async def _timer(self, centre: Centre, it: Actual, label: Label) -> None:
        kind = TimerKind(label.detail)
        subject = it.run(label.unit) if label.unit >= 0 else it.incident
        if label.what == "call timer":
            subject = it.call
        assert subject is not None
        if kind is TimerKind.NOT_AT_FACILITY:
            self.case.pass_time(3_600)  # sooner it only looks, and finds that the way takes longer
        # a search holds the claim of its timer
        under_way = kind is TimerKind.WIDEN and it.search is not None
        firing = None if under_way else await self._claim(kind, subject)
        if label.fault == DUPLICATE:
            if firing is not None:
                await self._claim(kind, subject)  # by another worker, as the lease of the first has run out
            firing = (
                self._old.get((subject, kind)) or firing or firing_of_nothing(kind, subject, self.case.now)
            )
        assert firing is not None, f"{kind} is not set"
        self._old[subject, kind] = firing
        await HANDLERS[kind](centre, self.case.entry, firing)
        await settle_timer(centre, self.case.entry, firing)

    async def _claim(self, kind: str, subject: UUID) -> Firing | None:
        """Claim this very timer, made the one that has been due longest; None when it is not set."""
        async with self.case.owner.begin() as connection:
            made = await connection.execute(
                text(
                    "UPDATE timer SET due_at = :long_ago "
                    "WHERE subject_id = :subject AND kind = :kind AND done_at IS NULL"
                ),
                {"long_ago": LONG_AGO, "subject": subject, "kind": kind},
            )
        if made.rowcount == 0:
            return None
        firing = await claim_timer(self.case.centre, self.case.entry, [kind])
        assert firing is not None
        assert firing.subject_id == subject
        return firing

    async def _widen(self, it: Actual, label: Label) -> None:
        assert it.incident is not None
        if label.fault == DUPLICATE:
            await self._overtaken(it)
            return
        if label.what == "widen: rank":
            it.search = await self._search(it.incident)
            return
        search = it.search
        assert search is not None, "nobody searches"
        if label.what == "widen: worker lost":
            await lose(search)
        elif label.what == "widen: settle":
            assert search.worker.done()
        else:
            await search.turnstile.let_on(search.worker)
        if not search.worker.done():
            return
        with suppress(asyncio.CancelledError):
            await search.worker
        if label.what in ("widen: settle", "widen: nobody left"):
            await settle_timer(self.case.centre, self.case.entry, search.firing)
        if label.what in ("widen: settle", "widen: nobody left", "widen: worker lost"):
            it.search = None

    async def _search(self, incident: UUID) -> Search | None:
        """A worker that has ranked and is about to claim; None when no search is wanted."""
        firing = await self._claim(TimerKind.WIDEN, incident)
        if firing is None:
            return None
        turnstile = Turnstile()
        centre = with_turnstile(self.case.centre, turnstile)
        worker = asyncio.create_task(alert_next(centre, self.case.entry, firing))
        await turnstile.arrived(worker)
        await turnstile.let_on(worker, transactions=2)  # whether it is wanted, and the ranking
        return Search(firing, turnstile, worker)

    async def _overtaken(self, it: Actual) -> None:
        """A worker ranks, sleeps past its lease while another takes over, wakes up, and claims."""
        assert it.incident is not None
        search = None if it.search is not None else await self._search(it.incident)
        if search is None:
            stale = firing_of_nothing(TimerKind.WIDEN, it.incident, self.case.now)
            await alert_next(self.case.centre, self.case.entry, stale)
            return
        await self._claim(TimerKind.WIDEN, it.incident)
        while not search.worker.done():
            await search.turnstile.let_on(search.worker)
        await search.worker

    async def leave(self) -> None:
        """End whatever is still under way, so that the next trace finds every unit free."""
        for it in self.cases:
            if it.search is not None and not it.search.worker.done():
                await lose(it.search)
            await self._find_runs(it)
            for run in it.runs.values():
                state = S(await self.case.state(run))
                way: tuple[S, ...] = (S.HANDED_OVER, S.CLEARED)
                if state in (S.LEFT_SCENE, S.AT_FACILITY):
                    await self.case.steps(run, *way)
                elif state is S.HANDED_OVER:
                    await self.case.steps(run, S.CLEARED)
                else:
                    await stand_down(*self._who(self.case.centre), run, "uji", cause=CAUSE)
            end = self._cancel if it.incident is not None else self._dispose
            with suppress(DispatchError):
                await end(self.case.centre, it, Label("end"))
        for unit in self.units:
            await self._readiness(unit, ready=True)

    # --- the database as the model sees it ---

    async def _find_runs(self, it: Actual) -> None:
        rows = await self.case.rows(
            "SELECT id, unit_id, state, released_at FROM assignment WHERE incident_id = :i "
            "ORDER BY created_at, id",
            i=it.incident,
        )
        it.runs = {}
        for row in rows:
            unit = self.units.index(row.unit_id)
            it.last_run[unit] = row.id
            if row.released_at is not None:
                it.ended[unit] = S(row.state)
            else:
                assert unit not in it.runs, "two open runs"
                it.runs[unit] = row.id

    async def seen(self, incident: int, *, stamps: bool) -> Model:
        """Return what the tables hold of a case; a worker's memory and clients' are not in them."""
        it = self.cases[incident]
        calls = await self.case.rows("SELECT state, taken_by FROM call WHERE id = :i", i=it.call)
        incidents = await self.case.rows(
            "SELECT state, waiting_since FROM incident WHERE id = :i", i=it.incident
        )
        outcomes = await self.case.rows("SELECT outcome FROM patient WHERE incident_id = :i", i=it.incident)
        runs = [await self._run(unit, run, stamps) for unit, run in sorted(it.runs.items())]
        ended = await self.case.rows(
            "SELECT DISTINCT unit_id FROM assignment WHERE incident_id = :i AND released_at IS NOT NULL",
            i=it.incident,
        )
        reopened = await self.case.value(
            "SELECT count(*) FROM event WHERE kind = 'call_reopened' AND subject_id = :i", i=str(it.call)
        )
        return Model(
            CallState(calls[0].state) if calls else None,
            bool(calls and calls[0].taken_by),
            IncidentState(incidents[0].state) if incidents else None,
            bool(incidents and incidents[0].waiting_since),
            bool(outcomes) and all(row.outcome for row in outcomes),
            await self._timers(it.call, CALL_KINDS),
            await self._timers(it.incident, NEED_KINDS | {TimerKind.WIDEN}),
            tuple(runs),
            sum(1 << self.units.index(row.unit_id) for row in ended),
            None,
            frozenset(),
            bool(reopened) and calls[0].state != CallState.LINKED,
        )

    async def _timers(self, subject: UUID | None, family: frozenset[TimerKind]) -> frozenset[TimerKind]:
        if subject is None:
            return frozenset()
        kinds = {TimerKind(kind) for kind in await self.case.timers(subject)}
        assert kinds <= family, "a timer of another family"
        return frozenset(kinds)

    async def _run(self, unit: int, run: UUID, stamps: bool) -> Run:
        state = S(await self.case.state(run))
        carries = await self.case.value(
            "SELECT count(*) FROM leg l JOIN leg_patient p ON p.leg_id = l.id WHERE l.assignment_id = :r "
            "AND l.state IN ('planned', 'transporting', 'at_facility')",
            r=run,
        )
        names = await self.case.rows(
            "SELECT name FROM stamp WHERE assignment_id = :r AND (leg_id IS NULL OR leg_id = "
            "(SELECT id FROM leg WHERE assignment_id = :r ORDER BY position DESC LIMIT 1))",
            r=run,
        )
        made = frozenset(Stamp(row.name) for row in names) if stamps else frozenset()
        return Run(unit, state, await self._timers(run, RUN_KINDS), carries > 0, made, frozenset())
