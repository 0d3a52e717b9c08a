"""`dispatch rehearsal demo-check`: a person takes a case away from the rehearsal, and finishes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from rehearsal import shapes
from rehearsal.client import OperatorClient
from rehearsal.destination import choose_facility
from rehearsal.dice import dice
from rehearsal.findings import Mismatch, Refused, demand, demand_equal
from rehearsal.player import Player

WHY = "demo: diambil alih / taken over"
_WATCHED_S = 4.0
_UNDER_WAY = timedelta(seconds=1.5)
"""What the rehearsal had sent off when the person came may still arrive."""
_ASK_EVERY_S = 0.4
_STEPS = (
    *("accepted", "en_route", "on_scene", "at_patient"),
    *("left_scene", "at_facility", "handed_over", "cleared"),
)
_TAKEN_AT = frozenset({"accepted", "en_route", "on_scene", "at_patient"})

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A case taken over: the run that the person steps, and the state it was found in."""

    incident_id: UUID
    number: str
    run: shapes.Run
    place: shapes.Place


async def take_over(person: Player, within_s: float, say: Say) -> str:
    """Take over a case that the rehearsal is playing, finish it alone, and return its number.

    person: an operator who is none of the rehearsal's.

    Raises:
        Mismatch: there was nothing to take over in time, or the rehearsal went on with the case.
    """
    desk = person.operator
    taken, first = await _take(person, time.monotonic() + within_s)
    say(f"{taken.number}: {taken.run.call_sign}, {taken.run.state}")
    say(f"diambil alih / taken over: {first.state}")
    rest = _STEPS[_STEPS.index(first.state) + 1 :]
    await asyncio.sleep(_WATCHED_S)
    standing = await desk.case(taken.incident_id, WHY)
    run = next(run for run in standing.incident.runs if run.id == taken.run.id)
    demand_equal("state of the run, left alone for a while", run.state, first.state)
    for to in rest:
        say((await _step(desk, taken, to)).state)
    ended = await desk.close(taken.incident_id)
    demand_equal("how it ended", ended.state, "closed")
    await asyncio.sleep(_WATCHED_S)
    file = await desk.case(taken.incident_id, WHY)
    own = [event for event in file.events if event.actor == person.by]
    demand(bool(own), "events by the person", "some", 0)
    strangers = [
        f"{event.seq} {event.kind} {event.actor}"
        for event in file.events
        if event.recorded_at > own[0].recorded_at + _UNDER_WAY
        and event.actor != person.by
        and event.actor.startswith(("staff:operator:", "staff:driver:"))
    ]
    demand(not strangers, "what the rehearsal did with the case afterwards", "nothing", strangers)
    return f"{ended.number}: {ended.closing_code}, {len(own)} peristiwa / events {person.name}"


async def _take(person: Player, until: float) -> tuple[Taken, shapes.StepTaken]:
    """Take the next step of a case that is under way; one that has just moved on is passed over.

    Raises:
        Mismatch: there was none in time.
    """
    while time.monotonic() < until:
        for taken in await _under_way(person):
            try:
                first = await _step(person.operator, taken, _STEPS[_STEPS.index(taken.run.state) + 1])
            except Refused as refused:
                if refused.code != "illegal_step":
                    raise
                continue
            if not first.repeated:  # else its crew was first, and nobody has heard of the person
                return taken, first
        await asyncio.sleep(_ASK_EVERY_S)
    raise Mismatch("a case of the rehearsal under way", "one in time", "none")


async def _under_way(person: Player) -> list[Taken]:
    """Return the cases with one unit on its way, tracked ones first."""
    found = []
    for incident in (await person.operator.board()).incidents:
        runs = [run for run in incident.runs if run.released_at is None]
        if incident.place is not None and len(runs) == 1 and runs[0].state in _TAKEN_AT:
            found.append(Taken(incident.id, incident.number, runs[0], incident.place))
    return sorted(found, key=lambda taken: taken.run.tracking != "app")


async def _step(desk: OperatorClient, taken: Taken, to: str) -> shapes.StepTaken:
    fields: dict[str, str] = {}
    if to == "left_scene":
        facility = await choose_facility(desk, taken.place, "red", dice("demo"))
        fields = {"facility_id": str(facility.id)}
    if to == "handed_over":
        fields = {"receiver": "Contoh Perawat Jaga", "room": "IGD"}
    return await desk.step(taken.run.id, to, **fields)
