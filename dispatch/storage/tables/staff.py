"""Staff accounts of a regency and their credentials."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class StaffUser(Tenant, Base):
    """An operator, driver, facility officer, health-office user, auditor or administrator."""

    __tablename__ = "staff_user"
    __table_args__ = (
        within("facility", "facility_id"),
        CheckConstraint(
            "role IN ('operator', 'driver', 'facility', 'health_office', 'auditor', 'admin')",
            name="staff_role",
        ),
        CheckConstraint("role <> 'facility' OR facility_id IS NOT NULL", name="staff_facility"),
    )
    evented: ClassVar[bool] = True

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    username: Mapped[str]
    role: Mapped[str]
    display_name: Mapped[str]
    facility_id: Mapped[UUID | None]
    active: Mapped[bool]
    added_at: Mapped[datetime]


Index("staff_username", StaffUser.regency_id, func.lower(StaffUser.username), unique=True)


class StaffCredential(Base):
    """A staff user's password hash (argon2id), out of the event log; `demo` ones in training only."""

    __tablename__ = "staff_credential"
    __table_args__ = (within("staff_user", "staff_id"),)

    regency_id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    demo: Mapped[bool]
    changed_at: Mapped[datetime]
