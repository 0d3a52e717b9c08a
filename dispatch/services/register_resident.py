"""Registration of a resident with the national ID card, and the check against the resident registry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.exc import IntegrityError

import registry
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict, FieldProblem, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor, ActorKind
from dispatch.services.centre import Centre
from dispatch.services.passwords import hash_password
from dispatch.services.phones import e164
from dispatch.services.placing import Point
from dispatch.services.sessions import NewSession, make_session
from dispatch.services.tenants import TenantEntry
from dispatch.storage.database import Tenant
from dispatch.storage.tables.person import Resident, ResidentCredential
from dispatch.storage.transaction import Transaction, new_id

_RECHECK_AFTER = (60, 300, 1800, 7200)  # seconds after the first, second, ... failed check

_TRUST = {"match": "verified", "mismatch": "doubtful", "not_found": "doubtful", "unverified": "unverified"}


@dataclass(frozen=True, slots=True)
class Registration:
    """What a resident gives. `password` is wanted only for signing in on another device."""

    name: str
    address: str
    email: str
    phone: str
    nik: str
    password: str | None = None
    home: Point | None = None


@dataclass(frozen=True, slots=True)
class VerificationView:
    """What the registry said. `unverified` means it could not be asked: a job asks again."""

    result: str
    trust: str
    elements: dict[str, str]
    flags: list[str]
    checked_at: datetime | None
    words_id: str
    words_en: str


@dataclass(frozen=True, slots=True)
class Registered:
    """The new account, what the registry said, and the first session."""

    resident_id: UUID
    verification: VerificationView
    nik_warnings: list[str]
    session: NewSession


_WORDS = {
    "match": ("Data sesuai dengan data kependudukan.", "Your data agree with the resident registry."),
    "mismatch": (
        "Data tidak sesuai dengan data kependudukan. Anda tetap dapat memanggil ambulans; "
        "petugas akan memastikan lewat telepon.",
        "Your data disagree with the resident registry. You can still call an ambulance; "
        "the operator will make sure by phone.",
    ),
    "not_found": (
        "NIK tidak ditemukan dalam data kependudukan. Anda tetap dapat memanggil ambulans.",
        "This NIK is not in the resident registry. You can still call an ambulance.",
    ),
    "unverified": (
        "Data kependudukan belum dapat dihubungi; pemeriksaan diulang otomatis. Anda sudah dapat memanggil "
        "ambulans.",
        "The resident registry cannot be reached yet; the check is repeated by itself. You can already call "
        "an ambulance.",
    ),
}


def verification_view(row: Resident) -> VerificationView:
    """Describe a resident's verification in words."""
    detail = row.verification_detail
    return VerificationView(
        row.verification,
        row.trust,
        dict(detail.get("elements", {})),
        list(detail.get("flags", [])),
        row.verified_at,
        *_WORDS[row.verification],
    )


def _checked(given: Registration) -> tuple[registry.Nik, str, str]:
    problems: list[FieldProblem] = []
    nik, phone, email = None, "", ""
    for field, value, least in (("name", given.name, 2), ("address", given.address, 5)):
        if len(value.strip()) < least:
            problems.append(FieldProblem(field, f"Isian terlalu pendek: '{value}'", f"Too short: '{value}'"))
    try:
        nik = registry.parse_nik(given.nik)
    except registry.NikError as wrong:
        problems.append(FieldProblem("nik", wrong.message_id, wrong.message_en))
    try:
        phone = e164(given.phone)
    except InvalidInput as wrong:
        problems.extend(wrong.problems)
    try:
        email = validate_email(given.email, check_deliverability=False).normalized
    except EmailNotValidError as wrong:
        problems.append(FieldProblem("email", f"Alamat surel '{given.email}' tidak sah", str(wrong)))
    if given.password is not None and len(given.password) < 8:
        problems.append(
            FieldProblem(
                "password", "Kata sandi paling sedikit 8 huruf", "Password needs 8 characters or more"
            )
        )
    if problems or nik is None:
        raise InvalidInput(*problems)
    return nik, phone, email


