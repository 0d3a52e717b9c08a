"""Server-side sessions: made at sign-in, found by token, listed, and ended."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text, update

from dispatch.domain.errors import NotFound, NotSignedIn
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.session import Session
from dispatch.storage.transaction import Transaction

STAFF_LIFE = timedelta(hours=13)  # a shift of twelve hours and its handing over
RESIDENT_LIFE = timedelta(days=180)
_SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The owner of a valid token."""

    session_id: UUID
    entry: TenantEntry
    actor: Actor
    facility_id: UUID | None

    @property
    def id(self) -> UUID:
        """The resident's or staff user's id."""
        if self.actor.id is None:
            raise NotSignedIn
        return self.actor.id


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just made; the token is shown this once and kept nowhere."""

    token: str
    session_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionView:
    """One signed-in device of an account."""

    id: UUID
    device: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    this_one: bool


_BY_TOKEN = text(
    "SELECT h.hash, s.* FROM unnest(CAST(:hashes AS bytea[])) AS h(hash) "
    "CROSS JOIN LATERAL session_by_token(h.hash) s"
)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def make_session(
    tx: Transaction, device: str, *, staff_id: UUID | None = None, resident_id: UUID | None = None
) -> NewSession:
    """Make a session within a transaction; exactly one owner is given."""
    token = secrets.token_urlsafe(32)
    life = STAFF_LIFE if staff_id else RESIDENT_LIFE
    row = Session(
        regency_id=tx.tenant.id,
        id=tx.id(),
        token_hash=_digest(token),
        staff_id=staff_id,
        resident_id=resident_id,
        device=device[:200],
        created_at=tx.now,
        seen_at=tx.now,
        expires_at=tx.now + life,
        ended_at=None,
    )
    await tx.add(row)
    return NewSession(token, row.id, row.expires_at)


async def find_session(centre: Centre, token: str) -> SignedIn:
    """Return whose token this is.

    Raises:
        NotSignedIn: unknown, ended or expired.
    """
    (found,) = await find_sessions(centre, [token])
    if isinstance(found, NotSignedIn):
        raise found
    return found


async def find_sessions(centre: Centre, tokens: Sequence[str]) -> list[SignedIn | NotSignedIn]:
    """Return whose tokens these are, in their order, or why it is nobody's: in one query for all of them."""
    now = centre.clock()
    hashes = [_digest(token) for token in tokens]
    async with centre.database.sessions() as session:
        rows = (await session.execute(_BY_TOKEN, {"hashes": list(set(hashes))})).all()
    by_hash = {bytes(row.hash): row for row in rows}
    await _note_seen(centre, [row for row in rows if row.expires_at > now], now)
    return [await _owner(centre, by_hash.get(each), now) for each in hashes]


async def _owner(centre: Centre, row: Row[Any] | None, now: datetime) -> SignedIn | NotSignedIn:
    if row is None:
        return NotSignedIn("Sesi tidak dikenal atau sudah berakhir", "Session unknown or ended")
    if row.expires_at <= now:
        return NotSignedIn("Sesi kedaluwarsa; silakan masuk lagi", "Session expired; please sign in again")
    actor = (
        Actor(ActorKind.STAFF, row.staff_id, Role(row.role))
        if row.staff_id
        else Actor(ActorKind.RESIDENT, row.resident_id)
    )
    return SignedIn(row.session_id, await centre.tenants.by_id(row.regency_id), actor, row.facility_id)


async def _note_seen(centre: Centre, rows: Sequence[Row[Any]], now: datetime) -> None:
    unseen: defaultdict[int, list[UUID]] = defaultdict(list)
    for row in rows:
        if now - row.seen_at > _SEEN_EVERY:
            unseen[row.regency_id].append(row.session_id)
    for regency_id, ids in unseen.items():
        entry = await centre.tenants.by_id(regency_id)
        async with centre.begin(entry.tenant, SYSTEM, "sessions seen") as tx:
            await tx.session.execute(
                update(Session)
                .where(Session.regency_id == regency_id, Session.id.in_(ids))
                .values(seen_at=now)
            )


async def living_sessions(centre: Centre, tokens: Sequence[str]) -> set[str]:
    """Return those tokens whose sessions have neither ended nor expired, in one query for all of them."""
    now = centre.clock()
    by_hash = {_digest(token): token for token in tokens}
    async with centre.database.sessions() as session:
        found = (await session.execute(_BY_TOKEN, {"hashes": list(by_hash)})).all()
    rows = [row for row in found if row.expires_at > now]
    await _note_seen(centre, rows, now)
    return {by_hash[bytes(row.hash)] for row in rows}


async def list_sessions(centre: Centre, who: SignedIn) -> list[SessionView]:
    """Return the account's living sessions, newest first."""
    mine = Session.staff_id if who.actor.kind is ActorKind.STAFF else Session.resident_id
    async with centre.read(who.entry.tenant) as tx:
        rows = (
            await tx.session.execute(
                select(Session)
                .where(mine == who.id, Session.ended_at.is_(None), Session.expires_at > tx.now)
                .order_by(Session.created_at.desc())
            )
        ).scalars()
        return [
            SessionView(r.id, r.device, r.created_at, r.seen_at, r.expires_at, r.id == who.session_id)
            for r in rows
        ]


async def end_session(centre: Centre, who: SignedIn, session_id: UUID) -> None:
    """End one of the account's sessions.

    Raises:
        NotFound: the account has no such living session.
    """
    mine = Session.staff_id if who.actor.kind is ActorKind.STAFF else Session.resident_id
    async with centre.begin(who.entry.tenant, who.actor, "end session") as tx:
        ended = await tx.session.execute(
            update(Session)
            .where(mine == who.id, Session.id == session_id, Session.ended_at.is_(None))
            .values(ended_at=tx.now)
            .returning(Session.id)
        )
        if ended.scalar_one_or_none() is None:
            raise NotFound("session", session_id)
