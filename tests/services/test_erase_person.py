"""Erasing a resident: unreadable everywhere, chain and rebuild whole, and repeated after a restore."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from case_scene import CAUSE, SCENE, Case, HasUrls, open_case

from dispatch.domain.call import Channel, Disposal
from dispatch.domain.errors import Conflict, NotFound
from dispatch.domain.roles import SYSTEM, Actor, ActorKind
from dispatch.services.erase_person import (
    erase_resident,
    finish_erasures,
    read_list,
    replay_erasures,
)
from dispatch.services.handle_call import dispose_call
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.sessions import find_session
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.person import PersonKey, Resident
from dispatch.storage.transaction import new_id
from dispatch.storage.verify_log import verify_log


@dataclass
class Town:
    """A regency, its neighbour, and a resident of the first."""

    home: Case
    next_door: Case
    resident: Actor
    token: str

    @property
    def id(self) -> UUID:
        assert self.resident.id is not None
        return self.resident.id

    async def ring(self, where: Case) -> UUID:
        request = HelpRequest(new_id(), Channel.APP, SCENE, note="nyeri dada")
        return (await request_help(where.centre, where.entry, self.resident, request, cause=CAUSE)).call_id

    async def ring_and_end(self, where: Case) -> UUID:
        call_id = await self.ring(where)
        await dispose_call(
            where.centre, where.entry, where.operator, call_id, Disposal.INFORMATION, cause=CAUSE
        )
        return call_id

    async def erase(self) -> Any:
        return await erase_resident(
            self.home.centre, self.home.entry, SYSTEM, self.id, cause=CAUSE, reason="diminta warga"
        )

    async def whole(self) -> None:
        """Both logs verify and rebuild what the tables hold."""
        for case in (self.home, self.next_door):
            async with case.centre.snapshot(case.entry.tenant) as tx:
                assert (await verify_log(tx)).fault is None
                assert list(differences(await rebuild(tx), await current(tx))) == []


@pytest.fixture
async def town(database: HasUrls, tmp_path: Path) -> AsyncIterator[Town]:
    async with (
        open_case(database, tmp_path) as home,
        open_case(database, tmp_path / "next", code="99.02") as next_door,
    ):
        given = Registration(
            name="Warga Sintetis",
            address="Jalan Rekaan 1",
            email="warga@contoh.example",
            phone="081200001234",
            nik="3214015205900007",
            password="rahasia sekali",
        )
        made = await register_resident(home.centre, home.entry, given, "uji", cause=CAUSE)
        resident = Actor(ActorKind.RESIDENT, made.resident_id)
        yield Town(home, next_door, resident, made.session.token)


async def test_an_erased_resident_is_unreadable_in_every_regency(town: Town) -> None:
    calls = {case.entry.tenant.slug: await town.ring_and_end(case) for case in (town.home, town.next_door)}
    erased = await town.erase()

    assert erased.rows == dict.fromkeys(calls, 1)
    assert not erased.repeated
    for case in (town.home, town.next_door):
        async with case.centre.read(case.entry.tenant) as tx:
            call = await tx.get(Call, calls[case.entry.tenant.slug])
            assert await tx.person(call.key_id) is None
            assert call.caller_phone_hash is call.content_hash is None
    async with town.home.centre.read(town.home.entry.tenant) as tx:
        resident = await tx.get(Resident, town.id)
        assert resident.nik_hash is resident.phone_hash is resident.email_hash is None
        assert resident.erased_at is not None
    with pytest.raises(Exception, match="unknown or ended"):
        await find_session(town.home.centre, town.token)
    await town.whole()


async def test_the_same_person_may_register_again(town: Town) -> None:
    await town.erase()
    given = Registration("Warga Sintetis", "Jalan Rekaan 1", "warga@contoh.example", "081200001234",
                         "3214015205900007", "rahasia sekali")  # fmt: skip
    again = await register_resident(town.home.centre, town.home.entry, given, "uji", cause=CAUSE)
    assert again.resident_id != town.id


async def test_nobody_is_erased_while_a_call_is_open(town: Town) -> None:
    call_id = await town.ring(town.next_door)
    with pytest.raises(Conflict) as refused:
        await town.erase()
    assert refused.value.extra["call_id"] == str(call_id)
    assert list(read_list(town.home.centre.settings.erasures_path)) == []
    await town.whole()


async def test_erasing_twice_and_strangers(town: Town) -> None:
    await town.erase()
    head = await town.home.head()
    assert (await town.erase()).repeated
    assert await town.home.head() == head
    stranger = town.next_door
    with pytest.raises(NotFound):
        await erase_resident(stranger.centre, stranger.entry, SYSTEM, town.id, cause=CAUSE, reason="")


async def test_calls_that_race_an_erasure_are_readable_or_under_a_key_of_their_own(town: Town) -> None:
    results = await asyncio.gather(
        town.erase(), *(town.ring(town.home) for _ in range(6)), return_exceptions=True
    )
    assert all(not isinstance(r, BaseException) or isinstance(r, Conflict) for r in results)
    for row in await town.home.rows("SELECT id FROM call WHERE state = 'ringing'"):
        async with town.home.centre.read(town.home.entry.tenant) as tx:
            call = await tx.get(Call, row.id)
            assert await tx.person(call.key_id) is not None
    await town.whole()


async def test_a_crash_between_erasure_and_list_is_finished(town: Town) -> None:
    await town.ring_and_end(town.home)
    await town.erase()
    path = town.home.centre.settings.erasures_path
    path.write_bytes(path.read_bytes()[:-7])  # the line was cut short

    assert await finish_erasures(town.home.centre, SYSTEM, cause=CAUSE) == 1
    assert [line.resident_id for line in read_list(path)] == [str(town.id)]
    assert await finish_erasures(town.home.centre, SYSTEM, cause=CAUSE) == 0


async def test_a_restored_database_forgets_again(town: Town, database: HasUrls) -> None:
    """As after a restore to a moment before the erasure."""
    owner = await asyncpg.connect(database.owner_url)
    try:
        kept = await owner.fetch("SELECT id, wrapped FROM person_key")
        await town.erase()
        await owner.execute("ALTER TABLE resident DISABLE TRIGGER resident_has_event")
        await owner.executemany(
            "UPDATE person_key SET wrapped = $2, destroyed_at = NULL WHERE id = $1", [tuple(r) for r in kept]
        )
        await owner.execute("UPDATE resident SET erased_at = NULL")
        await owner.execute("ALTER TABLE resident ENABLE TRIGGER resident_has_event")
    finally:
        await owner.close()

    assert await replay_erasures(town.home.centre, SYSTEM, cause=CAUSE) == 1
    async with town.home.centre.read(town.home.entry.tenant) as tx:
        resident = await tx.get(Resident, town.id)
        assert await tx.person(resident.key_id) is None
    assert await replay_erasures(town.home.centre, SYSTEM, cause=CAUSE) == 0


async def test_the_database_refuses_to_destroy_a_key_without_saying_so(town: Town) -> None:
    centre, tenant = town.home.centre, town.home.entry.tenant

    async def destroy(**values: Any) -> None:
        async with centre.begin(tenant, SYSTEM, CAUSE) as tx:
            resident = await tx.get(Resident, town.id)
            key = await tx.session.get(PersonKey, resident.key_id)
            assert key is not None
            for name, value in values.items():
                setattr(key, name, value)

    with pytest.raises(Exception, match="without an event"):
        await destroy(wrapped=None, destroyed_at=town.home.now)
    with pytest.raises(Exception, match="only destroyed"):
        await destroy(wrapped=b"other")
    with pytest.raises(Exception, match="only destroyed"):
        await destroy(master_key_id="other")
