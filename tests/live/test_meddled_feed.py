"""Frames lost, late, doubled, out of order, lines cut, long absences: every event once and in order."""

from __future__ import annotations

import asyncio
import json
import os
import time
from importlib import import_module
from pathlib import Path

import pytest
from follower import Follower
from live_scene import ServerThread, World, operator_screen, raw_screen
from meddling import Meddler, lottery, untouched

import dispatch.live as live
from dispatch.live import hub
from dispatch.services.board import read_board

AN_HOUR = 10_000


def resident_bytes() -> int:
    """How much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def write(world: World, times: int, pause_s: float = 0.0) -> None:
    for _ in range(times):
        await world.call()
        await asyncio.sleep(pause_s)


async def write_an_hour(world: World) -> int:
    """Append as many events as a province's busiest hour has, by the log's own function; the head."""
    body = json.dumps(
        {
            "kind": "facility_status_changed", "subject_type": "facility", "subject_id": "uji",
            "incident_id": None, "actor": "system", "cause": "test", "occurred_at": "2026-11-20T05:00:00Z",
            "device_at": None, "data": {"why": "x" * 300}, "changes": [],
        }
    )  # fmt: skip
    for _ in range(AN_HOUR // 500):
        await world.as_admin(
            "SELECT set_config('semar.regency', :t, true), append_events(CAST(:r AS integer), "
            "array_fill(CAST(:body AS text), ARRAY[500]))",
            t=str(world.entry.tenant.id),
            r=world.entry.tenant.id,
            body=body,
        )
    return await world.head()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_the_way_does_to_frames(world: World, server: ServerThread, seed: int) -> None:
    start = await world.head()
    fates = [lottery(seed * 10 + n, lost=0.15, late=0.2, doubled=0.1) for n in range(2)]
    async with Meddler(server.port, *fates).running() as way:
        follower = Follower(way.port, await world.token("operator1"), start)
        end = start + 60
        writing = asyncio.create_task(write(world, 60, 0.02))
        await follower.until(lambda: follower.last >= end)
        await writing
    assert follower.got == list(range(start + 1, end + 1))
    assert way.meddled > 10
    assert follower.asked > 0


async def test_the_last_event_lost_is_noticed_without_another(world: World, server: ServerThread) -> None:
    start = await world.head()
    async with Meddler(server.port).running() as way:
        way.to_client = lambda text: [] if '"t":"event"' in str(text) else [0.0]
        follower = Follower(way.port, await world.token("operator1"), start)
        await world.call()

        def asked() -> bool:
            if follower.asked:
                way.to_client = untouched
            return follower.last == start + 1

        await follower.until(asked)
    assert follower.got == [start + 1]
    assert follower.connections == 1


async def test_a_line_that_is_cut_or_goes_dumb_again_and_again(world: World, server: ServerThread) -> None:
    start = await world.head()
    async with Meddler(server.port).running() as way:
        follower = Follower(way.port, await world.token("operator1"), start)
        end = start + 12

        async def trouble() -> None:
            for n in range(12):
                await world.call()
                if n % 4 == 1:
                    await way.cut()
                if n == 6:
                    way.mute = True
                seen = follower.connections
                until = time.monotonic() + 20
                while True:
                    if not way.mute or follower.connections > seen or time.monotonic() > until:
                        break
                    await asyncio.sleep(0.05)
                way.mute = False

        troubles = asyncio.create_task(trouble())
        await follower.until(lambda: follower.last >= end)
        await troubles
    assert follower.got == list(range(start + 1, end + 1))
    assert follower.connections > 3


async def test_away_for_a_second_and_for_an_hour(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 10,000 events it gets them all in pages, what happens meanwhile comes behind them, and once."""
    asked: list[int] = []
    read = hub.events_after

    async def counted(centre, entry, after, limit=500, incident_id=None):  # type: ignore[no-untyped-def]
        views = await read(centre, entry, after, limit, incident_id)
        asked.append(len(views))
        return views

    # by its name: the package has a function of the same name
    monkeypatch.setattr(import_module("dispatch.live.operator_socket"), "events_after", counted)
    start = await world.head()
    token = await world.token("operator1")
    async with operator_screen(server, token, start) as screen:
        await world.call()
        last = (await screen.until("event"))["seq"]
    await world.call()  # a second
    async with operator_screen(server, token, last) as screen:
        assert (await screen.until("event"))["seq"] == last + 1
        last += 1
    end = await write_an_hour(world)
    assert end == last + AN_HOUR
    async with operator_screen(server, token, last) as screen:
        writing = asyncio.create_task(write(world, 20))
        await screen.until("event", lambda f: f["seq"] == end + 20, patience_s=60)
        await writing
        assert [f["seq"] for f in screen.of("event")] == list(range(last + 1, end + 21))
    assert max(asked) <= hub.BATCH
    assert sum(asked) >= AN_HOUR, "the replay came from the log, page by page"


