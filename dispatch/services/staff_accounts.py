"""Staff accounts: added, and given new passwords. The password's hash stays out of the event log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from dispatch.domain.errors import Conflict, FieldProblem, Forbidden, InvalidInput, NotFound
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor, Role
from dispatch.services.centre import Centre
from dispatch.services.passwords import hash_password, refuse_weak_password
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.session import Session
from dispatch.storage.tables.staff import StaffCredential, StaffUser
from dispatch.storage.transaction import Transaction

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")


@dataclass(frozen=True, slots=True)
class NewStaff:
    """What an account is made of. Facility users name their facility's code, nobody else does."""

    username: str
    role: Role
    display_name: str
    password: str
    facility_code: str | None = None
    demo: bool = False


@dataclass(frozen=True, slots=True)
class StaffView:
    """A staff account as lists show it."""

    id: UUID
    username: str
    role: Role
    display_name: str
    facility_id: UUID | None
    active: bool
    demo: bool


async def add_staff(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    new: NewStaff,
    *,
    cause: str,
    password_hash: str | None = None,
) -> StaffView:
    """Add a staff account with its password; `password_hash` is its hash where that is known already.

    Raises:
        InvalidInput: user name, display name, password or facility cannot be accepted.
        Forbidden: a demo account in a live tenant.
        NotFound: the tenant has no such facility.
        Conflict: the user name is taken, in any spelling.
    """
    refuse_bad_account(new)
    if new.demo and not entry.tenant.training:
        raise Forbidden(
            f"Akun peraga tidak dibuat di {entry.tenant.slug}: itu layanan nyata",
            f"No demo account is made in {entry.tenant.slug}: it is live",
        )
    password_hash = password_hash or await hash_password(new.password)
    try:
        async with centre.begin(entry.tenant, actor, cause) as tx:
            facility_id = await _facility_id(tx, new.facility_code)
            if await _by_username(tx, new.username) is not None:
                raise _taken(new.username)
            row = StaffUser(
                regency_id=tx.tenant.id,
                id=tx.id(),
                username=new.username,
                role=new.role.value,
                display_name=new.display_name.strip(),
                facility_id=facility_id,
                active=True,
                added_at=tx.now,
            )
            credential = StaffCredential(
                regency_id=tx.tenant.id,
                staff_id=row.id,
                password_hash=password_hash,
                demo=new.demo,
                changed_at=tx.now,
            )
            await tx.add(row, credential)
            data = {"username": new.username, "role": new.role.value, "demo": new.demo}
            await tx.record(EventKind.STAFF_ADDED, row, data=data)
    except IntegrityError as twice:
        raise _taken(new.username) from twice
    return StaffView(row.id, row.username, new.role, row.display_name, facility_id, True, new.demo)


async def set_staff_password(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    username: str,
    password: str,
    *,
    cause: str,
    password_hash: str | None = None,
) -> None:
    """Give an account a new password and end all its sessions; see `add_staff` for `password_hash`.

    Raises:
        InvalidInput: the password is too weak.
        NotFound: no account has this user name.
    """
    refuse_weak_password(password)
    password_hash = password_hash or await hash_password(password)
    async with centre.begin(entry.tenant, actor, cause) as tx:
        row = await _by_username(tx, username)
        if row is None:
            raise NotFound("staff", username)
        credential = await tx.session.get(StaffCredential, (tx.tenant.id, row.id), with_for_update=True)
        if credential is None:
            raise NotFound("staff", username)
        credential.password_hash, credential.changed_at = password_hash, tx.now
        await tx.session.execute(
            update(Session)
            .where(Session.regency_id == tx.tenant.id, Session.staff_id == row.id, Session.ended_at.is_(None))
            .values(ended_at=tx.now)
        )
        await tx.record(EventKind.STAFF_CHANGED, row, data={"username": row.username, "password": "changed"})


async def list_staff(centre: Centre, entry: TenantEntry) -> list[StaffView]:
    """Return the tenant's accounts by role and user name."""
    query = (
        select(StaffUser, StaffCredential.demo)
        .join(
            StaffCredential,
            (StaffCredential.regency_id == StaffUser.regency_id) & (StaffCredential.staff_id == StaffUser.id),
        )
        .where(StaffUser.regency_id == entry.tenant.id)
        .order_by(StaffUser.role, StaffUser.username)
    )
    async with centre.read(entry.tenant) as tx:
        rows = (await tx.session.execute(query)).all()
    return [
        StaffView(u.id, u.username, Role(u.role), u.display_name, u.facility_id, u.active, demo)
        for u, demo in rows
    ]


def refuse_bad_account(new: NewStaff) -> None:
    """Refuse an account that cannot be added in any tenant; names every field.

    Raises:
        InvalidInput: user name, display name, facility or password.
    """
    problems = []
    if not _USERNAME.fullmatch(new.username):
        problems.append(
            FieldProblem(
                "username",
                f"nama pengguna {new.username!r} harus 2 sampai 32 huruf kecil, angka, titik, _ atau -",
                f"user name {new.username!r} must be 2 to 32 small letters, digits, dots, _ or -",
            )
        )
    if not (1 <= len(new.display_name.strip()) <= 100 and new.display_name.isprintable()):
        problems.append(
            FieldProblem(
                "display_name",
                f"nama tampilan {new.display_name!r} harus 1 sampai 100 karakter yang tercetak",
                f"display name {new.display_name!r} must have 1 to 100 printable characters",
            )
        )
    if (new.role is Role.FACILITY) != (new.facility_code is not None):
        problems.append(
            FieldProblem(
                "facility_code",
                "kode faskes wajib untuk peran facility dan hanya untuk peran itu",
                "the facility's code is needed for the role facility, and for no other",
            )
        )
    try:
        refuse_weak_password(new.password)
    except InvalidInput as weak:
        problems.extend(weak.problems)
    if problems:
        raise InvalidInput(*problems)


async def _facility_id(tx: Transaction, code: str | None) -> UUID | None:
    if code is None:
        return None
    query = select(Facility.id).where(Facility.regency_id == tx.tenant.id, Facility.code == code)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise NotFound("facility", code)
    return found


async def _by_username(tx: Transaction, username: str) -> StaffUser | None:
    query = select(StaffUser).where(
        StaffUser.regency_id == tx.tenant.id, func.lower(StaffUser.username) == username.lower()
    )
    return (await tx.session.execute(query)).scalar_one_or_none()


def _taken(username: str) -> Conflict:
    return Conflict(
        f"Nama pengguna {username} sudah dipakai; pilih yang lain",
        f"The user name {username} is taken; choose another",
    )
