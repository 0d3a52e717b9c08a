"""Calls and call-backs."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import PERSONAL, Base, Tenant, within


class Call(Tenant, Base):
    """One contact by one caller. `id` is made by the client, so that every retry is harmless."""

    __tablename__ = "call"
    __table_args__ = (
        ForeignKeyConstraint(["regency_id", "realm"], ["regency.id", "regency.realm"]),
        ForeignKeyConstraint(["resident_id", "realm"], ["resident.id", "resident.realm"]),
        within("incident", "incident_id"),
        within("staff_user", "taken_by"),
        # a client's id names one call in the whole deployment: the same tap must not ring in two centres
        UniqueConstraint("id"),
        CheckConstraint("channel IN ('app', 'phone', 'sms', 'walk_in', 'partner')", name="call_channel"),
        CheckConstraint("state IN ('ringing', 'taken', 'linked', 'disposed')", name="call_state"),
        CheckConstraint("(state = 'linked') = (incident_id IS NOT NULL)", name="call_linked"),
        CheckConstraint("(state = 'disposed') = (disposal IS NOT NULL)", name="call_disposed"),
        CheckConstraint("speed_factor IS NULL OR realm = 'training'", name="call_speed"),
        Index(
            "call_waiting", "regency_id", "received_at", postgresql_where=text("state IN ('ringing','taken')")
        ),
        Index("call_caller", "regency_id", "caller_phone_hash", "received_at"),
        Index("call_incident", "regency_id", "incident_id"),
        Index("call_resident", "resident_id", "received_at"),
    )
    evented: ClassVar[bool] = True

    realm: Mapped[str]
    channel: Mapped[str]
    state: Mapped[str]
    resident_id: Mapped[UUID | None]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("person_key.id"))
    caller_name_sealed: Mapped[bytes | None]
    caller_phone_sealed: Mapped[bytes | None]
    caller_phone_hash: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    content_sealed: Mapped[bytes | None]
    content_hash: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    caller_trust: Mapped[str]
    place: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", 4326, spatial_index=False))
    place_accuracy_m: Mapped[float | None]
    place_source: Mapped[str | None]
    located_at: Mapped[datetime | None]
    village_code: Mapped[str | None]
    outside: Mapped[bool]
    received_at: Mapped[datetime]
    taken_by: Mapped[UUID | None]
    taken_at: Mapped[datetime | None]
    cancel_asked_at: Mapped[datetime | None]
    disposal: Mapped[str | None]
    disposed_at: Mapped[datetime | None]
    incident_id: Mapped[UUID | None]
    speed_factor: Mapped[float | None]


class Callback(Tenant, Base):
    """One attempt to call the caller back, and what it met."""

    __tablename__ = "callback"
    __table_args__ = (
        within("call", "call_id"),
        within("staff_user", "staff_id"),
        CheckConstraint(
            "outcome IN ('answered', 'no_answer', 'busy', 'unreachable')", name="callback_outcome"
        ),
        Index("callback_call", "regency_id", "call_id"),
    )
    evented: ClassVar[bool] = True

    call_id: Mapped[UUID]
    staff_id: Mapped[UUID]
    attempted_at: Mapped[datetime]
    outcome: Mapped[str]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("person_key.id"))
    note_sealed: Mapped[bytes | None]
