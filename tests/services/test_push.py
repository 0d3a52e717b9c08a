"""Push messages reach the browsers of a crew through a real push service, and only there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, Case, S, open_case
from push_service import PushService, push_service

from dispatch.domain.errors import InvalidInput
from dispatch.domain.events import EventKind
from dispatch.jobs.outbox import AT_ONCE, SEND_WITHIN_S, PostOffice, send_due_messages
from dispatch.notify.choice import push_sender, transports
from dispatch.notify.transport import Transports
from dispatch.notify.web_push import Subscription
from dispatch.services.due_messages import LEASE, claim_messages
from dispatch.services.push_phones import forget_push, register_push
from dispatch.services.sessions import SignedIn, make_session


@dataclass
class Scene:
    """A live tenant, a push service on this machine, and the ways out to it."""

    case: Case
    service: PushService
    ways: Transports

    async def who(self, sign: str) -> SignedIn:
        """The driver of a unit, signed in on one more device."""
        driver = self.case.crew[sign]
        async with self.case.centre.begin(self.case.entry.tenant, driver, CAUSE) as tx:
            session = await make_session(tx, "uji", staff_id=driver.id)
        return SignedIn(session.session_id, self.case.entry, driver, None)

    async def register(self, sign: str, subscription: Subscription) -> SignedIn:
        """Register a browser of the unit's driver."""
        who = await self.who(sign)
        await register_push(self.case.centre, who, subscription, cause=CAUSE)
        return who

    async def offer(self, sign: str = "A-1") -> UUID:
        """An offer that is five seconds old and was not acknowledged."""
        run = await self.case.send(sign, await self.case.incident())
        await self.case.later(5)
        return run.id

    async def post(self) -> int:
        """Send what is due."""
        return await send_due_messages(self.case.centre, self.case.entry, self.ways)

    async def open_phones(self) -> int:
        """How many browsers are registered."""
        return int(await self.case.value("SELECT count(*) FROM push_subscription WHERE ended_at IS NULL"))


@pytest.fixture
async def scene(database: Any, tmp_path: Path) -> AsyncIterator[Scene]:
    async with push_service() as service, open_case(database, tmp_path, live=True) as case:
        settings = case.centre.settings = case.centre.settings.model_copy(
            update={"push_origins": (service.origin,)}
        )
        service.sender = push_sender(settings).public_key
        ways = transports(settings)
        try:
            yield Scene(case, service, ways)
        finally:
            await ways.aclose()


async def test_an_offer_reaches_all_browsers_of_the_crew_and_no_other(scene: Scene) -> None:
    one, first = scene.service.browser("one")
    two, second = scene.service.browser("two")
    other, third = scene.service.browser("other")
    await scene.register("A-1", first)
    await scene.register("A-1", second)
    await scene.register("A-2", third)
    await scene.offer("A-1")
    assert await scene.post() == 2
    number = await scene.case.value("SELECT number FROM incident")
    made = await scene.case.value("SELECT id FROM crew_notice")
    for browser in (one, two):
        (told,) = browser.told
        assert {k: told[k] for k in ("notice", "kind", "unit", "number")} == {
            "notice": str(made),
            "kind": "offer",
            "unit": "A-1",
            "number": number,
        }
    assert other.told == []
    (event,) = await scene.case.events(EventKind.NOTICE_PUSHED)
    assert event["phones"] == 2


async def test_addresses_are_sealed_in_every_table(scene: Scene) -> None:
    browser, address = scene.service.browser("secret-name")
    await scene.register("A-1", address)
    await scene.offer()
    for table in ("push_subscription", "outbox", "event"):
        rows = await scene.case.rows(f"SELECT CAST(t.* AS text) AS row FROM {table} t")
        assert rows
        assert not [row for row in rows if "secret-name" in row.row or address.auth in row.row], table
    assert await scene.post() == 1
    assert browser.told


