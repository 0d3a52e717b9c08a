"""Trackers: where devices tell their places in the OsmAnd and Traccar form, and who may."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.trackers import NewTrackerForm
from dispatch.api.signed_in import Address, Admin, Cause, TheCentre
from dispatch.api.throttle import Throttle, refuse_too_many
from dispatch.domain.errors import Conflict, Forbidden, NotFound, TooManyRequests
from dispatch.live.tracker_form import read_report
from dispatch.live.tracker_intake import TrackerIntake
from dispatch.services.trackers import (
    NewTracker,
    TrackerView,
    find_tracker,
    identifier_hash,
    list_trackers,
    register_tracker,
    revoke_tracker,
)

router = api_routes(tag="trackers")
_MOST_KNOWN = 20_000
_FORM = (
    "`id`, `lat`, `lon`, `timestamp` (s, ms, ISO), `speed` (knot), `bearing`/`heading`, `accuracy`, `hdop`, "
    "`batt`, atau JSON `device_id` dan `location` / or JSON `device_id` and `location`."
)


class TrackerThrottle:
    """Slows down who guesses identifiers. A tracker let in from an address is never held up there."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._wrong = Throttle(20, 300.0)
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def enter(self, address: str, hashed: bytes) -> None:
        """Count an attempt.

        Raises:
            TooManyRequests: too many unknown identifiers came from this address.
        """
        if (address, hashed) in self._known:
            return
        refuse_too_many(self._wrong.wait_s(address))
        self._wrong.mark(address)

    def succeed(self, address: str, hashed: bytes) -> None:
        """Take the attempt back."""
        if (address, hashed) not in self._known:
            self._wrong.unmark(address)
        self._known[address, hashed] = None
        self._known.move_to_end((address, hashed))
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class RefusedFix:
    """A fix that is not kept and must not be sent again, and why."""

    seq: int
    reason_id: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class TrackerAnswer:
    """How many fixes are committed."""

    saved: int
    refused: list[RefusedFix]


async def the_throttle(request: Request) -> TrackerThrottle:
    """Return this process's count of wrong identifiers."""
    throttle = request.app.state.trackers
    assert isinstance(throttle, TrackerThrottle)
    return throttle


async def the_intake(request: Request) -> TrackerIntake:
    """Return the way of trackers' fixes."""
    intake = request.app.state.live.trackers
    assert isinstance(intake, TrackerIntake)
    return intake


TheThrottle = Annotated[TrackerThrottle, Depends(the_throttle)]
TheIntake = Annotated[TrackerIntake, Depends(the_intake)]


async def _report(
    request: Request,
    response: Response,
    centre: TheCentre,
    address: Address,
    throttle: TheThrottle,
    intake: TheIntake,
) -> TrackerAnswer:
    """Store a tracker's fixes. 200 says that they are committed; 202 that none can ever be kept."""
    report = read_report(request.url.query, await request.body(), centre.clock())
    hashed = identifier_hash(centre.vault, report.identifier)
    throttle.enter(address, hashed)
    try:
        tracker = await find_tracker(centre, report.identifier)
    except NotFound:
        raise Forbidden("Pelacak tidak terdaftar", "The tracker is not registered") from None
    throttle.succeed(address, hashed)
    refused = await intake.take(tracker, report.fixes)
    saved = len(report.fixes) - len(refused)
    if saved == 0:
        response.status_code = 202
    return TrackerAnswer(saved, [RefusedFix(*fix) for fix in refused])


for _method in ("GET", "POST"):
    router.add_api_route(
        "/tracker", _report, methods=[_method], name=f"tracker_{_method.lower()}", description=_FORM,
        summary="Posisi pelacak / a tracker's place", responses=refuses(Forbidden, TooManyRequests),
    )  # fmt: skip


@router.get("/operator/trackers", summary="Daftar pelacak / trackers", responses=refuses())
async def trackers(who: Admin, centre: TheCentre) -> list[TrackerView]:
    """Return all trackers; identifiers are not among what is kept of them."""
    return await list_trackers(centre, who.entry)


@router.post("/operator/units/{unit_id}/trackers", status_code=201, summary="Daftarkan / register",
             responses=refuses(NotFound, Conflict))  # fmt: skip
async def new_tracker(
    unit_id: UUID, body: NewTrackerForm, who: Admin, centre: TheCentre, cause: Cause
) -> NewTracker:
    """Register a tracker to a unit. The identifier is answered this once."""
    return await register_tracker(
        centre, who.entry, who.actor, unit_id, body.name, body.identifier, cause=cause
    )


@router.delete("/operator/trackers/{tracker_id}", summary="Cabut / revoke", responses=refuses(NotFound))
async def revoked_tracker(tracker_id: UUID, who: Admin, centre: TheCentre, cause: Cause) -> TrackerView:
    """Refuse a tracker's fixes from now on. Twice is harmless."""
    return await revoke_tracker(centre, who.entry, who.actor, tracker_id, cause=cause)
