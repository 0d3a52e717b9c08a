"""How far the paper board of each regency has come; nothing that a case depends on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.storage.tables.base import Base


class PaperPrint(Base):
    """The minute that a worker claimed last, what was written last, and what has been wrong since when.

    Outside the event log: a line a minute would bury the cases. What goes wrong and right again is an event.
    """

    __tablename__ = "paper_print"

    regency_id: Mapped[int] = mapped_column(ForeignKey("regency.id"), primary_key=True)
    claimed_minute: Mapped[datetime]
    made_at: Mapped[datetime | None]
    trouble: Mapped[str | None]
    trouble_since: Mapped[datetime | None]
