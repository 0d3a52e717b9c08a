"""Residents: registration, calls for help, their place, status and cancellation."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.residents import CallPlace, NewCall, NewResident
from dispatch.api.schemas.results import CallNow
from dispatch.api.signed_in import Address, Cause, Resident, TheCentre, regency_named
from dispatch.api.throttle import Throttle, refuse_too_many
from dispatch.domain.errors import Conflict, ContentDiffers, NotFound, TooManyRequests
from dispatch.services.cancel_call import cancel_call
from dispatch.services.locate_call import locate_call
from dispatch.services.placing import Placement
from dispatch.services.register_resident import (
    Registered,
    VerificationView,
    register_resident,
    verify_resident,
)
from dispatch.services.request_help import CallReceipt, request_help
from dispatch.services.resident_profile import ResidentProfile, read_profile
from dispatch.services.resident_status import CallStatus, call_status, own_calls
from dispatch.services.tenant_of_call import realm_of, tenant_of_call

router = api_routes(tag="residents")
_MOST_CALLS = 20


async def the_registry_throttle(request: Request) -> Throttle:
    """Return the guard of the registry's daily quota."""
    throttle = request.app.state.verifications
    assert isinstance(throttle, Throttle)
    return throttle


async def the_clash_throttle(request: Request) -> Throttle:
    """Return the guard against asking, by registering, who is registered."""
    throttle = request.app.state.clashes
    assert isinstance(throttle, Throttle)
    return throttle


@router.post(
    "/residents",
    status_code=201,
    summary="Daftar / register",
    responses=refuses(Conflict, TooManyRequests, signed_in=False),
)
async def register(
    body: NewResident,
    centre: TheCentre,
    cause: Cause,
    clashes: Annotated[Throttle, Depends(the_clash_throttle)],
    address: Address,
) -> Registered:
    """Register a resident; the registry's answer is in `verification`, and a session in `session`.

    A mismatch, an unknown NIK or a registry that is down does not refuse the account. Many answers that a
    number or NIK is registered already slow one address down: they must not become a way to ask who is.
    """
    refuse_too_many(clashes.wait_s(address))
    entry = await regency_named(centre, body.regency)
    try:
        return await register_resident(centre, entry, body.registration(), body.device, cause=cause)
    except Conflict:
        clashes.mark(address)
        raise


@router.get("/residents/me", summary="Akun saya / own account", responses=refuses())
async def own_profile(who: Resident, centre: TheCentre, cause: Cause) -> ResidentProfile:
    """Return the resident's own account; the NIK is masked."""
    return await read_profile(centre, who.entry, who.actor, who.id, cause=cause)


@router.post(
    "/residents/me/verification",
    summary="Periksa data kependudukan lagi / ask the registry again",
    responses=refuses(TooManyRequests),
)
async def verify_again(
    who: Resident,
    centre: TheCentre,
    cause: Cause,
    throttle: Annotated[Throttle, Depends(the_registry_throttle)],
) -> VerificationView:
    """Ask the resident registry again; while it is down a job keeps asking."""
    refuse_too_many(throttle.wait_s(who.id))
    throttle.mark(who.id)
    return await verify_resident(centre, who.entry, who.id, cause=cause)


@router.post(
    "/calls",
    status_code=201,
    summary="Panggil ambulans / call an ambulance",
    responses=refuses(ContentDiffers)
    | {200: {"model": CallReceipt, "description": "Sudah tersimpan sebelumnya / stored before (`repeated`)"}},
)
async def call_ambulance(
    body: NewCall, who: Resident, centre: TheCentre, cause: Cause, response: Response
) -> CallReceipt:
    """Store a request for help and acknowledge it. Never slowed down, never refused for what is missing.

    The client makes `id`: repeat the request until a receipt comes. A place outside the regency is kept and
    flagged (`outside`).
    """
    entry = who.entry
    if body.regency is not None:
        entry = await regency_named(centre, body.regency, like=who.entry)
    receipt = await request_help(centre, entry, who.actor, body.request(), cause=cause)
    response.status_code = 200 if receipt.repeated else 201
    return receipt


@router.get("/calls", summary="Panggilan saya / own calls", responses=refuses())
async def list_own_calls(who: Resident, centre: TheCentre) -> list[CallStatus]:
    """List the resident's last twenty calls, newest first, to whichever regency."""
    found = [
        status
        for entry in await realm_of(centre, who)
        for status in await own_calls(centre, entry, who.actor)
    ]
    return sorted(found, key=lambda c: c.received_at, reverse=True)[:_MOST_CALLS]


@router.get("/calls/{call_id}", summary="Keadaan panggilan / status of a call", responses=refuses(NotFound))
async def own_call_status(call_id: UUID, who: Resident, centre: TheCentre) -> CallStatus:
    """Return how far a call has come, the ambulances on their way and their minutes."""
    entry = await tenant_of_call(centre, who, call_id)
    return await call_status(centre, entry, who.actor, call_id)


@router.put(
    "/calls/{call_id}/place", summary="Lokasi menyusul atau diperbaiki / locate", responses=refuses(NotFound)
)
async def locate_own_call(
    call_id: UUID, body: CallPlace, who: Resident, centre: TheCentre, cause: Cause
) -> Placement:
    """Set or correct where the call comes from. An incident that has a place keeps it: both are seen."""
    entry = await tenant_of_call(centre, who, call_id)
    return await locate_call(centre, entry, who.actor, call_id, body.point(), body.accuracy_m, cause=cause)


@router.post(
    "/calls/{call_id}/cancellation", summary="Batalkan panggilan / cancel", responses=refuses(NotFound)
)
async def cancel_own_call(call_id: UUID, who: Resident, centre: TheCentre, cause: Cause) -> CallNow:
    """Take the call back: at once while nobody took it, else the operator is asked. Twice is harmless."""
    entry = await tenant_of_call(centre, who, call_id)
    return CallNow(call_id, await cancel_call(centre, entry, who.actor, call_id, cause=cause))
