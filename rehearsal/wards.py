"""Virtual desks of facilities: they name a bed, sometimes refuse, and countersign what they received."""

from __future__ import annotations

from uuid import UUID

from rehearsal.dice import chance, delay, dice
from rehearsal.ensemble import Ensemble
from rehearsal.logbook import Line
from rehearsal.player import Player
from rehearsal.shapes import Event

REFUSED = 0.06
FOR_PEOPLE_S = 15.0
"""Real seconds that a person at a facility's desk has before the virtual one answers a person's run."""
_REASONS = ("no_bed", "no_staff", "no_equipment")


class Wards:
    """The desks of all facilities.

    players: by facility id; where a facility has no account of ours, the substitute answers, by phone.
    """

    def __init__(self, ensemble: Ensemble, players: dict[str, Player], substitute: Player) -> None:
        self._all = ensemble
        self._players = players
        self._substitute = substitute

    def hear(self, event: Event) -> None:
        """Answer legs that are on their way or have arrived, and sign for patients."""
        leg_id, facility = event.data.get("leg_id"), event.data.get("facility_id")
        if leg_id is None or facility is None or not event.kind.startswith(("assignment_st", "patient_h")):
            return
        if event.kind == "patient_handed_over":
            self._all.spawn(self._countersign(str(leg_id), str(facility), event), f"countersign {leg_id}")
        else:
            self._all.spawn(self._answer(str(leg_id), str(facility), event), f"ward {leg_id}")

    def _desk(self, facility: str) -> Player:
        return self._players.get(facility, self._substitute)

    def _at_least(self, event: Event) -> float:
        return FOR_PEOPLE_S if self._all.casebook.is_person(event.actor) else 0.0

    async def _answer(self, leg_id: str, facility: str, event: Event) -> None:
        scenario = self._all.scenario_of_case.get(str(event.incident_id))
        case = scenario.number if scenario else leg_id
        throws = dice(self._all.seed, "ward", case, event.data.get("to"), facility)
        refuses = chance(throws, REFUSED)
        await self._all.pace.wait(delay(throws, 60.0), self._at_least(event))
        run = self._all.casebook.run(event.subject_id)
        if run is None or not run.open or run.answered is not None:
            return
        if (run.leg_id, run.destination) != (leg_id, facility) or run.state == "handed_over":
            return
        player, leg = self._desk(facility), UUID(leg_id)
        about: Line = {"incident": str(event.incident_id), "run": run.id, "leg": leg_id}
        if refuses:
            reason = throws.choice(_REASONS)
            await self._all.act(player, "refuse", lambda: player.facility.refuse(leg, reason), **about)
        else:
            bed = f"IGD {throws.randint(1, 9)}"
            await self._all.act(player, "accept", lambda: player.facility.accept(leg, bed), **about)

    async def _countersign(self, leg_id: str, facility: str, event: Event) -> None:
        throws = dice(self._all.seed, "countersign", leg_id)
        await self._all.pace.wait(delay(throws, 150.0), self._at_least(event))
        player, leg = self._desk(facility), UUID(leg_id)
        about: Line = {"incident": str(event.incident_id), "run": event.subject_id, "leg": leg_id}
        await self._all.act(player, "countersign", lambda: player.facility.countersign(leg), **about)
