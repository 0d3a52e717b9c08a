"""Crews: browsers that take push messages. Everything else that a crew does goes over its socket."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.crews import PushAddress
from dispatch.api.signed_in import Cause, Driver, TheCentre
from dispatch.notify.choice import push_sender
from dispatch.services.push_phones import PushRegistered, forget_push, register_push

router = api_routes("/crew/push", tag="crews")


@dataclass(frozen=True, slots=True)
class PushKey:
    """The key that a browser names when it subscribes (`applicationServerKey`), base64url."""

    key: str


@router.get("", summary="Kunci pesan push / key of push messages", responses=refuses())
async def push_key(_: Driver, centre: TheCentre) -> PushKey:
    """Return the public key of this deployment's push messages."""
    return PushKey(push_sender(centre.settings).public_key)


@router.put("", summary="Daftarkan peramban / register a browser", responses=refuses())
async def register_browser(body: PushAddress, who: Driver, centre: TheCentre, cause: Cause) -> PushRegistered:
    """Have runs announced to this browser by push, too, for as long as its session holds."""
    return await register_push(centre, who, body.subscription(), cause=cause)


@router.delete("", status_code=204, summary="Hapus peramban / forget a browser", responses=refuses())
async def forget_browser(who: Driver, centre: TheCentre, cause: Cause) -> None:
    """Send no more push messages to the browser of this session."""
    await forget_push(centre, who, cause=cause)
