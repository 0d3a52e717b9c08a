"""Operators: the board, the units, the event log, and calls until they are incidents."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from dispatch.api.compressed import accepts
from dispatch.api.problems import fields_named
from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.operators import (
    CallDisposal,
    CallReopening,
    EnteredCall,
    LinkedIncident,
    NewCallback,
    NewUnavailability,
    Verdict,
)
from dispatch.api.schemas.residents import CallPlace
from dispatch.api.schemas.results import CallbackRecorded, CallLinked, CallNow
from dispatch.api.schemas.values import Code, Lat, Line, Lon
from dispatch.api.shared_board import SharedBoard
from dispatch.api.signed_in import Cause, Operator, TheCentre
from dispatch.domain.errors import Conflict, ContentDiffers, IllegalStep, NotFound
from dispatch.domain.triage import Triage
from dispatch.services.board import Board
from dispatch.services.case_file import CallFile, read_call
from dispatch.services.feed import EventView, events_after
from dispatch.services.find_places import MOST, find_places
from dispatch.services.handle_call import dispose_call, record_callback, reopen_call, take_call
from dispatch.services.locate_call import locate_call
from dispatch.services.open_incident import IncidentOpened, link_call, open_incident
from dispatch.services.place_names import PlaceFound
from dispatch.services.placing import Placement, checked_point
from dispatch.services.rank_units import UnitRanking, rank_for_place
from dispatch.services.readiness import make_available, make_unavailable
from dispatch.services.request_help import CallReceipt, request_help
from dispatch.services.unit_state import UnitView, list_units

router = api_routes("/operator", tag="operators")

Reason = Annotated[
    Line, Query(description="Alasan melihat data pribadi, dicatat / why personal data is looked at, logged")
]
HANDLING = "handling"
_MAX_SEQ = 2**63 - 1


@router.get("/board", summary="Papan operator / board", response_model=Board, responses=refuses())
async def board(request: Request, who: Operator) -> Response:
    """Return every open call and incident and every unit at one moment; `seq` is the last event in it."""
    shared: SharedBoard = request.app.state.boards
    written = await shared.of(who.entry)
    body, headers = written.plain, {"Vary": "Accept-Encoding"}
    if accepts(request.headers.get("accept-encoding", ""), "gzip"):
        body, headers["Content-Encoding"] = written.packed, "gzip"
    return Response(body, headers=headers, media_type="application/json")


@router.get("/units", summary="Semua unit / all units", responses=refuses())
async def units(who: Operator, centre: TheCentre) -> list[UnitView]:
    """Return all units with their derived status and place."""
    return await list_units(centre, who.entry)


@router.get("/events", summary="Catatan peristiwa / event log", responses=refuses())
async def events(
    who: Operator,
    centre: TheCentre,
    after: Annotated[int, Query(ge=0, le=_MAX_SEQ, description="Nomor urut terakhir yang dimiliki")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> list[EventView]:
    """Return the events that follow sequence number `after`, in order, without personal data."""
    return await events_after(centre, who.entry, after, limit)


@router.get("/candidates", summary="Unit terdekat ke suatu titik / units for a place", responses=refuses())
async def candidates_for_place(
    who: Operator,
    centre: TheCentre,
    lon: Annotated[Lon, Query()],
    lat: Annotated[Lat, Query()],
    triage: Triage | None = None,
    needs: Annotated[list[Code] | None, Query(max_length=20)] = None,
) -> UnitRanking:
    """Rank all units for any place by road time, before there is an incident."""
    place = checked_point(lon, lat, "lon,lat")
    with fields_named({"place": "lon,lat"}):
        return await rank_for_place(centre, who.entry, place, triage, frozenset(needs or ()))


@router.get("/places", summary="Cari desa atau faskes / places by name", responses=refuses())
async def places_by_name(
    who: Operator,
    centre: TheCentre,
    name: Annotated[
        Line, Query(description="Nama atau awalnya, boleh dengan kecamatan", examples=["ciwareng"])
    ],
    limit: Annotated[int, Query(ge=1, le=MOST)] = 8,
) -> list[PlaceFound]:
    """Return villages and facilities by name, best first. Misspellings are forgiven.

    A village is its middle; `accuracy_m` says how far its farthest edge is.
    """
    return await find_places(centre, who.entry, name, limit)


@router.post(
    "/units/{unit_id}/unavailability",
    status_code=204,
    summary="Unit tidak siap / out of service",
    responses=refuses(NotFound, Conflict),
)
async def take_unit_out(
    unit_id: UUID, body: NewUnavailability, who: Operator, centre: TheCentre, cause: Cause
) -> None:
    """Take a unit out of service; a run in progress goes on."""
    await make_unavailable(
        centre, who.entry, who.actor, unit_id, body.reason, body.note, body.expected_until, cause=cause
    )


@router.delete(
    "/units/{unit_id}/unavailability",
    status_code=204,
    summary="Unit siap lagi / back in service",
    responses=refuses(NotFound),
)
async def put_unit_back(unit_id: UUID, who: Operator, centre: TheCentre, cause: Cause) -> None:
    """Put a unit back into service, and ring for whoever waits for one. Twice is harmless."""
    await make_available(centre, who.entry, who.actor, unit_id, cause=cause)


@router.post(
    "/calls",
    status_code=201,
    summary="Catat panggilan / enter a call",
    responses=refuses(ContentDiffers)
    | {200: {"model": CallReceipt, "description": "Sudah tersimpan sebelumnya / stored before (`repeated`)"}},
)
async def enter_call(
    body: EnteredCall, who: Operator, centre: TheCentre, cause: Cause, response: Response
) -> CallReceipt:
    """Enter a call of somebody without an account, who phoned, wrote, or stands at the door."""
    receipt = await request_help(centre, who.entry, who.actor, body.request(), cause=cause)
    response.status_code = 200 if receipt.repeated else 201
    return receipt


@router.get("/calls/{call_id}", summary="Berkas panggilan / call file", responses=refuses(NotFound))
async def call_file(
    call_id: UUID, who: Operator, centre: TheCentre, cause: Cause, reason: Reason = HANDLING
) -> CallFile:
    """Return one call with its caller; who looked and why is logged."""
    return await read_call(centre, who.entry, who.actor, call_id, reason, cause=cause)


@router.post(
    "/calls/{call_id}/take",
    summary="Ambil panggilan / take a call",
    responses=refuses(NotFound, Conflict, IllegalStep),
)
async def take(call_id: UUID, who: Operator, centre: TheCentre, cause: Cause) -> CallNow:
    """Take a ringing call; when a colleague was first, the refusal names them."""
    return CallNow(call_id, await take_call(centre, who.entry, who.actor, call_id, cause=cause))


@router.post(
    "/calls/{call_id}/callbacks",
    status_code=201,
    summary="Catat telepon balik / record a call-back",
    responses=refuses(NotFound, ContentDiffers),
)
async def call_back(
    call_id: UUID, body: NewCallback, who: Operator, centre: TheCentre, cause: Cause
) -> CallbackRecorded:
    """Write down one attempt to call back. No outcome closes a case by itself."""
    made = await record_callback(
        centre, who.entry, who.actor, call_id, body.outcome, body.note, cause=cause, callback_id=body.id
    )
    return CallbackRecorded(made, call_id)


@router.post(
    "/calls/{call_id}/disposal",
    summary="Tutup panggilan / dispose of a call",
    responses=refuses(NotFound, IllegalStep, ContentDiffers),
)
async def dispose(
    call_id: UUID, body: CallDisposal, who: Operator, centre: TheCentre, cause: Cause
) -> CallNow:
    """End a call that needs no help, with a coded reason."""
    state = await dispose_call(
        centre, who.entry, who.actor, call_id, body.disposal, cause=cause, command_id=body.id
    )
    return CallNow(call_id, state)


@router.post(
    "/calls/{call_id}/reopening",
    summary="Buka lagi / take up again",
    responses=refuses(NotFound, IllegalStep, ContentDiffers),
)
async def reopen(
    call_id: UUID, who: Operator, centre: TheCentre, cause: Cause, body: CallReopening | None = None
) -> CallNow:
    """Take up a disposed call again: it was a mistake, or the caller is back."""
    state = await reopen_call(
        centre, who.entry, who.actor, call_id, cause=cause, command_id=body.id if body else None
    )
    return CallNow(call_id, state)


@router.put("/calls/{call_id}/place", summary="Tentukan lokasi / locate a call", responses=refuses(NotFound))
async def locate(call_id: UUID, body: CallPlace, who: Operator, centre: TheCentre, cause: Cause) -> Placement:
    """Set or correct the place of a call, as the caller describes it."""
    return await locate_call(
        centre, who.entry, who.actor, call_id, body.point(), body.accuracy_m, cause=cause
    )


@router.post(
    "/calls/{call_id}/incident",
    status_code=201,
    summary="Buat kejadian / open the incident",
    responses=refuses(NotFound, IllegalStep),
)
async def open_from_call(
    call_id: UUID, body: Verdict, who: Operator, centre: TheCentre, cause: Cause
) -> IncidentOpened:
    """Make the call's incident, with the verdict (a triage colour) or before it (`confirmed` false)."""
    return await open_incident(centre, who.entry, who.actor, call_id, body.judgement(), cause=cause)


@router.post(
    "/calls/{call_id}/link",
    summary="Gabungkan ke kejadian / link to an incident",
    responses=refuses(NotFound, IllegalStep),
)
async def link(
    call_id: UUID, body: LinkedIncident, who: Operator, centre: TheCentre, cause: Cause
) -> CallLinked:
    """Link a further call about the same event to its incident."""
    linked = await link_call(centre, who.entry, who.actor, call_id, body.incident_id, cause=cause)
    return CallLinked(call_id, linked)
