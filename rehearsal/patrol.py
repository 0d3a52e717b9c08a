"""A virtual crew through its shifts: aboard, on runs from offer to clearing, back at base, off again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from rehearsal import desks, shapes
from rehearsal.cab import Cab
from rehearsal.destination import choose_facility
from rehearsal.dice import chance, delay, dice
from rehearsal.driving import Drive
from rehearsal.ensemble import Ensemble
from rehearsal.logbook import Overtaken, persist
from rehearsal.manner import Manner
from rehearsal.player import Player
from rehearsal.roster import Duty, Roster
from rehearsal.signal import outage
from rehearsal.track import Spot, Track, metres_between
from rehearsal.wire import Disconnected

_LOOKS_AT_CLOCK_S = 30.0
_LATE_AT_MOST_S = 300.0
_AT_BASE_M = 150.0
_LEAST_OUTAGE_S = 0.5
_LEG_STATES = frozenset({"left_scene", "at_facility", "handed_over"})
_WITHOUT_SIGNAL = frozenset({"en_route", "staged", "on_scene", "left_scene", "at_facility"})
"""What comes after these states a crew does also without a signal; it is told when there is one."""


class Patrol:
    """One crew, and the unit it mans whenever the roster says so."""

    def __init__(
        self, ensemble: Ensemble, player: Player, number: int, unit: shapes.Unit, roster: Roster
    ) -> None:
        self._all = ensemble
        self._player = player
        self._number = number
        self._roster = roster
        self.unit = unit
        self.unit_id = str(unit.id)
        base = Spot(unit.lon, unit.lat, 0.0)
        self._base = base
        self._runs = 0
        self._manner = Manner.of(dice(ensemble.seed, "manner", unit.call_sign, 0))
        self._throws = dice(ensemble.seed, "crew", unit.call_sign)
        self._evicted_for: Duty | None = None
        self._noise = dice(ensemble.seed, "receiver", unit.call_sign)
        self._let_go: set[UUID] = set()
        self._outages: set[tuple[int, str]] = set()
        self.cab = Cab(ensemble, player, base)

    # --- shifts -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work shift after shift until cancelled."""
        late_s = 0.0  # whoever is on duty when the play begins is there already
        while True:
            duty = await self._next_duty()
            await self._all.pace.wait(late_s)
            await self._work(duty)
            late_s = self._throws.uniform(0.0, _LATE_AT_MOST_S)

    def _on_duty(self) -> Duty | None:
        """The shift this crew mans now, None when it is off, or has left the unit to a person."""
        duty, crews = self._roster.on_duty(self._all.pace.now())
        if self._number not in crews or duty == self._evicted_for:
            return None
        if self._all.casebook.people_aboard.get(self.unit_id):
            self._evicted_for = duty
            return None
        return duty

    async def _next_duty(self) -> Duty:
        while (duty := self._on_duty()) is None:
            await self._all.pace.wait(_LOOKS_AT_CLOCK_S, 1.0)
        return duty

    async def _work(self, duty: Duty) -> None:
        """Sign in, board the unit, and drive it until the shift is over or a person comes aboard."""
        link: asyncio.Task[None] | None = None
        try:
            async with self._all.gate:
                await persist(self._player.sign_in)
                self._all.casebook.own.add(self._player.by)
                self.cab.start_afresh()
                link = asyncio.create_task(self.cab.wire.run(), name=f"socket {self.unit.call_sign}")
                boarded = await self._board(duty)
            if boarded:
                self._all.own_units.add(self.unit_id)
                await self._stay_aboard(duty)
        finally:
            self._all.own_units.discard(self.unit_id)
            if link is not None:
                link.cancel()
                await asyncio.wait({link})

    async def _board(self, duty: Duty) -> bool:
        while self.cab.desk is None:
            await self.cab.until_news(10.0)
        if self.cab.desk.aboard is not None:
            return True  # left so by an earlier start
        if self._all.casebook.people_aboard.get(self.unit_id):
            self._evicted_for = duty
            return False
        check = {"vehicle": True, "oxygen": True, "kit": True}
        await self._all.log.act(
            self._player.by,
            "sign_on",
            lambda: self.cab.wire.request("sign_on", call_sign=self.unit.call_sign, check=check),
            unit=self.unit_id,
        )
        return True

    async def _stay_aboard(self, duty: Duty) -> None:
        while True:
            desk = self.cab.desk
            if desk is None:
                await self.cab.until_news(10.0)
                continue
            for run_id in desk.stood_down:
                await self._acknowledge(run_id)
            relieved = bool(self._all.casebook.people_aboard.get(self.unit_id))
            if relieved or (self._on_duty() != duty and desk.run is None):
                if relieved:
                    self._evicted_for = duty
                await self.leave()
                return
            try:
                if (
                    desk.run is None
                    or desk.run.assignment_id in self._let_go
                    or self._taken_from_us(desk.run)
                ):
                    await self._wait_at_base(desk.run)
                else:
                    await self._go_on(desk.run)
            except Overtaken:
                await self.cab.until_news(2.0)  # the desk will say what it is now

    async def leave(self) -> None:
        """Sign off; on a run that is not ours to end, the crew stays aboard."""
        await self.cab.signal()
        try:
            await self._all.log.act(
                self._player.by, "sign_off", lambda: self.cab.wire.request("sign_off"), unit=self.unit_id
            )
        except Overtaken:
            return

    async def _acknowledge(self, run_id: UUID) -> None:
        desk = self.cab.desk
        await self._stand(self._manner.reacts_s, lambda: True)
        await self._all.log.act(
            self._player.by,
            "acknowledge",
            lambda: self.cab.wire.request("ack_stand_down", assignment_id=str(run_id)),
            run=str(run_id),
        )
        if desk is not None and self.cab.desk is desk:
            await self.cab.until_news(2.0)

    def _taken_from_us(self, run: desks.RunSheet) -> bool:
        """Whether a person steps this run: then they go on with it."""
        note = self._all.casebook.run(str(run.assignment_id))
        if note is None or not note.by_person or note.tracking != "app":
            return False
        self._let_go.add(run.assignment_id)
        self._all.log.write("let_go", run=note.id, incident=note.incident_id, call_sign=note.call_sign)
        return True

    # --- runs -------------------------------------------------------------------------------------

    async def _go_on(self, run: desks.RunSheet) -> None:
        """Do what comes next in a run, whatever state it is found in."""
        still = self._same(run)
        if run.state not in _WITHOUT_SIGNAL:
            await self.cab.signal()
        match run.state:
            case "offered":
                await self._answer_offer(run, still)
            case "accepted":
                if await self._stand(self._manner.turnout_s, still):
                    await self.cab.step(run, "en_route")
            case "en_route" | "staged":
                if run.place is None or await self._drive(run.place, still, outage_of="to the scene"):
                    await self.cab.step(run, "on_scene")
            case "on_scene":
                if await self._stand(self._manner.to_patient_s, still):
                    await self.cab.step(run, "at_patient")
            case "at_patient":
                if await self._stand(self._manner.treats_s, still):
                    await self._end_treatment(run)
            case "left_scene":
                await self._bring(run, still)
            case "at_facility":
                if await self._stand(self._manner.hands_over_s, still):
                    await self.cab.step(run, "handed_over", receiver="Contoh Perawat Jaga", room="IGD")
            case "handed_over":
                if await self._stand(self._manner.cleans_s, still):
                    await self.cab.step(run, "cleared")
            case _:
                await self._stand(_LOOKS_AT_CLOCK_S, still)

    async def _answer_offer(self, run: desks.RunSheet, still: Callable[[], bool]) -> None:
        self._runs += 1
        self._manner = Manner.of(dice(self._all.seed, "manner", self.unit.call_sign, self._runs))
        if not await self._stand(self._manner.accepts_s, still):
            return
        if self._manner.declines:
            await self.cab.step(run, "declined", reason="vehicle")
        else:
            await self.cab.step(run, "accepted")

    async def _end_treatment(self, run: desks.RunSheet) -> None:
        if not self._manner.transports:
            await self.cab.step(run, "completed_without_transport", code=self._manner.outcome(run.triage))
            return
        here = run.place or shapes.Place(self.cab.spot.lon, self.cab.spot.lat)
        facility = await self._all.look(
            self._player, lambda: choose_facility(self._player.client, here, run.triage, self._throws)
        )
        await self.cab.step(run, "left_scene", facility_id=str(facility.id))

    async def _bring(self, run: desks.RunSheet, still: Callable[[], bool]) -> None:
        """Drive to the facility of the run's leg; another one told by radio on the way is gone to instead."""
        run_id = str(run.assignment_id)
        note = self._all.casebook.run(run_id)
        target = self._all.facilities.get(note.destination or "") if note is not None else None
        if target is not None:
            place = shapes.Place(target.lon, target.lat)
            arrived = await self._drive(
                place, lambda: still() and run_id not in self._all.radio, outage_of="to the facility"
            )
            if not arrived and not still():
                return
        other = self._all.radio.pop(run_id, None)
        if other is not None:
            if await self._drive(shapes.Place(other.lon, other.lat), still):
                await self.cab.step(run, "at_facility", facility_id=str(other.id))
        elif still():
            await self.cab.step(run, "at_facility")

    def _same(self, run: desks.RunSheet) -> Callable[[], bool]:
        """Return a question: whether the desk still shows this run, in this state, and it is ours."""

        def asked() -> bool:
            desk = self.cab.desk
            now = desk.run if desk is not None else None
            if now is None or desk is None or desk.stood_down:
                return False
            same = (now.assignment_id, now.state) == (run.assignment_id, run.state)
            note = self._all.casebook.run(str(run.assignment_id))
            return same and not (note is not None and note.by_person) and not self._relieved()

        return asked

    def _relieved(self) -> bool:
        return bool(self._all.casebook.people_aboard.get(self.unit_id))

    # --- moving -----------------------------------------------------------------------------------

    async def _wait_at_base(self, run: desks.RunSheet | None) -> None:
        """Drive home and stand there until something changes."""

        def unchanged() -> bool:
            desk = self.cab.desk
            now = desk.run if desk is not None else None
            same = (now is None) == (run is None) and (
                now is None or now.state == getattr(run, "state", None)
            )
            return same and not (desk is not None and desk.stood_down) and not self._relieved()

        away = metres_between((self.cab.spot.lon, self.cab.spot.lat), (self._base.lon, self._base.lat))
        if run is None and away > _AT_BASE_M and not chance(self._throws, 0.25):
            await self._drive(shapes.Place(self._base.lon, self._base.lat), unchanged, on_run=False)
        else:
            await self._stand(_LOOKS_AT_CLOCK_S, unchanged, on_run=False, at_least=5.0)

    async def _stand(
        self, seconds: float, still: Callable[[], bool], *, on_run: bool = True, at_least: float = 0.0
    ) -> bool:
        """Stay where the unit is; whether it was undisturbed for so many simulated seconds."""
        return await self._pass(
            self._all.pace.real(seconds, at_least), still, lambda _: (self.cab.spot, 0.0), on_run=on_run
        )

    async def _drive(
        self, place: shapes.Place, still: Callable[[], bool], *, on_run: bool = True, outage_of: str = ""
    ) -> bool:
        """Drive there by the roads; whether the unit has arrived.

        outage_of: names a drive of a run, on which the signal may be lost.
        """
        await self.cab.signal()
        origin = shapes.Place(self.cab.spot.lon, self.cab.spot.lat)
        if metres_between((origin.lon, origin.lat), (place.lon, place.lat)) < 5.0:
            return still()
        route = await self._all.look(self._player, lambda: self._player.client.route(origin, place))
        track = Track([(origin.lon, origin.lat), *route.geometry, (place.lon, place.lat)])
        drive = Drive(track, route.total_s * delay(self._throws, 1.08, 0.15), self._throws)
        factor = self._all.pace.factor
        gap = self._outage(outage_of, drive.duration_s)
        return await self._pass(
            drive.duration_s / factor, still, lambda real_s: drive.at(real_s * factor), on_run=on_run, gap=gap
        )

    def _outage(self, drive: str, duration_s: float) -> tuple[float, float] | None:
        """Return when the signal is lost on a drive, and for how long, in real seconds; once for each one."""
        name = (self._runs, drive)
        if not drive or name in self._outages:
            return None
        self._outages.add(name)
        found = outage(dice(self._all.seed, "signal", self.unit.call_sign, *name))
        if found is None:
            return None
        pace = self._all.pace
        return pace.real(found.after_share * duration_s), pace.real(found.lasts_s, _LEAST_OUTAGE_S)

    async def _pass(
        self,
        real_s: float,
        still: Callable[[], bool],
        where: Callable[[float], tuple[Spot, float]],
        *,
        on_run: bool,
        gap: tuple[float, float] | None = None,
    ) -> bool:
        """Let time pass and tell where the unit is, for as long as nothing changes.

        gap: after how many real seconds the signal is lost, and for how long.
        """
        began = time.monotonic()
        while True:
            if not still():
                return False
            gone = time.monotonic() - began
            self.cab.spot, speed_ms = where(min(gone, real_s))
            if gap is not None and gone >= gap[0]:
                await self.cab.lose_signal(gap[1])
                gap = None
            if gone >= real_s:
                return True
            if self.cab.fix_due_in() <= 0:
                await self.cab.send_fix(speed_ms, self._noise, on_run=on_run)
            await self.cab.until_news(min(real_s - gone, max(self.cab.fix_due_in(), 0.01)))


async def sign_off_quietly(patrol: Patrol) -> None:
    """Have a crew leave its unit over a connection of its own, when the play ends."""
    cab = Cab(patrol._all, patrol._player, patrol.cab.spot)
    link = asyncio.create_task(cab.wire.run())
    try:
        await asyncio.wait_for(cab.wire.connected.wait(), 10.0)
        await cab.wire.request("sign_off")
    except (TimeoutError, Disconnected):
        return
    finally:
        link.cancel()
        await asyncio.wait({link})
