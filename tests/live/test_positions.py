"""Fixes are acknowledged when committed, kept once, and never move a marker back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from live_scene import Frame, Screen, ServerThread, World, driver_screen, fix

from dispatch.services.unit_state import UnitView

SECOND = timedelta(seconds=1)


@dataclass
class Cab:
    """A phone aboard a unit."""

    screen: Screen
    unit: UnitView
    installation: UUID

    async def send(self, *fixes: Frame, **more: object) -> Frame:
        """Send one frame of fixes and return the answer."""
        await self.screen.say("positions", fixes=list(fixes), **more)
        return await self.screen.until("positions_saved")


@asynccontextmanager
async def cab(
    world: World,
    server: ServerThread,
    driver: str = "pengemudi1",
    *,
    unit: UnitView | None = None,
    installation: UUID | None = None,
    device_at: datetime | None = None,
) -> AsyncIterator[Cab]:
    unit = unit or (await world.units())[0]
    installation = installation or uuid4()
    token = await world.token(driver)
    async with driver_screen(
        server, token, aboard=unit.call_sign, installation=installation, device_at=device_at
    ) as screen:
        yield Cab(screen, unit, installation)


async def test_a_fix_is_stored_answered_and_shown(world: World, server: ServerThread) -> None:
    async with cab(world, server) as phone:
        at = datetime.now(UTC)
        answer = await phone.send(
            fix(7, at, 107.45, -6.56, accuracy_m=8, speed_ms=12.5, heading_deg=90, battery=80)
        )
        assert (answer["seqs"], answer["rejected"]) == ([7], [])
        (row,) = await world.positions()
        assert (row.installation_id, row.sequence, row.unit_id) == (phone.installation, 7, phone.unit.id)
        assert (row.fixed_at, row.source, row.replayed) == (at, "app", False)
        marker = await world.marker(phone.unit.id)
        assert (marker.lon, marker.lat, marker.speed_ms, marker.fixed_at) == (107.45, -6.56, 12.5, at)


async def test_sent_again_is_answered_again_and_kept_once(world: World, server: ServerThread) -> None:
    async with cab(world, server) as phone:
        at = datetime.now(UTC)
        fixes = [fix(n, at + n * SECOND / 10) for n in range(1, 6)]
        assert sorted((await phone.send(*fixes))["seqs"]) == [1, 2, 3, 4, 5]
        assert sorted((await phone.send(*fixes, fixes[0]))["seqs"]) == [1, 1, 2, 3, 4, 5]
        assert [row.sequence for row in await world.positions()] == [1, 2, 3, 4, 5]


async def test_the_same_fix_is_known_again_on_another_connection_and_clock(
    world: World, server: ServerThread
) -> None:
    installation, wrong_by = uuid4(), timedelta(hours=2)
    at = datetime.now(UTC) + wrong_by
    for error in (wrong_by, wrong_by + 3 * SECOND):
        device_at = datetime.now(UTC) + error
        async with cab(world, server, installation=installation, device_at=device_at) as phone:
            assert (await phone.send(fix(1, at)))["seqs"] == [1]
    assert len(await world.positions()) == 1


async def test_replayed_and_older_fixes_never_move_the_marker_back(
    world: World, server: ServerThread
) -> None:
    async with cab(world, server) as phone:
        now = datetime.now(UTC)
        await phone.send(fix(10, now, 107.5000))
        # the backlog comes after the newest fix: kept, and not shown
        backlog = [fix(n, now - (10 - n) * 5 * SECOND, 107.4990, replayed=n > 5) for n in range(1, 10)]
        await phone.send(*backlog)
        assert len(await world.positions()) == 10
        assert [row.replayed for row in await world.positions()] == [True] * 9 + [False]
        assert (await world.marker(phone.unit.id)).lon == 107.50
        # order is by sequence, whatever the phone's clock says
        await phone.send(fix(11, now - 60 * SECOND, 107.5005))
        assert (await world.marker(phone.unit.id)).lon == 107.5005
        # within one frame the highest sequence wins
        await phone.send(fix(14, now, 107.5008), fix(12, now, 107.5006), fix(13, now, 107.5007))
        assert (await world.marker(phone.unit.id)).lon == 107.5008


async def test_across_installations_the_later_fix_wins_after_a_silence(
    world: World, server: ServerThread
) -> None:
    unit = (await world.units())[0]
    await world.sign_on_earlier("pengemudi1", unit, timedelta(hours=1))
    async with (
        cab(world, server, "pengemudi1", unit=unit) as one,
        cab(world, server, "pengemudi1", unit=unit) as two,
    ):
        now = datetime.now(UTC)
        await one.send(fix(1000, now - 400 * SECOND, 107.5000))
        await two.send(fix(1, now - 401 * SECOND, 107.5001))
        assert (await world.marker(unit.id)).lon == 107.5000
        # two phones aboard do not take turns: off a run a silence of 150 s changes the holder
        await two.send(fix(2, now - 260 * SECOND, 107.5002))
        assert (await world.marker(unit.id)).lon == 107.5000
        await two.send(fix(3, now - 240 * SECOND, 107.5003))
        assert (await world.marker(unit.id)).lon == 107.5003
        await one.send(fix(1001, now - 235 * SECOND, 107.5004))
        assert (await world.marker(unit.id)).lon == 107.5003
        assert len(await world.positions()) == 5


async def test_a_wrong_clock_is_measured_and_corrected(world: World, server: ServerThread) -> None:
    wrong_by = timedelta(minutes=47)
    async with cab(world, server, device_at=datetime.now(UTC) + wrong_by) as phone:
        assert abs(phone.screen.of("welcome")[0]["clock_offset_s"] + wrong_by.total_seconds()) < 2
        taken = datetime.now(UTC) - 10 * SECOND
        await phone.send(fix(1, taken + wrong_by))
        (row,) = await world.positions()
        assert row.fixed_at == taken + wrong_by  # as the phone said it, beside what its clock was off by
        assert abs(row.clock_offset_s + wrong_by.total_seconds()) < 2
        assert abs((await world.marker(phone.unit.id)).fixed_at - taken) < 2 * SECOND
        # the clock is set right while the connection stands: the next frame says so
        taken = datetime.now(UTC)
        await phone.send(fix(2, taken), sent_at=taken.isoformat())
        assert abs((await world.marker(phone.unit.id)).fixed_at - taken) < 2 * SECOND


async def test_a_backlog_of_before_the_phones_clock_was_put_right_is_kept(
    world: World, server: ServerThread
) -> None:
    """It lies in the future; its place in the order is known all the same, and the phone may forget it."""
    async with cab(world, server) as phone:
        now = datetime.now(UTC)
        await phone.send(fix(10, now, 107.5000), sent_at=now.isoformat())
        marker = await world.marker(phone.unit.id)
        ahead = timedelta(hours=3)
        backlog = [fix(n, now + ahead - (10 - n) * 5 * SECOND, 107.4990, replayed=True) for n in range(1, 10)]
        answer = await phone.send(*backlog, sent_at=now.isoformat())
        assert (sorted(answer["seqs"]), answer["rejected"]) == (list(range(1, 10)), [])
        rows = await world.positions()
        assert [row.replayed for row in rows] == [True] * 9 + [False]
        assert {row.quality for row in rows[:-1]} == {"jump"}
        for row in rows[:-1]:
            assert abs(row.fixed_at + row.clock_offset_s * SECOND - row.received_at) < SECOND
        assert await world.marker(phone.unit.id) == marker
        # the next one moves it on
        await phone.send(fix(11, datetime.now(UTC), 107.5001))
        assert (await world.marker(phone.unit.id)).lon == 107.5001


async def test_what_cannot_be_kept_is_answered_with_the_reason(world: World, server: ServerThread) -> None:
    async with cab(world, server) as phone:
        now = datetime.now(UTC)
        bad = {
            1: fix(1, now, lon=190.0),
            2: fix(2, now, lat=-90.1),
            3: fix(3, now + timedelta(minutes=2)),
            4: fix(4, now - timedelta(days=7, minutes=1)),
            5: fix(5, now) | {"lon": "107,4"},
            6: fix(6, now) | {"at": "2026-11-20T05:00:00"},
            7: fix(7, now - timedelta(hours=3)),  # before the driver signed on
            8: fix(8) | {"at": "0001-01-01T00:00:00+00:00"},
        }
        good = fix(9, now, speed_ms=-1, heading_deg=-1, accuracy_m=-1)
        answer = await phone.send(*bad.values(), good)
        assert answer["seqs"] == [9]
        assert sorted(r["seq"] for r in answer["rejected"]) == sorted(bad)
        assert all(r["reason_id"] and r["reason_en"] != r["reason_id"] for r in answer["rejected"])
        (row,) = await world.positions()
        assert (row.speed_ms, row.heading_deg, row.accuracy_m) == (None, None, None)
        # nothing but refusals is answered as well
        assert (await phone.send(bad[1]))["seqs"] == []


async def test_off_duty_nothing_is_kept(world: World, server: ServerThread) -> None:
    async with cab(world, server) as phone:
        await phone.send(fix(1))
        await phone.screen.say("sign_off", id="off")
        await phone.screen.until("done")
        await phone.screen.say("positions", id="p", fixes=[fix(2)])
        error = await phone.screen.until("error")
        assert (error["id"], error["problem"]["status"]) == ("p", 403)
    assert [row.sequence for row in await world.positions()] == [1]


async def test_a_backlog_belongs_to_the_unit_of_its_time(world: World, server: ServerThread) -> None:
    """The phone was without signal when its driver changed units: each fix is its own unit's."""
    first, second = (await world.units())[:2]
    async with cab(world, server, unit=first) as phone:
        in_first = datetime.now(UTC)
        await phone.screen.say("sign_on", id="over", call_sign=second.call_sign)
        await phone.screen.until("done", lambda f: f["id"] == "over")
        await phone.send(fix(2, datetime.now(UTC), 107.5002), fix(1, in_first, 107.5001, replayed=True))
        assert [row.unit_id for row in await world.positions()] == [first.id, second.id]
        assert (await world.marker(first.id)).lon == 107.5001
        assert (await world.marker(second.id)).lon == 107.5002


