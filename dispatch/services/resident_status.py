"""What a resident sees of a call: its progress in words, the ambulance, and the minutes left."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from sqlalchemy import select

import routing
from dispatch.domain.assignment import AssignmentState
from dispatch.domain.call import CallState
from dispatch.domain.errors import Unavailable
from dispatch.domain.roles import Actor, ActorKind
from dispatch.domain.unit import PositionQuality
from dispatch.services.board import IncidentRow, RunView, incident_rows
from dispatch.services.centre import Centre
from dispatch.services.deadlines import reached_since
from dispatch.services.live_roads import roads_now
from dispatch.services.locate_call import own_call
from dispatch.services.placing import Point, point_of
from dispatch.services.rank_units import access_kmh
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import one_unit
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident

S = AssignmentState
_TO_SCENE = frozenset({S.OFFERED, S.ACCEPTED, S.EN_ROUTE, S.STAGED})

_WORDS: dict[str, tuple[str, str]] = {
    "received": (
        "Panggilan diterima. Operator segera menelepon Anda.",
        "Received. The operator will call you.",
    ),
    "taken": ("Operator menangani panggilan Anda.", "An operator is handling your call."),
    "disposed": ("Panggilan ditutup oleh operator.", "The operator closed the call."),
    "cancelled": ("Panggilan dibatalkan.", "The call was cancelled."),
    "searching": ("Operator mencarikan ambulans.", "The operator is finding an ambulance."),
    "waiting": ("Semua ambulans sedang bertugas; Anda berikutnya.", "All ambulances are busy; you are next."),
    "sent": ("Ambulans ditugaskan.", "An ambulance is assigned."),
    "coming": ("Ambulans sedang menuju lokasi.", "The ambulance is on its way."),
    "arrived": ("Ambulans sudah tiba.", "The ambulance has arrived."),
    "transport": ("Pasien sedang dibawa ke faskes.", "The patient is on the way to the facility."),
    "handed_over": ("Pasien sudah di ruang perawatan.", "The patient is in the treatment room."),
    "ended": ("Penanganan selesai.", "The case has ended."),
}


@dataclass(frozen=True, slots=True)
class AmbulanceView:
    """The ambulance on its way. `eta_s` is null when no minutes can honestly be given."""

    call_sign: str
    state: AssignmentState
    lon: float
    lat: float
    position_quality: PositionQuality
    fix_age_s: float | None
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class CallStatus:
    """The state of a resident's call. `progress` is a stable code; the words are for people."""

    call_id: UUID
    state: CallState
    progress: str
    words_id: str
    words_en: str
    received_at: datetime
    incident_number: str | None
    place: Point | None
    village: str | None
    outside: bool
    cancel_asked: bool
    speed_factor: float | None
    ambulances: list[AmbulanceView]
    destination: str | None
    emergency_number: str = "119"


async def call_status(centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID) -> CallStatus:
    """Return the status of one call.

    Raises:
        Forbidden: a resident asks for somebody else's call.
    """
    async with centre.read(entry.tenant) as tx:
        call = await tx.get(Call, call_id)
        own_call(actor, call)
        asked = call.cancel_asked_at
        asks = asked is not None and not await reached_since(tx, call.id, asked)
        rows = await incident_rows(tx, Incident.id == call.incident_id) if call.incident_id else []
        incident = rows[0] if rows else None
        runs = [r for r in incident.runs if r.released_at is None] if incident else []
        units = []
        for run in runs:
            row = await one_unit(tx.session, entry.tenant.id, tx.now, run.unit_id)
            if row is not None:
                units.append((run, view_unit(row, tx.now)))
    place = (incident.place if incident else None) or point_of(call.place)
    ambulances = [await _ambulance(centre, entry, run, unit, place) for run, unit in units]
    progress = _progress(call, incident)
    legs = [leg for run in runs for leg in run.legs]
    return CallStatus(
        call_id=call.id,
        state=CallState(call.state),
        progress=progress,
        words_id=_WORDS[progress][0],
        words_en=_WORDS[progress][1],
        received_at=call.received_at,
        incident_number=incident.number if incident else None,
        place=place,
        village=incident.village if incident else None,
        outside=call.outside,
        cancel_asked=asks,
        speed_factor=call.speed_factor,
        ambulances=ambulances,
        destination=legs[-1].facility if legs else None,
    )


async def own_calls(centre: Centre, entry: TenantEntry, actor: Actor) -> list[CallStatus]:
    """Return the resident's last twenty calls to this tenant, newest first."""
    if actor.kind is not ActorKind.RESIDENT:
        return []
    async with centre.read(entry.tenant) as tx:
        ids = (
            await tx.session.execute(
                select(Call.id)
                .where(Call.regency_id == entry.tenant.id, Call.resident_id == actor.id)
                .order_by(Call.received_at.desc())
                .limit(20)
            )
        ).scalars()
        found = list(ids)
    return [await call_status(centre, entry, actor, call_id) for call_id in found]


def _progress(call: Call, incident: IncidentRow | None) -> str:
    if incident is None:
        if call.state == CallState.DISPOSED:
            return "cancelled" if call.disposal == "cancelled_by_caller" else "disposed"
        return "taken" if call.state == CallState.TAKEN else "received"
    if incident.state == "cancelled":
        return "cancelled"
    states = {run.state for run in incident.runs}
    if incident.state in ("closed", "forwarded", "merged"):
        return "ended"
    for progress, reached in (
        ("handed_over", {S.HANDED_OVER, S.CLEARED}),
        ("transport", {S.LEFT_SCENE, S.AT_FACILITY}),
        ("arrived", {S.ON_SCENE, S.AT_PATIENT}),
        ("coming", {S.EN_ROUTE, S.STAGED}),
        ("sent", {S.OFFERED, S.ACCEPTED}),
    ):
        if states & reached:
            return progress
    if S.COMPLETED_WITHOUT_TRANSPORT in states:
        return "ended"
    return "waiting" if incident.waiting_since else "searching"


async def _ambulance(
    centre: Centre, entry: TenantEntry, run: RunView, unit: UnitView, place: Point | None
) -> AmbulanceView:
    eta = None
    if run.state in _TO_SCENE and place is not None and unit.position_quality is PositionQuality.LIVE:
        origins = np.array([unit.sets_off], dtype=np.float64)
        goal = (place.lon, place.lat)
        try:
            network, at = await roads_now(centre, entry)
            travel = await asyncio.to_thread(
                network.to_one, origins, goal, at=at, access_kmh=access_kmh(entry)
            )
        except (Unavailable, routing.BadPoint):
            # no roads to ask, or so far from all of them: without minutes the ambulance comes all the same
            travel = []
        eta = travel[0].total_s if travel and travel[0].reachable else None
    return AmbulanceView(
        unit.call_sign, run.state, unit.lon, unit.lat, unit.position_quality, unit.fix_age_s, eta
    )
