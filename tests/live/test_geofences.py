"""Positions propose steps; the crew's one touch makes the stamp, with the time of the crossing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from live_scene import TOWN, Frame, Screen, ServerThread, World, driver_screen, fix

from dispatch.domain.assignment import AssignmentState as S
from dispatch.live import geofencing
from dispatch.services.board import RunView, read_board
from dispatch.services.driver_desk import read_desk
from dispatch.services.roads import Roads
from dispatch.services.save_positions import Fix, as_records
from dispatch.services.send_unit import AssignmentView
from dispatch.services.step_proposals import dismiss_proposal, propose_step
from dispatch.services.step_run import Step, step_run
from dispatch.services.unit_state import UnitView
from dispatch.services.watch_runs import fixes_of_runs
from dispatch.storage.rebuild import current, differences, rebuild

TICK = timedelta(seconds=100)
"""The runs began some minutes ago, so that their fixes lie in the past; moments are in parts of this."""
METRE = 1 / 111_195
DRIVER = "pengemudi1"


@dataclass
class Run:
    """A crew on its way to the scene."""

    world: World
    screen: Screen
    unit: UnitView
    assignment: AssignmentView
    began: datetime
    sent: int = 0

    def near(self, metres: float, after: float, **more: object) -> Frame:
        """A fix so many metres north of the scene, ticks after the run began."""
        self.sent += 1
        at = self.began + after * TICK
        known = {"accuracy_m": 8.0, "speed_ms": 1.0, "seq": self.sent}
        return fix(0, at, TOWN.lon, TOWN.lat + metres * METRE) | known | more

    async def tell(self, *fixes: Frame) -> None:
        await self.screen.say("positions", fixes=list(fixes))
        await self.screen.until("positions_saved")

    async def proposal(self, to: str, screen: Screen | None = None) -> Frame:
        """Wait for a desk that shows a proposal of this step."""

        def shown(desk: Frame) -> bool:
            return any(p["to"] == to for p in (desk["run"] or {"proposals": []})["proposals"])

        desk = await (screen or self.screen).until("desk", shown)
        return next(p for p in desk["run"]["proposals"] if p["to"] == to)

    async def do(self, kind: str, **members: object) -> Frame:
        await self.screen.say(kind, id=kind, **members)
        return await self.screen.until("done", lambda f: f["id"] == kind)

    async def board_run(self) -> RunView:
        board = await read_board(self.world.centre, self.world.entry)
        return next(r for i in board.incidents for r in i.runs if r.id == self.assignment.id)


@asynccontextmanager
async def under_way(
    world: World, server: ServerThread, state: str = "en_route", ahead: timedelta = timedelta(0)
) -> AsyncIterator[Run]:
    """`ahead`: by how much the clock was wrong when the run began."""
    unit = (await world.units())[0]
    await world.sign_on_earlier(DRIVER, unit, timedelta(hours=1))
    began = datetime.now(UTC) - 3 * TICK
    present, world.centre.clock = world.centre.clock, lambda: began + ahead
    assignment = await world.send(unit.id)
    for to in (S.ACCEPTED, S.EN_ROUTE)[: 1 if state == "accepted" else 2]:
        step = Step(to=to)
        await step_run(world.centre, world.entry, world.driver(), assignment.id, step, cause="test")
    world.centre.clock = present
    token = await world.token(DRIVER)
    async with driver_screen(server, token, aboard=unit.call_sign, installation=uuid4()) as screen:
        yield Run(world, screen, unit, assignment, began)


async def stamps(world: World, run: UUID) -> dict[str, tuple[datetime, str]]:
    rows = await world.as_admin("SELECT name, occurred_at, source FROM stamp WHERE assignment_id = :r", r=run)
    return {row.name: (row.occurred_at, row.source) for row in rows}


async def arrive(run: Run) -> Frame:
    """Come to the scene within the last moments, and stay."""
    moments = [n * 0.05 for n in range(4)]
    await run.tell(*(run.near(250 if n == 0 else 30, at) for n, at in enumerate(moments)))
    return await run.proposal("on_scene")


async def test_one_touch_stamps_the_time_of_the_crossing(world: World, server: ServerThread) -> None:
    async with under_way(world, server) as run:
        proposal = await arrive(run)
        entered = run.began + 0.05 * TICK
        assert datetime.fromisoformat(proposal["at"]) == entered
        # nothing is stamped by positions alone, and the operator sees that the crew is asked
        assert "on_scene_at" not in await stamps(world, run.assignment.id)
        assert [(p.to, p.at) for p in (await run.board_run()).proposals] == [("on_scene", entered)]
        now = datetime.now(UTC).isoformat()
        done = await run.do(
            "step", assignment_id=str(run.assignment.id), to="on_scene", proposal=proposal["seq"],
            device_at=now, sent_at=now,
        )  # fmt: skip
        assert done["result"]["state"] == "on_scene"
        assert (await stamps(world, run.assignment.id))["on_scene_at"] == (entered, "geofence_confirmed")
        assert (await run.board_run()).proposals == []
        async with world.centre.read(world.entry.tenant) as tx:
            assert list(differences(await rebuild(tx), await current(tx))) == []


async def test_a_run_that_began_by_a_clock_that_was_ahead_is_watched_all_the_same(
    world: World, server: ServerThread
) -> None:
    async with under_way(world, server, ahead=timedelta(days=1)) as run:
        async with asyncio.timeout(30):
            while not (told := (await run.board_run()).proposals):
                await run.tell(run.near(30, (datetime.now(UTC) - run.began) / TICK))
        assert [p.to for p in told] == ["on_scene"]
        desk = await read_desk(world.centre, world.entry, world.driver())
        assert desk.run is not None
        assert desk.run.proposals == told
        # dismissed by such a clock, it is proposed anew by what is seen later
        present, world.centre.clock = world.centre.clock, lambda: datetime.now(UTC) + timedelta(days=1)
        await dismiss_proposal(
            world.centre, world.entry, world.driver(), run.assignment.id, told[0].seq, cause="test"
        )
        world.centre.clock = present
        assert await propose_step(world.centre, world.entry, run.assignment.id, S.ON_SCENE, datetime.now(UTC))


async def test_runs_are_watched_anew_when_the_clock_has_been_set_back(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geofencing, "LOOK_EVERY_S", 0.0)
    ahead = timedelta(days=1)
    async with under_way(world, server, ahead=ahead) as run:
        book = geofencing.RunBook(world.centre, world.entry)

        def seen(metres: float, at: datetime) -> None:
            one = Fix(
                uuid4(), 1, at.timestamp(), at.timestamp(), TOWN.lon, TOWN.lat + metres * METRE, 8.0, 1.0,
                at=at.timestamp(), unit_id=run.unit.id,
            )  # fmt: skip
            said.extend(book.take(as_records([one])))

        said: list[geofencing.Said] = []
        present, world.centre.clock = world.centre.clock, lambda: datetime.now(UTC) + ahead
        await book.refresh()
        seen(250, datetime.now(UTC) + ahead)  # not there yet, and that is said of tomorrow
        world.centre.clock = present
        await book.refresh()
        for metres in (250, 30, 20):
            seen(metres, datetime.now(UTC))
        assert [(each.assignment_id, each.proposal.to) for each in said] == [(run.assignment.id, "on_scene")]


async def test_whatever_is_wrong_with_the_roads_steps_are_proposed(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> object:
        raise EOFError("as of a compiled kernel that was cut short on the disk")

    async with under_way(world, server) as run:
        monkeypatch.setattr(Roads, "of", fails)
        await run.tell(run.near(600, 0.5))
        await run.tell(run.near(40, 1), run.near(20, 1.1))
        await run.proposal("on_scene")


async def test_all_runs_are_watched_again_when_fixes_were_missed_in_the_middle_of_a_look(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with under_way(world, server) as run:
        book = geofencing.RunBook(world.centre, world.entry)
        await book.refresh()
        assert book.units == {run.unit.id.bytes}

        async def missing(*given: Any) -> Any:
            book.forget()
            return await fixes_of_runs(*given)

        monkeypatch.setattr(geofencing, "LOOK_EVERY_S", 0.0)
        monkeypatch.setattr(geofencing, "fixes_of_runs", missing)
        await book.refresh()
        monkeypatch.setattr(geofencing, "fixes_of_runs", fixes_of_runs)
        await book.refresh()
        assert book.units == {run.unit.id.bytes}


async def test_an_unanswered_proposal_never_becomes_a_stamp(world: World, server: ServerThread) -> None:
    async with under_way(world, server) as run:
        await arrive(run)
        done = await run.do("step", assignment_id=str(run.assignment.id), to="at_patient")
        assert done["result"]["state"] == "at_patient"
        assert {"on_scene_at", "at_patient_at"} & set(await stamps(world, run.assignment.id)) == {
            "at_patient_at"
        }
        assert (await run.board_run()).proposals == []


async def test_a_dismissed_proposal_stays_away_until_the_line_is_crossed_again(
    world: World, server: ServerThread
) -> None:
    async with under_way(world, server) as run:
        proposal = await arrive(run)
        for _ in range(2):
            await run.do("dismiss_proposal", assignment_id=str(run.assignment.id), proposal=proposal["seq"])
        assert (await run.board_run()).proposals == []
        (said,) = await world.as_admin("SELECT count(*) FROM event WHERE kind = 'step_proposal_dismissed'")
        assert said[0] == 1
        for metres in (60, 170):
            await run.tell(run.near(metres, (datetime.now(UTC) - run.began) / TICK))
        back = datetime.now(UTC)
        for _ in range(2):
            await run.tell(run.near(70, (datetime.now(UTC) - run.began) / TICK))
        again = await run.proposal("on_scene")
        assert datetime.fromisoformat(again["at"]) > back


async def test_a_wrong_confirmation_is_refused(world: World, server: ServerThread) -> None:
    async with under_way(world, server) as run:
        proposal = await arrive(run)
        for seq, to in (
            (proposal["seq"], "at_patient"),
            (proposal["seq"] - 1, "on_scene"),
            (10**9, "on_scene"),
        ):
            await run.screen.say("step", id="x", assignment_id=str(run.assignment.id), to=to, proposal=seq)
            assert (await run.screen.until("error"))["problem"]["status"] == 409
        assert "on_scene_at" not in await stamps(world, run.assignment.id)


async def test_jumps_and_coarse_fixes_propose_nothing(world: World, server: ServerThread) -> None:
    async with under_way(world, server) as run:
        await run.tell(run.near(20_000, 0.0))
        await run.tell(*(run.near(30, 0.01 * n, accuracy_m=800.0) for n in range(1, 4)))
        await run.tell(*(run.near(30, 0.05 + 0.01 * n) for n in range(2)))  # two jumps are not yet believed
        rows = await world.positions()
        assert [row.quality for row in rows] == ["good", "coarse", "coarse", "coarse", "jump", "jump"]
        assert abs((await world.marker(run.unit.id)).lat - TOWN.lat) > 0.1
        assert await world.as_admin("SELECT 1 FROM event WHERE kind = 'step_proposed'") == []
        # the third that agrees is: the phone really is here
        await run.tell(run.near(30, 0.1), run.near(30, 0.12))
        assert abs((await world.marker(run.unit.id)).lat - TOWN.lat) < 0.001
        await run.proposal("on_scene")


async def test_moving_off_proposes_en_route_and_confirmed_it_goes_on(
    world: World, server: ServerThread
) -> None:
    async with under_way(world, server, "accepted") as run:
        await run.tell(run.near(3000, 0.02), run.near(3001, 0.05))
        await run.tell(run.near(2890, 0.1), run.near(2850, 0.15), run.near(2800, 0.2))
        proposal = await run.proposal("en_route")
        assert datetime.fromisoformat(proposal["at"]) > run.began
        await run.do("step", assignment_id=str(run.assignment.id), to="en_route", proposal=proposal["seq"])
        at, source = (await stamps(world, run.assignment.id))["en_route_at"]
        assert (at.isoformat(), source) == (
            datetime.fromisoformat(proposal["at"]).isoformat(),
            "geofence_confirmed",
        )


async def test_after_an_outage_the_newest_goes_first_and_the_backlog_finds_the_crossing(
    world: World, server: ServerThread
) -> None:
    """The marker is where the unit is at once; what was kept comes in behind and moves nothing back."""
    async with under_way(world, server) as run:
        kept = [run.near(1500 - 100 * n if n < 14 else 25, 0.02 * n) for n in range(16)]
        await run.tell(kept[-1])
        newest = await world.marker(run.unit.id)
        assert abs(newest.lat - (TOWN.lat + 25 * METRE)) < 1e-9
        for first in (10, 5, 0):  # newest first, and not one marked by the phone
            await run.tell(*reversed(kept[first : first + 5]))
            assert await world.marker(run.unit.id) == newest
        rows = await world.positions()
        assert [row.replayed for row in rows] == [True] * 15 + [False]
        assert {row.quality for row in rows} == {"good"}
        async with asyncio.timeout(15):
            while not (told := (await run.board_run()).proposals):
                pass
        # the first fix within, not the one that came first
        assert [(p.to, p.at) for p in told] == [("on_scene", run.began + 0.28 * TICK)]


async def test_another_process_and_a_restart_propose_it_too(world: World) -> None:
    """What was seen before the process died is in the database: the crossing keeps its time."""
    unit = (await world.units())[0]
    with world.serving() as first:
        async with under_way(world, first) as run:
            await run.tell(run.near(250, 0.0), run.near(30, 0.05))
            began, assignment, sent = run.began, run.assignment, run.sent
            assert (await run.board_run()).proposals == []
            installation = (await world.positions())[0].installation_id
    with world.serving() as second:
        token = await world.token(DRIVER)
        async with driver_screen(second, token, aboard=unit.call_sign, installation=installation) as screen:
            run = Run(world, screen, unit, assignment, began, sent)
            await run.tell(run.near(30, 0.1))
            proposal = await run.proposal("on_scene")
            assert datetime.fromisoformat(proposal["at"]) == began + 0.05 * TICK
    (said,) = await world.as_admin("SELECT count(*) FROM event WHERE kind = 'step_proposed'")
    assert said[0] == 1
