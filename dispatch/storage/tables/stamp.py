"""Stamps of incidents, assignments and legs, each with its source."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from dispatch.domain.stamps import Stamp as StampName
from dispatch.storage.tables.base import Base, Tenant, within


class Stamp(Tenant, Base):
    """One moment of a case. A moment nobody stamped has no row: it is missing, and counted as missing."""

    __tablename__ = "stamp"
    __table_args__ = (
        within("incident", "incident_id"),
        within("assignment", "assignment_id"),
        within("leg", "leg_id"),
        UniqueConstraint(
            "regency_id", "incident_id", "assignment_id", "leg_id", "name", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint("leg_id IS NULL OR assignment_id IS NOT NULL", name="stamp_leg"),
        CheckConstraint(f"name IN ({', '.join(repr(s.value) for s in StampName)})", name="stamp_name"),
        CheckConstraint(
            "source IN ('crew', 'geofence_confirmed', 'operator', 'sms', 'system', 'paper')",
            name="stamp_source",
        ),
    )
    evented: ClassVar[bool] = True

    incident_id: Mapped[UUID]
    assignment_id: Mapped[UUID | None]
    leg_id: Mapped[UUID | None]
    name: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    source: Mapped[str]
    clock_corrected: Mapped[bool]
