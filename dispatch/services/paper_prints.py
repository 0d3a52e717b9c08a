"""Which worker prints the paper board of a minute, and whether the boards come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, text

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.paper import PaperPrint

_CAUSE = "paper board"
_SUBJECT = ("paper", "board")
_MOST_WORDS = 500

_CLAIM = text(
    """
    INSERT INTO paper_print AS p (regency_id, claimed_minute) VALUES (:regency, :minute)
    ON CONFLICT (regency_id) DO UPDATE SET claimed_minute = :minute WHERE p.claimed_minute < :minute
    RETURNING regency_id
    """
)
_TOLD = text(
    """
    UPDATE paper_print p SET
        made_at = coalesce(CAST(:made_at AS timestamptz), p.made_at),
        trouble = :trouble,
        trouble_since = CASE WHEN CAST(:trouble AS text) IS NOT NULL
            THEN coalesce(p.trouble_since, CAST(:now AS timestamptz)) END
    FROM (SELECT regency_id, trouble FROM paper_print WHERE regency_id = :regency FOR UPDATE) AS was
    WHERE p.regency_id = was.regency_id
    RETURNING was.trouble AS before
    """
)


@dataclass(frozen=True, slots=True)
class PaperState:
    """How the paper board is doing. `made_at` is of the last one that reached any folder, None before it.

    `on` false: this deployment prints none.
    """

    on: bool
    at: datetime
    made_at: datetime | None
    trouble: str | None
    trouble_since: datetime | None


class MinuteClaim(StrEnum):
    """What came of the wish to print a minute. PASSED: later ones were printed; the clock was set back."""

    MINE = "mine"
    TAKEN = "taken"
    PASSED = "passed"


async def claim_minute(centre: Centre, entry: TenantEntry, minute: datetime) -> MinuteClaim:
    """Claim the board of a minute.

    The numbers of the forms carry the minute: there is one board of it in the whole deployment. One of a
    minute that has passed by the clock is printed all the same, but with numbers by the second.
    """
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        asked = {"regency": entry.tenant.id, "minute": minute}
        if (await tx.session.execute(_CLAIM, asked)).first() is not None:
            return MinuteClaim.MINE
        query = select(PaperPrint.claimed_minute).where(PaperPrint.regency_id == entry.tenant.id)
        claimed: datetime = (await tx.session.execute(query)).scalar_one()
    # of two workers one may be late by the turn of a minute
    return MinuteClaim.PASSED if claimed > minute + timedelta(minutes=1) else MinuteClaim.TAKEN


async def tell_print(
    centre: Centre, entry: TenantEntry, made_at: datetime | None, trouble: str | None
) -> None:
    """Keep what became of a board: `made_at` when it reached a folder, `trouble` when one did not get it.

    The desk is told when trouble begins and when it ends, not every minute.
    """
    words = trouble[:_MOST_WORDS] if trouble else None
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        told = {"regency": entry.tenant.id, "made_at": made_at, "trouble": words, "now": tx.now}
        before = (await tx.session.execute(_TOLD, told)).scalar_one()
        if words is not None and before is None:
            await tx.record(EventKind.PAPER_FAILED, _SUBJECT, data={"trouble": words})
        elif words is None and before is not None:
            await tx.record(EventKind.PAPER_RESUMED, _SUBJECT)


async def paper_state(centre: Centre, entry: TenantEntry) -> PaperState:
    """Return how the paper board is doing."""
    async with centre.read(entry.tenant) as tx:
        query = select(PaperPrint).where(PaperPrint.regency_id == entry.tenant.id)
        row = (await tx.session.execute(query)).scalar_one_or_none()
        return PaperState(
            on=bool(centre.settings.paper_dirs),
            at=tx.now,
            made_at=row.made_at if row else None,
            trouble=row.trouble if row else None,
            trouble_since=row.trouble_since if row else None,
        )
