"""Signing in and out, for staff and residents."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.sessions import ResidentSignIn, StaffSignIn
from dispatch.api.signed_in import Address, AnyUser, TheCentre, regency_named
from dispatch.api.throttle import SignInThrottle
from dispatch.domain.errors import NotFound, NotSignedIn, TooManyRequests
from dispatch.services.sessions import SessionView, end_session, list_sessions
from dispatch.services.sign_in import SignedInResident, SignedInStaff
from dispatch.services.sign_in import sign_in_resident as check_resident
from dispatch.services.sign_in import sign_in_staff as check_staff

router = api_routes("/sessions", tag="sessions")
_SIGN_IN = refuses(NotSignedIn, TooManyRequests, signed_in=False)


async def the_throttle(request: Request) -> SignInThrottle:
    """Return the guard of this process's sign-in."""
    throttle = request.app.state.sign_ins
    assert isinstance(throttle, SignInThrottle)
    return throttle


Guard = Annotated[SignInThrottle, Depends(the_throttle)]


@router.post("/staff", status_code=201, summary="Petugas masuk / staff sign in", responses=_SIGN_IN)
async def sign_in_staff(
    body: StaffSignIn, centre: TheCentre, guard: Guard, address: Address
) -> SignedInStaff:
    """Sign a staff user in. The token is shown this once; it lasts 13 hours."""
    entry = await regency_named(centre, body.regency)
    guard.enter(entry.tenant.slug, body.username, address)
    session = await check_staff(centre, entry, body.username, body.password, body.device)
    guard.succeed(entry.tenant.slug, body.username, address)
    return session


@router.post("/residents", status_code=201, summary="Warga masuk / resident sign in", responses=_SIGN_IN)
async def sign_in_resident(
    body: ResidentSignIn, centre: TheCentre, guard: Guard, address: Address
) -> SignedInResident:
    """Sign a resident in by phone number or e-mail address. The token lasts 180 days."""
    entry = await regency_named(centre, body.regency)
    # residents belong to the realm: another regency's name must not open another window for guesses
    guard.enter(entry.tenant.realm, body.login, address)
    session = await check_resident(centre, entry, body.login, body.password, body.device)
    guard.succeed(entry.tenant.realm, body.login, address)
    return session


@router.get("", summary="Perangkat yang masuk / signed-in devices", responses=refuses())
async def list_own_sessions(who: AnyUser, centre: TheCentre) -> list[SessionView]:
    """List the account's living sessions, newest first."""
    return await list_sessions(centre, who)


@router.delete("/current", status_code=204, summary="Keluar / sign out", responses=refuses(NotFound))
async def end_current_session(who: AnyUser, centre: TheCentre) -> None:
    """End the session of this very token."""
    await end_session(centre, who, who.session_id)


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="Keluarkan perangkat / end a session",
    responses=refuses(NotFound),
)
async def end_one_session(session_id: UUID, who: AnyUser, centre: TheCentre) -> None:
    """End one of the account's own sessions, on whichever device."""
    await end_session(centre, who, session_id)
