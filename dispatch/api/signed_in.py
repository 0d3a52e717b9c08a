"""Who is asking, and on whose behalf services act: the dependencies that routes name in their signatures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dispatch.domain.errors import FieldProblem, Forbidden, InvalidInput, NotFound, NotSignedIn
from dispatch.domain.roles import ActorKind, Role
from dispatch.services.centre import Centre
from dispatch.services.sessions import SignedIn, find_session
from dispatch.services.tenants import TenantEntry

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="Token dari `POST /api/v1/sessions/...` atau `POST /api/v1/residents` / token of a session",
)


async def the_centre(request: Request) -> Centre:
    """Return this process's centre."""
    centre = request.app.state.centre
    assert isinstance(centre, Centre)
    return centre


async def the_cause(request: Request) -> str:
    """Return what events say of where they came from: method, route and request id."""
    path = request.url.path
    for name, value in request.path_params.items():
        path = path.replace(str(value), f"{{{name}}}")
    return f"http {request.method} {path} {request.state.request_id}"


async def client_address(request: Request) -> str:
    """Return the client's address as far as the server knows it."""
    return request.client.host if request.client else "local"


TheCentre = Annotated[Centre, Depends(the_centre)]
Cause = Annotated[str, Depends(the_cause)]
Address = Annotated[str, Depends(client_address)]


async def signed_in(
    centre: TheCentre, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> SignedIn:
    """Return the owner of the bearer token.

    Raises:
        NotSignedIn: there is none, or it is unknown, ended or expired.
    """
    if given is None:
        raise NotSignedIn
    return await find_session(centre, given.credentials)


AnyUser = Annotated[SignedIn, Depends(signed_in)]


async def _resident(who: AnyUser) -> SignedIn:
    if who.actor.kind is not ActorKind.RESIDENT:
        raise Forbidden("Hanya untuk warga", "For residents only")
    return who


def _staff(*roles: Role) -> Callable[[SignedIn], Awaitable[SignedIn]]:
    async def allowed(who: AnyUser) -> SignedIn:
        if who.actor.role not in roles:
            names = ", ".join(roles)
            raise Forbidden(f"Hanya untuk peran {names}", f"For the roles {names} only", roles=list(roles))
        return who

    return allowed


Resident = Annotated[SignedIn, Depends(_resident)]
Operator = Annotated[SignedIn, Depends(_staff(Role.OPERATOR, Role.ADMIN))]
Reviewer = Annotated[SignedIn, Depends(_staff(Role.OPERATOR, Role.ADMIN, Role.AUDITOR, Role.HEALTH_OFFICE))]
"""Who may look back at cases. Not all of them may see persons: `SEES_CASES_PERSONS`."""
Driver = Annotated[SignedIn, Depends(_staff(Role.DRIVER))]
Admin = Annotated[SignedIn, Depends(_staff(Role.ADMIN))]
FacilityUser = Annotated[SignedIn, Depends(_staff(Role.FACILITY, Role.OPERATOR))]
HealthOffice = Annotated[SignedIn, Depends(_staff(Role.HEALTH_OFFICE, Role.ADMIN, Role.AUDITOR))]


async def regency_named(centre: Centre, slug: str, *, like: TenantEntry | None = None) -> TenantEntry:
    """Return the regency that a request's field `regency` names.

    Raises:
        InvalidInput: there is none, or it is not of the realm of `like`.
    """
    try:
        entry = await centre.tenants.by_slug(slug)
    except NotFound:
        entry = None
    if entry is None or (like is not None and entry.tenant.realm != like.tenant.realm):
        raise InvalidInput(
            FieldProblem("regency", f"Tidak ada regency '{slug}'", f"There is no regency '{slug}'")
        )
    return entry
