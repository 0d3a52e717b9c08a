"""Virtual operators at the telephone: a call is taken, called back, and judged or disposed of."""

from __future__ import annotations

import random
from functools import partial
from uuid import UUID, uuid4

from rehearsal import shapes
from rehearsal.dice import chance, delay, dice
from rehearsal.dispatching import Dispatching
from rehearsal.player import Player
from rehearsal.scenario import ANSWERS, Scenario
from rehearsal.shapes import Event
from rehearsal.switchroom import AT_ONCE, RINGING, SOON, Switchroom

WHY = "gladi / rehearsal"
REACTION_S, TALK_S, DIALLING_S = 5.0, 24.0, 6.0
FOR_PEOPLE_S = 8.0
"""Real seconds that a person has to take a call of a person before a virtual operator does."""
_WAITS_FOR_PLACE_S = 45.0
_CALLER = "Contoh Penelepon"


class Answering:
    """What the switchroom does with calls."""

    def __init__(self, room: Switchroom, dispatching: Dispatching) -> None:
        self._room = room
        self._all = room.all
        self._dispatching = dispatching

    def hear(self, event: Event) -> None:
        """Answer calls that ring, and callers who want theirs back."""
        if event.kind == "call_received" and event.actor.startswith("resident:"):
            self._all.spawn(self._answer(event.subject_id), f"answer {event.subject_id}")
        if event.kind == "call_cancel_asked":
            self._all.spawn(self._hear_cancel(event), f"cancel {event.subject_id}")

    def phone_rings(self, scenario: Scenario) -> None:
        """Somebody calls by telephone."""
        self._all.spawn(self._pick_up(scenario), f"phone {scenario.number}")

    def adopt(self, call_id: str, taken_by: str | None) -> None:
        """Take up a call that an earlier start of the rehearsal left ringing, or taken by one of ours."""
        player = next((p for p in self._room.players if p.account.display_name == taken_by), None)
        if taken_by is None or player is not None:
            self._all.spawn(self._answer(call_id), f"answer {call_id}")

    async def _answer(self, call_id: str) -> None:
        scenario = self._all.scenario_of_call.get(call_id)
        throws = dice(self._all.seed, "answer", scenario.number if scenario else call_id)
        await self._all.pace.wait(delay(throws, REACTION_S), 0.0 if scenario else FOR_PEOPLE_S)
        async with self._room.operator(RINGING) as player:
            if not self._all.casebook.call_is_ours(call_id) or self._is_about_a_persons_case(call_id):
                return
            call = UUID(call_id)
            await self._all.act(player, "take", lambda: player.operator.take(call), call=call_id)
            await self._judge(player, call_id, scenario, throws)

    async def _pick_up(self, scenario: Scenario) -> None:
        throws = dice(self._all.seed, "answer", scenario.number)
        await self._all.pace.wait(delay(throws, REACTION_S))
        async with self._room.operator(RINGING) as player:
            call = uuid4()
            call_id = str(call)
            request: dict[str, object] = {
                "id": call,
                "channel": "phone",
                "caller_name": f"{_CALLER} {scenario.person.name.split()[-1]}",
                "caller_phone": scenario.person.phone,
                "note": scenario.note,
            }
            if self._all.pace.speed_factor is not None:
                request["speed_factor"] = self._all.pace.speed_factor
            self._all.scenario_of_call[call_id] = scenario
            enter = partial(player.operator.ask, shapes.Receipt, "POST", "/operator/calls", request)
            await self._all.act(
                player,
                "call",
                enter,
                call=call_id,
                number=scenario.number,
                channel="phone",
                simulated=self._all.pace.speed_factor is not None,
            )
            await self._all.act(player, "take", lambda: player.operator.take(call), call=call_id)
            await self._judge(player, call_id, scenario, throws)

    def _is_about_a_persons_case(self, call_id: str) -> bool:
        case_id = self._case_of_same_caller(call_id)
        return case_id is not None and not self._all.casebook.ours(case_id)

    def _case_of_same_caller(self, call_id: str) -> str | None:
        book = self._all.casebook
        own = book.calls[call_id]
        if not own.by.startswith("resident:"):
            return None
        for call in book.calls.values():
            if call.by == own.by and call.id != call_id and call.incident_id in book.cases:
                return call.incident_id
        return None

    async def _judge(
        self, player: Player, call_id: str, scenario: Scenario | None, throws: random.Random
    ) -> None:
        """Find out what it is about; then open its incident, or end the call."""
        book, call = self._all.casebook, UUID(call_id)
        await self._all.look(player, lambda: player.operator.call_file(call, WHY))
        need = scenario.need if scenario else throws.choices(("red", "yellow", "green"), (2, 5, 3))[0]
        if (
            need == "red"
            and scenario
            and chance(throws, 0.2)
            and await self._send_first(player, call_id, scenario, throws)
        ):
            return
        if not await self._talk(player, call_id, throws):
            return
        if scenario is not None and not scenario.in_need:
            await self._all.act(
                player, "dispose", lambda: player.operator.dispose(call, need), call=call_id, disposal=need
            )
            return
        if (case_id := self._case_of_same_caller(call_id)) is not None:
            incident = UUID(case_id)
            await self._all.act(
                player,
                "link",
                lambda: player.operator.link(call, incident),
                call=call_id,
                incident=case_id,
            )
            return
        await self._find_place(player, call_id, scenario, throws)
        if not book.call_is_ours(call_id):
            return
        patients = scenario.patients if scenario else 1
        case_id = await self._open(player, call_id, scenario, need, confirmed=True, patients=patients)
        await self._dispatching.send(player, case_id, throws)

    async def _talk(self, player: Player, call_id: str, throws: random.Random) -> bool:
        """Call back and listen; whether the call is still ours."""
        call, book = UUID(call_id), self._all.casebook
        outcomes = ["no_answer", "answered"] if chance(throws, 0.08) else ["answered"]
        for outcome in outcomes:
            await self._all.pace.wait(delay(throws, DIALLING_S))
            if not book.call_is_ours(call_id):
                return False
            await self._all.act(
                player,
                "call_back",
                partial(player.operator.call_back, call, outcome, "gladi"),
                call=call_id,
            )
        await self._all.pace.wait(delay(throws, TALK_S))
        return book.call_is_ours(call_id)

    async def _send_first(
        self, player: Player, call_id: str, scenario: Scenario, throws: random.Random
    ) -> bool:
        """Send before the verdict, which red allows where the place is known; whether that was done."""
        book, call = self._all.casebook, UUID(call_id)
        if book.calls[call_id].place is None or self._case_of_same_caller(call_id) is not None:
            return False
        case_id = await self._open(player, call_id, scenario, "red", confirmed=False, patients=1)
        await self._dispatching.send(player, case_id, throws)
        await self._all.act(
            player, "call_back", lambda: player.operator.call_back(call, "answered", "gladi"), call=call_id
        )
        await self._all.pace.wait(delay(throws, TALK_S))
        if book.ours(case_id):
            incident = UUID(case_id)
            verdict = {"triage": "red", "triage_answers": ANSWERS["red"]}
            await self._all.act(
                player,
                "confirm",
                lambda: player.operator.ask(
                    shapes.IncidentOpened, "POST", f"/operator/incidents/{incident}/confirmation", verdict
                ),
                incident=case_id,
            )
        return True

    async def _find_place(
        self, player: Player, call_id: str, scenario: Scenario | None, throws: random.Random
    ) -> None:
        """See that the call has a place: the phone's, or what the caller describes."""
        book, call = self._all.casebook, UUID(call_id)
        if book.calls[call_id].place is None:
            await self._all.pace.wait(_WAITS_FOR_PLACE_S, 0.0 if scenario else FOR_PEOPLE_S)
        if not book.call_is_ours(call_id) or book.calls[call_id].place is not None:
            return
        # a person's phone without a place: somewhere in the regency, so that the exercise goes on
        village = throws.choice(list(self._all.villages.values()))
        place = scenario.place if scenario else village.middle
        await self._all.act(player, "locate", lambda: player.operator.locate(call, place), call=call_id)

    async def _open(
        self,
        player: Player,
        call_id: str,
        scenario: Scenario | None,
        triage: str,
        *,
        confirmed: bool,
        patients: int,
    ) -> str:
        judgement = {
            "confirmed": confirmed,
            "triage": triage,
            "triage_answers": ANSWERS[triage],
            "place_note": scenario.note if scenario else None,
            "patients": patients,
        }
        opened = await self._all.act(
            player,
            "open",
            lambda: player.operator.open_incident(UUID(call_id), judgement),
            lambda made: {"incident": str(made.incident_id), "number": made.number},
            call=call_id,
            confirmed=confirmed,
            triage=triage,
        )
        case_id = str(opened.incident_id)
        if scenario is not None:
            self._all.scenario_of_case[case_id] = scenario
        return case_id

    async def _hear_cancel(self, event: Event) -> None:
        """The caller takes back a call that an operator has: a case without a patient reached is ended."""
        throws, book, call_id = (
            dice(self._all.seed, "cancel", event.subject_id),
            self._all.casebook,
            event.subject_id,
        )
        await self._all.pace.wait(delay(throws, 15.0))
        async with self._room.operator(SOON if event.incident_id is None else AT_ONCE) as player:
            if book.call_is_ours(call_id):
                await self._all.act(
                    player,
                    "dispose",
                    lambda: player.operator.dispose(UUID(call_id), "cancelled_by_caller"),
                    call=call_id,
                    disposal="cancelled_by_caller",
                )
                return
            call = book.calls.get(call_id)
            if call is not None and call.incident_id is not None:
                await self._dispatching.call_off(player, call.incident_id, throws)
