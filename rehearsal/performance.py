"""A whole rehearsal: everybody comes, plays for hours or until told to stop, and leaves nothing open."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from rehearsal import shapes
from rehearsal.answering import Answering
from rehearsal.callers import Callers
from rehearsal.casting import Cast, gather
from rehearsal.client import Connection
from rehearsal.dispatching import Dispatching
from rehearsal.ensemble import Ensemble, PlayWishes
from rehearsal.findings import FAILURES, Refused
from rehearsal.logbook import Line, Overtaken
from rehearsal.patrol import sign_off_quietly
from rehearsal.phoned_run import PhonedRuns
from rehearsal.player import Player
from rehearsal.switchroom import Switchroom
from rehearsal.wards import Wards
from rehearsal.wire import Disconnected, Frame, Wire

WHY = "gladi dihentikan / rehearsal stopped"
LEAVES_WITHIN_S = 9.0
_TELLS_EVERY_S = 2.0
_LOOKS_EVERY_S = 0.25
_RUNS_OUT_S = 2.5 * 3600.0
"""Simulated seconds that cases get to end by themselves after the last call."""
_BEFORE_PATIENT_LEAVES = frozenset({"offered", "accepted", "en_route", "staged", "on_scene", "at_patient"})

Tell = Callable[[dict[str, Any]], None]


async def perform(wishes: PlayWishes, folder: Path, stop: Callable[[], bool], tell: Tell) -> dict[str, Any]:
    """Play, and return how it went.

    stop: asked often; true ends the play at once.
    tell: gets the state every two seconds.

    Raises:
        NotPossible: it cannot be played here.
    """
    async with Connection(wishes.address) as connection:
        cast = await gather(connection, wishes, folder)
        play = _Play(cast, folder, tell)
        play.begin()
        try:
            await play.until(stop)
        finally:
            await play.leave(within_s=LEAVES_WITHIN_S)
        return play.figures("done")


class _Play:
    """One play under way."""

    def __init__(self, cast: Cast, folder: Path, tell: Tell) -> None:
        self._cast = cast
        self._all: Ensemble = cast.ensemble
        self._tell = tell
        self._room = Switchroom(self._all, cast.operators)
        self._dispatching = Dispatching(self._room)
        self._answering = Answering(self._room, self._dispatching)
        self._callers = Callers(
            self._all, cast.script, folder / "residents.json", self._answering.phone_rings
        )
        self._calls_over = False
        self._feed: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Have everybody begin."""
        everybody, wishes = self._all, self._all.wishes
        everybody.log.write(
            "begin",
            regency=wishes.regency,
            seed=wishes.seed,
            speed=wishes.speed,
            rate=wishes.rate,
            hours=wishes.hours,
            seq=self._cast.board.seq,
            players=[player.by for player in (*self._cast.operators, *self._cast.desks.values())],
        )
        phoned, wards = PhonedRuns(self._room), Wards(everybody, self._cast.desks, self._cast.listener)
        if self._cast.operators:
            everybody.casebook.listeners += [self._answering.hear, self._dispatching.hear, phoned.hear]
        everybody.casebook.listeners.append(wards.hear)
        feed = Wire(
            f"{everybody.connection.sockets}/ws/operator",
            self._hello,
            self._hear,
            self._cast.listener.sign_in,
        )
        self._feed = everybody.spawn(feed.run(), "event feed")
        everybody.spawn(self._begin_acting(), "beginning")

    def _hello(self) -> Frame:
        return {"token": self._cast.listener.token, "after": self._all.casebook.seq}

    def _hear(self, frame: Frame) -> None:
        if frame.get("t") == "event":
            self._all.casebook.hear(msgspec.convert(frame, shapes.Event))
        elif frame.get("t") == "reset":
            self._all.casebook.seq = int(frame["seq"])
            self._all.log.surprise("the event feed began anew")

    async def _begin_acting(self) -> None:
        await self._end_left_overs()
        for patrol in self._cast.patrols:
            self._all.spawn(patrol.run(), f"crew {patrol.unit.call_sign}")
        if self._cast.operators:
            for call in self._cast.board.calls:
                if call.incident_id is None:
                    self._answering.adopt(str(call.id), call.taken_by)
        self._all.spawn(self._have_calls(), "callers")

    async def _have_calls(self) -> None:
        await self._callers.run()
        self._calls_over = True

    async def until(self, stop: Callable[[], bool]) -> None:
        """Play until told to stop, or until the hours are over and every case has ended."""
        told_at, over_at = 0.0, None
        while not stop():
            elapsed = self._all.pace.elapsed_s
            if self._calls_over:
                over_at = elapsed if over_at is None else over_at
                if not self._anything_open() or elapsed - over_at > _RUNS_OUT_S:
                    return
            loop_now = asyncio.get_running_loop().time()
            if loop_now - told_at >= _TELLS_EVERY_S:
                told_at = loop_now
                self._tell(self.figures("playing"))
            await asyncio.sleep(_LOOKS_EVERY_S)

    def _anything_open(self) -> bool:
        book = self._all.casebook
        busy = any(task.get_name().startswith(("caller", "phone", "answer")) for task in self._all.tasks)
        signing = any(task.get_name().startswith(("ward", "countersign")) for task in self._all.tasks)
        calls = any(call.state in ("ringing", "taken") and not call.persons for call in book.calls.values())
        return busy or signing or calls or any(not case.persons for case in book.cases.values())

    def figures(self, state: str) -> dict[str, Any]:
        """Return how the play stands."""
        everybody, book = self._all, self._all.casebook
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "state": state,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "began": everybody.pace.began.isoformat(timespec="seconds"),
            "regency": everybody.wishes.regency,
            "seed": everybody.wishes.seed,
            "speed": everybody.wishes.speed,
            "rate": everybody.wishes.rate,
            "hours": everybody.wishes.hours,
            "simulated_now": everybody.pace.now().isoformat(timespec="seconds"),
            "simulated_hours": round(everybody.pace.elapsed_s / 3600.0, 2),
            "called": self._callers.called,
            "open_calls": sum(c.state in ("ringing", "taken") for c in book.calls.values()),
            "open_cases": len(book.cases),
            "persons_cases": sum(case.persons for case in book.cases.values()),
            "taken_over": book.taken_over,
            "crews_aboard": len(everybody.own_units),
            "surprises": everybody.log.counts["surprises"],
            "last_surprise": everybody.log.last_surprise,
            "counts": dict(sorted(everybody.log.counts.items())),
            "memory_mb": round(usage.ru_maxrss / 1024.0, 1),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        }

    # --- leaving ----------------------------------------------------------------------------------

    async def leave(self, *, within_s: float) -> None:
        """End what is open and ours, sign the crews off, end the sessions; what does not get done in time
        is found by the next start.
        """
        self._tell(self.figures("leaving"))
        self._all.casebook.listeners.clear()
        await self._all.quit(but=self._feed)
        try:
            async with asyncio.timeout(within_s):
                await self._end_open()
                await self._each([sign_off_quietly(p) for p in self._cast.patrols if p.cab.desk is not None])
                players = [*self._cast.operators, *self._cast.desks.values(), self._cast.listener]
                await self._each([_sign_out(player) for player in {p.name: p for p in players}.values()])
        except TimeoutError:
            self._all.log.surprise("not everything could be ended in time")
        await self._all.quit()
        self._all.log.write("end", **self.figures("done"))

    async def _each(self, works: list[Any]) -> None:
        """Do several things, a few at a time."""
        gate = asyncio.Semaphore(6)

        async def one(work: Any) -> None:
            async with gate:
                await work

        for result in await asyncio.gather(*(one(work) for work in works), return_exceptions=True):
            if isinstance(result, Exception):
                self._all.log.write("not_ended", words=str(result))

    async def _end_open(self) -> None:
        book, player = self._all.casebook, self._cast.listener
        cases = [case.id for case in book.cases.values() if not case.persons and not case.ended]
        await self._each([self._end_case(player, case_id) for case_id in cases])
        for call in list(book.calls.values()):
            own = call.by in book.own and not call.persons
            if own and call.state in ("ringing", "taken"):
                await self._each([self._dispose(player, call.id)])

    async def _dispose(self, player: Player, call_id: str) -> None:
        await self._all.act(
            player,
            "dispose",
            lambda: player.operator.dispose(UUID(call_id), "cancelled_by_caller"),
            call=call_id,
            disposal="cancelled_by_caller",
        )

    async def _end_left_overs(self) -> None:
        """End the cases of an earlier start that was killed: those in which no person has acted."""
        player, book = self._cast.listener, self._all.casebook
        for incident in self._cast.board.incidents:
            case = await self._all.look(player, partial(player.operator.case, incident.id, WHY))
            if not any(book.is_foreign_operator(event.actor) for event in case.events):
                await self._each([self._end_case(player, str(incident.id))])

    async def _end_case(self, player: Player, case_id: str) -> None:
        """End a case: units are stood down; a patient aboard is handed over, with why in the name."""
        incident = UUID(case_id)
        case = await self._all.look(player, lambda: player.operator.case(incident, WHY))
        for run in case.incident.runs:
            if run.released_at is None:
                await self._end_run(player, case_id, run)
        try:
            await self._all.act(
                player,
                "close",
                lambda: player.operator.close(incident),
                lambda ended: {"closing_code": ended.closing_code},
                incident=case_id,
            )
        except (Overtaken, Refused):
            await self._all.act(
                player, "cancel", lambda: player.operator.cancel(incident, "not_needed"), incident=case_id
            )

    async def _end_run(self, player: Player, case_id: str, run: shapes.Run) -> None:
        about: Line = {"incident": case_id, "run": str(run.id)}
        if run.state in _BEFORE_PATIENT_LEAVES:
            await self._all.act(
                player, "stand_down", lambda: player.operator.stand_down(run.id, WHY), **about
            )
            return
        if run.state != "handed_over":
            await self._all.act(
                player,
                "step",
                lambda: player.operator.step(run.id, "handed_over", receiver=WHY, room=WHY),
                to="handed_over",
                **about,
            )
        await self._all.act(
            player, "step", lambda: player.operator.step(run.id, "cleared"), to="cleared", **about
        )


async def _sign_out(player: Player) -> None:
    try:
        await player.sign_out()
    except (*FAILURES, Disconnected):
        return
