"""A resident follows one call of their own: at once, on every change, and while the ambulance moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from live_scene import (
    TOWN,
    Screen,
    ServerThread,
    World,
    driver_screen,
    fix,
    raw_screen,
)

from dispatch.domain.roles import Actor, ActorKind
from dispatch.services.handle_call import take_call
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.request_help import CallReceipt


@dataclass
class Household:
    """A resident with a session."""

    actor: Actor
    token: str


async def household(world: World, number: int) -> Household:
    made = await register_resident(
        world.centre,
        world.entry,
        Registration(
            name=f"Warga Contoh {number}",
            address="Jl. Contoh 1",
            email=f"warga{number}@example.com",
            phone=f"081200000{number:03d}",
            nik=f"321401010190{number:04d}",
        ),
        "telepon uji",
        cause="test",
    )
    return Household(Actor(ActorKind.RESIDENT, made.resident_id), made.session.token)


@asynccontextmanager
async def watching(server: ServerThread, token: str, call: CallReceipt) -> AsyncIterator[Screen]:
    async with raw_screen(server, "/ws/resident") as screen:
        await screen.say("hello", token=token, call_id=str(call.call_id))
        await screen.until("welcome")
        yield screen


async def test_the_status_follows_the_case_to_the_moving_ambulance(
    world: World, server: ServerThread
) -> None:
    home = await household(world, 1)
    unit = (await world.units())[0]
    call = await world.call(home.actor)
    async with (
        driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as phone,
        watching(server, home.token, call) as screen,
    ):
        assert (await screen.until("status"))["progress"] == "received"
        await take_call(world.centre, world.entry, world.operator(), call.call_id, cause="test")
        await screen.until("status", lambda f: f["progress"] == "taken")
        run = await world.send(unit.id, call)
        sent = await screen.until("status", lambda f: f["progress"] == "sent")
        assert sent["ambulances"][0]["call_sign"] == unit.call_sign
        await phone.say("step", id=1, assignment_id=str(run.id), to="en_route")
        await screen.until("status", lambda f: f["progress"] == "coming")
        # it moves: its place and the minutes left come without any event
        a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)  # a kilometre in a second is no driving
        await phone.say("positions", fixes=[fix(1, a_minute_ago, lon=TOWN.lon + 0.02, lat=TOWN.lat)])
        moved = await screen.until("status", lambda f: f["ambulances"][0]["position_quality"] == "live")
        assert moved["ambulances"][0]["lon"] == TOWN.lon + 0.02
        assert moved["ambulances"][0]["eta_s"] > 0
        await phone.say("positions", fixes=[fix(2, lon=TOWN.lon + 0.01, lat=TOWN.lat)])
        nearer = await screen.until("status", lambda f: f["ambulances"][0]["lon"] == TOWN.lon + 0.01)
        assert nearer["ambulances"][0]["eta_s"] < moved["ambulances"][0]["eta_s"]


async def test_nobody_follows_another_s_call(world: World, server: ServerThread) -> None:
    own, other = await household(world, 2), await household(world, 3)
    call = await world.call(own.actor)
    async with raw_screen(server, "/ws/resident") as screen:
        await screen.say("hello", token=other.token, call_id=str(call.call_id))
        assert await screen.closed() == 4403
        assert screen.of("status") == []
        assert screen.seen[0]["problem"]["status"] in (403, 404)


async def test_other_calls_do_not_stir_the_page(world: World, server: ServerThread) -> None:
    home = await household(world, 4)
    call = await world.call(home.actor)
    async with watching(server, home.token, call) as screen:
        await screen.until("status")
        for _ in range(3):
            await world.call()
        await take_call(world.centre, world.entry, world.operator(), call.call_id, cause="test")
        await screen.until("status", lambda f: f["progress"] == "taken")
        assert len(screen.of("status")) == 2
        await screen.say("ping", id="p")
        assert (await screen.until("pong"))["id"] == "p"
