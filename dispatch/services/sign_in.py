"""Signing in: staff by user name, residents by phone or e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select

from dispatch.domain.errors import InvalidInput, NotSignedIn
from dispatch.domain.roles import Actor, ActorKind, Role
from dispatch.services.centre import Centre
from dispatch.services.passwords import check_password
from dispatch.services.phones import e164
from dispatch.services.sessions import NewSession, make_session
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.person import Resident, ResidentCredential
from dispatch.storage.tables.staff import StaffCredential, StaffUser
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class SignedInStaff:
    """A staff session, with what the page needs to know of its owner."""

    session: NewSession
    staff_id: UUID
    role: Role
    display_name: str
    regency: str
    training: bool
    timezone: str


@dataclass(frozen=True, slots=True)
class SignedInResident:
    """A resident's session."""

    session: NewSession
    resident_id: UUID
    regency: str
    training: bool


def _refused() -> NotSignedIn:
    return NotSignedIn("Nama atau kata sandi salah", "Wrong name or password")


async def sign_in_staff(
    centre: Centre, entry: TenantEntry, username: str, password: str, device: str
) -> SignedInStaff:
    """Sign a staff user in.

    Raises:
        NotSignedIn: unknown, inactive or wrong password; the answer does not say which.
    """
    async with centre.read(entry.tenant) as tx:
        found = (
            await tx.session.execute(
                select(StaffUser, StaffCredential.password_hash)
                .join(
                    StaffCredential,
                    (StaffCredential.regency_id == StaffUser.regency_id)
                    & (StaffCredential.staff_id == StaffUser.id),
                )
                .where(func.lower(StaffUser.username) == username.lower(), StaffUser.active)
            )
        ).one_or_none()
    # an unknown name costs the same time as a wrong password
    if not await check_password(password, found.password_hash if found else None) or found is None:
        raise _refused()
    user: StaffUser = found[0]
    actor = Actor(ActorKind.STAFF, user.id, Role(user.role))
    async with centre.begin(entry.tenant, actor, "sign in") as tx:
        await _refuse_replaced(tx, user.id, found.password_hash)
        session = await make_session(tx, device, staff_id=user.id)
    return SignedInStaff(
        session=session,
        staff_id=user.id,
        role=Role(user.role),
        display_name=user.display_name,
        regency=entry.tenant.slug,
        training=entry.tenant.training,
        timezone=entry.tenant.timezone,
    )


async def _refuse_replaced(tx: Transaction, staff_id: UUID, checked: str) -> None:
    """Refuse a password that got a successor while it was checked: all its sessions have been ended."""
    present = await tx.session.scalar(
        select(StaffCredential.password_hash)
        .where(StaffCredential.regency_id == tx.tenant.id, StaffCredential.staff_id == staff_id)
        # shared, so that a new password waits for this session and ends it with the others
        .with_for_update(read=True)
    )
    if present != checked:
        raise _refused()


async def sign_in_resident(
    centre: Centre, entry: TenantEntry, login: str, password: str, device: str
) -> SignedInResident:
    """Sign a resident in by phone number or e-mail address.

    Raises:
        NotSignedIn: unknown, without a password, or wrong password.
    """
    try:
        phone = centre.vault.lookup_hash("phone", e164(login))
    except InvalidInput:
        phone = None
    email = centre.vault.lookup_hash("email", login.strip().lower())
    async with centre.read(entry.tenant) as tx:
        found = (
            await tx.session.execute(
                select(Resident.id, Resident.home_regency_id, ResidentCredential.password_hash)
                .join(ResidentCredential, ResidentCredential.resident_id == Resident.id)
                .where(
                    Resident.erased_at.is_(None),
                    or_(Resident.phone_hash == phone, Resident.email_hash == email),
                )
            )
        ).one_or_none()
    if not await check_password(password, found.password_hash if found else None) or found is None:
        raise _refused()
    home = await centre.tenants.by_id(found.home_regency_id)
    async with centre.begin(home.tenant, Actor(ActorKind.RESIDENT, found.id), "sign in") as tx:
        session = await make_session(tx, device, resident_id=found.id)
    return SignedInResident(session, found.id, home.tenant.slug, home.tenant.training)