async def test_a_replay_does_not_fill_the_memory(world: World, server: ServerThread) -> None:
    """A client that asks for everything and does not read it costs a page, not the log."""
    end = await write_an_hour(world)
    token = await world.token("operator1")
    async with raw_screen(server, "/ws/operator") as first:  # the machinery is warm
        await first.say("hello", token=token, after=end - hub.BATCH)
        await first.until("event", lambda f: f["seq"] == end)
    before = resident_bytes()
    async with raw_screen(server, "/ws/operator") as deaf:
        deaf.connection.transport.pause_reading()
        await deaf.say("hello", token=token, after=0)
        async with operator_screen(server, token) as quick:  # the pump goes on for others
            for _ in range(10):
                call = await world.call()
                await quick.until("event", lambda f, call=call: f["subject_id"] == str(call.call_id))
        grown = resident_bytes() - before
        deaf.connection.transport.resume_reading()
        await deaf.until("event", lambda f: f["seq"] == end + 10, patience_s=60)
        assert [f["seq"] for f in deaf.of("event")] == list(range(1, end + 11))
    # 10,000 of these events are over 6 MB as frames, and several times that as objects
    assert grown < 20 * 1024 * 1024


async def test_a_client_that_takes_nothing_is_cut_and_resumes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(live.SERVER_OPTIONS, "ws_ping_interval", 0.5)
    monkeypatch.setitem(live.SERVER_OPTIONS, "ws_ping_timeout", 0.5)
    end = await write_an_hour(world)
    token = await world.token("operator1")
    with world.serving() as server:
        async with raw_screen(server, "/ws/operator") as deaf:
            await deaf.say("hello", token=token, after=0)
            await deaf.until("event")
            deaf.connection.transport.pause_reading()
            async with asyncio.timeout(30):
                while True:
                    if server.connected() == 0:
                        break
                    await asyncio.sleep(0.1)
            deaf.connection.transport.abort()
        last = deaf.of("event")[-1]["seq"]
        async with operator_screen(server, token, last) as again:
            await again.until("event", lambda f: f["seq"] == end, patience_s=60)
            assert [f["seq"] for f in again.of("event")] == list(range(last + 1, end + 1))


async def test_the_board_and_what_follows_it_are_whole(world: World, server: ServerThread) -> None:
    """Between the picture and the subscription nothing falls through, and nothing is told twice."""
    token = await world.token("operator1")
    writing = asyncio.create_task(write(world, 60))
    for _ in range(5):
        board = await read_board(world.centre, world.entry)
        shown = {str(call.id) for call in board.calls}
        await world.call()
        async with operator_screen(server, token, board.seq) as screen:
            head = await world.head()
            await screen.until("event", lambda f, head=head: f["seq"] >= head)
            frames = screen.of("event")
        assert frames[0]["seq"] == board.seq + 1
        followed = [f["subject_id"] for f in frames if f["kind"] == "call_received"]
        logged = await world.as_admin(
            "SELECT subject_id FROM event WHERE kind = 'call_received' AND seq <= :last ORDER BY seq",
            last=frames[-1]["seq"],
        )
        assert len(followed) == len(set(followed))
        assert {row.subject_id for row in logged} == shown | set(followed)
        assert not set(followed) & shown
    await writing


async def test_beyond_the_head_is_told_and_begins_anew(world: World, server: ServerThread) -> None:
    start = await world.head()
    async with Meddler(server.port).running() as way:
        # the word that the log ends before is lost the first time
        lost: list[str] = []

        def lose_one(text: str | bytes) -> list[float]:
            if '"t":"reset"' in str(text) and not lost:
                lost.append(str(text))
                return []
            return [0.0]

        way.to_client = lose_one
        follower = Follower(way.port, await world.token("operator1"), start + 5_000)
        await follower.until(lambda: follower.resets != [])
        await world.call()
        await follower.until(lambda: follower.last == start + 1)
    assert lost
    assert follower.resets[0] == start
    assert follower.got == [start + 1]


async def test_every_frame_of_every_socket_is_numbered(world: World, server: ServerThread) -> None:
    operator, driver = await world.token("operator1"), await world.token("pengemudi1")
    async with raw_screen(server, "/ws/operator") as desk, raw_screen(server, "/ws/driver") as cab:
        await desk.say("hello")  # refused, and counted
        await desk.say("hello", token=operator)
        await cab.say(
            "hello",
            token=driver,
            installation_id=str(world.staff["pengemudi1"]),
            device_at="2026-11-20T05:00:00Z",
        )
        await cab.until("desk")
        await desk.until("welcome")
        for screen in (desk, cab):
            await screen.say("nonsense")
            await screen.say("ping", id=1)
            await screen.until("pong")
            assert [f["n"] for f in screen.seen] == list(range(1, len(screen.seen) + 1))
        call = await world.call()
        event = await desk.until("event", lambda f: f["subject_id"] == str(call.call_id))
        await desk.say("ping", id=2)
        assert (await desk.until("pong", lambda f: f["id"] == 2))["seq"] >= event["seq"]
        # a cab's desk tells nothing of the call, and that it is right up to it
        until = time.monotonic() + 15
        while True:
            await cab.say("ping", id=3)
            if (await cab.until("pong"))["seq"] >= event["seq"]:
                break
            assert time.monotonic() < until
