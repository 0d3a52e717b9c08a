"""Signed checkpoints: what they notice that the chain alone cannot, and what they do not accept."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from log_scene import NOON, VAULT, HasUrls, make_tenant
from msgspec.structs import replace

from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services import after_restore
from dispatch.services.after_restore import set_aside_lost
from dispatch.services.centre import Centre
from dispatch.services.checkpoint_log import write_checkpoint
from dispatch.services.roads import Roads
from dispatch.services.tenants import TenantEntry, Tenants
from dispatch.settings import Settings
from dispatch.storage.checkpoint_folder import (
    ERASURES,
    PUBLIC_KEY,
    check_file,
    file_of,
    files_of,
    public_key_in,
)
from dispatch.storage.checkpoints import Checked, Signer
from dispatch.storage.database import Database
from dispatch.storage.folder_lock import alone
from dispatch.storage.line_file import append_line, read_lines
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
        checked = self.checked()
        assert [each.fault for each in checked if each.fault] == []
        async with self.centre.read(self.entry.tenant) as tx:
            return await verify_log(tx, [said for each in checked for said in each.statements])

    def checked(self, *trusted: bytes) -> list[Checked]:
        slug = self.entry.tenant.slug
        return [check_file(file, slug, trusted) for file in files_of(self.folder, slug)]

    async def cut_to(self, seq: int) -> None:
        """Cut the log off behind an event, its head put right."""
        await self.tamper(
            f"DELETE FROM event WHERE seq > {seq}",
            "UPDATE event_head h SET seq = e.seq, hash = e.hash, recorded_at = e.recorded_at FROM event e "
            f"WHERE e.seq = {seq}",
        )

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
    await keeper.cut_to(3)
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
        [checked] = keeper.checked()
        assert checked.fault is not None
        assert f"line {line}:" in checked.fault.message_en
        assert str(path) in checked.fault.message_id
        assert [said.seq for said in checked.statements] == list(range(1, line)), "what stands before counts"


async def test_another_key_is_not_accepted(keeper: Keeper, tmp_path: Path) -> None:
    """Of the folder's own word alone: a trusted copy of the public key says that this is not its log."""
    await keeper.happen(1)
    other = Signer.from_file(tmp_path / "another.key")
    await write_checkpoint(keeper.centre, keeper.entry, other)
    [checked] = keeper.checked(keeper.signer.public)
    assert checked.fault is not None
    assert checked.statements == []
    assert keeper.checked(keeper.signer.public, other.public)[0].fault is None


async def test_a_new_key_begins_a_new_file_and_the_old_one_still_checks_its_own(keeper: Keeper) -> None:
    slug = keeper.entry.tenant.slug
    old = keeper.signer.public
    await keeper.happen(2)
    await keeper.sign()
    before = file_of(keeper.folder, slug).read_bytes()
    for change in (1, 2):  # twice in the same second
        keeper.centre.settings.checkpoint_key_path.unlink()
        keeper.signer = Signer.from_file(keeper.centre.settings.checkpoint_key_path)
        made = await write_checkpoint(keeper.centre, keeper.entry, keeper.signer)
        assert made is not None, "what is there is signed at once, also when nothing has happened since"
        assert made.other_key is not None
        assert len(files_of(keeper.folder, slug)) == change + 1
    assert await keeper.sign() is None
    await keeper.happen(1)
    assert await keeper.sign() == 3

    first = files_of(keeper.folder, slug)[0]
    assert first.path.read_bytes() == before
    assert public_key_in(first.key) == old
    assert check_file(first, slug, [old]).fault is None
    assert await keeper.verify() == Verified(3, 4, None)


async def test_every_tenants_file_is_set_aside_with_the_key(keeper: Keeper, tmp_path: Path) -> None:
    await keeper.happen(1)
    await keeper.sign()
    other = file_of(keeper.folder, "99.02")
    other.write_bytes(b"another tenant's\n")
    erasures = keeper.folder / ERASURES
    erasures.write_bytes(b"1\n")
    keeper.signer = Signer.from_file(tmp_path / "another.key")
    await keeper.sign()
    assert [file.path.name for file in files_of(keeper.folder, "99.02")] == [
        f"99.02.until-{NOON:%Y%m%dT%H%M%SZ}.jsonl"
    ]
    assert erasures.read_bytes() == b"1\n"


