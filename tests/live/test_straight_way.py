"""Fixes that take the straight way past the WebSocket library fare as those that do not."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from live_scene import (
    AWAY,
    HOME,
    PATIENCE_S,
    Frame,
    Screen,
    ServerThread,
    World,
    driver_screen,
    fix,
    operator_screen,
)
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from dispatch.live import ingest
from dispatch.live.driver_socket import _Cab
from dispatch.live.ingest import Ingest
from dispatch.live.ordinary_fixes import OrdinaryFixes
from dispatch.live.road_match import RoadMatch
from dispatch.services.unit_state import list_units


def compact(*fixes: Frame, **more: object) -> str:
    return json.dumps({"t": "positions", "fixes": list(fixes), **more}, separators=(",", ":"))


def wire(text: str, opcode: Opcode = Opcode.TEXT, *, fin: bool = True, mask: bool = True) -> bytes:
    return WireFrame(opcode, text.encode(), fin).serialize(mask=mask)


async def answers(screen: Screen, count: int) -> list[int]:
    """The sequences of the next answers, until there are so many."""
    seqs: list[int] = []
    while len(seqs) < count:
        seqs += (await screen.until("positions_saved"))["seqs"]
    return sorted(seqs)


async def aboard(world: World) -> tuple[str, str]:
    return await world.token("pengemudi1"), (await world.units())[0].call_sign


@pytest.mark.parametrize("spaces", [False, True])
async def test_a_frame_that_is_written_otherwise_is_answered_alike(
    world: World, server: ServerThread, spaces: bool
) -> None:
    token, unit = await aboard(world)
    async with driver_screen(server, token, aboard=unit) as screen:
        text = compact(fix(1), fix(2))
        await screen.connection.send(json.dumps(json.loads(text)) if spaces else text)
        assert await answers(screen, 2) == [1, 2]
        assert len(await world.positions()) == 2


async def test_however_the_stream_is_cut_every_fix_is_kept_once(world: World, server: ServerThread) -> None:
    token, unit = await aboard(world)
    async with (
        driver_screen(server, token, aboard=unit) as screen,
        operator_screen(server, await world.token("operator1")) as other,
    ):
        line = screen.connection.transport
        one, two, three, four = (wire(compact(fix(n))) for n in range(1, 5))
        line.write(one)
        await answers(screen, 1)
        for part in (two + three[:1], three[1:9], three[9:], four):
            line.write(part)
            await (await other.connection.ping())  # by then the part was read
        assert await answers(screen, 3) == [2, 3, 4]
        long = compact(*(fix(n) for n in range(5, 300)))  # a length of two bytes
        line.write(wire(long))
        assert len(await answers(screen, 295)) == 295
        assert len(await world.positions()) == 299


async def test_a_message_in_parts_with_a_ping_between_them_is_whole(
    world: World, server: ServerThread
) -> None:
    token, unit = await aboard(world)
    async with driver_screen(server, token, aboard=unit) as screen:
        text, line = compact(fix(1)), screen.connection.transport
        line.write(wire(text[:30], fin=False))
        await (await screen.connection.ping())
        line.write(wire(text[30:], Opcode.CONT))
        assert await answers(screen, 1) == [1]


async def closed(connection: ClientConnection) -> int:
    await connection.wait_closed()
    assert connection.close_code is not None
    return connection.close_code


async def test_a_frame_within_a_message_in_parts_and_one_without_mask_end_the_connection(
    world: World, server: ServerThread
) -> None:
    token, unit = await aboard(world)
    begun, whole = wire(compact(fix(1))[:30], fin=False), compact(fix(2))
    for first, then in ((begun, wire(whole)), (b"", wire(whole, mask=False))):
        async with driver_screen(server, token, aboard=unit) as screen:
            screen.connection.transport.write(first)
            await (await screen.connection.ping())
            screen.connection.transport.write(then)
            assert await closed(screen.connection) == 1002
    assert await world.positions() == []


async def test_what_the_phone_said_before_it_signed_off_is_kept(world: World, server: ServerThread) -> None:
    token, unit = await aboard(world)
    async with driver_screen(server, token, aboard=unit) as screen:
        both = wire(compact(fix(1))), wire('{"t":"sign_off","id":"off"}')
        for frame in both:
            screen.connection.transport.write(frame)
        assert await answers(screen, 1) == [1]
        await screen.connection.send(compact(fix(2)))
        assert (await screen.until("error"))["problem"]["code"] == "forbidden"


async def test_one_bad_fix_holds_up_no_other_and_a_broken_frame_is_answered(
    world: World, server: ServerThread
) -> None:
    token, unit = await aboard(world)
    async with driver_screen(server, token, aboard=unit) as screen:
        bad: Frame = {"seq": 2, "at": "soon", "lon": 1, "lat": 2}
        await screen.say("positions", fixes=[fix(1), bad, fix(3)], sent_at=datetime.now(UTC).isoformat())
        answer = await screen.until("positions_saved")
        assert (answer["seqs"], [r["seq"] for r in answer["rejected"]]) == ([1, 3], [2])
        await screen.connection.send('{"t":"positions","fixes":[{"seq":')
        assert (await screen.until("error"))["problem"]["status"] == 422
        await screen.say("positions", fixes=[fix(4)])
        assert (await screen.until("positions_saved"))["seqs"] == [4]


async def test_a_phone_whose_frames_cannot_be_read_holds_up_no_other(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a fault does to one of them: both are read in one batch, the bad one first."""
    token, unit = await aboard(world)
    read, announce, save = _Cab.read, Ingest.announce, ingest.save_positions
    failed: list[object] = []
    saving, both = Event(), Event()

    def fails_once(self: _Cab, text: bytes, received_at: float) -> object:
        fixes = read(self, text, received_at)
        if both.is_set() and not failed:
            failed.append(fixes)
            raise OverflowError("as of a number nobody thought of")
        return fixes

    def counted(self: Ingest, *frame: Any) -> bool:
        taken = announce(self, *frame)
        if saving.is_set() and len(self._unread) == 2:
            both.set()
        return taken

    async def held_until_both_wait(*batch: Any) -> object:
        saving.set()
        assert await asyncio.to_thread(both.wait, PATIENCE_S)
        return await save(*batch)

    other, beside = await world.token("pengemudi2"), (await world.units())[1].call_sign
    async with (
        driver_screen(server, token, aboard=unit) as bad,
        driver_screen(server, other, aboard=beside) as good,
    ):
        monkeypatch.setattr(_Cab, "read", fails_once)
        monkeypatch.setattr(Ingest, "announce", counted)
        monkeypatch.setattr(ingest, "save_positions", held_until_both_wait)
        await good.connection.send(compact(fix(1)))
        assert await asyncio.to_thread(saving.wait, PATIENCE_S)
        await bad.connection.send(compact(fix(1)))
        await good.connection.send(compact(fix(2)))
        assert await answers(good, 2) == [1, 2]
        assert len(failed) == 1
        await bad.connection.send(compact(fix(1)))
        assert await answers(bad, 1) == [1]


