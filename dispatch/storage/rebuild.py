"""Reads a tenant's event log back: rebuilds current state from it, and compares."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, select

from dispatch.domain.events import canonical
from dispatch.storage.images import from_json, to_json
from dispatch.storage.tables import Base
from dispatch.storage.tables.event import Event
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


async def rebuild(tx: Transaction, *, told: Callable[[int], None] | None = None) -> Tables:
    """Replay the tenant's whole log: every evented table as its events say it must be.

    Personal values of erased persons are None. Holds the state in memory, not the log. `told` is called with
    the number of events replayed so far, now and then.
    """
    tables = {name: _table(model) for name, model in _evented().items()}
    images: dict[str, dict[Key, Row]] = {name: {} for name in tables}
    replayed = 0
    async for (body,) in stream_events(tx, Event.body):
        replayed += 1
        if told is not None and replayed % 1000 == 0:
            told(replayed)
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


async def stream_events(tx: Transaction, *columns: Any) -> AsyncIterator[Any]:
    """Yield these columns of the tenant's events in order, a thousand rows in memory at a time."""
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
