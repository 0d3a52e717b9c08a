"""Server-side sessions of staff and residents, and the log of every view of personal data."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class Session(Tenant, Base):
    """One signed-in device. Only the SHA-256 of the token is kept; `regency_id` is home for residents."""

    __tablename__ = "session"
    __table_args__ = (
        within("staff_user", "staff_id"),
        CheckConstraint("num_nonnulls(staff_id, resident_id) = 1", name="session_owner"),
    )

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    staff_id: Mapped[UUID | None]
    resident_id: Mapped[UUID | None] = mapped_column(ForeignKey("resident.id"))
    device: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


Index("session_staff", Session.regency_id, Session.staff_id)
Index("session_resident", Session.resident_id)


class ViewLog(Tenant, Base):
    """Somebody saw somebody's personal data: who, whose, which, when and why."""

    __tablename__ = "view_log"

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    at: Mapped[datetime]
    viewer: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    key_id: Mapped[UUID | None] = mapped_column(index=True)
    fields: Mapped[list[str]]
    reason: Mapped[str]


Index("view_log_viewer", ViewLog.regency_id, ViewLog.viewer, ViewLog.at)
