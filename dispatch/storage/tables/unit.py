"""Units, their unavailabilities and their silences. A unit has no status column: status is derived."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class Unit(Tenant, Base):
    """A vehicle. `base` is where it stands when nothing better is known."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("regency_id", "call_sign"),
        within("facility", "base_facility_id"),
        CheckConstraint("tracking IN ('app', 'manual')", name="unit_tracking"),
    )
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    call_sign: Mapped[str]
    plate: Mapped[str]
    kind: Mapped[str]
    tracking: Mapped[str]
    capabilities: Mapped[list[str]]
    base_facility_id: Mapped[UUID | None]
    base: Mapped[WKBElement] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    phone: Mapped[str | None]
    active: Mapped[bool]


class Unavailability(Tenant, Base):
    """A time in which a staffed unit cannot be sent; open while `ended_at` is null."""

    __tablename__ = "unavailability"
    __table_args__ = (
        within("unit", "unit_id"),
        Index(
            "unavailability_open",
            "regency_id",
            "unit_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint(
            "reason IN ('breakdown', 'fuel', 'cleaning', 'rest', 'failed_check', 'other')",
            name="unavailability_reason",
        ),
    )
    evented: ClassVar[bool] = True

    unit_id: Mapped[UUID]
    reason: Mapped[str]
    note: Mapped[str | None]
    began_at: Mapped[datetime]
    expected_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class UnitSilence(Tenant, Base):
    """A time in which a tracked unit on duty told no place, from three of its intervals on until `ended_at`.

    `heard_at` is its last sign of life before; `ended_why` tells whether it was heard again or went off duty.
    """

    __tablename__ = "unit_silence"
    __table_args__ = (
        within("unit", "unit_id"),
        Index(
            "unit_silence_open",
            "regency_id",
            "unit_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint("ended_why IN ('heard', 'off_duty')", name="unit_silence_why"),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="unit_silence_end"),
    )
    evented: ClassVar[bool] = True

    unit_id: Mapped[UUID]
    heard_at: Mapped[datetime]
    noticed_at: Mapped[datetime]
    on_run: Mapped[bool]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]
