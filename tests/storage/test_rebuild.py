"""The event log rebuilds every table of current state exactly, erased persons included."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from log_scene import NOON, VAULT, HasUrls, make_tenant
from one_of_each import Filled, fill, point
from sqlalchemy import select

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.storage.database import Database
from dispatch.storage.rebuild import Tables, current, differences, rebuild
from dispatch.storage.tables import Base
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.event import Event
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.person import PersonKey, Resident
from dispatch.storage.tables.shift import Shift
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import transaction
from dispatch.storage.verify_log import verify_log

EVENTED = {m.class_.__tablename__ for m in Base.registry.mappers if m.class_.evented}


@pytest.fixture
async def app(database: HasUrls) -> AsyncIterator[Database]:
    opened = Database(database.app_url, pool_size=2, name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def filled(database: HasUrls, app: Database) -> Filled:
    tenant = await make_tenant(database.owner_url, "99.01", "training")
    await fill(app, await make_tenant(database.owner_url, "99.02", "training"))
    return await fill(app, tenant)


async def both(app: Database, filled: Filled) -> tuple[Tables, Tables]:
    """The state as the log says, and as the tables are; the chain is whole."""
    async with transaction(app, filled.tenant, VAULT, SYSTEM, "read", NOON) as tx:
        assert (await verify_log(tx)).fault is None
        return await rebuild(tx), await current(tx)


async def test_every_table_is_rebuilt_with_every_column(app: Database, filled: Filled) -> None:
    rebuilt, standing = await both(app, filled)
    assert rebuilt.keys() == standing.keys() == EVENTED
    assert all(len(rows) == 1 for rows in standing.values())
    assert list(differences(rebuilt, standing)) == []
    resident = next(iter(rebuilt["resident"].values()))
    assert resident["nik_hash"] == filled.rows["resident"].nik_hash
    assert resident["verification_detail"]["nested"] == {"a": [1, None, 2.5]}


async def test_the_scene_fills_every_column_that_may_be_lost(app: Database, filled: Filled) -> None:
    """A column of a kind that is null everywhere here would be rebuilt untested."""
    _, standing = await both(app, filled)
    filled_types: set[str] = set()
    all_types: set[str] = set()
    for name, rows in standing.items():
        for column in Base.metadata.tables[name].columns:
            kind = f"{type(column.type).__name__} {'personal' if column.info else ''}"
            all_types.add(kind)
            if any(row[column.name] is not None for row in rows.values()):
                filled_types.add(kind)
    assert filled_types == all_types


async def test_changes_are_replayed_in_order(app: Database, filled: Filled) -> None:
    for minute in range(1, 4):
        now = NOON + timedelta(minutes=minute, microseconds=minute)
        async with transaction(app, filled.tenant, VAULT, SYSTEM, "test", now) as tx:
            unit = await tx.get(Unit, filled.key("unit"), lock=True)
            unit.base = point(107.0 + minute / 3, -6.0 - minute / 7)
            unit.capabilities = [*unit.capabilities, f"x{minute}"]
            await tx.record(EventKind.UNIT_LOADED, unit)
            run = await tx.get(Assignment, filled.key("assignment"), lock=True)
            run.predicted_s = minute / 7
            shift = await tx.get(Shift, filled.key("shift"), lock=True)
            shift.start_check = {"minute": minute} if minute < 3 else None
            await tx.record(EventKind.ASSIGNMENT_STEPPED, run)
    async with transaction(app, filled.tenant, VAULT, SYSTEM, "test", NOON) as tx:
        run = await tx.get(Assignment, filled.key("assignment"), lock=True)
        run.state, run.released_at, run.freed_place = "cleared", tx.now, None
        await tx.record(EventKind.UNIT_CLEARED, run)
    rebuilt, standing = await both(app, filled)
    assert list(differences(rebuilt, standing)) == []
    assert next(iter(rebuilt["shift"].values()))["start_check"] is None


async def test_a_rolled_back_change_is_in_neither(app: Database, filled: Filled) -> None:
    async def abandon() -> None:
        async with transaction(app, filled.tenant, VAULT, SYSTEM, "test", NOON) as tx:
            facility = await tx.get(Facility, filled.key("facility"), lock=True)
            facility.ems_status = "closed"
            await tx.record(EventKind.FACILITY_STATUS_CHANGED, facility)
            raise KeyError

    with pytest.raises(KeyError):
        await abandon()
    rebuilt, standing = await both(app, filled)
    assert list(differences(rebuilt, standing)) == []


async def test_an_erased_person_reads_erased_in_tables_and_rebuilds(app: Database, filled: Filled) -> None:
    """The key is destroyed; what pointed at the person is gone from both, the chain stays whole."""
    before, _ = await both(app, filled)
    async with transaction(app, filled.tenant, VAULT, SYSTEM, "erase", NOON) as tx:
        resident = await tx.get(Resident, filled.key("resident"), lock=True)
        key = await tx.session.get(PersonKey, resident.key_id, with_for_update=True)
        assert key is not None
        key.wrapped, key.destroyed_at = None, tx.now
        await tx.session.flush()
        resident.nik_hash = resident.phone_hash = resident.email_hash = None
        resident.erased_at = tx.now
        call = await tx.get(Call, filled.key("call"), lock=True)
        call.caller_phone_hash = call.content_hash = None
        await tx.record(EventKind.PERSON_ERASED, resident, data={"key_id": str(key.id)})
    rebuilt, standing = await both(app, filled)
    assert list(differences(rebuilt, standing)) == []
    for table, column in (
        ("resident", "nik_hash"),
        ("resident", "phone_hash"),
        ("call", "caller_phone_hash"),
    ):
        assert next(iter(before[table].values()))[column] is not None
        assert next(iter(rebuilt[table].values()))[column] is None
    async with transaction(app, filled.tenant, VAULT, SYSTEM, "read", NOON) as tx:
        assert await tx.person((await tx.get(Incident, filled.key("incident"))).key_id) is None


async def test_no_look_up_hash_stands_open_in_the_log(app: Database, filled: Filled) -> None:
    """Else erasing the key would leave the person traceable."""
    resident = filled.rows["resident"]
    async with transaction(app, filled.tenant, VAULT, SYSTEM, "read", NOON) as tx:
        bodies = " ".join((await tx.session.execute(select(Event.body))).scalars())
    for name in ("nik_hash", "phone_hash", "email_hash"):
        assert b64encode(getattr(resident, name)).decode() not in bodies


async def test_a_hash_that_erasure_forgot_is_found(app: Database, filled: Filled) -> None:
    async with transaction(app, filled.tenant, VAULT, SYSTEM, "erase", NOON) as tx:
        resident = await tx.get(Resident, filled.key("resident"))
        key = await tx.session.get(PersonKey, resident.key_id)
        assert key is not None
        key.wrapped, key.destroyed_at = None, tx.now
        await tx.record(EventKind.PERSON_ERASED, ("person_key", "x"), data={"key_id": str(key.id)})
    rebuilt, standing = await both(app, filled)
    found = {(d.table, d.column) for d in differences(rebuilt, standing)}
    assert {("resident", "nik_hash"), ("call", "content_hash")} <= found


async def test_a_table_changed_behind_the_log_is_found(
    app: Database, filled: Filled, database: HasUrls
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    try:
        await owner.execute("ALTER TABLE unit DISABLE TRIGGER unit_has_event")
        await owner.execute("UPDATE unit SET plate = 'B 1 X' WHERE regency_id = $1", filled.tenant.id)
        await owner.execute("ALTER TABLE stamp DISABLE TRIGGER stamp_has_event")
        await owner.execute("DELETE FROM stamp WHERE regency_id = $1", filled.tenant.id)
    finally:
        await owner.close()
    rebuilt, standing = await both(app, filled)
    found: list[tuple[str, str | None, Any]] = [
        (d.table, d.column, d.right) for d in differences(rebuilt, standing)
    ]
    assert found == [("stamp", None, None), ("unit", "plate", "B 1 X")]
