"""Positions in daily partitions, and the one latest position of each unit. Outside the event chain."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, BigInt, within


class Position(Base):
    """One fix. Ordered by (installation, sequence), never by the phone's clock.

    Partitioned by the device's own time: the same fix sent again, even days later, meets the same partition
    and is recognised. `clock_offset_s` is server minus device time, as measured on the connection. `quality`
    says how far the fix is believed; what is not is kept all the same.
    """

    __tablename__ = "position"
    __table_args__ = (
        Index("position_unit", "regency_id", "unit_id", "fixed_at"),
        CheckConstraint("quality IN ('good', 'coarse', 'jump')", name="position_quality"),
        {"postgresql_partition_by": "RANGE (fixed_at)"},
    )

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    installation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInt, primary_key=True)
    fixed_at: Mapped[datetime] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID]
    clock_offset_s: Mapped[float] = mapped_column(Double)
    received_at: Mapped[datetime]
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float | None]
    speed_ms: Mapped[float | None]
    heading_deg: Mapped[float | None]
    battery: Mapped[float | None]
    source: Mapped[str]
    replayed: Mapped[bool]
    quality: Mapped[str] = mapped_column(server_default="good")


class LatestPosition(Base):
    """Where a unit is, as far as is known. Narrow and without a spatial index, so that updates stay cheap.

    `road_lon`, `road_lat` is the place on the road it was matched to, where there is one.
    """

    __tablename__ = "latest_position"
    __table_args__ = (within("unit", "unit_id"),)

    regency_id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    installation_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(BigInt)
    fixed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float | None]
    speed_ms: Mapped[float | None]
    heading_deg: Mapped[float | None]
    battery: Mapped[float | None]
    source: Mapped[str]
    road_lon: Mapped[float | None] = mapped_column(Double)
    road_lat: Mapped[float | None] = mapped_column(Double)