async def test_a_crash_while_a_key_is_set_aside_loses_nothing(keeper: Keeper, tmp_path: Path) -> None:
    """Whichever of the files has been renamed: each has the key that signed it beside it."""
    slug = keeper.entry.tenant.slug
    await keeper.happen(1)
    await keeper.sign()
    present, public = file_of(keeper.folder, slug), keeper.folder / PUBLIC_KEY
    stamp = "20261120T000000Z"
    (keeper.folder / f"public.until-{stamp}.key").write_bytes(public.read_bytes())
    present.rename(keeper.folder / f"{slug}.until-{stamp}.jsonl")
    keeper.signer = Signer.from_file(tmp_path / "another.key")
    await keeper.happen(1)
    assert await keeper.sign() == 2
    assert await keeper.verify() == Verified(2, 2, None)


async def test_a_public_key_that_is_gone_is_not_taken_for_the_new_one(keeper: Keeper, tmp_path: Path) -> None:
    await keeper.happen(1)
    await keeper.sign()
    (keeper.folder / PUBLIC_KEY).unlink()
    keeper.signer = Signer.from_file(tmp_path / "another.key")
    await keeper.happen(1)
    await keeper.sign()
    old, new = keeper.checked()
    assert old.fault is not None
    assert "missing" in old.fault.message_en
    assert new.fault is None


async def test_a_new_key_signs_over_no_loss(keeper: Keeper, tmp_path: Path) -> None:
    await keeper.happen(3)
    await keeper.sign()
    keeper.signer = Signer.from_file(tmp_path / "another.key")
    await keeper.sign()
    await keeper.cut_to(1)
    assert await keeper.sign() is None
    await keeper.happen(3)
    with pytest.raises(Conflict):
        await keeper.sign()
    assert (await keeper.verify()).fault is not None
    lost = await set_aside_lost(keeper.centre, keeper.entry, "stamp")
    assert lost is not None
    assert await keeper.sign() == 4
    assert (await keeper.verify()).fault is None


async def test_the_same_number_signed_by_two_keys_is_compared_with_both(
    keeper: Keeper, tmp_path: Path
) -> None:
    await keeper.happen(2)
    await keeper.sign()
    keeper.signer = Signer.from_file(tmp_path / "another.key")
    await keeper.sign()
    old, new = keeper.checked()
    [true] = old.statements
    async with keeper.centre.read(keeper.entry.tenant) as tx:
        for signed in ([true, replace(true, hash="00" * 32)], [replace(true, hash="00" * 32), true]):
            fault = (await verify_log(tx, signed)).fault
            assert fault is not None
            assert (fault.seq, fault.code) == (2, "rewritten")
    assert new.statements[0].hash == true.hash


async def test_two_writers_at_once_leave_one_whole_file(keeper: Keeper) -> None:
    """Each has read the same last line and waits for the database; one comes after the other."""
    await keeper.happen(1)
    await keeper.sign()
    for number in range(2, 8):
        await keeper.happen(1)
        made = await asyncio.gather(*(keeper.sign() for _ in range(4)))
        assert sorted(made, key=str) == [number, None, None, None]
    assert await keeper.verify() == Verified(7, 7, None)


async def test_an_accepted_loss_takes_no_line_that_is_written_meanwhile(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upkeep signs between the reading of the file and its rewriting."""
    await keeper.happen(3)
    await keeper.sign()
    await keeper.cut_to(1)
    path = file_of(keeper.folder, keeper.entry.tenant.slug)
    meanwhile = [path.read_bytes().rstrip(b"\n").replace(b'"seq":3', b'"seq":9')]

    @contextmanager
    def overtaken(folder: Path) -> Iterator[None]:
        if meanwhile:
            append_line(path, meanwhile.pop())
        with alone(folder):
            yield

    monkeypatch.setattr(after_restore, "alone", overtaken)
    lost = await set_aside_lost(keeper.centre, keeper.entry, "stamp")
    assert lost is not None
    assert lost.last == 9
    assert len(read_lines(lost.kept_in)) == 2
    assert read_lines(path) == []


async def test_a_log_without_its_head_is_refused_in_words(keeper: Keeper) -> None:
    await keeper.happen(1)
    await keeper.sign()
    await keeper.tamper("DELETE FROM event_head")
    found = (await keeper.verify()).fault
    assert found is not None
    assert (found.seq, found.code) == (2, "head_missing")
    with pytest.raises(Conflict):
        await keeper.sign()
    with pytest.raises(Conflict):
        await set_aside_lost(keeper.centre, keeper.entry, "stamp")


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
