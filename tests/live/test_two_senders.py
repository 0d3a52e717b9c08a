"""A phone and a registered tracker aboard one unit: one marker that does not flicker, no fix lost, and
silence only when both are silent. The tracker speaks HTTP, the phone its socket, and all of it is stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from live_scene import Screen, ServerThread, World, driver_screen, fix

from dispatch.services.signals import watch_signals
from dispatch.services.trackers import register_tracker
from dispatch.services.unit_state import UnitView

EVERY_S = {"phone": 5, "tracker": 7}
APART = 1e-4  # degrees: ten metres, as between dashboard and roof
LOST = "SELECT count(*) FROM event WHERE kind = 'signal_lost'"


@dataclass
class Aboard:
    """A unit with both on it, some minutes ago; `at` are seconds from there."""

    world: World
    unit: UnitView
    screen: Screen
    client: httpx.AsyncClient
    secret: str
    senders: dict[UUID, str]
    began: datetime
    sent: dict[str, list[int]] = field(default_factory=lambda: {"phone": [], "tracker": []})
    seen: list[tuple[str, float]] = field(default_factory=list)

    async def phone(self, at: int) -> None:
        """The phone tells its place, and has it acknowledged."""
        one = fix(at, self.began + timedelta(seconds=at), lon=107.44 + at * APART, lat=-6.55, accuracy_m=8)
        await self.screen.say("positions", fixes=[one])
        await self.screen.until("positions_saved", lambda f: at in f["seqs"])
        await self._note("phone", at)

    async def tracker(self, at: int) -> None:
        """The tracker does, in the OsmAnd form."""
        query: dict[str, str | float] = {
            "id": self.secret,
            "lat": -6.55 + APART,
            "lon": 107.44 + at * APART,
            "timestamp": (self.began + timedelta(seconds=at)).timestamp(),
            "accuracy": 6,
        }
        answer = await self.client.get("/api/v1/tracker", params=query)
        assert (answer.status_code, answer.json()["saved"]) == (200, 1), answer.text
        await self._note("tracker", at)

    async def drive(self, begin: int, end: int, *senders: str) -> list[str]:
        """Let these senders speak, each at its pace; return who held the marker, change by change."""
        already = len(self.seen)
        for at in range(begin, end):
            for sender in senders:
                if at % EVERY_S[sender] == 0:
                    await (self.phone(at) if sender == "phone" else self.tracker(at))
            await self.look(at)
        return _changes([who for who, _ in self.seen[max(0, already - 1) :]])

    async def look(self, at: float) -> int:
        """The worker looks at the fleet at that moment; return how many silences it has told so far."""
        then = replace(self.world.centre, clock=lambda: self.began + timedelta(seconds=at + 0.9))
        await watch_signals(then, self.world.entry)
        return int((await self.world.as_admin(LOST))[0][0])

    async def _note(self, sender: str, at: int) -> None:
        self.sent[sender].append(at)
        row = await self.world.marker(self.unit.id)
        self.seen.append((self.senders[row.installation_id], (row.fixed_at - self.began).total_seconds()))

    async def check(self) -> None:
        """Every fix of both is stored, once, and the marker never went back."""
        rows = await self.world.as_admin("SELECT installation_id, fixed_at FROM position ORDER BY fixed_at")
        stored: dict[str, list[int]] = {"phone": [], "tracker": []}
        for row in rows:
            stored[self.senders[row.installation_id]].append(
                round((row.fixed_at - self.began).total_seconds())
            )
        assert stored == self.sent
        moments = [moment for _, moment in self.seen]
        assert moments == sorted(moments)


def _changes(holders: Sequence[str]) -> list[str]:
    return [who for n, who in enumerate(holders) if n == 0 or who != holders[n - 1]]


@pytest.fixture
async def aboard(world: World, server: ServerThread) -> AsyncIterator[Aboard]:
    """A crew on a run since ten minutes ago, with both senders; nothing has been told yet."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=8)
    unit = (await world.units())[0]
    await world.sign_on_earlier("pengemudi1", unit, timedelta(minutes=10))
    earlier = replace(world.centre, clock=lambda: began - timedelta(seconds=1))
    await replace(world, centre=earlier).send(unit.id)
    made = await register_tracker(
        earlier, world.entry, world.operator(), unit.id, "Pelacak", None, cause="test"
    )
    phone = uuid4()
    senders = {phone: "phone", made.tracker.id: "tracker"}
    async with (
        driver_screen(server, await world.token("pengemudi1"), installation=phone) as screen,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=15) as client,
    ):
        yield Aboard(world, unit, screen, client, made.identifier, senders, began)


