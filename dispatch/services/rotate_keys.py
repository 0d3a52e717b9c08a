"""Replacing the master key: a new one before the old, every person's key wrapped anew, the old one retired.

Event bytes are sealed by the persons' keys, which stay the same: the log does not change.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch.domain.errors import Conflict
from dispatch.storage.folder_lock import alone, settle
from dispatch.storage.primary import open_engine
from dispatch.storage.tables.person import PersonKey
from dispatch.storage.vault import Vault, master_key_id, read_keys

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wrapped:
    """How many persons' keys there are, and how many were wrapped anew."""

    keys: int
    rewrapped: int


def put_new_master(path: Path, copy: Path | None = None) -> str:
    """Put a new master key in front of those in the file; return its name.

    The file is replaced whole, readable by its owner alone; running processes follow it. copy: of the same
    keys, beside the standby. It gets the new one first: what is wrapped by it may be there at once.

    Raises OSError; when it is the copy's, the file is as it was.
    """
    new = secrets.token_bytes(32)
    with alone(path.parent):
        keys = [new, *read_keys(path)]
        if copy is not None:
            _replace(copy, keys)
        _replace(path, keys)
    return master_key_id(new)


async def rewrap_all(owner_url: str, vault: Vault, told: Callable[[int, int], None] | None = None) -> Wrapped:
    """Wrap every person's key by the master key in use. Can be stopped and repeated at any time.

    `told` is called with how many of how many are done.

    Raises:
        SealBroken: a key was wrapped by a master key that is not in the file.
    """
    engine = open_engine(owner_url, pool_size=1)
    try:
        async with engine.connect() as connection:
            lives = PersonKey.wrapped.is_not(None)
            total = (await connection.execute(select(func.count()).where(lives))).scalar_one()
            await connection.rollback()
            done = 0
            while number := await _rewrap_some(connection, vault):
                done += number
                if told is not None:
                    told(done, total)
            return Wrapped(total, done)
    finally:
        await engine.dispose()


async def masters_in_use(owner_url: str) -> set[str]:
    """Return the names of the master keys by which persons' keys are wrapped."""
    engine = open_engine(owner_url, pool_size=1)
    try:
        async with engine.connect() as connection:
            query = select(PersonKey.master_key_id).where(PersonKey.wrapped.is_not(None)).distinct()
            return set((await connection.execute(query)).scalars())
    finally:
        await engine.dispose()


async def _rewrap_some(connection: AsyncConnection, vault: Vault) -> int:
    name = vault.master_key_id
    async with connection.begin():
        rows = (
            await connection.execute(
                select(PersonKey.id, PersonKey.wrapped)
                .where(PersonKey.wrapped.is_not(None), PersonKey.master_key_id != name)
                .limit(_AT_ONCE)
                .with_for_update(skip_locked=True)
            )
        ).all()
        for row in rows:
            await connection.execute(
                update(PersonKey)
                .where(PersonKey.id == row.id)
                .values(wrapped=vault.rewrap(row.id, row.wrapped), master_key_id=name)
            )
    return len(rows)


async def retire_masters(owner_url: str, path: Path) -> int:
    """Take the master keys out of the file that no person's key needs any more; return how many.

    Whoever is being stored at this moment, under a key that nobody else sees yet, is waited for; whoever
    comes after that waits for a moment, until the file is replaced.

    Raises:
        Conflict: some keys are still wrapped by an old one.
    """
    engine = open_engine(owner_url, pool_size=1)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("LOCK TABLE person_key IN SHARE MODE"))
            with alone(path.parent):
                # read after the wait: a new master key that was put there meanwhile must not be taken out
                keys = read_keys(path)
                left = (
                    await connection.execute(
                        select(func.count()).where(
                            PersonKey.wrapped.is_not(None),
                            PersonKey.master_key_id != master_key_id(keys[0]),
                        )
                    )
                ).scalar_one()
                if left:
                    raise _still_needed(left)
                _replace(path, keys[:1])
    finally:
        await engine.dispose()
    return len(keys) - 1


def _still_needed(left: int) -> Conflict:
    return Conflict(
        f"{left} kunci masih dibungkus kunci induk lama; jalankan dulu 'dispatch keys rotate --resume'",
        f"{left} keys are still wrapped by an old master key; run 'dispatch keys rotate --resume' first",
        left=left,
    )


def _replace(path: Path, keys: list[bytes]) -> None:
    beside = path.with_name(f"{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("".join(f"{key.hex()}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    settle(path.parent)
