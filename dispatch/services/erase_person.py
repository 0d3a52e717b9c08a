"""Erasing a person: the key is destroyed, and with it everything sealed under it, in tables and log alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import inspect, select, update

from dispatch.domain.call import CallState
from dispatch.domain.errors import Conflict, NotFound
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.images import iso
from dispatch.storage.line_file import append_line, read_lines
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.person import PersonKey, Resident
from dispatch.storage.tables.session import Session
from dispatch.storage.transaction import Transaction

_AT_ONCE = 40  # rows per event and transaction: a bulk job holds the head of the log only shortly


class Erasure(msgspec.Struct, frozen=True):
    """One line of the list that is kept outside the database: whose key was destroyed, and when."""

    tenant: str
    key_id: str
    resident_id: str
    at: str


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: rows from which look-up hashes were taken, by tenant."""

    resident_id: UUID
    key_id: UUID
    rows: dict[str, int]
    repeated: bool


async def erase_resident(
    centre: Centre, entry: TenantEntry, actor: Actor, resident_id: UUID, *, cause: str, reason: str
) -> Erased:
    """Erase a resident of this tenant. Erasing again is harmless, and finishes what a crash left undone.

    The account, its sealed identity and its callers' data of every regency of the realm become unreadable.
    What a crew wrote about a patient stands under the patient's own key and stays for its lawful time.

    Raises:
        NotFound: no such resident has this tenant for a home. Conflict: a call or case is still open.
    """
    tenants = [t for t in await centre.tenants.all() if t.tenant.realm == entry.tenant.realm]
    async with centre.begin(entry.tenant, actor, cause) as tx:
        # a call that is being stored right now holds a share of this row: it is seen, or sees the erasure
        resident = await _own(tx, resident_id, lock=True)
        key_id, repeated = resident.key_id, resident.erased_at is not None
        if not repeated:
            for other in tenants:
                await _refuse_while_open(centre, other, key_id)
            await _destroy(tx, resident, reason)
    rows = {}
    for other in tenants:
        if count := await _forget_hashes(centre, other, actor, key_id, cause):
            rows[other.tenant.slug] = count
    write_list(centre.settings.erasures_path, entry.tenant.slug, key_id, resident_id, iso(centre.clock()))
    return Erased(resident_id, key_id, rows, repeated)


async def finish_erasures(centre: Centre, actor: Actor, *, cause: str) -> int:
    """Finish what a crash left between an erasure and its line on the list; return how many there were."""
    known = {line.key_id for line in read_list(centre.settings.erasures_path)}
    finished = 0
    for entry in await centre.tenants.all():
        async with centre.read(entry.tenant) as tx:
            rows = await tx.session.execute(
                select(Resident.id, Resident.key_id).where(
                    Resident.home_regency_id == tx.tenant.id, Resident.erased_at.is_not(None)
                )
            )
            unlisted = [row.id for row in rows if str(row.key_id) not in known]
        for resident_id in unlisted:
            await erase_resident(centre, entry, actor, resident_id, cause=cause, reason="")
            finished += 1
    return finished


async def replay_erasures(
    centre: Centre, actor: Actor, *, cause: str, waiting: list[str] | None = None
) -> int:
    """Erase again whoever is on the list and alive in the database, as after a restore; return how many.

    waiting: gets the ids of those whose call or case is open in the restored state, to be erased when it
    ends; without it they are a Conflict. Tenants that the restored state does not know yet are passed over.
    """
    again = 0
    known = {entry.tenant.slug: entry for entry in await centre.tenants.all()}
    for line in read_list(centre.settings.erasures_path):
        if (entry := known.get(line.tenant)) is None:
            continue
        async with centre.read(entry.tenant) as tx:
            resident = await tx.find(Resident, UUID(line.resident_id))
            lives = resident is not None and resident.erased_at is None
        if not lives:
            continue
        try:
            await erase_resident(
                centre, entry, actor, UUID(line.resident_id), cause=cause, reason="replayed after a restore"
            )
            again += 1
        except Conflict:
            if waiting is None:
                raise
            waiting.append(line.resident_id)
    return again


