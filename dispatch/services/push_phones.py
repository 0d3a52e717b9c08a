"""Browsers that take push messages for signed-in drivers: registered by them, sealed, forgotten when gone."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select

from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.roles import SYSTEM
from dispatch.notify.web_push import BadSubscription, Subscription, allowed
from dispatch.services.centre import Centre
from dispatch.services.sessions import SignedIn
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.notice import PushSubscription
from dispatch.storage.tables.session import Session
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey, SealBroken

_FIELD = "push_subscription.sealed"
MOST_OF_ONE = 10  # devices of one driver; the oldest goes when another comes


@dataclass(frozen=True, slots=True)
class PushPhone:
    """Where one browser can be reached: the subscription as JSON, and the key it is sealed with."""

    address: str
    key: DataKey


@dataclass(frozen=True, slots=True)
class PushRegistered:
    """A browser is registered. `repeated` is true when it was before."""

    subscription_id: UUID
    repeated: bool


async def register_push(
    centre: Centre, who: SignedIn, subscription: Subscription, *, cause: str
) -> PushRegistered:
    """Register the browser of a signed-in driver; the same browser again takes the place of itself.

    Raises:
        InvalidInput: its address is none of a push service that this deployment knows, or its keys are none.
    """
    try:
        subscription.check()
    except BadSubscription as wrong:
        problem = FieldProblem(
            "keys", "Kunci langganan tidak dapat dibaca", f"The keys cannot be read: {wrong}"
        )
        raise InvalidInput(problem) from wrong
    if not allowed(subscription.endpoint, centre.settings.push_origins):
        raise InvalidInput(
            FieldProblem(
                "endpoint",
                "Alamat ini bukan layanan push yang dikenal",
                "This address is not one of a known push service",
            )
        )
    digest = centre.vault.lookup_hash("push", subscription.endpoint)
    address = subscription.to_json()
    async with centre.begin(who.entry.tenant, who.actor, cause) as tx:
        mine = await _open(tx, PushSubscription.endpoint_hash == digest)
        for known in mine:
            kept = await _opened(tx, known)
            if known.session_id == who.session_id and kept is not None and kept.address == address:
                return PushRegistered(known.id, repeated=True)
            _end(tx, known, "replaced")
        await tx.session.flush()
        others = await _open(tx, PushSubscription.staff_id == who.id)
        for oldest in others[: max(0, len(others) + 1 - MOST_OF_ONE)]:
            _end(tx, oldest, "too many")
        key = await tx.new_person()
        row = PushSubscription(
            regency_id=tx.tenant.id,
            id=tx.id(),
            staff_id=who.id,
            session_id=who.session_id,
            endpoint_hash=digest,
            key_id=key.id,
            sealed=key.seal(address, _FIELD),
            created_at=tx.now,
            ended_at=None,
            ended_why=None,
        )
        await tx.add(row)
        return PushRegistered(row.id, repeated=False)


async def forget_push(centre: Centre, who: SignedIn, *, cause: str) -> None:
    """Forget the browser of the driver's session. Harmless when none was registered."""
    async with centre.begin(who.entry.tenant, who.actor, cause) as tx:
        for row in await _open(tx, PushSubscription.session_id == who.session_id):
            _end(tx, row, "by the driver")


async def push_gone(centre: Centre, entry: TenantEntry, address: str) -> None:
    """Forget a browser whose push service says that there is none any more."""
    digest = centre.vault.lookup_hash("push", Subscription.from_json(address).endpoint)
    async with centre.begin(entry.tenant, SYSTEM, "outbox") as tx:
        for row in await _open(tx, PushSubscription.endpoint_hash == digest):
            _end(tx, row, "gone")


async def phones_of_crew(tx: Transaction, unit_id: UUID) -> list[PushPhone]:
    """Return the browsers of everybody aboard the unit now whose session still holds."""
    rows = await tx.session.execute(
        select(PushSubscription)
        .join(
            CrewMembership,
            (CrewMembership.regency_id == PushSubscription.regency_id)
            & (CrewMembership.staff_id == PushSubscription.staff_id),
        )
        .join(Shift, (Shift.regency_id == CrewMembership.regency_id) & (Shift.id == CrewMembership.shift_id))
        .join(
            Session,
            (Session.regency_id == PushSubscription.regency_id) & (Session.id == PushSubscription.session_id),
        )
        .where(
            PushSubscription.regency_id == tx.tenant.id,
            PushSubscription.ended_at.is_(None),
            CrewMembership.left_at.is_(None),
            Shift.unit_id == unit_id,
            Session.ended_at.is_(None),
            Session.expires_at > tx.now,
        )
        .order_by(PushSubscription.created_at)
    )
    found = []
    for row in rows.scalars():
        phone = await _opened(tx, row)
        if phone is not None:
            found.append(phone)
    return found


async def _open(tx: Transaction, which: ColumnElement[bool]) -> list[PushSubscription]:
    rows = await tx.session.execute(
        select(PushSubscription)
        .where(PushSubscription.regency_id == tx.tenant.id, PushSubscription.ended_at.is_(None), which)
        .order_by(PushSubscription.created_at)
        .with_for_update()
    )
    return list(rows.scalars())


def _end(tx: Transaction, row: PushSubscription, why: str) -> None:
    row.ended_at, row.ended_why, row.sealed = tx.now, why, None


async def _opened(tx: Transaction, row: PushSubscription) -> PushPhone | None:
    """The browser; None when what is kept of it cannot be opened: the crew's others are told all the same."""
    try:
        key = await tx.person(row.key_id)
        return PushPhone(key.open(row.sealed, _FIELD), key) if key and row.sealed else None
    except SealBroken:
        return None
