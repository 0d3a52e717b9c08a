"""Facts of a period put together into calls and cases: a second book-keeping beside the system's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rehearsal.facts import Fact
from rehearsal.reckoning import CaseRecord, LegRecord, Moment, RunRecord

_ON_LEG = ("left_scene", "at_facility", "handed_over")


@dataclass(slots=True)
class _Call:
    called: Moment
    simulated: bool
    state: str = "ringing"
    taken: Moment | None = None
    disposal: str | None = None
    case: str | None = None


@dataclass(slots=True)
class Ledger:
    """Calls and cases as facts tell them. `loose` are facts about what is not known."""

    cases: dict[str, CaseRecord] = field(default_factory=dict)
    calls: dict[str, _Call] = field(default_factory=dict)
    loose: list[Fact] = field(default_factory=list)

    def enter_all(self, facts: Iterable[Fact]) -> None:
        """Enter facts in the order in which they happened."""
        for fact in sorted(facts, key=lambda f: (f.when.lo, f.when.hi)):
            if not (self._about_call(fact) or self._about_case(fact)):
                self.loose.append(fact)

    def call_counts(self) -> Counter[str]:
        """Return how many calls there are, by what became of them."""
        ends = (c.disposal if c.state == "disposed" else c.state for c in self.calls.values())
        return Counter(str(end) for end in ends)

    def _about_call(self, fact: Fact) -> bool:
        what, about = fact.what, fact.about
        call_id = str(about.get("call"))
        if what == "call":
            self.calls.setdefault(call_id, _Call(fact.when, bool(about.get("simulated"))))
            return True
        call = self.calls.get(call_id)
        if call is None:
            return what in ("tap_again", "locate", "register", "cancel_call", "call_back")
        match what:
            case "take":
                call.state, call.taken = "taken", call.taken or fact.when
            case "reopen":
                call.state, call.disposal = "taken", None
                call.taken = call.taken or fact.when
            case "cancel_call":
                # while it rings this ends it; later the operator is asked
                if call.state == "ringing":
                    call.state, call.disposal = "disposed", "cancelled_by_caller"
            case "dispose":
                call.state, call.disposal = "disposed", str(about["disposal"])
            case "link":
                case = self.cases.get(str(about["incident"]))
                call.state, call.case = "linked", str(about["incident"])
                if case is not None and call.called.lo < case.called.lo:
                    case.called = call.called
            case "open":
                self._open(call, fact)
            case _:
                return what in ("tap_again", "locate", "call_back")
        return True

    def _open(self, call: _Call, fact: Fact) -> None:
        case_id = str(fact.about["incident"])
        call.state, call.case = "linked", case_id
        case = CaseRecord(case_id, call.called, call.taken, simulated=call.simulated)
        if fact.about.get("confirmed"):
            case.state, case.confirmed = "confirmed", fact.when
        self.cases[case_id] = case

    def _about_case(self, fact: Fact) -> bool:
        what, about = fact.what, fact.about
        case = self.cases.get(str(about.get("incident")))
        if case is None:
            return what not in ("confirm", "close", "cancel", "send", "step", "stand_down")
        match what:
            case "confirm":
                case.state, case.confirmed = "confirmed", case.confirmed or fact.when
            case "close":
                case.state, case.closing_code = "closed", about.get("closing_code")
            case "cancel":
                case.state = "cancelled"
                for run in case.runs.values():
                    if run.open:
                        run.state = "stood_down"
            case "send":
                self._send(case, fact)
            case "step" | "stand_down":
                run_found = case.runs.get(str(about["run"]))
                if run_found is None:
                    return False
                _step(run_found, "stood_down" if what == "stand_down" else str(about["to"]), fact.when)
        return True

    def _send(self, case: CaseRecord, fact: Fact) -> None:
        run_id, tracking = str(fact.about["run"]), str(fact.about["tracking"])
        if run_id in case.runs:
            return
        run = RunRecord(run_id, tracking, stamps={"assigned": fact.when})
        if tracking == "app":
            run.stamps["offered"] = fact.when
        case.runs[run_id] = run


def _step(run: RunRecord, to: str, when: Moment) -> None:
    if not run.open or run.state == to:
        return
    if to in _ON_LEG:
        if not run.legs or (to == "left_scene" and run.state == "at_facility"):
            run.legs.append(LegRecord())
        run.legs[-1].stamps.setdefault(to, when)
    elif to in ("cleared", "completed_without_transport"):
        run.stamps.setdefault("available", when)
    elif to not in ("declined", "timed_out", "stood_down"):
        run.stamps.setdefault(to, when)
    run.state = to