async def test_nothing_is_acknowledged_before_it_is_committed(world: World, server: ServerThread) -> None:
    async with cab(world, server) as phone:
        blocker = await asyncpg.connect(world.admin_url)
        try:
            async with blocker.transaction():
                await blocker.execute("LOCK TABLE latest_position IN EXCLUSIVE MODE")
                await phone.screen.say("positions", fixes=[fix(1)])
                pid = await _waiting_writer(world)
                await phone.screen.say("ping", id="alive")
                await phone.screen.until("pong")
                assert phone.screen.of("positions_saved") == []
                # the write dies with its connection: the phone is told, and nothing was kept
                await blocker.execute("SELECT pg_terminate_backend($1)", pid)
                error = await phone.screen.until("error")
                assert (error["problem"]["status"], error["problem"]["seqs"]) == (503, [1])
        finally:
            await blocker.close()
        assert phone.screen.of("positions_saved") == []
        assert await world.positions() == []
        assert (await phone.send(fix(1)))["seqs"] == [1]
        assert len(await world.positions()) == 1


async def _waiting_writer(world: World) -> int:
    async with asyncio.timeout(10):
        while True:
            rows = await world.as_admin(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND application_name = 'semar serve' AND datname = current_database()"
            )
            if rows:
                return int(rows[0][0])