async def test_a_batch_that_cannot_be_stored_holds_up_no_other_regency(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its phone is told to send again; the batch of the same moment that comes after it is stored."""
    token, unit = await aboard(world)
    save, announce = ingest.save_positions, Ingest.announce
    failed: list[str] = []
    saving, both, broken = Event(), Event(), Event()

    def counted(self: Ingest, *frame: Any) -> bool:
        taken = announce(self, *frame)
        if saving.is_set() and len(self._unread) == 2:
            both.set()
        return taken

    async def fails_once(centre: Any, entry: Any, *batch: Any) -> object:
        if not both.is_set():
            saving.set()
            assert await asyncio.to_thread(both.wait, PATIENCE_S)
        elif not failed:
            failed.append(entry.tenant.slug)
            broken.set()
            raise ValueError("as of a batch nobody thought of")
        return await save(centre, entry, *batch)

    away = await other_regency_token(world)
    async with (
        driver_screen(server, token, aboard=unit) as here,
        driver_screen(server, away[0], aboard=away[1]) as there,
    ):
        monkeypatch.setattr(Ingest, "announce", counted)
        monkeypatch.setattr(ingest, "save_positions", fails_once)
        await there.connection.send(compact(fix(1)))
        assert await asyncio.to_thread(saving.wait, PATIENCE_S)
        await here.connection.send(compact(fix(2)))
        await there.connection.send(compact(fix(2)))
        assert await answers(there, 1) == [1]
        assert await asyncio.to_thread(broken.wait, PATIENCE_S)
        bad, good = (here, there) if failed == [HOME] else (there, here)
        assert await answers(good, 1) == [2]
        assert (await bad.until("error"))["problem"]["seqs"] == [2]
        await bad.connection.send(compact(fix(2)))
        assert await answers(bad, 1) == [2]


async def test_whatever_is_wrong_with_the_roads_fixes_are_stored(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phones, and trackers that wait for their answer, would else wait for ever."""

    async def fails(*_: Any) -> object:
        raise EOFError("as of a compiled kernel that was cut short on the disk")

    token, unit = await aboard(world)
    monkeypatch.setattr(RoadMatch, "places", fails)
    async with driver_screen(server, token, aboard=unit) as screen:
        await screen.connection.send(compact(fix(1)))
        assert await answers(screen, 1) == [1]


async def test_without_compiled_code_every_fix_goes_step_by_step(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine where it cannot be compiled, or for a fault in it: nothing is lost, nothing waits."""
    failed = Event()

    def fails(*_: Any) -> object:
        failed.set()
        raise OSError("as of a compiled kernel that was cut short on the disk")

    token, unit = await aboard(world)
    async with driver_screen(server, token, aboard=unit) as screen:
        monkeypatch.setattr(OrdinaryFixes, "take", fails)
        number = 0
        while not failed.is_set():
            number += 1
            await screen.connection.send(compact(fix(number)))
            assert await answers(screen, 1) == [number]
        for later in range(number + 1, number + 4):
            await screen.connection.send(compact(fix(later)))
        assert await answers(screen, 3) == list(range(number + 1, number + 4))


async def other_regency_token(world: World) -> tuple[str, str]:
    """A driver of the other regency, and a unit there."""
    entry = await world.centre.tenants.by_slug(AWAY)
    return await world.token("pengemudi1", AWAY), (await list_units(world.centre, entry))[0].call_sign
