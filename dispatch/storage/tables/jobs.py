"""Work to be done outside the transaction that wanted it: messages to send, and timers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant


class Outbox(Tenant, Base):
    """One message to one recipient over one channel; sent by the worker, never inside the transaction.

    The worker `claimed_by` has it in hand while `due_at` is `claimed_until`.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("channel IN ('sms', 'push', 'file')", name="outbox_channel"),
        CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="outbox_claim"),
        Index("outbox_due", "due_at", postgresql_where=text("sent_at IS NULL AND failed_at IS NULL")),
        Index(
            "outbox_claimed",
            "claimed_by",
            postgresql_where=text("sent_at IS NULL AND failed_at IS NULL AND due_at = claimed_until"),
        ),
    )

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    channel: Mapped[str]
    purpose: Mapped[str]
    subject_id: Mapped[UUID]
    key_id: Mapped[UUID | None] = mapped_column(ForeignKey("person_key.id"))
    recipient_sealed: Mapped[bytes | None]
    recipient: Mapped[str | None]
    text_: Mapped[str] = mapped_column("text")
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    claimed_by: Mapped[int | None]
    claimed_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]


class Timer(Tenant, Base):
    """A deadline with what to do when it passes. One open timer per kind and subject; fires once.

    The worker `claimed_by` has it in hand while `due_at` is `claimed_until`.
    """

    __tablename__ = "timer"
    __table_args__ = (
        Index(
            "timer_open",
            "regency_id",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text("done_at IS NULL"),
        ),
        CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="timer_claim"),
        Index("timer_due", "due_at", postgresql_where=text("done_at IS NULL")),
        Index(
            "timer_claimed",
            "claimed_by",
            postgresql_where=text("done_at IS NULL AND due_at = claimed_until"),
        ),
    )

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    due_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    attempts: Mapped[int]
    claimed_by: Mapped[int | None]
    claimed_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    done_at: Mapped[datetime | None]
    result: Mapped[str | None]
