"""Roads that are not as the map says, for a while."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class RoadChange(Tenant, Base):
    """One closure or slow stretch. It is in force between `starts_at` and `ends_at` unless lifted before."""

    __tablename__ = "road_change"
    __table_args__ = (
        within("staff_user", "author_id"),
        within("staff_user", "lifted_by"),
        CheckConstraint("effect IN ('close', 'slow')", name="road_change_effect"),
        CheckConstraint(
            "reason IN ('flood', 'landslide', 'fallen_tree', 'broken_bridge', 'accident', 'works', 'event', "
            "'congestion', 'other')",
            name="road_change_reason",
        ),
        CheckConstraint(
            "(effect = 'slow') = (speed_factor IS NOT NULL) "
            "AND (speed_factor IS NULL OR speed_factor BETWEEN 0.05 AND 0.95)",
            name="road_change_speed",
        ),
        CheckConstraint("ends_at > starts_at", name="road_change_order"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="road_change_lifted"),
        Index("road_change_standing", "regency_id", "ends_at", postgresql_where=text("lifted_at IS NULL")),
    )
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    shape: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", 4326, spatial_index=False))
    effect: Mapped[str]
    speed_factor: Mapped[float | None]
    reason: Mapped[str]
    note: Mapped[str | None]
    author_id: Mapped[UUID]
    made_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]
