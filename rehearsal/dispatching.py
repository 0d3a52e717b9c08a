"""Virtual operators at the console: units are sent, stood down, diverted, and cases closed."""

from __future__ import annotations

import random
from functools import partial
from uuid import UUID

from rehearsal.casebook import CaseNote, RunNote
from rehearsal.destination import choose_facility
from rehearsal.dice import chance, delay, dice
from rehearsal.logbook import Overtaken
from rehearsal.player import Player
from rehearsal.shapes import Event
from rehearsal.switchroom import AT_ONCE, LATER, SOON, Switchroom

CHOOSING_S = 8.0
_TIMES_SENT = 4
_TIMES_LED_ELSEWHERE = 2
_OVERRIDES = ("awak lebih mengenal daerahnya", "perlengkapan lebih sesuai", "jalan ke sana sedang ditutup")
_NOT_YET_THERE = frozenset({"offered", "accepted", "en_route", "staged"})
_SERVED = frozenset({"cleared", "completed_without_transport"})


class Dispatching:
    """What the switchroom does with cases."""

    def __init__(self, room: Switchroom) -> None:
        self._room = room
        self._all = room.all
        self._seen_to: set[tuple[str, str]] = set()

    def hear(self, event: Event) -> None:
        """See to what an event calls for, in cases that no person has taken over."""
        case_id = str(event.incident_id)
        if event.incident_id is None or not self._all.casebook.ours(case_id):
            return
        match event.kind:
            case "unit_found_for_waiting":
                self._once("send", case_id, self._send_again)
            case "assignment_stepped" if event.data.get("to") == "accepted":
                self._once("stand_down", case_id, self._stand_the_others_down)
            case "facility_refused":
                self._all.spawn(self._divert(case_id, event), f"divert {case_id}")
            case "unit_cleared" | "run_ended_without_transport":
                self._once("close", case_id, self._close)

    def _once(self, what: str, case_id: str, duty: object) -> None:
        """Begin a duty unless it is under way for this case."""
        if (what, case_id) in self._seen_to or not callable(duty):
            return
        self._seen_to.add((what, case_id))

        async def see_to_it() -> None:
            try:
                await duty(case_id)
            finally:
                self._seen_to.discard((what, case_id))

        self._all.spawn(see_to_it(), f"{what} {case_id}")

    def _throws(self, what: str, case_id: str) -> random.Random:
        scenario = self._all.scenario_of_case.get(case_id)
        return dice(self._all.seed, what, scenario.number if scenario else case_id)

    async def send(self, player: Player, case_id: str, throws: random.Random) -> None:
        """Send the unit proposed first, or sometimes another one with a reason; anew when it is gone."""
        incident, book = UUID(case_id), self._all.casebook
        another, why = chance(throws, 0.1), throws.choice(_OVERRIDES)
        await self._all.pace.wait(delay(throws, CHOOSING_S))
        for _ in range(_TIMES_SENT):
            if not book.ours(case_id):
                return
            ranking = await self._all.look(player, lambda: player.operator.candidates(incident))
            if not ranking.candidates:
                return  # the system keeps it waiting, and says when a unit is free
            chosen = ranking.candidates[1 if another and len(ranking.candidates) > 1 else 0]
            reason = why if chosen.rank > 1 else None
            try:
                await self._all.act(
                    player,
                    "send",
                    partial(player.operator.send, incident, chosen.unit.id, reason),
                    lambda sent: {"run": str(sent.id), "call_sign": sent.call_sign, "rank": sent.rank},
                    incident=case_id,
                    unit=str(chosen.unit.id),
                    tracking=chosen.unit.tracking,
                )
            except Overtaken:
                continue  # another case was faster
            return

    async def _send_again(self, case_id: str) -> None:
        throws = self._throws("send again", case_id)
        await self._all.pace.wait(delay(throws, CHOOSING_S))
        async with self._room.operator(AT_ONCE) as player:
            case = self._all.casebook.cases.get(case_id)
            if case is not None and not case.open_runs():
                await self.send(player, case_id, throws)

    async def _stand_the_others_down(self, case_id: str) -> None:
        """One crew has accepted: units that were alerted besides it are not needed."""
        await self._all.pace.wait(delay(self._throws("stand_down", case_id), 10.0))
        async with self._room.operator(AT_ONCE) as player:
            case = self._all.casebook.cases.get(case_id)
            runs = case.open_runs() if case is not None else []
            going = next((run for run in runs if run.state != "offered"), None)
            for run in runs:
                if (
                    run is not going
                    and run.state in ("offered", "accepted")
                    and self._all.casebook.ours(case_id)
                ):
                    await self._stand_down(player, run, "unit lain lebih dulu menerima")

    async def _stand_down(self, player: Player, run: RunNote, reason: str) -> None:
        await self._all.act(
            player,
            "stand_down",
            lambda: player.operator.stand_down(UUID(run.id), reason),
            incident=run.incident_id,
            run=run.id,
        )

    async def call_off(self, player: Player, case_id: str, throws: random.Random) -> None:
        """Cancel a case whose caller wants no help any more, mostly; not once a crew is there."""
        case = self._all.casebook.cases.get(case_id)
        if case is None or not self._all.casebook.ours(case_id) or not chance(throws, 0.75):
            return
        if any(run.state not in _NOT_YET_THERE for run in case.open_runs()):
            return
        if any(run.state in _SERVED for run in case.runs.values()):
            return
        await self.cancel(player, case, "caller_cancelled")

    async def cancel(self, player: Player, case: CaseNote, reason: str) -> None:
        """Cancel a case."""
        await self._all.act(
            player, "cancel", lambda: player.operator.cancel(UUID(case.id), reason), incident=case.id
        )

    async def _close(self, case_id: str) -> None:
        """Close the case once no unit is on the way and one has been there."""
        await self._all.pace.wait(delay(self._throws("close", case_id), 45.0))
        async with self._room.operator(LATER) as player:
            case = self._all.casebook.cases.get(case_id)
            if case is not None and self._all.casebook.ours(case_id) and not case.open_runs():
                await self.close(player, case)

    async def close(self, player: Player, case: CaseNote) -> None:
        """Close a case."""
        await self._all.act(
            player,
            "close",
            lambda: player.operator.close(UUID(case.id)),
            lambda ended: {"closing_code": ended.closing_code},
            incident=case.id,
        )

    async def _divert(self, case_id: str, event: Event) -> None:
        """A facility cannot take the patient: find another one, and tell the crew."""
        throws = self._throws("divert", case_id)
        await self._all.pace.wait(delay(throws, 30.0))
        async with self._room.operator(SOON) as player:
            book = self._all.casebook
            case, run = book.cases.get(case_id), book.run(str(event.data.get("assignment_id")))
            if case is None or run is None or case.place is None or not book.ours(case_id):
                return
            if run.leg_id != event.subject_id or run.answered != "refused" or not run.open:
                return
            if len(run.refused_by) > _TIMES_LED_ELSEWHERE:
                return  # enough driving about: the operator has phoned, and they are received
            place, refused = case.place, sorted(run.refused_by)
            other = await self._all.look(
                player, lambda: choose_facility(player.operator, place, case.triage, throws, refused)
            )
            if run.state == "at_facility":
                await self._all.act(
                    player,
                    "step",
                    lambda: player.operator.step(UUID(run.id), "left_scene", facility_id=str(other.id)),
                    incident=case_id,
                    run=run.id,
                    to="left_scene",
                )
            elif run.state == "left_scene":
                self._all.radio[run.id] = other
                self._all.log.write("radio", run=run.id, incident=case_id, facility=str(other.id))
