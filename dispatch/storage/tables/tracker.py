"""Trackers that are built into vehicles and speak for themselves, without a crew's phone."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class Tracker(Tenant, Base):
    """One device aboard one unit; in use while `revoked_at` is null.

    The identifier it sends is its secret: only the keyed hash of it is kept. Its fixes bear its id as their
    installation.
    """

    __tablename__ = "tracker"
    __table_args__ = (
        within("unit", "unit_id"),
        Index(
            "tracker_identifier", "identifier_hash", unique=True, postgresql_where=text("revoked_at IS NULL")
        ),
    )
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    unit_id: Mapped[UUID]
    name: Mapped[str]
    identifier_hash: Mapped[bytes]
    registered_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
