"""Assignments of units to incidents, their legs to facilities, and facts reported too late to be steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class Assignment(Tenant, Base):
    """One unit's run for one incident; open while `released_at` is null."""

    __tablename__ = "assignment"
    __table_args__ = (
        within("incident", "incident_id"),
        within("incident", "origin_incident_id"),
        within("unit", "unit_id"),
        CheckConstraint("origin IN ('operator', 'widened', 'paper')", name="assignment_origin"),
        CheckConstraint(
            "(released_at IS NULL) = (state NOT IN ('cleared', 'declined', 'timed_out', 'stood_down', "
            "'diverted', 'completed_without_transport'))",
            name="assignment_released",
        ),
        # the last guard against sending one unit twice
        Index(
            "assignment_one_open_per_unit",
            "regency_id",
            "unit_id",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
        Index("assignment_incident", "regency_id", "incident_id"),
        Index("assignment_released_last", "regency_id", "unit_id", "released_at"),
    )
    evented: ClassVar[bool] = True

    incident_id: Mapped[UUID]
    origin_incident_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    state: Mapped[str]
    origin: Mapped[str]
    rank: Mapped[int]
    override_reason: Mapped[str | None]
    predicted_s: Mapped[float | None]
    predicted_m: Mapped[float | None]
    roads_version: Mapped[str | None]
    created_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    stand_down_acknowledged_at: Mapped[datetime | None]
    exit_reason: Mapped[str | None]
    released_at: Mapped[datetime | None]
    freed_place: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))


class Leg(Tenant, Base):
    """A run's way with patients to one destination: a facility, or a named place outside all of them."""

    __tablename__ = "leg"
    __table_args__ = (
        within("assignment", "assignment_id"),
        within("facility", "facility_id"),
        CheckConstraint(
            "state IN ('planned', 'transporting', 'at_facility', 'handed_over', 'diverted')", name="leg_state"
        ),
        CheckConstraint("num_nonnulls(facility_id, outside_name) <= 1", name="leg_destination"),
        CheckConstraint(
            "state <> 'handed_over' OR (receiver_name IS NOT NULL AND room IS NOT NULL)", name="leg_receiver"
        ),
        Index("leg_assignment", "regency_id", "assignment_id"),
        Index("leg_facility", "regency_id", "facility_id", "created_at"),
    )
    evented: ClassVar[bool] = True

    assignment_id: Mapped[UUID]
    position: Mapped[int]
    facility_id: Mapped[UUID | None]
    outside_name: Mapped[str | None]
    state: Mapped[str]
    created_at: Mapped[datetime]
    answer: Mapped[str | None]
    answer_reason: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    bed: Mapped[str | None]
    receiver_name: Mapped[str | None]
    room: Mapped[str | None]
    countersigned_at: Mapped[datetime | None]
    countersigned_by: Mapped[UUID | None]


class LegPatient(Base):
    """Which patients a leg carries."""

    __tablename__ = "leg_patient"
    __table_args__ = (within("leg", "leg_id"), within("patient", "patient_id"))
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    leg_id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(primary_key=True)


class ReportedFact(Tenant, Base):
    """A step that came too late to be legal: kept as the crew reported it, and shown to the operator."""

    __tablename__ = "reported_fact"
    __table_args__ = (within("assignment", "assignment_id"),)
    evented: ClassVar[bool] = True

    assignment_id: Mapped[UUID]
    step: Mapped[str]
    state_then: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    detail: Mapped[dict[str, Any]]
