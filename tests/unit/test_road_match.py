"""What was matched on one road network says nothing on another one."""

from __future__ import annotations

import asyncio
import math
from typing import Any, cast
from uuid import UUID, uuid4

import numpy as np

import routing
from dispatch.live.road_match import RoadMatch
from dispatch.services.save_positions import Fix, as_records

EDGE = 2_000_000
"""One that a small network has not."""


class Net:
    """A network that remembers from where it was asked to go on."""

    def __init__(self) -> None:
        self.gone_on: list[bool] = []

    def follow(self, before: routing.Followed, fixes: routing.Fixes) -> routing.Followed:
        """Put all fixes on the same road."""
        self.gone_on += ((before.edge >= 0) & np.isfinite(fixes.seconds)).tolist()
        n = len(fixes.lon)
        found = routing.nowhere(n)
        return found._replace(
            edge=np.full(n, EDGE, np.int32), lon=fixes.lon, lat=fixes.lat, metres=np.zeros(n)
        )


class Roads:
    """The roads that are loaded now, as those of a centre."""

    def __init__(self, network: Net) -> None:
        self.roads = self
        self.network = network
        self.open = asyncio.Event()
        self.open.set()

    async def of(self, _entry: object) -> Net:
        """Return the network, once it is open."""
        await self.open.wait()
        return self.network


def fix(installation: UUID, sequence: int) -> Fix:
    return Fix(
        installation, sequence, 1000.0 + sequence, 1000.0 + sequence, 107.4, -6.5, speed_ms=10.0,
        at=1000.0 + sequence,
    )  # fmt: skip


async def matched(match: RoadMatch, centre: Roads, given: Fix) -> list[float | None]:
    """Return on which longitude of a road the fix lies."""
    lon = (await match.places(cast(Any, centre), cast(Any, None), as_records([given]), set())).lon
    return [None if math.isnan(each) else each for each in lon.tolist()]


async def test_newly_loaded_roads_are_not_asked_about_the_places_on_the_old_ones() -> None:
    """An edge of the old network is none of the new one: looked up there it would lie beyond its arrays."""
    old, new = Net(), Net()
    centre, match, phone = Roads(old), RoadMatch(), uuid4()

    for sequence in (1, 2):
        assert await matched(match, centre, fix(phone, sequence)) == [107.4]
    assert old.gone_on == [False, True]
    centre.network = new
    for sequence in (3, 4):
        assert await matched(match, centre, fix(phone, sequence)) == [107.4]
    assert new.gone_on == [False, True]


async def test_fixes_do_not_wait_for_roads_that_are_being_opened() -> None:
    """One task writes the fixes of all regencies: the others would wait, too."""
    centre, match, phone = Roads(Net()), RoadMatch(), uuid4()
    centre.open.clear()
    async with asyncio.timeout(5):
        for sequence in (1, 2):
            assert await matched(match, centre, fix(phone, sequence)) == [None]
    centre.open.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await matched(match, centre, fix(phone, 3)) == [107.4]
