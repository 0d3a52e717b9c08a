"""One transaction of one tenant: state, events, messages and timers are committed together or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Insert, Select, Table, bindparam, insert, inspect, select
from sqlalchemy import event as sa_event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import (
    InstrumentedAttribute,
    ORMExecuteState,
    Session,
    UOWTransaction,
    make_transient_to_detached,
)
from uuid_utils.compat import uuid7

from dispatch.domain.errors import NotFound
from dispatch.domain.events import EventKind, canonical
from dispatch.domain.roles import Actor
from dispatch.storage.connection import Connection
from dispatch.storage.database import REALMS, Database, Tenant
from dispatch.storage.images import after_image, iso
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.jobs import Outbox
from dispatch.storage.tables.person import PersonKey
from dispatch.storage.timer_book import TimerBook
from dispatch.storage.vault import DataKey, Vault

Row = TypeVar("Row", bound=Base)


# A control character never stands in canonical JSON: it parts the bodies of events on their way.
_PART = "\x1e"
# Runs with the COMMIT, in its message: nobody waits for the log's head while an answer is on its way here.
APPEND = "SELECT append_events(semar_regency(), string_to_array(current_setting('semar.drafts'), chr(30)))"
_DRAFT = "SELECT set_config('semar.drafts', :drafts, true)"
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"


def new_id() -> UUID:
    """Return a new time-ordered id (UUID version 7)."""
    return UUID(bytes=uuid7().bytes)


class StateWithoutEvent(Exception):
    """A current-state row was changed and no event carries it: a fault in the program, rolled back."""


class Transaction:
    """What a service works with. Rows of `evented` tables are changed as objects only.

    Order of locks everywhere: call, incident, unit, assignment, leg; the regency's head row at the very end,
    by words that go with the COMMIT.
    """

    def __init__(
        self,
        session: AsyncSession,
        connection: AsyncConnection,
        tenant: Tenant,
        vault: Vault,
        actor: Actor,
        cause: str,
        now: datetime,
    ) -> None:
        """Made by `transaction`; `now` is the one moment all stamps of this transaction share."""
        self.session = session
        self._connection = connection
        self.tenant = tenant
        self.vault = vault
        self.actor = actor
        self.cause = cause
        self.now = now
        self._found: dict[tuple[type[Base], UUID], Base] = {}
        self._changed: list[Base] = []
        self._bodies: list[str] = []
        self._timers = TimerBook()
        self._keys: dict[UUID, DataKey | None] = {}
        sync = session.sync_session
        sa_event.listen(sync, "after_flush", self._remember)
        sa_event.listen(sync, "do_orm_execute", _refuse_bulk_writes)

    def _remember(self, session: Session, _context: UOWTransaction) -> None:
        new = [row for row in session.new if isinstance(row, Base) and row.evented]
        dirty = [
            row for row in session.dirty if isinstance(row, Base) and row.evented and session.is_modified(row)
        ]
        for row in (*new, *dirty):
            if not any(row is known for known in self._changed):
                self._changed.append(row)
        for row in session.deleted:
            if isinstance(row, Base) and row.evented:
                raise StateWithoutEvent(f"rows of {row.__tablename__} are never deleted")

    async def add(self, *rows: Base) -> None:
        """Insert rows now, in this order; neighbours of one table go together."""
        for table, of_table in groupby(rows, key=type):
            await self._insert(table, list(of_table))

    async def _insert(self, table: type[Base], rows: list[Base]) -> None:
        """Insert rows past the session's unit of work, which takes twice the time; it has them afterwards."""
        values = [known for row in rows if (known := _values(row)) is not None]
        if len(values) < len(rows):  # the database or the mapping is to fill columns in
            self.session.add_all(rows)
            await self.session.flush()
            return
        await self._flush()  # what was changed before stands there before
        await self._connection.execute(_insert_into(table), values if len(values) > 1 else values[0])
        for row in rows:
            make_transient_to_detached(row)
            self.session.add(row)
            if row.evented:
                self._changed.append(row)

    async def _flush(self) -> None:
        """Write what has changed; a flush of nothing would cost a fifth of a statement all the same."""
        if self.session.new or self.session.dirty or self.session.deleted:
            await self.session.flush()

    async def get(self, table: type[Row], row_id: UUID, *, lock: bool = False) -> Row:
        """Return a row of this tenant by id, locked for update on request.

        Raises:
            NotFound: there is none.
        """
        row = await self.find(table, row_id, lock=lock)
        if row is None:
            raise NotFound(table.__tablename__, row_id)
        return row

    async def find(self, table: type[Row], row_id: UUID, *, lock: bool = False) -> Row | None:
        """As `get`, but None when there is no such row.

        A row that this transaction has by its id already is not asked for again, unless to lock it.
        """
        known = self._found.get((table, row_id))
        if known is not None and not lock:
            return cast(Row, known)
        return await self._one(table, _by_id(table, lock), row_id)

    async def pointed_at(self, table: type[Row], column: InstrumentedAttribute[UUID], row_id: UUID) -> Row:
        """Lock and return the row of `table` that another one points at by `column`; `row_id` is that one's.

        Raises:
            NotFound: there is none of this id.
        """
        row = await self._one(table, _by_pointer(table, column), row_id)
        if row is None:
            raise NotFound(column.class_.__tablename__, row_id)
        return row

    async def _one(self, table: type[Row], query: Select[Any], row_id: UUID) -> Row | None:
        found = (await self.session.execute(query, {"row": row_id, "regency": self.tenant.id})).one_or_none()
        if found is None:
            return None
        row = cast(Row, found[0])
        if len(found) > 1:
            # what is about a person needs their key sooner or later
            self._learn(found[1])
        self._found[table, cast(UUID, _id(row))] = row
        return row

    def id(self) -> UUID:
        """Return a new time-ordered id."""
        return new_id()

    # --- persons ---------------------------------------------------------------------------------

    async def new_person(self) -> DataKey:
        """Make a person's key, stored wrapped."""
        key, wrapped, master_key_id = self.vault.new_key(self.id())
        await self.add(
            PersonKey(
                id=key.id,
                realm=self.tenant.realm,
                wrapped=wrapped,
                master_key_id=master_key_id,
                created_at=self.now,
                destroyed_at=None,
            )
        )
        self._keys[key.id] = key
        return key

    async def person(self, key_id: UUID) -> DataKey | None:
        """Return a person's key, or None when it was destroyed: the person is erased."""
        if key_id not in self._keys:
            self._learn((await self.session.execute(_KEY, {"row": key_id})).scalar_one())
        return self._keys[key_id]

    def _learn(self, key: PersonKey | None) -> None:
        if key is not None:
            self._keys[key.id] = self.vault.unwrap(key.id, key.wrapped) if key.wrapped else None

    # --- events ----------------------------------------------------------------------------------

    async def record(
        self,
        kind: EventKind,
        subject: Base | tuple[str, str],
        *,
        incident_id: UUID | None = None,
        data: dict[str, Any] | None = None,
        occurred_at: datetime | None = None,
        device_at: datetime | None = None,
    ) -> None:
        """Record one event that carries every row changed since the last one.

        `data` is what screens and replays read; it holds nothing personal. The event is written, numbered
        and chained when the transaction ends.
        """
        await self._flush()
        changes = []
        for row in self._changed:
            key_id = getattr(row, "key_id", None)
            key = await self.person(key_id) if key_id is not None else None
            changes.append(after_image(row, key))
        self._changed.clear()
        name, key_text = subject if isinstance(subject, tuple) else (subject.__tablename__, str(_id(subject)))
        body = {
            "kind": kind.value,
            "subject_type": name,
            "subject_id": key_text,
            "incident_id": str(incident_id) if incident_id else None,
            "actor": self.actor.as_text(),
            "cause": self.cause,
            "occurred_at": iso(occurred_at or self.now),
            "device_at": iso(device_at) if device_at else None,
            "data": data or {},
            "changes": changes,
        }
        self._bodies.append(canonical(body))

    async def _finish(self) -> None:
        await self._flush()
        if self._changed:
            names = ", ".join(row.__tablename__ for row in self._changed)
            raise StateWithoutEvent(f"changed without an event: {names}")
        if self._timers or self._bodies:
            given = {"drafts": _PART.join(self._bodies)}
            await self._connection.execute(*self._timers.statement(self.tenant.id, self.now, _DRAFT, given))

    @property
    def last_words(self) -> str:
        """What is to go with the COMMIT."""
        return APPEND if self._bodies else ""

    # --- work for later --------------------------------------------------------------------------

    def set_timer(
        self,
        kind: str,
        subject_id: UUID,
        due_at: datetime,
        data: dict[str, Any] | None = None,
        *,
        anew: bool = True,
    ) -> None:
        """Set the one open timer of this kind and subject; one that runs is moved, or left unless `anew`."""
        self.set_timers(subject_id, {kind: due_at}, data, anew=anew)

    def set_timers(
        self,
        subject_id: UUID,
        due: Mapping[str, datetime],
        data: dict[str, Any] | None = None,
        *,
        anew: bool = True,
    ) -> None:
        """As `set_timer`, for several kinds of one subject at once: kind to when it is due."""
        for kind, moment in due.items():
            self._timers.set(self.id(), kind, subject_id, moment, data or {}, anew=anew)

    def keep_timers(self, subject_id: UUID, family: Iterable[str], due: Mapping[str, datetime]) -> None:
        """Of a family of kinds end the open timers that are not in `due`, and set those that do not run."""
        self.clear_timers(subject_id, sorted(set(family) - due.keys()))
        self.set_timers(subject_id, due, anew=False)

    def clear_timers(self, subject_id: UUID, kinds: Sequence[str]) -> None:
        """End the open timers of these kinds: what they waited for has happened."""
        for kind in kinds:
            self._timers.clear(kind, subject_id)

    async def send(
        self, *, channel: str, purpose: str, subject_id: UUID, recipient: str, words: str, key: DataKey | None
    ) -> None:
        """Queue a message. With `key` the recipient's number is sealed; training tenants write to files."""
        row_id = self.id()
        await self.add(
            Outbox(
                regency_id=self.tenant.id,
                id=row_id,
                channel="file" if self.tenant.training else channel,
                purpose=purpose,
                subject_id=subject_id,
                key_id=key.id if key else None,
                recipient_sealed=key.seal(recipient, "outbox.recipient") if key else None,
                recipient=None if key else recipient,
                text_=words,
                created_at=self.now,
                due_at=self.now,
                attempts=0,
                claimed_by=None,
                claimed_until=None,
                last_error=None,
                sent_at=None,
                failed_at=None,
            )
        )


