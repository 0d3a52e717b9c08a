"""What all tables share: column types, the tenant key, and the mark of those the event log can rebuild."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Date, ForeignKeyConstraint, Integer, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of all tables.

    `evented` tables hold current state: every change of a row must be carried by an event of the same
    transaction, and the log can rebuild the table. `tenant_column` names the column with the regency.
    """

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: TIMESTAMP(timezone=True),
        date: Date(),
        str: Text(),
        bytes: LargeBinary(),
        UUID: Uuid(),
        int: Integer(),
        list[str]: ARRAY(Text()),
        dict[str, Any]: JSONB(),
    }
    evented: ClassVar[bool] = False
    tenant_column: ClassVar[str] = "regency_id"


class Tenant:
    """Mixin: a row of one regency, keyed by (regency_id, id)."""

    regency_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)


def within(table: str, *columns: str, target: tuple[str, ...] = ("id",)) -> ForeignKeyConstraint:
    """Foreign key that carries the regency along, so that rows of two regencies can never be joined up."""
    return ForeignKeyConstraint(
        ["regency_id", *columns], [f"{table}.regency_id", *(f"{table}.{c}" for c in target)]
    )


BigInt = BigInteger()

# Column marks (Column.info):
# PERSONAL: a plain value that points at a person (a keyed hash); the log seals it under the row's `key_id`,
# so that destroying the key erases it from tables and rebuilds alike.
PERSONAL = {"personal": True}
