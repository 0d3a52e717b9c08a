"""Positions reach the consoles: of the own process always, of the others while Redis lives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from live_scene import AWAY, Frame, Screen, World, driver_screen, fix, operator_screen

from dispatch.local.redis import PrivateRedis

_numbers = count(1)


@pytest.fixture
def mortal_redis(server_folder: Path) -> Iterator[PrivateRedis]:
    """A Redis of this test alone, which may be stopped."""
    redis = PrivateRedis(server_folder / f"mortal-{next(_numbers)}")
    redis.start()
    yield redis
    redis.stop()


def at(frame: Frame, unit_id: object, lon: float) -> bool:
    return any(u["id"] == str(unit_id) and u["lon"] == lon for u in frame["units"])


async def test_a_console_sees_moved_units_and_what_stood_still_before(world: World, redis_url: str) -> None:
    unit = (await world.units())[0]
    with world.serving(redis_url) as server:
        token = await world.token("operator1")
        async with (
            driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as phone,
            operator_screen(server, token) as console,
            operator_screen(server, await world.token("operator1", AWAY)) as elsewhere,
        ):
            await phone.say("positions", fixes=[fix(1, lon=107.41, speed_ms=9, heading_deg=180)])
            frame = await console.until("positions", lambda f: at(f, unit.id, 107.41))
            (shown,) = frame["units"]
            assert (shown["speed_ms"], shown["heading_deg"], shown["quality"]) == (9, 180, "live")
            assert 0 <= shown["age_s"] < 10
            async with operator_screen(server, token) as later:
                assert at(await later.until("positions"), unit.id, 107.41)
            await elsewhere.say("ping", id=1)
            await elsewhere.until("pong")
            assert elsewhere.of("positions") == []


async def test_consoles_see_phones_of_another_process(world: World, redis_url: str) -> None:
    unit = (await world.units())[0]
    with world.serving(redis_url) as one, world.serving(redis_url) as two:
        async with (
            driver_screen(two, await world.token("pengemudi1"), aboard=unit.call_sign) as phone,
            operator_screen(one, await world.token("operator1")) as console,
        ):
            await _redis(console, there=True)
            await phone.say("positions", fixes=[fix(1, lon=107.42)])
            await console.until("positions", lambda f: at(f, unit.id, 107.42))


async def test_without_redis_the_own_process_still_shows_and_the_others_return(
    world: World, mortal_redis: PrivateRedis
) -> None:
    near, far = (await world.units())[:2]
    with world.serving(mortal_redis.url) as one, world.serving(mortal_redis.url) as two:
        async with (
            driver_screen(one, await world.token("pengemudi1"), aboard=near.call_sign) as here,
            driver_screen(two, await world.token("pengemudi2"), aboard=far.call_sign) as there,
            operator_screen(one, await world.token("operator1")) as console,
        ):
            await _redis(console, there=True)
            mortal_redis.stop()
            await _redis(console, there=False)
            await here.say("positions", fixes=[fix(1, lon=107.43)])
            await here.until("positions_saved")
            await console.until("positions", lambda f: at(f, near.id, 107.43))
            call = await world.call()
            await console.until("event", lambda f: f["subject_id"] == str(call.call_id))
            mortal_redis.start()
            await _redis(console, there=True)
            # the other process finds it again as well: keep moving until it has
            for n in range(1, 200):
                await there.say("positions", fixes=[fix(n, lon=107.0 + n / 1000)])
                await there.until("positions_saved")
                await here.say("positions", fixes=[fix(n + 1, lon=107.43 + n / 1000)])
                frame = await console.until("positions", lambda f: any(f["units"]))
                if any(u["id"] == str(far.id) for u in frame["units"]):
                    return
            pytest.fail("the other process's positions did not come back")


async def _redis(console: Screen, *, there: bool) -> None:
    """Wait until the console's process knows that Redis has gone or come."""
    while True:
        await console.say("ping", id="redis")
        if (await console.until("pong"))["redis"] is there:
            return
