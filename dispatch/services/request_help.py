"""A request for help is stored and acknowledged before anything else is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dispatch.domain.call import CallState, Channel
from dispatch.domain.errors import ContentDiffers, FieldProblem, InvalidInput, NotFound
from dispatch.domain.events import EventKind, canonical
from dispatch.domain.roles import Actor, ActorKind
from dispatch.services.centre import Centre
from dispatch.services.deadlines import watch_call
from dispatch.services.phones import e164
from dispatch.services.placing import Placement, Point, geometry, placement
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.person import Resident
from dispatch.storage.tables.regency import Village
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """What comes in with a call. Only the id is needed: send first, locate second.

    `caller_name` and `caller_phone` are for callers without an account, entered by the operator.
    """

    id: UUID
    channel: Channel
    place: Point | None = None
    place_accuracy_m: float | None = None
    note: str | None = None
    caller_name: str | None = None
    caller_phone: str | None = None
    speed_factor: float | None = None


@dataclass(frozen=True, slots=True)
class CallReceipt:
    """The acknowledgement: the call is stored. `repeated` tells that this id was stored before."""

    call_id: UUID
    state: CallState
    received_at: datetime
    outside: bool
    village: str | None
    repeated: bool


def _content(request: HelpRequest, caller: str) -> str:
    return canonical(
        {
            "caller": caller,
            "channel": request.channel.value,
            "place": [request.place.lon, request.place.lat] if request.place else None,
            "accuracy": request.place_accuracy_m,
            "note": request.note,
            "name": request.caller_name,
            "phone": request.caller_phone,
            "speed": request.speed_factor,
        }
    )


async def request_help(
    centre: Centre, entry: TenantEntry, actor: Actor, request: HelpRequest, *, cause: str
) -> CallReceipt:
    """Store the call and return its receipt; the same id with the same content returns the first receipt.

    Raises:
        ContentDiffers: the id was used before for another request.
        InvalidInput: a value cannot be read (the phone number, a speed factor outside training).
    """
    if request.speed_factor is not None and not entry.tenant.training:
        raise InvalidInput(FieldProblem("speed_factor", "Hanya untuk latihan", "For training tenants only"))
    phone = e164(request.caller_phone, "caller_phone") if request.caller_phone else None
    digest = centre.vault.lookup_hash("content", _content(request, actor.as_text()))
    try:
        async with centre.begin(entry.tenant, actor, cause) as tx:
            first = await _stored_before(tx, request.id, digest)
            return first or await _store(tx, actor, request, phone, digest)
    except IntegrityError as clash:
        # the same tap arrived twice at the same moment: the other one won
        async with centre.read(entry.tenant) as tx:
            first = await _stored_before(tx, request.id, digest)
        if first is None:
            raise clash
        return first


async def _stored_before(tx: Transaction, call_id: UUID, digest: bytes) -> CallReceipt | None:
    row = await tx.find(Call, call_id)
    elsewhere = (
        row is None
        and (
            await tx.session.execute(text("SELECT call_id_taken_elsewhere(:id)"), {"id": call_id})
        ).scalar_one()
    )
    if elsewhere or (row is not None and row.content_hash != digest):
        raise ContentDiffers(
            f"Nomor permintaan {call_id} sudah dipakai untuk permintaan lain; buat nomor baru",
            f"Request id {call_id} was used for another request; make a new id",
            call_id=str(call_id),
        )
    if row is None:
        return None
    village = await _village_name(tx, row.village_code)
    return CallReceipt(row.id, CallState(row.state), row.received_at, row.outside, village, True)


async def _store(
    tx: Transaction, actor: Actor, request: HelpRequest, phone: str | None, digest: bytes
) -> CallReceipt:
    where = await placement(tx, request.place) if request.place else Placement(None, None, None, False)
    resident, key = await _caller(tx, actor)
    phone_hash = tx.vault.lookup_hash("phone", phone) if phone else resident and resident.phone_hash
    row = Call(
        regency_id=tx.tenant.id,
        id=request.id,
        realm=tx.tenant.realm,
        channel=request.channel.value,
        state=CallState.RINGING.value,
        resident_id=resident.id if resident else None,
        key_id=key.id,
        caller_name_sealed=key.seal(request.caller_name, "call.caller_name") if request.caller_name else None,
        caller_phone_sealed=key.seal(phone, "call.caller_phone") if phone else None,
        caller_phone_hash=phone_hash,
        content_sealed=key.seal(_content(request, actor.as_text()), "call.content"),
        content_hash=digest,
        caller_trust=resident.trust if resident else "unverified",
        place=geometry(request.place) if request.place else None,
        place_accuracy_m=request.place_accuracy_m,
        place_source=_source(actor) if request.place else None,
        located_at=tx.now if request.place else None,
        village_code=where.village_code,
        outside=where.outside,
        received_at=tx.now,
        taken_by=None,
        taken_at=None,
        cancel_asked_at=None,
        disposal=None,
        disposed_at=None,
        incident_id=None,
        speed_factor=request.speed_factor,
    )
    await tx.add(row)
    watch_call(tx, row)
    await tx.record(
        EventKind.CALL_RECEIVED,
        row,
        data={
            "channel": row.channel,
            "trust": row.caller_trust,
            "located": request.place is not None,
            "lon": request.place.lon if request.place else None,
            "lat": request.place.lat if request.place else None,
            "accuracy_m": request.place_accuracy_m,
            "village": where.village,
            "district": where.district,
            "outside": where.outside,
            "speed_factor": request.speed_factor,
        },
    )
    return CallReceipt(row.id, CallState.RINGING, row.received_at, where.outside, where.village, False)


def _source(actor: Actor) -> str:
    return "caller" if actor.kind is ActorKind.RESIDENT else "operator"


async def _caller(tx: Transaction, actor: Actor) -> tuple[Resident | None, DataKey]:
    if actor.kind is not ActorKind.RESIDENT or actor.id is None:
        return None, await tx.new_person()
    resident = (
        await tx.session.execute(
            # shared, so that an erasure waits for this call, or this call sees that the key is gone
            select(Resident).where(Resident.id == actor.id).with_for_update(key_share=True, read=True)
        )
    ).scalar_one_or_none()
    if resident is None:
        raise NotFound("resident", actor.id)
    key = await tx.person(resident.key_id)
    # a resident being erased at this very moment still gets help, as a caller without an account
    return (resident, key) if key is not None else (None, await tx.new_person())


async def _village_name(tx: Transaction, code: str | None) -> str | None:
    if code is None:
        return None
    return (
        await tx.session.execute(
            select(Village.name).where(Village.regency_id == tx.tenant.id, Village.code == code)
        )
    ).scalar_one_or_none()
