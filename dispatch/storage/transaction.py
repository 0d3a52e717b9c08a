"""One transaction of one tenant: state, events, messages and timers are committed together or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import event as sa_event
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction
from uuid_utils.compat import uuid7

from dispatch.domain.errors import NotFound
from dispatch.domain.events import EventKind, canonical
from dispatch.domain.roles import Actor
from dispatch.storage.database import Database, Tenant
from dispatch.storage.images import after_image, iso
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.jobs import Outbox
from dispatch.storage.tables.person import PersonKey
from dispatch.storage.vault import DataKey, Vault

Row = TypeVar("Row", bound=Base)


# Written once: a statement that is built anew for each call costs more here than in the database.
_BIND = text("SELECT set_config('semar.regency', :regency, true), set_config('semar.realm', :realm, true)")
_APPEND = text("SELECT append_events(CAST(:regency AS integer), CAST(:bodies AS text[]))")
_SET = """
    INSERT INTO timer (regency_id, id, kind, subject_id, due_at, data, attempts)
    SELECT :regency, t.id, t.kind, :subject, t.due_at, CAST(:data AS jsonb), 0
    FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:due AS timestamptz[]))
        AS t (id, kind, due_at)
    ON CONFLICT (regency_id, kind, subject_id) WHERE done_at IS NULL DO """
_SET_ANEW = text(_SET + "UPDATE SET due_at = excluded.due_at, data = excluded.data, attempts = 0")
_SET_UNLESS_RUNNING = text(_SET + "NOTHING")
_CLEAR = """
    UPDATE timer SET done_at = :now, result = 'cleared' WHERE regency_id = :regency
    AND subject_id = :subject AND kind = ANY(CAST(:moot AS text[])) AND done_at IS NULL
"""
_CLEAR_TIMERS = text(_CLEAR)
_KEEP = text(f"WITH ended AS ({_CLEAR}) {_SET} NOTHING")


def new_id() -> UUID:
    """Return a new time-ordered id (UUID version 7)."""
    return UUID(bytes=uuid7().bytes)


class StateWithoutEvent(Exception):
    """A current-state row was changed and no event carries it: a fault in the program, rolled back."""


class Transaction:
    """What a service works with. Rows of `evented` tables are changed as objects only.

    Order of locks everywhere: call, incident, unit, assignment, leg, then (inside `record`, at the very end)
    the regency's head row.
    """

    def __init__(
        self, session: AsyncSession, tenant: Tenant, vault: Vault, actor: Actor, cause: str, now: datetime
    ) -> None:
        """Made by `transaction`; `now` is the one moment all stamps of this transaction share."""
        self.session = session
        self.tenant = tenant
        self.vault = vault
        self.actor = actor
        self.cause = cause
        self.now = now
        self._found: dict[tuple[type[Base], UUID], Base] = {}
        self._changed: list[Base] = []
        self._bodies: list[str] = []
        self._keys: dict[UUID, DataKey | None] = {}
        sync = session.sync_session
        sa_event.listen(sync, "after_flush", self._remember)
        sa_event.listen(sync, "do_orm_execute", _refuse_bulk_writes)

    def _remember(self, session: Session, _context: UOWTransaction) -> None:
        for row in (*session.new, *session.dirty):
            if (
                isinstance(row, Base)
                and row.evented
                and session.is_modified(row)
                and row not in self._changed
            ):
                self._changed.append(row)
        for row in session.deleted:
            if isinstance(row, Base) and row.evented:
                raise StateWithoutEvent(f"rows of {row.__tablename__} are never deleted")

    async def add(self, *rows: Base) -> None:
        """Insert rows now, in this order; neighbours of one table go together."""
        for _, of_table in groupby(rows, key=type):
            self.session.add_all(of_table)
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
        columns = table.__table__.c
        query = select(table).where(columns.id == row_id)
        if table.tenant_column == "regency_id":
            query = query.where(columns.regency_id == self.tenant.id)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        row = (await self.session.execute(query)).scalar_one_or_none()
        if row is not None:
            self._found[table, row_id] = row
        return row

    def id(self) -> UUID:
        """Return a new time-ordered id."""
        return new_id()

    # --- persons ---------------------------------------------------------------------------------

    async def new_person(self) -> DataKey:
        """Make a person's key, stored wrapped."""
        key, wrapped = self.vault.new_key(self.id())
        await self.add(
            PersonKey(
                id=key.id,
                realm=self.tenant.realm,
                wrapped=wrapped,
                master_key_id=self.vault.master_key_id,
                created_at=self.now,
                destroyed_at=None,
            )
        )
        self._keys[key.id] = key
        return key

    async def person(self, key_id: UUID) -> DataKey | None:
        """Return a person's key, or None when it was destroyed: the person is erased."""
        if key_id not in self._keys:
            row = (await self.session.execute(select(PersonKey).where(PersonKey.id == key_id))).scalar_one()
            self._keys[key_id] = self.vault.unwrap(key_id, row.wrapped) if row.wrapped else None
        return self._keys[key_id]

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
        await self.session.flush()
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
        await self.session.flush()
        if self._changed:
            names = ", ".join(row.__tablename__ for row in self._changed)
            raise StateWithoutEvent(f"changed without an event: {names}")
        if self._bodies:
            await self.session.execute(
                _APPEND,
                {"regency": self.tenant.id, "bodies": self._bodies},
            )

    # --- work for later --------------------------------------------------------------------------

    async def set_timer(
        self,
        kind: str,
        subject_id: UUID,
        due_at: datetime,
        data: dict[str, Any] | None = None,
        *,
        anew: bool = True,
    ) -> None:
        """Set the one open timer of this kind and subject; one that runs is moved, or left unless `anew`."""
        await self.set_timers(subject_id, {kind: due_at}, data, anew=anew)

    async def set_timers(
        self,
        subject_id: UUID,
        due: Mapping[str, datetime],
        data: dict[str, Any] | None = None,
        *,
        anew: bool = True,
    ) -> None:
        """As `set_timer`, for several kinds of one subject at once: kind to when it is due."""
        if due:
            given = {**self._timers(subject_id, due), "data": canonical(data or {})}
            await self.session.execute(_SET_ANEW if anew else _SET_UNLESS_RUNNING, given)

    async def keep_timers(self, subject_id: UUID, family: Iterable[str], due: Mapping[str, datetime]) -> None:
        """Of a family of kinds end the open timers that are not in `due`, and set those that do not run."""
        moot = sorted(set(family) - due.keys())
        if not due:
            await self.clear_timers(subject_id, moot)
            return
        given = {**self._timers(subject_id, due), "moot": moot, "now": self.now, "data": "{}"}
        await self.session.execute(_KEEP, given)

    def _timers(self, subject_id: UUID, due: Mapping[str, datetime]) -> dict[str, Any]:
        return {
            "regency": self.tenant.id,
            "subject": subject_id,
            "ids": [self.id() for _ in due],
            "kinds": list(due),
            "due": list(due.values()),
        }

    async def clear_timers(self, subject_id: UUID, kinds: Sequence[str]) -> None:
        """End the open timers of these kinds: what they waited for has happened."""
        await self.session.execute(
            _CLEAR_TIMERS,
            {"now": self.now, "regency": self.tenant.id, "subject": subject_id, "moot": list(kinds)},
        )

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
                last_error=None,
                sent_at=None,
                failed_at=None,
            )
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
        if snapshot:
            await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        await session.execute(
            _BIND,
            {"regency": str(tenant.id), "realm": tenant.realm},
        )
        tx = Transaction(session, tenant, vault, actor, cause, now)
        yield tx
        await tx._finish()
