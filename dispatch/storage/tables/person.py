"""Per-person keys, and residents with their sealed identity."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import PERSONAL, Base


class PersonKey(Base):
    """One person's data key, wrapped by the master key. Destroying it erases the person everywhere."""

    __tablename__ = "person_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    realm: Mapped[str]
    wrapped: Mapped[bytes | None]
    master_key_id: Mapped[str]
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


class Resident(Base):
    """An app account, one for the whole deployment of its realm; recorded in its home regency's log."""

    __tablename__ = "resident"
    __table_args__ = (
        ForeignKeyConstraint(["home_regency_id", "realm"], ["regency.id", "regency.realm"]),
        UniqueConstraint("id", "realm"),
        Index("resident_nik", "realm", "nik_hash", unique=True),
        Index("resident_phone", "realm", "phone_hash", unique=True),
        Index("resident_email", "realm", "email_hash", unique=True),
        CheckConstraint(
            "verification IN ('match', 'mismatch', 'not_found', 'unverified')", name="resident_verification"
        ),
        CheckConstraint("trust IN ('verified', 'unverified', 'doubtful')", name="resident_trust"),
    )
    evented: ClassVar[bool] = True
    tenant_column: ClassVar[str] = "home_regency_id"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    realm: Mapped[str]
    home_regency_id: Mapped[int]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("person_key.id"))
    name_sealed: Mapped[bytes | None]
    address_sealed: Mapped[bytes | None]
    email_sealed: Mapped[bytes | None]
    phone_sealed: Mapped[bytes | None]
    nik_sealed: Mapped[bytes | None]
    home_point_sealed: Mapped[bytes | None]
    nik_hash: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    phone_hash: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    email_hash: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    verification: Mapped[str]
    verification_detail: Mapped[dict[str, Any]]
    verified_at: Mapped[datetime | None]
    trust: Mapped[str]
    registered_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class ResidentCredential(Base):
    """A resident's password hash (argon2id); kept apart from the account and out of the event log."""

    __tablename__ = "resident_credential"

    resident_id: Mapped[UUID] = mapped_column(ForeignKey("resident.id"), primary_key=True)
    realm: Mapped[str] = mapped_column(server_default=text("current_setting('semar.realm')"))
    password_hash: Mapped[str]
    changed_at: Mapped[datetime]
