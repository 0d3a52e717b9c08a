"""Trackers built into vehicles: registered to a unit by a secret identifier, found by it, and revoked."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dispatch.domain.errors import Conflict, FieldProblem, InvalidInput, NotFound
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.tracker import Tracker
from dispatch.storage.tables.unit import Unit
from dispatch.storage.vault import Vault

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{12,64}")


@dataclass(frozen=True, slots=True)
class TrackerView:
    """One tracker; `revoked_at` is set once its fixes are refused."""

    id: UUID
    unit_id: UUID
    call_sign: str
    name: str
    registered_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewTracker:
    """A tracker just registered. `identifier` is its secret, shown this once and kept nowhere."""

    tracker: TrackerView
    identifier: str


@dataclass(frozen=True, slots=True)
class KnownTracker:
    """Whose fixes a tracker's are."""

    entry: TenantEntry
    id: UUID
    unit_id: UUID


def identifier_hash(vault: Vault, identifier: str) -> bytes:
    """Return what is kept of a tracker's identifier."""
    return vault.lookup_hash("tracker", identifier)


async def register_tracker(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    unit_id: UUID,
    name: str,
    identifier: str | None = None,
    *,
    cause: str,
) -> NewTracker:
    """Register a tracker to a unit; without an `identifier`, which some devices are built with, make one.

    Raises:
        NotFound: there is no such unit. InvalidInput: the identifier is too short to be a secret, or cannot
            be sent. Conflict: another tracker has it.
    """
    if identifier is not None and not _IDENTIFIER.fullmatch(identifier):
        raise InvalidInput(
            FieldProblem(
                "identifier",
                "12 sampai 64 huruf, angka, titik, garis bawah atau tanda hubung",
                "12 to 64 letters, digits, dots, underscores or hyphens",
            )
        )
    secret = identifier or secrets.token_hex(12)
    try:
        async with centre.begin(entry.tenant, actor, cause) as tx:
            unit = await tx.get(Unit, unit_id)
            row = Tracker(
                regency_id=tx.tenant.id,
                id=tx.id(),
                unit_id=unit.id,
                name=name.strip()[:100],
                identifier_hash=identifier_hash(tx.vault, secret),
                registered_at=tx.now,
                revoked_at=None,
            )
            await tx.add(row)
            data = {"unit_id": str(unit.id), "call_sign": unit.call_sign, "name": row.name}
            await tx.record(EventKind.TRACKER_REGISTERED, row, data=data)
            return NewTracker(_view(row, unit.call_sign), secret)
    except IntegrityError as taken:
        if "tracker_identifier" not in str(taken.orig):
            raise
        raise Conflict(
            "Pelacak lain sudah memakai pengenal ini", "Another tracker has this identifier"
        ) from taken


async def revoke_tracker(
    centre: Centre, entry: TenantEntry, actor: Actor, tracker_id: UUID, *, cause: str
) -> TrackerView:
    """Refuse a tracker's fixes from now on. Twice is harmless.

    Raises:
        NotFound: there is no such tracker.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        row = await tx.get(Tracker, tracker_id, lock=True)
        unit = await tx.get(Unit, row.unit_id)
        if row.revoked_at is None:
            row.revoked_at = tx.now
            data = {"unit_id": str(unit.id), "call_sign": unit.call_sign, "name": row.name}
            await tx.record(EventKind.TRACKER_REVOKED, row, data=data)
        return _view(row, unit.call_sign)


async def list_trackers(centre: Centre, entry: TenantEntry) -> list[TrackerView]:
    """Return all trackers of the tenant, the revoked ones last."""
    async with centre.read(entry.tenant) as tx:
        rows = await tx.session.execute(
            select(Tracker, Unit.call_sign)
            .join(Unit, (Unit.regency_id == Tracker.regency_id) & (Unit.id == Tracker.unit_id))
            .where(Tracker.regency_id == tx.tenant.id)
            .order_by(Tracker.revoked_at.is_not(None), Unit.call_sign, Tracker.registered_at)
        )
        return [_view(row, call_sign) for row, call_sign in rows]


async def find_tracker(centre: Centre, identifier: str) -> KnownTracker:
    """Return whose tracker sends under this identifier.

    Raises:
        NotFound: none does, or it was revoked.
    """
    async with centre.database.sessions() as session:
        row = (
            await session.execute(
                text("SELECT * FROM tracker_by_identifier(:hash)"),
                {"hash": identifier_hash(centre.vault, identifier)},
            )
        ).one_or_none()
    if row is None:
        raise NotFound("tracker", "?")
    return KnownTracker(await centre.tenants.by_id(row.regency_id), row.tracker_id, row.unit_id)


def _view(row: Tracker, call_sign: str) -> TrackerView:
    return TrackerView(row.id, row.unit_id, call_sign, row.name, row.registered_at, row.revoked_at)
