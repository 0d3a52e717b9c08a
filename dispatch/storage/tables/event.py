"""The event log and each regency's head of it; written by the database's own function only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, BigInt


class EventHead(Base):
    """The last sequence number and hash of a regency's log. Its row lock orders all events of the regency."""

    __tablename__ = "event_head"

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInt)
    hash: Mapped[bytes]
    recorded_at: Mapped[datetime]
    transaction: Mapped[int | None] = mapped_column(BigInt)


class Event(Base):
    """One state change. `body` is the exact text under the hash; the other columns repeat parts of it."""

    __tablename__ = "event"
    __table_args__ = (Index("event_incident", "regency_id", "incident_id", "seq"),)

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInt, primary_key=True)
    kind: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    incident_id: Mapped[UUID | None]
    actor: Mapped[str]
    cause: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    body: Mapped[str]
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
