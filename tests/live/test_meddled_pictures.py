"""Pages that show one whole picture, through a line that loses, doubles and holds back frames."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from follower import Viewer
from live_scene import ServerThread, World
from meddling import Meddler, lottery
from test_resident import household

from dispatch.domain.assignment import AssignmentState as S
from dispatch.services.crew import sign_on
from dispatch.services.step_run import Step, step_run
from dispatch.storage.transaction import new_id


@pytest.mark.parametrize("seed", [4, 5])
async def test_pictures_of_crew_and_caller_are_the_newest_in_the_end(
    world: World, server: ServerThread, seed: int
) -> None:
    """Whatever the way loses, doubles or holds back: never an older picture, and the last one gets there."""
    caller = await household(world, 40 + seed)
    unit = (await world.units())[0]
    driver = world.driver()
    await sign_on(world.centre, world.entry, driver, unit.call_sign, None, cause="test")
    call = await world.call(caller.actor)
    meddled = [lottery(seed * 10 + n, lost=0.15, late=0.2, doubled=0.1) for n in range(2)]
    token, phone = await world.token("pengemudi1"), str(new_id())
    async with Meddler(server.port, *meddled).running() as way:

        def of_crew() -> dict[str, str]:
            return {"token": token, "installation_id": phone, "device_at": datetime.now(UTC).isoformat()}

        def of_caller() -> dict[str, str]:
            return {"token": caller.token, "call_id": str(call.call_id)}

        cab = Viewer(way.port, "/ws/driver", "desk", of_crew)
        page = Viewer(way.port, "/ws/resident", "status", of_caller)

        async def drive() -> None:
            run = await world.send(unit.id, call)
            for to in (S.ACCEPTED, S.EN_ROUTE, S.ON_SCENE, S.AT_PATIENT):
                await asyncio.sleep(0.3)
                await step_run(world.centre, world.entry, driver, run.id, Step(to), cause="test")

        driving = asyncio.create_task(drive())

        def there() -> bool:
            desk, status = (view.shown[-1] if view.shown else {} for view in (cab, page))
            run = desk.get("run") or {}
            return run.get("state") == "at_patient" and status.get("progress") == "arrived"

        await asyncio.gather(cab.until(there), page.until(there), driving)
    assert way.meddled > 0
    for view in (cab, page):
        assert [f["seq"] for f in view.shown] == sorted(f["seq"] for f in view.shown)
