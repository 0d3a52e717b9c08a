"""Regencies (tenants) with their districts, villages and the roads that maps show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, within


class Regency(Base):
    """A tenant: one regency, live or training. `slug` is its public name (`32.14`, `32.14-latihan`)."""

    __tablename__ = "regency"
    __table_args__ = (
        UniqueConstraint("code", "realm"),
        UniqueConstraint("id", "realm"),
        CheckConstraint("realm IN ('live', 'training')", name="regency_realm"),
        CheckConstraint(
            "slug = CASE realm WHEN 'live' THEN code ELSE code || '-latihan' END", name="regency_slug"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str]
    realm: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    number_prefix: Mapped[str]
    timezone: Mapped[str]
    boundary: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", 4326, spatial_index=False))
    settings: Mapped[dict[str, Any]]
    bundle_digest: Mapped[str]
    roads_store: Mapped[str]
    roads_drawn: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime]
    loaded_at: Mapped[datetime]


class RoadLine(Base):
    """A road as maps show it, toll roads too. Routes are found in the road store, never here."""

    __tablename__ = "road_line"
    __table_args__ = (Index("road_line_shape", "shape", postgresql_using="gist"),)

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    class_: Mapped[str] = mapped_column("class")
    name: Mapped[str | None]
    shape: Mapped[WKBElement] = mapped_column(Geometry("LINESTRING", 4326, spatial_index=False))


class District(Base):
    """A kecamatan."""

    __tablename__ = "district"

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    shape: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", 4326, spatial_index=False))


class Village(Base):
    """A desa or kelurahan; its district is the prefix of its code."""

    __tablename__ = "village"
    __table_args__ = (
        within("district", "district_code", target=("code",)),
        Index("village_shape", "shape", postgresql_using="gist"),
    )

    regency_id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    district_code: Mapped[str]
    shape: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", 4326, spatial_index=False))
