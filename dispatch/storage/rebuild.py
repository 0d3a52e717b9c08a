"""Reads a tenant's event log back: rebuilds current state from it, and verifies the chain of hashes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, select

from dispatch.domain.events import GENESIS, canonical, chain_hash
from dispatch.storage.images import from_json, to_json
from dispatch.storage.tables import Base
from dispatch.storage.tables.event import Event, EventHead
from dispatch.storage.transaction import Transaction

Key = tuple[Any, ...]
Row = dict[str, Any]
Tables = dict[str, dict[Key, Row]]
"""Table name -> primary key -> column name -> value, as the columns hold it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two states disagree. A row that one side lacks has no column."""

    table: str
    key: Key
    column: str | None
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first event at which a log is broken, and how."""

    seq: int
    what: str


async def rebuild(tx: Transaction) -> Tables:
    """Replay the tenant's whole log: every evented table as its events say it must be.

    Personal values of erased persons are None. Holds the state in memory, not the log.
    """
    tables = {name: _table(model) for name, model in _evented().items()}
    images: dict[str, dict[Key, Row]] = {name: {} for name in tables}
    async for (body,) in _stream(tx, Event.body):
        for change in json.loads(body)["changes"]:
            table = tables[change["table"]]
            key = tuple(canonical({"v": change["row"][c.name]}) for c in table.primary_key)
            images[table.name][key] = change["row"]
    return {name: await _decoded(tx, table, images[name]) for name, table in tables.items()}


async def current(tx: Transaction) -> Tables:
    """Read every evented table of the tenant as it is now."""
    state: Tables = {}
    for model in _evented().values():
        table = _table(model)
        own = table.c[model.tenant_column] == tx.tenant.id
        rows = (await tx.session.execute(select(table).where(own))).mappings()
        state[table.name] = {tuple(row[c.name] for c in table.primary_key): dict(row) for row in rows}
    return state


def differences(left: Tables, right: Tables) -> Iterator[Difference]:
    """Yield every place where two states disagree; exactly equal ones yield nothing."""
    for table in sorted(left.keys() | right.keys()):
        here, there = left.get(table, {}), right.get(table, {})
        for key in sorted(here.keys() | there.keys(), key=str):
            if key not in here or key not in there:
                yield Difference(table, key, None, here.get(key), there.get(key))
                continue
            for column in sorted(here[key].keys() | there[key].keys()):
                values = here[key].get(column), there[key].get(column)
                # geometries are compared as the bytes they are
                if to_json(values[0]) != to_json(values[1]):
                    yield Difference(table, key, column, *values)


async def verify_chain(tx: Transaction) -> ChainFault | None:
    """Recompute the chain from its first event to the head; None when it is whole."""
    previous, expected = GENESIS, 1
    stream = _stream(tx, Event.seq, Event.recorded_at, Event.body, Event.previous_hash, Event.hash)
    async for seq, recorded_at, body, previous_hash, digest in stream:
        if seq != expected:
            return ChainFault(expected, "missing")
        if previous_hash != previous:
            return ChainFault(seq, "not linked to the one before")
        if digest != chain_hash(previous, tx.tenant.id, seq, recorded_at, body):
            return ChainFault(seq, "changed")
        previous, expected = digest, seq + 1
    own_head = select(EventHead).where(EventHead.regency_id == tx.tenant.id)
    head = (await tx.session.execute(own_head)).scalar_one()
    if (head.seq, head.hash) != (expected - 1, previous):
        return ChainFault(expected, "missing: the head of the log is elsewhere")
    return None


async def _stream(tx: Transaction, *columns: Any) -> AsyncIterator[Any]:
    query = select(*columns).where(Event.regency_id == tx.tenant.id).order_by(Event.seq)
    async for row in await tx.session.stream(query.execution_options(yield_per=1000)):
        yield row


async def _decoded(tx: Transaction, table: Table, images: dict[Key, Row]) -> dict[Key, Row]:
    rows: dict[Key, Row] = {}
    for image in images.values():
        # an image from before a column was added: the migration has left it empty, too
        row = {c.name: await _value(tx, table, c, image.get(c.name)) for c in table.columns}
        rows[tuple(row[c.name] for c in table.primary_key)] = row
    return rows


async def _value(tx: Transaction, table: Table, column: Column[Any], logged: Any) -> Any:
    key = None
    if logged is not None and column.info.get("personal"):
        key = await tx.person(UUID(logged["key"]))
    return from_json(column, logged, key, f"{table.name}.{column.name}")


def _evented() -> dict[str, type[Base]]:
    models = [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.evented]
    return {model.__tablename__: model for model in models}


def _table(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__