async def test_many_phones_at_once(world: World, server: ServerThread) -> None:
    """Three drivers, two phones each, in bursts: all is answered, all is kept once."""
    units = await world.units()
    drivers = ("pengemudi1", "pengemudi2", "pengemudi3")
    each = 40

    async def stream(driver: str, unit: UnitView) -> None:
        async with cab(world, server, driver, unit=unit) as phone:
            for n in range(each):
                await phone.screen.say("positions", fixes=[fix(n)] * 2)
            left = set(range(each))
            while left:
                left -= set((await phone.screen.until("positions_saved"))["seqs"])

    await asyncio.gather(*(stream(d, units[n % 3]) for n, d in enumerate(drivers * 2)))
    assert len(await world.positions()) == 6 * each


async def test_a_frame_beyond_all_sense_is_one_error(world: World, server: ServerThread) -> None:
    async with cab(world, server) as phone:
        for fixes in ("none", [1], [{"lon": 1}], [fix(-1)], [fix(2**63)]):
            await phone.screen.connection.send(json.dumps({"t": "positions", "id": "x", "fixes": fixes}))
            assert (await phone.screen.until("error"))["id"] == "x"
        assert (await phone.send(fix(2**63 - 1)))["seqs"] == [2**63 - 1]


@pytest.mark.parametrize("count", [0, 300])
async def test_frames_of_any_length(world: World, server: ServerThread, count: int) -> None:
    async with cab(world, server) as phone:
        answer = await phone.send(*(fix(n) for n in range(count)))
        assert sorted(answer["seqs"]) == list(range(count))
