"""What a driver's phone shows: the unit, the run in progress, where to go, and the legal moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dispatch.domain.assignment import AssignmentState, crew_moves
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import NotSignedIn
from dispatch.domain.roles import Actor
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.board import LegView, legs_of_runs
from dispatch.services.centre import Centre
from dispatch.services.crew import Aboard
from dispatch.services.notice_views import CrewSlip
from dispatch.services.placing import Point
from dispatch.services.step_proposals import ProposalView, open_proposals
from dispatch.services.tenants import TenantEntry
from dispatch.services.views_log import log_view
from dispatch.storage.queries.crews import CrewScene, RunRow, crew_scenes, open_runs
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class RunSheet:
    """The run a crew is on. `moves` are the steps the page may offer; nothing else is legal.

    `proposals` are steps that its positions speak for and that await the crew's word.
    """

    assignment_id: UUID
    incident_id: UUID
    incident_number: str
    state: AssignmentState
    moves: list[AssignmentState]
    offered_at: datetime
    triage: str | None
    place: Point | None
    place_accuracy_m: float | None
    village: str | None
    district: str | None
    place_note: str | None
    caller_name: str | None
    caller_phone: str | None
    patients: int
    predicted_s: float | None
    legs: list[LegView]
    speed_factor: float | None
    proposals: list[ProposalView]


@dataclass(frozen=True, slots=True)
class OutOfService:
    """Why the crew's unit cannot be sent, since when, and until when as far as known."""

    reason: UnavailabilityReason
    note: str | None
    since: datetime
    expected_until: datetime | None


@dataclass(frozen=True, slots=True)
class DriverDesk:
    """The driver's whole screen. `seq` is the last event it contains."""

    seq: int
    at: datetime
    training: bool
    aboard: Aboard | None
    run: RunSheet | None
    stood_down: list[UUID]
    unavailable: OutOfService | None
    notices: list[CrewSlip]


async def read_desk(centre: Centre, entry: TenantEntry, actor: Actor) -> DriverDesk:
    """Return the desk of the signed-in driver; opening an offer's contact data is logged as a view."""
    return (await read_desks(centre, entry, [actor]))[0]


async def read_desks(centre: Centre, entry: TenantEntry, actors: Sequence[Actor]) -> list[DriverDesk]:
    """Return the desks of drivers of one tenant, in their order, each as of one event at least.

    Crews that are on no run need one statement, however many they are.
    """
    async with centre.read(entry.tenant) as tx:
        drivers = [_driver(actor) for actor in actors]
        scenes = await crew_scenes(tx.session, tx.tenant.id, drivers, tx.now)
        sheets = await _sheets(tx, [scene.run_id for scene in scenes.values() if scene.run_id is not None])
        desks = []
        for actor in actors:
            scene = scenes[_driver(actor)]
            shown = sheets.get(scene.run_id) if scene.run_id is not None else None
            if shown is not None:
                await _log_contact(tx, actor, shown[0])
            desks.append(_desk(tx, scene, shown[1] if shown is not None else None))
        return desks


def _driver(actor: Actor) -> UUID:
    if actor.id is None:
        raise NotSignedIn
    return actor.id


def _desk(tx: Transaction, scene: CrewScene, sheet: RunSheet | None) -> DriverDesk:
    berth, out = scene.berth, scene.outage
    return DriverDesk(
        seq=scene.seq,
        at=tx.now,
        training=tx.tenant.training,
        aboard=Aboard(*berth) if berth is not None else None,
        run=sheet,
        stood_down=list(scene.stood_down),
        unavailable=OutOfService(UnavailabilityReason(out.reason), *out[1:]) if out is not None else None,
        notices=[CrewSlip(slip.id, NoticeKind(slip.kind), *slip[2:]) for slip in scene.slips],
    )


async def _sheets(tx: Transaction, run_ids: Sequence[UUID]) -> dict[UUID, tuple[RunRow, RunSheet]]:
    """Return what the crews on these runs see, by run. Most runs have neither legs nor proposals yet."""
    if not run_ids:
        return {}
    rows = await open_runs(tx.session, tx.tenant.id, run_ids)
    carrying = [row.id for row in rows if row.has_legs]
    legs = await legs_of_runs(tx, carrying) if carrying else {}
    proposed = {row.incident_id for row in rows if row.has_proposals}
    stands = {row.id: (AssignmentState(row.state), row.stamped_at) for row in rows}
    proposals = await open_proposals(tx, proposed, stands) if proposed else {}
    return {row.id: (row, _sheet(tx, row, legs.get(row.id, []), proposals.get(row.id, []))) for row in rows}


def _sheet(tx: Transaction, row: RunRow, legs: list[LegView], proposals: list[ProposalView]) -> RunSheet:
    note = row.place_note_sealed
    key = tx.vault.unwrap(row.key_id, row.wrapped) if note and row.wrapped else None
    state = AssignmentState(row.state)
    name, phone = _contact(tx, row)
    return RunSheet(
        assignment_id=row.id,
        incident_id=row.incident_id,
        incident_number=row.number,
        state=state,
        moves=list(crew_moves(state)),
        offered_at=row.created_at,
        triage=row.triage,
        place=Point(row.lon, row.lat) if row.lon is not None and row.lat is not None else None,
        place_accuracy_m=row.place_accuracy_m,
        village=row.village,
        district=row.district,
        place_note=key.open(note, "incident.place_note") if key and note else None,
        caller_name=name,
        caller_phone=phone,
        patients=row.patients,
        predicted_s=row.predicted_s,
        legs=legs,
        speed_factor=row.speed_factor,
        proposals=proposals,
    )


def _contact(tx: Transaction, row: RunRow) -> tuple[str | None, str | None]:
    if row.caller_key_id is None or row.caller_wrapped is None:
        return None, None
    key = tx.vault.unwrap(row.caller_key_id, row.caller_wrapped)
    if row.resident_id is not None:
        name, phone, table = row.name_sealed, row.phone_sealed, "resident."
    else:
        name, phone, table = row.caller_name_sealed, row.caller_phone_sealed, "call.caller_"
    return (
        key.open(name, f"{table}name") if name else None,
        key.open(phone, f"{table}phone") if phone else None,
    )


async def _log_contact(tx: Transaction, actor: Actor, row: RunRow) -> None:
    if row.call_id is not None:
        fields = ["name", "phone"]
        await log_view(tx, actor, "call", row.call_id, row.caller_key_id, fields, "crew on the run")