async def register_resident(
    centre: Centre, entry: TenantEntry, given: Registration, device: str, *, cause: str
) -> Registered:
    """Register a resident, then ask the registry; a registry that is down leaves the account unverified.

    Raises:
        InvalidInput: a field cannot be accepted; all wrong fields are named.
        Conflict: NIK, phone or e-mail is registered already.
    """
    nik, phone, email = _checked(given)
    password_hash = await hash_password(given.password) if given.password else None
    now = centre.clock()
    resident_id = new_id()
    actor = Actor(ActorKind.RESIDENT, resident_id)
    try:
        async with centre.begin(entry.tenant, actor, cause, at=now) as tx:
            row = await _insert(tx, resident_id, given, nik.value, phone, email)
            if password_hash:
                await tx.add(
                    ResidentCredential(
                        resident_id=resident_id,
                        realm=entry.tenant.realm,
                        password_hash=password_hash,
                        changed_at=now,
                    )
                )
            await tx.record(EventKind.RESIDENT_REGISTERED, row)
            # should this process die before the registry has answered, the worker asks
            tx.set_timer(TimerKind.RECHECK, resident_id, now + timedelta(seconds=30), {"failed": 0})
            session = await make_session(tx, device, resident_id=resident_id)
    except IntegrityError as clash:
        raise _already(clash) from clash
    view = await verify_resident(centre, entry, resident_id, cause=cause)
    return Registered(resident_id, view, [w.code for w in nik.warnings], session)


async def _insert(
    tx: Transaction, resident_id: UUID, given: Registration, nik: str, phone: str, email: str
) -> Resident:
    key = await tx.new_person()
    home = f"{given.home.lon},{given.home.lat}" if given.home else None
    row = Resident(
        id=resident_id,
        realm=tx.tenant.realm,
        home_regency_id=tx.tenant.id,
        key_id=key.id,
        name_sealed=key.seal(given.name.strip(), "resident.name"),
        address_sealed=key.seal(given.address.strip(), "resident.address"),
        email_sealed=key.seal(email, "resident.email"),
        phone_sealed=key.seal(phone, "resident.phone"),
        nik_sealed=key.seal(nik, "resident.nik"),
        home_point_sealed=key.seal(home, "resident.home_point") if home else None,
        nik_hash=tx.vault.lookup_hash("nik", nik),
        phone_hash=tx.vault.lookup_hash("phone", phone),
        email_hash=tx.vault.lookup_hash("email", email.lower()),
        verification="unverified",
        verification_detail={},
        verified_at=None,
        trust="unverified",
        registered_at=tx.now,
        erased_at=None,
    )
    await tx.add(row)
    return row


def _already(clash: IntegrityError) -> Conflict:
    text = str(clash.orig)
    for index, field, word_id, word_en in (
        ("resident_nik", "nik", "NIK", "NIK"),
        ("resident_phone", "phone", "Nomor telepon", "phone number"),
        ("resident_email", "email", "Alamat surel", "e-mail address"),
    ):
        if index in text:
            return Conflict(
                f"{word_id} ini sudah terdaftar; silakan masuk dengan akun itu",
                f"This {word_en} is registered already; please sign in with that account",
                field=field,
            )
    raise clash


async def verify_resident(
    centre: Centre, entry: TenantEntry, resident_id: UUID, *, cause: str, failed: int = 0
) -> VerificationView:
    """Ask the registry about a resident and record its answer; when it is down, a timer asks again."""
    async with centre.read(entry.tenant) as tx:
        row = await tx.get(Resident, resident_id)
        key = await tx.person(row.key_id)
        if key is None or row.nik_sealed is None or row.name_sealed is None:
            return verification_view(row)
        claim = registry.Claim(
            nik=key.open(row.nik_sealed, "resident.nik"), name=key.open(row.name_sealed, "resident.name")
        )
    answer = await centre.registry.verify(claim) if centre.registry is not None else None
    return await _record_answer(centre, entry.tenant, resident_id, answer, cause, failed)


async def _record_answer(
    centre: Centre,
    tenant: Tenant,
    resident_id: UUID,
    answer: registry.Verification | None,
    cause: str,
    failed: int,
) -> VerificationView:
    async with centre.begin(tenant, Actor(ActorKind.SYSTEM), cause) as tx:
        row = await tx.get(Resident, resident_id, lock=True)
        if answer is None or answer.outcome == "unavailable":
            delay = _RECHECK_AFTER[min(failed, len(_RECHECK_AFTER) - 1)]
            tx.set_timer(
                TimerKind.RECHECK, resident_id, tx.now + timedelta(seconds=delay), {"failed": failed + 1}
            )
            return verification_view(row)
        row.verification = answer.outcome
        row.verification_detail = {
            "elements": {e.name: _verdict(e) for e in answer.elements},
            "flags": list(answer.flags),
            "detail": answer.detail,
        }
        row.verified_at = answer.checked_at
        row.trust = _TRUST[answer.outcome]
        tx.clear_timers(resident_id, [TimerKind.RECHECK])
        await tx.record(
            EventKind.RESIDENT_VERIFIED, row, data={"result": answer.outcome, "flags": list(answer.flags)}
        )
        return verification_view(row)


def _verdict(element: registry.ElementAnswer) -> str:
    return element.verdict if element.score is None else f"{element.verdict} ({element.score})"