@pytest.mark.parametrize("gone", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten_without_an_alarm(scene: Scene, gone: int) -> None:
    _, address = scene.service.browser("gone", answer=gone)
    await scene.register("A-1", address)
    await scene.offer()
    assert await scene.post() == 0
    assert await scene.open_phones() == 0
    assert await scene.case.value("SELECT sealed IS NULL FROM push_subscription")
    assert await scene.case.value("SELECT count(*) FROM outbox WHERE failed_at IS NULL") == 0
    assert await scene.case.events(EventKind.MESSAGE_FAILED) == []


async def test_a_push_service_in_trouble_is_asked_again_with_the_same_topic(scene: Scene) -> None:
    browser, address = scene.service.browser("tired", answer=503)
    await scene.register("A-1", address)
    await scene.offer()
    assert await scene.post() == 0
    assert "503" in await scene.case.value("SELECT last_error FROM outbox")
    browser.answer = 201
    scene.case.pass_time(3)
    assert await scene.post() == 1
    (told,) = browser.told
    assert UUID(told["topic"]) == await scene.case.value("SELECT id FROM outbox")
    assert await scene.open_phones() == 1


async def test_a_push_whose_worker_died_goes_out_before_its_offer_ends(scene: Scene) -> None:
    browser, address = scene.service.browser("one")
    await scene.register("A-1", address)
    run = await scene.offer()
    assert len(await claim_messages(scene.case.centre, scene.case.entry, "push", 1)) == 1
    await scene.case.later(LEASE.total_seconds())
    assert await scene.case.state(run) == S.OFFERED
    await scene.post()
    assert len(browser.told) == 1
    assert LEASE.total_seconds() > SEND_WITHIN_S


async def test_a_foreign_sender_is_refused_by_the_browser_we_test_with(scene: Scene) -> None:
    browser, address = scene.service.browser("strict")
    await scene.register("A-1", address)
    scene.service.sender = "somebody else"
    await scene.offer()
    assert await scene.post() == 0
    assert "403" in await scene.case.value("SELECT last_error FROM outbox")
    assert browser.told == []


async def test_slow_recipients_hold_nobody_up(scene: Scene) -> None:
    case = scene.case
    held = asyncio.Event()
    addresses = [scene.service.browser(f"slow{n}", slow=held)[1] for n in range(AT_ONCE - 1)]
    quick, last = scene.service.browser("quick")
    async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
        key = await tx.new_person()
        for number, address in enumerate([*addresses, last]):
            await tx.send(
                channel="push",
                purpose="offer",
                subject_id=case.units["A-1"],
                recipient=address.to_json(),
                words=json.dumps({"number": number}),
                key=key,
            )
    office = PostOffice(case.centre, scene.ways)
    await office.look(case.entry)
    async with asyncio.timeout(10):
        await quick.heard.wait()
        # with all places taken by slow ones an SMS of the same tenant goes out at once, too
        async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
            await tx.send(
                channel="sms",
                purpose="offer",
                subject_id=case.units["A-1"],
                recipient="+628001",
                words="uji",
                key=None,
            )
        await office.look(case.entry)
        while True:
            if office.sent == 2:
                break
            await asyncio.sleep(0.01)
    held.set()
    await office.close()
    assert office.sent == AT_ONCE + 1


async def test_only_known_push_services_and_real_keys_are_taken(scene: Scene) -> None:
    _, good = scene.service.browser("good")
    who = await scene.who("A-1")
    for bad in (
        replace(good, endpoint="https://internal.example/push"),
        replace(good, p256dh="AAAA"),
        replace(good, auth=""),
    ):
        with pytest.raises(InvalidInput):
            await register_push(scene.case.centre, who, bad, cause=CAUSE)
    # also when the setting was narrowed since: nothing goes to an address that is not allowed now
    await scene.register("A-1", good)
    await scene.offer()
    narrow = transports(scene.case.centre.settings.model_copy(update={"push_origins": ()}))
    assert await send_due_messages(scene.case.centre, scene.case.entry, narrow) == 0
    await narrow.aclose()
    assert await scene.open_phones() == 0
    assert scene.service.browsers["good"].asked == 0


async def test_a_browser_registers_once_and_is_forgotten_with_its_session(scene: Scene) -> None:
    _, address = scene.service.browser("one")
    who = await scene.who("A-1")
    about = (scene.case.centre, who)
    assert not (await register_push(*about, address, cause=CAUSE)).repeated
    assert (await register_push(*about, address, cause=CAUSE)).repeated
    assert await scene.open_phones() == 1
    # the same browser, signed in anew as another driver: it rings for that one from now on
    other = await scene.register("A-2", address)
    assert await scene.open_phones() == 1
    await forget_push(*about, cause=CAUSE)
    assert await scene.open_phones() == 1
    await forget_push(scene.case.centre, other, cause=CAUSE)
    assert await scene.open_phones() == 0


async def test_a_session_that_has_ended_gets_nothing(scene: Scene) -> None:
    browser, address = scene.service.browser("left")
    who = await scene.register("A-1", address)
    async with scene.case.owner.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE session SET ended_at = now() WHERE id = '{who.session_id}'")
    await scene.offer()
    assert await scene.post() == 0
    assert browser.asked == 0
    (event,) = await scene.case.events(EventKind.NOTICE_PUSHED)
    assert event["phones"] == 0


async def test_a_training_tenant_pushes_to_files_only(database: Any, tmp_path: Path) -> None:
    async with push_service() as service, open_case(database, tmp_path, code="99.02") as case:
        case.centre.settings = case.centre.settings.model_copy(update={"push_origins": (service.origin,)})
        ways = transports(case.centre.settings)
        scene = Scene(case, service, ways)
        browser, address = service.browser("drill")
        await scene.register("A-1", address)
        await scene.offer()
        assert await scene.post() >= 1
        assert browser.asked == 0
        files = (case.centre.settings.run_dir / "outbox" / case.entry.tenant.slug).glob("*.json")
        assert [json.loads(f.read_text())["purpose"] for f in files] == ["offer"]
        await ways.aclose()
