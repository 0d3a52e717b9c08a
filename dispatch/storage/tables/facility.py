"""Facilities: hospitals, puskesmas, clinics, and the place outside all of them."""

from __future__ import annotations

from typing import ClassVar

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant


class Facility(Tenant, Base):
    """A place that takes patients. An `approximate` position is never proposed as a destination."""

    __tablename__ = "facility"
    __table_args__ = (
        UniqueConstraint("regency_id", "code"),
        CheckConstraint("kind IN ('hospital', 'puskesmas', 'clinic')", name="facility_kind"),
        CheckConstraint("position_quality IN ('surveyed', 'approximate')", name="facility_position"),
        CheckConstraint("ems_status IN ('normal', 'advisory', 'closed')", name="facility_status"),
    )
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str]
    phone: Mapped[str | None]
    place: Mapped[WKBElement] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    position_quality: Mapped[str]
    capabilities: Mapped[list[str]]
    beds: Mapped[int | None]
    ems_status: Mapped[str]
    source: Mapped[str]
    active: Mapped[bool]