@cache
def _by_id(table: type[Base], lock: bool) -> Select[Any]:
    """Write the query for one row once: building it anew costs more here than answering it there."""
    return _rows(table, table.__table__.c.id == bindparam("row"), lock)


@cache
def _by_pointer(table: type[Base], column: InstrumentedAttribute[UUID]) -> Select[Any]:
    """As `_by_id`, for the row that the one of this id points at, locked."""
    source = column.class_
    pointer = select(column).where(source.id == bindparam("row"), source.regency_id == bindparam("regency"))
    return _rows(table, table.__table__.c.id == pointer.scalar_subquery(), lock=True)


def _rows(table: type[Base], which: ColumnElement[bool], lock: bool) -> Select[Any]:
    """A person's row comes with their key."""
    columns = table.__table__.c
    query: Select[Any] = select(table).where(which)
    if table.tenant_column == "regency_id":
        query = query.where(columns.regency_id == bindparam("regency"))
    if "key_id" in columns:
        query = query.add_columns(PersonKey).outerjoin(PersonKey, PersonKey.id == columns.key_id)
    if lock:
        query = query.with_for_update(of=table).execution_options(populate_existing=True)
    return query


@cache
def _insert_into(table: type[Base]) -> Insert:
    """Write the statement once, as `_by_id`."""
    return insert(cast(Table, table.__table__))


