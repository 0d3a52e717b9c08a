"""Phones that come all at once are let in a few at a time, read together, and each gets what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from live_scene import Screen, ServerThread, World, driver_screen, raw_screen

from dispatch.domain.roles import Actor
from dispatch.live import crew_readings
from dispatch.live.door import IN_A_TURN
from dispatch.live.gathering import AT_ONCE
from dispatch.services.crew import sign_on
from dispatch.services.driver_desk import DriverDesk, read_desks
from dispatch.storage.transaction import new_id

DRIVERS = [f"pengemudi{n}" for n in range(1, 4)]
PHONES = 3 * AT_ONCE


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> list[list[Actor]]:
    """Whose desks were read with whose."""
    read: list[list[Actor]] = []

    async def noted(centre: Any, entry: Any, actors: Sequence[Actor]) -> list[DriverDesk]:
        read.append(list(actors))
        return await read_desks(centre, entry, actors)

    monkeypatch.setattr(crew_readings, "read_desks", noted)
    return read


async def come(server: ServerThread, stack: AsyncExitStack, token: str) -> Screen:
    screen = await stack.enter_async_context(raw_screen(server, "/ws/driver"))
    at = "2026-11-20T05:00:00Z"
    await screen.say("hello", token=token, installation_id=str(new_id()), device_at=at)
    return screen


async def test_each_of_many_gets_its_own_desk_and_they_are_read_together(
    world: World, server: ServerThread, together: list[list[Actor]]
) -> None:
    units = dict(zip(DRIVERS, await world.units(), strict=False))
    for name, unit in list(units.items())[1:]:  # the first one is signed on nowhere
        await sign_on(world.centre, world.entry, world.driver(name), unit.call_sign, None, cause="test")
    run = await world.send(units[DRIVERS[1]].id)
    tokens = [await world.token(name) for name in DRIVERS]
    async with AsyncExitStack() as stack:
        screens = await asyncio.gather(*(come(server, stack, tokens[n % len(tokens)]) for n in range(PHONES)))
        head = await world.head()
        for n, screen in enumerate(screens):
            assert [(await screen.next())["t"], (await screen.next())["t"]] == ["welcome", "desk"]
            welcome, desk = screen.seen
            name = DRIVERS[n % len(DRIVERS)]
            aboard = desk["aboard"] and desk["aboard"]["unit_id"]
            assert aboard == (None if name == DRIVERS[0] else str(units[name].id))
            shown = desk["run"] and desk["run"]["assignment_id"]
            assert shown == (str(run.id) if name == DRIVERS[1] else None)
            assert welcome["seq"] == desk["seq"] == head
    assert sum(len(each) for each in together) == PHONES
    assert 1 < max(len(each) for each in together) <= AT_ONCE
    lines = await world.as_admin("SELECT viewer FROM view_log WHERE reason = 'crew on the run'")
    assert len(lines) == PHONES / len(DRIVERS)  # one for each phone that shows a contact


async def test_a_desk_that_cannot_be_read_is_nobody_else_s_trouble(
    world: World, server: ServerThread, together: list[list[Actor]]
) -> None:
    broken, whole = (await world.units())[:2]
    for name, unit in zip(DRIVERS, (broken, whole), strict=False):
        await sign_on(world.centre, world.entry, world.driver(name), unit.call_sign, None, cause="test")
        await world.send(unit.id)
    await world.as_admin("ALTER TABLE incident DISABLE TRIGGER USER")  # no program of ours would do this
    await world.as_admin(
        "UPDATE incident SET place_note_sealed = '\\x00' FROM assignment a "
        "WHERE a.incident_id = incident.id AND a.unit_id = :unit",
        unit=broken.id,
    )
    tokens = [await world.token(name) for name in DRIVERS[:2]]
    async with AsyncExitStack() as stack:
        screens = await asyncio.gather(*(come(server, stack, tokens[n % 2]) for n in range(AT_ONCE)))
        for screen in screens[1::2]:
            assert (await screen.until("desk"))["run"] is not None
        for screen in screens[::2]:
            assert await screen.closed() not in (4401, 4403)
            assert screen.of("desk") == []
    assert max(len(each) for each in together) > 1


async def test_who_hangs_up_at_the_door_or_is_refused_holds_up_nobody(
    world: World, server: ServerThread
) -> None:
    request = (
        "GET /ws/driver HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: {}\r\n\r\n"
    )

    async def knock(version: int, *, stay: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request.format(version).encode())
        answer = await asyncio.wait_for(reader.read(), 15) if stay else b""
        writer.transport.abort()
        return answer

    async with driver_screen(server, await world.token("pengemudi1")) as here:
        told = await asyncio.gather(
            *(knock(13, stay=False) for _ in range(4 * IN_A_TURN)),
            *(knock(7, stay=True) for _ in range(2 * IN_A_TURN)),
        )
        assert all(each.startswith(b"HTTP/1.1 4") for each in told[4 * IN_A_TURN :])
        async with driver_screen(server, await world.token("pengemudi2")):
            await here.say("ping", id=1)
            await here.until("pong")
