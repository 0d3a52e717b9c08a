"""Incidents, their patients and the daily case numbers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class Incident(Tenant, Base):
    """One event that needs help. What is under way is derived from its assignments."""

    __tablename__ = "incident"
    __table_args__ = (
        ForeignKeyConstraint(["regency_id", "realm"], ["regency.id", "regency.realm"]),
        within("village", "village_code", target=("code",)),
        within("incident", "merged_into"),
        UniqueConstraint("regency_id", "number"),
        CheckConstraint(
            "kind IN ('emergency', 'interfacility', 'scheduled', 'standby', 'home_or_mortuary')",
            name="incident_kind",
        ),
        CheckConstraint(
            "state IN ('reported', 'confirmed', 'closed', 'cancelled', 'merged', 'forwarded')",
            name="incident_state",
        ),
        CheckConstraint("triage IN ('red', 'yellow', 'green', 'black')", name="incident_triage"),
        CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="incident_merged"),
        CheckConstraint("(state = 'closed') = (closing_code IS NOT NULL)", name="incident_closed"),
        CheckConstraint("speed_factor IS NULL OR realm = 'training'", name="incident_speed"),
        Index(
            "incident_open",
            "regency_id",
            "reported_at",
            postgresql_where=text("state IN ('reported', 'confirmed')"),
        ),
        Index("incident_reported", "regency_id", "reported_at"),
    )
    evented: ClassVar[bool] = True

    realm: Mapped[str]
    number: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    triage: Mapped[str | None]
    triage_answers: Mapped[dict[str, Any] | None]
    needs: Mapped[list[str]]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("person_key.id"))
    place: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    place_accuracy_m: Mapped[float | None]
    place_note_sealed: Mapped[bytes | None]
    village_code: Mapped[str | None]
    outside: Mapped[bool]
    reported_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    closing_code: Mapped[str | None]
    cancel_reason: Mapped[str | None]
    merged_into: Mapped[UUID | None]
    forwarded_to: Mapped[str | None]
    speed_factor: Mapped[float | None]


class Patient(Tenant, Base):
    """One patient of an incident. Nothing is required that the crew may not know."""

    __tablename__ = "patient"
    __table_args__ = (
        within("incident", "incident_id"),
        UniqueConstraint("regency_id", "incident_id", "position"),
        CheckConstraint("triage IN ('red', 'yellow', 'green', 'black')", name="patient_triage"),
        CheckConstraint(
            "outcome IN ('handed_over', 'treated_on_scene', 'refused', 'not_found', 'died', 'referred')",
            name="patient_outcome",
        ),
        CheckConstraint("(outcome IS NULL) = (outcome_at IS NULL)", name="patient_outcome_time"),
    )
    evented: ClassVar[bool] = True

    incident_id: Mapped[UUID]
    position: Mapped[int]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("person_key.id"))
    name_sealed: Mapped[bytes | None]
    nik_sealed: Mapped[bytes | None]
    guardian_sealed: Mapped[bytes | None]
    notes_sealed: Mapped[bytes | None]
    sex: Mapped[str | None]
    age_years: Mapped[int | None]
    minor: Mapped[bool | None]
    triage: Mapped[str | None]
    outcome: Mapped[str | None]
    outcome_at: Mapped[datetime | None]
    outcome_detail_sealed: Mapped[bytes | None]


class IncidentCounter(Base):
    """The last case number given on one local day."""

    __tablename__ = "incident_counter"

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
