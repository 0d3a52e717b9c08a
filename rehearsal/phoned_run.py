"""A unit without tracking: its crew tells the operator by phone how far it is, and forgets some of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rehearsal.destination import choose_facility
from rehearsal.dice import chance, delay, dice
from rehearsal.ensemble import Ensemble
from rehearsal.shapes import Event, Facility
from rehearsal.switchroom import AT_ONCE, SOON, Switchroom

_OUTCOMES = ("treated_on_scene", "refused", "not_found", "referred")
_OUTCOME_SHARES = (0.6, 0.2, 0.1, 0.1)
_ON_THE_PHONE_S = 8.0


@dataclass(frozen=True, slots=True)
class _Word:
    """What the crew will say: after how long, and whether it is forgotten."""

    after_s: float
    to: str
    forgotten: bool = False


class PhonedRuns:
    """Runs of manual units in cases of the virtual operators."""

    def __init__(self, room: Switchroom) -> None:
        self._room = room
        self._all: Ensemble = room.all

    def hear(self, event: Event) -> None:
        """Follow every manual unit that is sent."""
        if event.kind == "unit_assigned" and event.data.get("tracking") == "manual":
            self._all.spawn(self._follow(event.subject_id), f"phoned run {event.subject_id}")

    async def _follow(self, run_id: str) -> None:
        run = self._all.casebook.run(run_id)
        if run is None:
            return
        case = self._all.casebook.cases[run.incident_id]
        scenario = self._all.scenario_of_case.get(case.id)
        throws = dice(self._all.seed, "phoned", scenario.number if scenario else case.id, run.call_sign)
        transports = chance(throws, 0.8)
        way_s = (run.predicted_s or 600.0) * delay(throws, 1.1, 0.2)
        words = [
            _Word(delay(throws, 30.0), "accepted"),
            _Word(delay(throws, 60.0), "en_route", chance(throws, 0.2)),
            _Word(way_s, "on_scene", chance(throws, 0.05)),
            _Word(delay(throws, 60.0), "at_patient", chance(throws, 0.3)),
        ]
        code = throws.choices(_OUTCOMES, _OUTCOME_SHARES)[0]
        handing_s, clearing_s, arrival_forgotten = (
            delay(throws, 420.0),
            delay(throws, 240.0),
            chance(throws, 0.1),
        )
        for word in words:
            if not await self._tell(run_id, word):
                return
        # a unit that was never told to have arrived cannot have ended there
        been_there = not (words[2].forgotten and words[3].forgotten)
        if not transports and been_there:
            await self._tell(run_id, _Word(delay(throws, 900.0), "completed_without_transport"), code=code)
            return
        place = case.place
        if place is None:
            return
        player = self._room.players[0]
        facility = await self._all.look(
            player, lambda: choose_facility(player.operator, place, case.triage, throws)
        )
        if not await self._tell(
            run_id, _Word(delay(throws, 900.0), "left_scene"), facility_id=str(facility.id)
        ):
            return
        await self._bring(
            run_id, facility, _Word(0.0, "at_facility", arrival_forgotten), handing_s, clearing_s
        )

    async def _bring(
        self, run_id: str, facility: Facility, arrival: _Word, handing_s: float, clearing_s: float
    ) -> None:
        arrival = _Word((facility.total_s or 600.0) * 1.1, "at_facility", arrival.forgotten)
        await self._all.pace.wait(arrival.after_s)
        other = self._all.radio.pop(run_id, None)
        told: dict[str, str] = {}
        if other is not None:  # refused on the way
            await self._all.pace.wait((other.total_s or 600.0) / 2)
            told = {"facility_id": str(other.id)}
        word = _Word(0.0, "at_facility", arrival.forgotten and other is None)
        if not await self._tell(run_id, word, **told):
            return
        while True:
            await self._all.pace.wait(handing_s)
            run = self._all.casebook.run(run_id)
            if run is None or run.state != "left_scene" or arrival.forgotten:
                break
            # refused at the door: the operator has sent them on
            if not await self._tell(run_id, _Word(handing_s, "at_facility")):
                return
        receiver = {"receiver": "Contoh Perawat Jaga", "room": "IGD"}
        if await self._tell(run_id, _Word(0.0, "handed_over"), **receiver):
            await self._tell(run_id, _Word(clearing_s, "cleared"))

    async def _tell(self, run_id: str, word: _Word, **fields: str) -> bool:
        """Wait, then have an operator note what the crew says; whether the run goes on for us."""
        await self._all.pace.wait(word.after_s)
        if not self._goes_on(run_id) or word.forgotten:
            return self._goes_on(run_id)
        async with self._room.operator(AT_ONCE if word.to == "accepted" else SOON) as player:
            await self._all.pace.wait(_ON_THE_PHONE_S)
            if not self._goes_on(run_id):
                return False
            run = self._all.casebook.run(run_id)
            await self._all.act(
                player,
                "step",
                lambda: player.operator.step(UUID(run_id), word.to, **fields),
                incident=run.incident_id if run else None,
                run=run_id,
                to=word.to,
            )
        return True

    def _goes_on(self, run_id: str) -> bool:
        run = self._all.casebook.run(run_id)
        return run is not None and run.open and not run.by_person and self._all.casebook.ours(run.incident_id)
