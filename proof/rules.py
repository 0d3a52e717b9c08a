"""The guards of the services, one method each, as the code has them: what a mutation takes away."""

from __future__ import annotations

from dispatch.domain.assignment import PROGRESS, TRANSITIONS, AssignmentState, step_assignment
from dispatch.domain.call import CallState
from dispatch.domain.errors import IllegalStep
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.unit import Tracking, UnitStatus, unit_status
from proof.case import NotInTable, OpenRun, Work, units_in

S = AssignmentState


def _legal(state: S, to: S) -> bool:
    try:
        step_assignment(state, to)
    except IllegalStep:
        return False
    return True


LEGAL = frozenset((state, to) for state in S for to in S if _legal(state, to))
"""What `step_assignment` allows, asked once: its refusals are written for people, and cost their words."""


def step_by_table(state: S, to: S) -> None:
    """Refuse what the table does not allow."""
    if (state, to) not in LEGAL:
        raise NotInTable


class Rules:
    """The guards as they are. `manual` is a bit set of the units that are reached by phone only.

    With `stamps` every stamp and every step told is a part of the state; without, each transaction is only
    checked for writing those of its own step.
    """

    def __init__(self, *, manual: int = 0, stamps: bool = False) -> None:
        self.manual = manual
        self.stamps = stamps

    # --- sending ---

    def may_send(self, work: Work) -> bool:
        """The incident, locked, is one that a unit is sent to."""
        return work.incident in (IncidentState.REPORTED, IncidentState.CONFIRMED)

    def status(self, work: Work, unit: int) -> UnitStatus:
        """The unit's status as derived under its lock."""
        busy = (work.around.busy | units_in(work.before)) >> unit & 1
        return unit_status(
            open_shift=True,
            open_unavailability=bool(work.around.unready >> unit & 1),
            open_assignment=bool(busy),
        )

    def free(self, work: Work, unit: int) -> bool:
        """The claim asks for the status again, once the unit is locked."""
        return self.status(work, unit) is UnitStatus.AVAILABLE

    def one_open(self, work: Work, unit: int) -> bool:
        """The partial unique index lets this run be inserted."""
        return not (work.around.busy | units_in(work.before)) >> unit & 1

    def sent_before(self, work: Work, unit: int) -> bool:
        """A run with the id that the sender made exists: the same command came again."""
        return bool((work.ended | units_in(work.before)) >> unit & 1)

    def tracking(self, unit: int) -> Tracking:
        """How the unit is reached."""
        return Tracking.MANUAL if self.manual >> unit & 1 else Tracking.APP

    def watch_run(self, work: Work, run: OpenRun) -> None:
        """Whenever a run changes its state, its timers follow the table."""
        work.watch_run(run, self.tracking(run.unit))

    def watch_call(self, work: Work) -> None:
        """A call has its timer from its first moment."""
        work.watch_call()

    def watch_incident(self, work: Work) -> None:
        """Whenever an incident, its patients or its runs change, its timers follow the table."""
        work.watch_incident()

    # --- calls ---

    def disposed_before(self, work: Work) -> bool:
        """The log holds a disposal with the id that its sender made: the same command came again."""
        return work.call is CallState.DISPOSED or work.reopened

    def reopened_before(self, work: Work) -> bool:
        """As `disposed_before`, of a reopening."""
        return work.reopened

    # --- steps ---

    def told_before(self, run: OpenRun, to: S) -> bool:
        """The log holds this step with this very device time."""
        return not self.stamps or to in run.told

    def told_before_the_end(self) -> bool:
        """The log keeps what was told of a run that has ended: a repeat is known as one."""
        return True

    def stays_ended(self) -> bool:
        """A run in a final state takes no step any more, whatever is reported of it."""
        return True

    def goes_back_in_time(self, state: S, to: S, *, late: bool) -> bool:
        """A report from before the present state would lead the run back: two messages changed places."""
        return late and state in PROGRESS and to in PROGRESS and PROGRESS.index(to) < PROGRESS.index(state)

    def stamps_of(self, before: S, to: S) -> tuple[S, ...]:
        """The steps that get a stamp: the one that was reported, never one that was skipped."""
        return (to,)

    def may_stand_down(self, state: S) -> bool:
        """The run can be called back: nobody is aboard."""
        return S.STOOD_DOWN in TRANSITIONS[state]

    def step(self, state: S, to: S) -> None:
        """Refuse what the table does not allow; replaced by mutations only."""
        step_by_table(state, to)

    # --- ends ---

    def waits_when_left_alone(self) -> bool:
        """Whoever ends the last run of a case marks it as waiting, and keeps its timers."""
        return True

    def may_close(self, work: Work) -> bool:
        """No unit is on its run and every patient has an outcome."""
        return not work.runs and work.cared

    def ended(self, work: Work) -> bool:
        """The incident has ended: nothing moves it any more."""
        return work.incident in FINAL_STATES

    # --- timers ---

    def held(self, firing_is_current: bool) -> bool:
        """A handler asks whether its claim of the timer still holds."""
        return firing_is_current

    def claim_guard(self, *, wanted: bool) -> bool:
        """The widening asks once more, with the incident locked, whether a further unit is wanted."""
        return wanted

    def asks_each_once(self) -> bool:
        """The widening leaves out who was asked already."""
        return True

    # --- clients ---

    def acknowledges_after_commit(self) -> bool:
        """The answer leaves after the commit."""
        return True

    def one_transaction(self) -> bool:
        """A use case is one transaction: a crash leaves all of it or nothing."""
        return True

    def one_event_each(self) -> bool:
        """Every change carries its event."""
        return True
