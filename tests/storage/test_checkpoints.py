"""Signed checkpoints: what they notice that the chain alone cannot, and what they do not accept."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from log_scene import NOON, VAULT, HasUrls, make_tenant

from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.after_restore import set_aside_lost
from dispatch.services.centre import Centre
from dispatch.services.checkpoint_log import write_checkpoint
from dispatch.services.roads import Roads
from dispatch.services.tenants import TenantEntry, Tenants
from dispatch.settings import Settings
from dispatch.storage.checkpoints import CheckpointFault, Signer, file_of, read_checkpoints
from dispatch.storage.database import Database
from dispatch.storage.transaction import transaction
from dispatch.storage.verify_log import Verified, verify_log


@dataclass
class Keeper:
    """A tenant's log, its checkpoints, and a clock that stands still."""

    database: HasUrls
    centre: Centre
    entry: TenantEntry
    signer: Signer

    @property
    def folder(self) -> Path:
        return self.centre.settings.checkpoints_dir

    async def happen(self, number: int) -> None:
        async with transaction(self.centre.database, self.entry.tenant, VAULT, SYSTEM, "test", NOON) as tx:
            for n in range(number):
                await tx.record(EventKind.UNIT_LOADED, ("unit", str(n)))

    async def sign(self) -> int | None:
        made = await write_checkpoint(self.centre, self.entry, self.signer)
        return made.seq if made else None

    async def verify(self) -> Verified:
        signed = read_checkpoints(self.folder, self.entry.tenant.slug, self.signer.public)
        async with self.centre.read(self.entry.tenant) as tx:
            return await verify_log(tx, signed)

    async def tamper(self, *statements: str) -> None:
        owner = await asyncpg.connect(self.database.owner_url)
        try:
            await owner.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
            for statement in statements:
                await owner.execute(statement)
        finally:
            await owner.close()


@pytest.fixture
async def keeper(database: HasUrls, tmp_path: Path) -> AsyncIterator[Keeper]:
    tenant = await make_tenant(database.owner_url, "99.01", "training")
    app = Database(database.app_url, pool_size=2, name="test")
    settings = Settings(database_app_url=database.app_url, run_dir=tmp_path)
    centre = Centre(settings, app, VAULT, Tenants(app), Roads(tmp_path), None, clock=lambda: NOON)
    entry = TenantEntry(tenant, {}, "", "")
    yield Keeper(database, centre, entry, Signer.from_file(settings.checkpoint_key_path))
    await centre.close()


async def test_a_whole_log_agrees_with_its_checkpoints(keeper: Keeper) -> None:
    await keeper.happen(3)
    assert await keeper.sign() == 3
    assert await keeper.sign() is None  # nothing new
    await keeper.happen(2)
    assert await keeper.sign() == 5
    await keeper.happen(1)

    assert await keeper.verify() == Verified(6, 2, None)


async def test_a_tail_that_was_cut_off_is_noticed(keeper: Keeper) -> None:
    """Together with the head: the chain alone is whole, and shorter."""
    await keeper.happen(5)
    await keeper.sign()
    await keeper.tamper(
        "DELETE FROM event WHERE seq > 3",
        "UPDATE event_head h SET seq = 3, hash = e.hash, recorded_at = e.recorded_at FROM event e "
        "WHERE e.seq = 3",
    )
    async with keeper.centre.read(keeper.entry.tenant) as tx:
        assert (await verify_log(tx)).fault is None
    found = await keeper.verify()
    assert found.fault is not None
    assert (found.fault.seq, found.fault.code) == (4, "cut_off")
    assert await keeper.sign() is None  # a log that went back is not signed over

    await keeper.happen(2)  # and grown again: as long as before, and another
    found = await keeper.verify()
    assert found.fault is not None
    assert (found.fault.seq, found.fault.code) == (5, "rewritten")

    await keeper.happen(1)  # longer than before, and still not the one that was signed
    with pytest.raises(Conflict):
        await keeper.sign()
    lost = await set_aside_lost(keeper.centre, keeper.entry, "stamp")
    assert lost is not None
    assert lost.last == 5
    assert await keeper.sign() == 6
    assert (await keeper.verify()).fault is None


async def test_a_changed_line_is_named(keeper: Keeper) -> None:
    for _ in range(3):
        await keeper.happen(1)
        await keeper.sign()
    path = file_of(keeper.folder, keeper.entry.tenant.slug)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for damaged, line in {
        whole.replace(b'"seq":2', b'"seq":1'): 2,
        lines[0] + lines[2]: 2,
        lines[1] + lines[0] + lines[2]: 1,
        b"x" + whole: 1,
    }.items():
        path.write_bytes(damaged)
        with pytest.raises(CheckpointFault) as fault:
            await keeper.verify()
        assert f"line {line}:" in fault.value.message_en
        assert str(path) in fault.value.message_id


async def test_another_key_is_not_accepted(keeper: Keeper, tmp_path: Path) -> None:
    await keeper.happen(1)
    await write_checkpoint(keeper.centre, keeper.entry, Signer.from_file(tmp_path / "another.key"))
    with pytest.raises(CheckpointFault):
        await keeper.verify()


async def test_a_line_that_a_crash_cut_short_harms_nothing(keeper: Keeper) -> None:
    await keeper.happen(1)
    await keeper.sign()
    path = file_of(keeper.folder, keeper.entry.tenant.slug)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert (await keeper.verify()).fault is None
    await keeper.happen(1)
    keeper.centre.clock = lambda: NOON + timedelta(minutes=5)
    assert await keeper.sign() == 2

    assert await keeper.verify() == Verified(2, 2, None)


def test_the_signing_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "checkpoint.key"
    first = Signer.from_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Signer.from_file(path).public == first.public
