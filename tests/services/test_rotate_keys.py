"""The master key is replaced while the system runs: the log's bytes stay, and everybody is readable."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from case_scene import CAUSE, Case, HasUrls, open_case

from dispatch.domain.errors import Conflict
from dispatch.services.rotate_keys import put_new_master, retire_masters, rewrap_all
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.tables.call import Call
from dispatch.storage.vault import SealBroken, Vault, master_key_id, read_keys
from dispatch.storage.verify_log import verify_log


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """The key files of `case_scene`'s vault."""
    master, lookup = tmp_path / "master.key", tmp_path / "lookup.key"
    master.write_text(bytes(range(32)).hex() + "\n")
    lookup.write_text(bytes(range(32, 64)).hex() + "\n")
    return master, lookup


@pytest.fixture
async def case(database: HasUrls, tmp_path: Path, keys: tuple[Path, Path]) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path) as made:
        made.centre.vault = Vault.from_files(*keys)  # as a running process has it
        yield made


async def caller(case: Case, call_id: object) -> str:
    async with case.centre.read(case.entry.tenant) as tx:
        call = await tx.session.get(Call, (case.entry.tenant.id, call_id))
        assert call is not None
        key = await tx.person(call.key_id)
        assert key is not None
        assert call.caller_name_sealed is not None
        return key.open(call.caller_name_sealed, "call.caller_name")


async def test_keys_are_replaced_under_a_running_process(
    case: Case, database: HasUrls, keys: tuple[Path, Path]
) -> None:
    before = (await case.ring(caller_name="Sebelum Sintetis")).call_id
    bodies = await case.rows("SELECT body, hash FROM event ORDER BY seq")

    put_new_master(keys[0])
    assert stat.S_IMODE(keys[0].stat().st_mode) == 0o600
    between = (await case.ring(caller_name="Antara Sintetis")).call_id
    with pytest.raises(Conflict):
        await retire_masters(database.owner_url, keys[0])
    told: list[tuple[int, int]] = []
    wrapped = await rewrap_all(
        database.owner_url, Vault.from_files(*keys), lambda done, total: told.append((done, total))
    )
    assert wrapped.rewrapped == wrapped.keys - 1  # the one between was made with the new key already
    assert told[-1] == (wrapped.rewrapped, wrapped.keys)
    assert await retire_masters(database.owner_url, keys[0]) == 1
    assert len(read_keys(keys[0])) == 1

    after = (await case.ring(caller_name="Sesudah Sintetis")).call_id
    assert [await caller(case, c) for c in (before, between, after)] == [
        "Sebelum Sintetis", "Antara Sintetis", "Sesudah Sintetis",
    ]  # fmt: skip
    assert bodies == (await case.rows("SELECT body, hash FROM event ORDER BY seq"))[: len(bodies)]
    async with case.centre.snapshot(case.entry.tenant) as tx:
        assert (await verify_log(tx)).fault is None
        assert list(differences(await rebuild(tx), await current(tx))) == []
    again = await rewrap_all(database.owner_url, Vault.from_files(*keys))
    assert again.rewrapped == 0


async def test_a_caller_whose_call_is_just_being_stored_is_waited_for(
    case: Case, database: HasUrls, keys: tuple[Path, Path]
) -> None:
    """A commit may wait for seconds, as for the standby: nobody sees the caller's key meanwhile."""
    async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
        key = await tx.new_person()
        put_new_master(keys[0])
        await rewrap_all(database.owner_url, Vault.from_files(*keys))
        retiring = asyncio.create_task(retire_masters(database.owner_url, keys[0]))
        while not retiring.done() and not await case.value(_WAITS):
            pass  # asked until it waits, or has not waited
    with pytest.raises(Conflict):
        await retiring
    assert len(read_keys(keys[0])) == 2
    async with case.centre.read(case.entry.tenant) as tx:
        assert (await tx.person(key.id)) == key


async def test_a_new_key_that_comes_while_old_ones_are_retired_stays(
    case: Case, database: HasUrls, keys: tuple[Path, Path]
) -> None:
    """Two people at two terminals: one key file, and everybody's key may hang on the newest in it."""
    async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
        await tx.new_person()
        retiring = asyncio.create_task(retire_masters(database.owner_url, keys[0]))
        while not retiring.done() and not await case.value(_WAITS):
            pass  # asked until it waits, or has not waited
        newest = put_new_master(keys[0])
    with pytest.raises(Conflict):
        await retiring
    left = read_keys(keys[0])
    assert (master_key_id(left[0]), len(left)) == (newest, 2)


_WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST('person_key' AS regclass)"


async def test_without_the_old_key_nothing_is_touched(
    case: Case, database: HasUrls, keys: tuple[Path, Path]
) -> None:
    call_id = (await case.ring(caller_name="Penelepon Sintetis")).call_id
    wrong = Vault(bytes(32), bytes(32))
    with pytest.raises(SealBroken):
        await rewrap_all(database.owner_url, wrong)
    assert await caller(case, call_id) == "Penelepon Sintetis"


def test_a_damaged_file_leaves_the_keys_in_memory(keys: tuple[Path, Path]) -> None:
    vault = Vault.from_files(*keys)
    key, wrapped, _ = vault.new_key(uuid4())
    for damage in ("", "abc\n", "zz" * 32 + "\n", "ab" * 16 + "\n"):
        keys[0].write_text(damage)
        assert vault.unwrap(key.id, wrapped).key == key.key
        vault.new_key(uuid4())
    keys[0].unlink()
    assert vault.unwrap(key.id, wrapped).key == key.key


def test_each_key_must_have_its_length() -> None:
    with pytest.raises(ValueError, match="master key has 31 bytes"):
        Vault(bytes(32), bytes(32), bytes(31))
    with pytest.raises(ValueError, match="lookup key has 2 bytes"):
        Vault(bytes(32), bytes(2))


def test_a_new_key_is_in_the_copy_before_anything_can_be_wrapped_by_it(keys: tuple[Path, Path]) -> None:
    """Else a disk that dies at that moment leaves rows beside the standby that no key there opens."""
    master, copy = keys[0], keys[0].parent / "beside" / "master.key"
    copy.parent.mkdir()
    copy.write_text(master.read_text())
    old = read_keys(master)
    in_the_way = master.with_name("master.key.new")
    in_the_way.mkdir()
    with pytest.raises(OSError, match="directory"):
        put_new_master(master, copy)
    assert read_keys(master) == old
    assert read_keys(copy)[1:] == old
    in_the_way.rmdir()
    put_new_master(master, copy)
    assert read_keys(copy) == read_keys(master)