def read_list(path: Path) -> Iterator[Erasure]:
    """Yield the lines of the list, each person once. Raises msgspec.DecodeError for a damaged list."""
    seen: set[str] = set()
    for line in read_lines(path):
        found = msgspec.json.decode(line, type=Erasure)
        if found.key_id not in seen:
            seen.add(found.key_id)
            yield found


def write_list(path: Path, tenant: str, key_id: UUID, resident_id: UUID, at: str) -> None:
    """Append one line, on the disk when this returns."""
    append_line(path, msgspec.json.encode(Erasure(tenant, str(key_id), str(resident_id), at)))


async def _own(tx: Transaction, resident_id: UUID, *, lock: bool = False) -> Resident:
    resident = await tx.find(Resident, resident_id, lock=lock)
    if resident is None or resident.home_regency_id != tx.tenant.id:
        raise NotFound("resident", resident_id)
    return resident


async def _refuse_while_open(centre: Centre, entry: TenantEntry, key_id: UUID) -> None:
    ended = [state.value for state in FINAL_STATES]
    async with centre.read(entry.tenant) as tx:
        call = await tx.session.scalar(
            select(Call.id)
            .outerjoin(Incident, (Incident.regency_id == Call.regency_id) & (Incident.id == Call.incident_id))
            .where(
                Call.regency_id == tx.tenant.id,
                Call.key_id == key_id,
                Call.state.in_([CallState.RINGING.value, CallState.TAKEN.value])
                | (Incident.id.is_not(None) & Incident.state.not_in(ended)),
            )
            .limit(1)
        )
    if call is not None:
        raise Conflict(
            f"Panggilan {call} di {entry.tenant.name} masih berjalan; hapus setelah selesai",
            f"Call {call} in {entry.tenant.name} is still open; erase when it has ended",
            call_id=str(call),
        )


def _personal(table: type[Base]) -> list[str]:
    return [a.key for a in inspect(table).column_attrs if a.columns[0].info.get("personal")]


async def _forget_hashes(centre: Centre, entry: TenantEntry, actor: Actor, key_id: UUID, cause: str) -> int:
    """Take the look-up hashes of this person out of the tenant's calls; the log's are sealed by the key."""
    done = 0
    columns = _personal(Call)
    while True:
        async with centre.begin(entry.tenant, actor, cause) as tx:
            held = select(Call).where(
                Call.regency_id == tx.tenant.id,
                Call.key_id == key_id,
                _any_set(Call, columns),
            )
            rows = list((await tx.session.execute(held.limit(_AT_ONCE).with_for_update())).scalars())
            for row in rows:
                for column in columns:
                    setattr(row, column, None)
            if rows:
                await tx.record(
                    EventKind.PERSON_ERASED, ("person_key", str(key_id)), data={"calls": len(rows)}
                )
        done += len(rows)
        if len(rows) < _AT_ONCE:
            return done


def _any_set(table: type[Base], columns: list[str]) -> Any:
    condition: Any = getattr(table, columns[0]).is_not(None)
    for column in columns[1:]:
        condition = condition | getattr(table, column).is_not(None)
    return condition


async def _destroy(tx: Transaction, resident: Resident, reason: str) -> None:
    key = await tx.session.get(PersonKey, resident.key_id, with_for_update=True)
    assert key is not None, "a resident has a key"
    key.wrapped, key.destroyed_at = None, tx.now
    await tx.session.flush()
    for column in _personal(Resident):
        setattr(resident, column, None)
    resident.erased_at = tx.now
    await tx.session.execute(
        update(Session)
        .where(
            Session.regency_id == tx.tenant.id, Session.resident_id == resident.id, Session.ended_at.is_(None)
        )
        .values(ended_at=tx.now)
    )
    await tx.record(
        EventKind.PERSON_ERASED, resident, data={"key_id": str(resident.key_id), "reason": reason}
    )