def _values(row: Base) -> dict[str, Any] | None:
    """Return what stands in a new row's columns; None when one of them was left open."""
    known = row.__dict__
    columns = _columns(type(row))
    if not known.keys() >= columns.keys():
        return None
    return {column: known[attribute] for attribute, column in columns.items()}


@cache
def _columns(table: type[Base]) -> dict[str, str]:
    """Return the column's name by the attribute that stands for it."""
    return {attribute.key: attribute.columns[0].key for attribute in inspect(table).column_attrs}


_KEY = select(PersonKey).where(PersonKey.id == bindparam("row"))


async def _wire(connection: AsyncConnection) -> Connection:
    """Return the connection under SQLAlchemy's."""
    return cast(Connection, (await connection.get_raw_connection()).driver_connection)


def binding(tenant: Tenant) -> str:
    """Return the statement that binds a transaction to its tenant; it can take no parameters."""
    if tenant.realm not in REALMS:
        raise ValueError(f"no realm: {tenant.realm!r}")
    return (
        f"SELECT set_config('semar.regency', '{int(tenant.id)}', true), "
        f"set_config('semar.realm', '{tenant.realm}', true);"
    )


def _id(row: Base) -> object:
    return getattr(row, "id", None) or getattr(row, "code", "")


def _refuse_bulk_writes(state: ORMExecuteState) -> None:
    if state.is_select or state.bind_mapper is None:
        return
    table = state.bind_mapper.class_
    if getattr(table, "evented", False):
        raise StateWithoutEvent(f"{table.__tablename__} is changed as objects only: the log needs the rows")


@asynccontextmanager
async def transaction(
    database: Database,
    tenant: Tenant,
    vault: Vault,
    actor: Actor,
    cause: str,
    now: datetime,
    *,
    snapshot: bool = False,
) -> AsyncIterator[Transaction]:
    """Run one transaction bound to `tenant`: committed with its events on a clean exit, else rolled back.

    With `snapshot` all its reads see one and the same state (REPEATABLE READ).
    """
    async with database.sessions() as session, session.begin():
        connection = await session.connection()
        wire = await _wire(connection)
        wire.open_with((_SNAPSHOT if snapshot else "") + binding(tenant))
        try:
            tx = Transaction(session, connection, tenant, vault, actor, cause, now)
            yield tx
            await tx._finish()
            wire.close_with(tx.last_words)
        finally:
            wire.open_with("")  # what never began must not begin somebody else's transaction
