"""What a crew must acknowledge, with the ways it was told so far, and the phones that take push messages."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base, Tenant, within


class CrewNotice(Tenant, Base):
    """An offer, a stand-down or another destination, until the crew has acknowledged it or it is moot.

    Each rung of the ladder has the moment it was reached: `shown_at` when the crew's page said that it shows
    the notice, `push_at` and `sms_at` with the number of phones (none: nobody could be told so), `call_at`
    when the operators were asked to phone; `call_owner` has taken that upon them.
    """

    __tablename__ = "crew_notice"
    __table_args__ = (
        within("assignment", "assignment_id"),
        within("unit", "unit_id"),
        within("staff_user", "call_owner"),
        CheckConstraint("kind IN ('offer', 'stand_down', 'destination')", name="crew_notice_kind"),
        CheckConstraint("ended_why IN ('acknowledged', 'phoned', 'moot')", name="crew_notice_why"),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="crew_notice_end"),
        Index(
            "crew_notice_open",
            "regency_id",
            "assignment_id",
            "kind",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("crew_notice_assignment", "regency_id", "assignment_id"),
    )
    evented: ClassVar[bool] = True

    assignment_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    kind: Mapped[str]
    made_at: Mapped[datetime]
    shown_at: Mapped[datetime | None]
    push_at: Mapped[datetime | None]
    push_phones: Mapped[int]
    sms_at: Mapped[datetime | None]
    sms_phones: Mapped[int]
    call_at: Mapped[datetime | None]
    call_owner: Mapped[UUID | None]
    call_tries: Mapped[int]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]


class PushSubscription(Tenant, Base):
    """A browser that takes push messages for a signed-in driver; its address is sealed, gone when ended."""

    __tablename__ = "push_subscription"
    __table_args__ = (
        within("staff_user", "staff_id"),
        within("session", "session_id"),
        CheckConstraint("(ended_at IS NULL) = (sealed IS NOT NULL)", name="push_subscription_end"),
        Index(
            "push_subscription_open",
            "regency_id",
            "endpoint_hash",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("push_subscription_staff", "regency_id", "staff_id"),
    )

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    staff_id: Mapped[UUID]
    session_id: Mapped[UUID]
    endpoint_hash: Mapped[bytes]
    key_id: Mapped[UUID] = mapped_column(ForeignKey("person_key.id"))
    sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]