async def test_the_marker_keeps_its_sender_until_that_one_is_silent(aboard: Aboard) -> None:
    both = ("phone", "tracker")
    assert await aboard.drive(0, 60, *both) == ["phone"]
    # the phone is silent, the tracker goes on: it takes the marker over, once
    assert await aboard.drive(60, 100, "tracker") == ["phone", "tracker"]
    # the phone is back: the marker stays where it is
    assert await aboard.drive(100, 160, *both) == ["tracker"]
    # and the other way round
    assert await aboard.drive(160, 200, "phone") == ["tracker", "phone"]
    await aboard.check()


async def test_silence_begins_only_when_both_are_silent(aboard: Aboard) -> None:
    await aboard.drive(0, 30, "phone", "tracker")
    # neither the moments before the marker changes hands nor those after it are silent ones
    await aboard.drive(30, 90, "tracker")
    await aboard.drive(90, 150, "phone")
    assert await aboard.look(149) == 0
    last = max(aboard.sent["phone"])
    assert await aboard.look(last + 14) == 0
    assert await aboard.look(last + 15) == 1
    await aboard.tracker(last + 20)
    await aboard.look(last + 21)
    back = await aboard.world.as_admin("SELECT data->>'why' AS why FROM event WHERE kind = 'signal_back'")
    assert [row.why for row in back] == ["heard"]
    await aboard.check()


async def test_the_next_crews_phone_has_the_marker_at_once(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    before, after = uuid4(), uuid4()
    one, other = await world.token("pengemudi1"), await world.token("pengemudi2")
    async with (
        driver_screen(server, one, aboard=unit.call_sign, installation=before) as leaving,
        driver_screen(server, other, aboard=unit.call_sign, installation=after) as staying,
    ):
        await tell(leaving, 1)
        await tell(staying, 1)
        assert (await world.marker(unit.id)).installation_id == before
        await leaving.say("sign_off", id="off")
        await leaving.until("done")
        await tell(staying, 2)
        assert (await world.marker(unit.id)).installation_id == after


async def test_a_tracker_keeps_the_marker_when_somebody_leaves(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    made = await register_tracker(
        world.centre, world.entry, world.operator(), unit.id, "Pelacak", None, cause="test"
    )
    one, other = await world.token("pengemudi1"), await world.token("pengemudi2")
    async with (
        driver_screen(server, one, aboard=unit.call_sign) as leaving,
        driver_screen(server, other, aboard=unit.call_sign) as staying,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=15) as client,
    ):
        now = datetime.now(UTC).timestamp()
        query: dict[str, str | float] = {
            "id": made.identifier,
            "lat": -6.55,
            "lon": 107.44,
            "timestamp": now,
            "accuracy": 6,
        }
        assert (await client.get("/api/v1/tracker", params=query)).json()["saved"] == 1
        await leaving.say("sign_off", id="off")
        await leaving.until("done")
        await tell(staying, 1)
        assert (await world.marker(unit.id)).installation_id == made.tracker.id


async def tell(screen: Screen, seq: int) -> None:
    """Have a fix of now saved."""
    await screen.say("positions", fixes=[fix(seq)])
    await screen.until("positions_saved", lambda f: seq in f["seqs"])
