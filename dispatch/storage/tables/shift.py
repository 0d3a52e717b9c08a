"""Shifts of units and desks, and who was on them when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class Shift(Tenant, Base):
    """A unit or a desk staffed from/to. Planned by the roster; open between `opened_at` and `closed_at`."""

    __tablename__ = "shift"
    __table_args__ = (
        within("unit", "unit_id"),
        CheckConstraint("num_nonnulls(unit_id, desk) = 1", name="shift_of"),
        CheckConstraint("ends_at > starts_at", name="shift_order"),
        CheckConstraint("origin IN ('roster', 'ad_hoc')", name="shift_origin"),
        Index(
            "shift_open",
            "regency_id",
            "unit_id",
            unique=True,
            postgresql_where=text("opened_at IS NOT NULL AND closed_at IS NULL"),
        ),
        Index(
            "shift_roster",
            "regency_id",
            "unit_id",
            "starts_at",
            unique=True,
            postgresql_where=text("origin = 'roster'"),
        ),
        Index("shift_due", "regency_id", "starts_at", postgresql_where=text("closed_at IS NULL")),
    )
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    unit_id: Mapped[UUID | None]
    desk: Mapped[str | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    origin: Mapped[str]
    start_check: Mapped[dict[str, Any] | None]


class CrewMembership(Tenant, Base):
    """One person on one shift, from/to: relief in mid-run changes the crew, not the assignment."""

    __tablename__ = "crew_membership"
    __table_args__ = (
        within("shift", "shift_id"),
        within("staff_user", "staff_id"),
        Index("crew_aboard", "regency_id", "staff_id", unique=True, postgresql_where=text("left_at IS NULL")),
        Index("crew_left", "regency_id", "left_at"),
        Index("crew_turns", "regency_id", "staff_id", "left_at"),
    )
    evented: ClassVar[bool] = True

    shift_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    duty: Mapped[str]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
