"""Times that were kept on paper for a case the system knows: missing ones are added, none is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import FINAL_STATES, PROGRESS, STAMP_OF, AssignmentState, NoTransport
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.errors import Conflict, FieldProblem, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.paper import PaperEnd, check_times, run_path
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import ASSIGNMENT_STAMPS, INCIDENT_STAMPS, Stamp, StampSource
from dispatch.domain.words import words
from dispatch.services import legs
from dispatch.services.centre import Centre
from dispatch.services.crew_notices import answered_by, end_notices
from dispatch.services.deadlines import tracking_of, watch_leg, watch_run
from dispatch.services.paper_form import ON_LEG
from dispatch.services.stamping import Moment, stamp
from dispatch.services.step_run import Step, move
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp as StampRow
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

S = AssignmentState


@dataclass(frozen=True, slots=True)
class LateStamps:
    """What paper says of one run, or of the case itself (`assignment_id` None).

    The other fields are needed as for steps: a destination when the run leaves with a patient, receiver and
    room when it hands one over, `end` (with a code for a run without transport) when it has ended.
    """

    assignment_id: UUID | None
    stamps: Mapping[Stamp, datetime] = field(default_factory=dict)
    end: PaperEnd | None = None
    code: NoTransport | None = None
    facility_id: UUID | None = None
    outside_name: str | None = None
    receiver: str | None = None
    room: str | None = None


@dataclass(frozen=True, slots=True)
class StampsAdded:
    """How many times were added, and where the run stands now. None added: they were all there before."""

    incident_id: UUID
    assignment_id: UUID | None
    state: AssignmentState | None
    added: int


async def add_paper_stamps(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, late: LateStamps, *, cause: str
) -> StampsAdded:
    """Add the times that are missing. Those that lead a running run further take it there, as steps do.

    The same times again are harmless.

    Raises:
        Conflict: a moment has another time already; correcting one is another matter.
        InvalidInput: times out of order or in the future, or a field that a step needs is missing.
        IllegalStep: the run cannot have gone there.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        if late.assignment_id is None:
            return await _of_case(tx, incident, late)
        run = await tx.get(Assignment, late.assignment_id, lock=True)
        if run.incident_id != incident.id:
            raise Conflict("Tugas ini milik kejadian lain", "This run belongs to another incident")
        return await _of_run(tx, incident, run, late)


async def _of_case(tx: Transaction, incident: Incident, late: LateStamps) -> StampsAdded:
    _only(late.stamps, INCIDENT_STAMPS)
    known = await _known(tx, incident.id, None)
    missing = _missing(tx, known, late.stamps)
    check_times({**known, **missing}, tx.now, tx.tenant.zone)
    for name, at in missing.items():
        await stamp(tx, name, Moment(at), StampSource.PAPER, incident_id=incident.id)
    if missing:
        await _tell(tx, incident, None, missing)
    return StampsAdded(incident.id, None, None, len(missing))


async def _of_run(tx: Transaction, incident: Incident, run: Assignment, late: LateStamps) -> StampsAdded:
    _only(late.stamps, ASSIGNMENT_STAMPS)
    known = await _known(tx, incident.id, run.id)
    missing = _missing(tx, known, late.stamps)
    check_times({**await _known(tx, incident.id, None), **known, **missing}, tx.now, tx.tenant.zone)
    onward = _onward(S(run.state), late, missing)
    ahead = {STAMP_OF[to] for to in onward}
    behind = {name: at for name, at in missing.items() if name not in ahead}
    await _behind(tx, incident, run, behind)
    for to in onward:
        await _take(tx, incident, run, late, to, missing.get(STAMP_OF[to]))
    return StampsAdded(incident.id, run.id, S(run.state), len(missing))


def _onward(
    now: AssignmentState, late: LateStamps, missing: Mapping[Stamp, datetime]
) -> list[AssignmentState]:
    """The states that paper takes a running run through from where it stands, unstamped ones included."""
    if now in FINAL_STATES:
        return []
    end = late.end
    if end is not None and STAMP_OF[S(end.value)] not in missing:
        raise InvalidInput(
            FieldProblem("stamps", "Isi jam tugas itu berakhir", "Give the time at which the run ended")
        )
    passed = {STAMP_OF[s] for s in PROGRESS[: PROGRESS.index(now) + 1]}
    path = run_path(passed | missing.keys(), end)
    return [s for s in path if s not in PROGRESS or PROGRESS.index(s) > PROGRESS.index(now)]


async def _behind(
    tx: Transaction, incident: Incident, run: Assignment, missing: Mapping[Stamp, datetime]
) -> None:
    """Stamps of what the run went past already."""
    if not missing:
        return
    ends = {Stamp.AVAILABLE, Stamp.STOOD_DOWN} & missing.keys()
    if ends and (run.released_at is None or STAMP_OF.get(S(run.state)) not in ends):
        raise _unfit(next(iter(ends)))
    for name, at in missing.items():
        leg = None
        if name in {STAMP_OF[s] for s in ON_LEG}:
            leg = await _last_leg(tx, run)
            if leg is None or (name is Stamp.HANDED_OVER and leg.state != "handed_over"):
                raise _unfit(name)
        await stamp(
            tx,
            name,
            Moment(at),
            StampSource.PAPER,
            incident_id=incident.id,
            assignment_id=run.id,
            leg_id=leg.id if leg else None,
        )
    await _tell(tx, incident, run, missing)


async def _take(
    tx: Transaction,
    incident: Incident,
    run: Assignment,
    late: LateStamps,
    to: AssignmentState,
    at: datetime | None,
) -> None:
    """Take the run one step further, at its time on paper; a step without a time leaves no stamp."""
    step = Step(
        to,
        facility_id=late.facility_id,
        outside_name=late.outside_name,
        receiver=late.receiver,
        room=late.room,
        code=late.code,
        source=StampSource.PAPER,
    )
    if to is S.HANDED_OVER and not ((late.receiver or "").strip() and (late.room or "").strip()):
        raise InvalidInput(
            FieldProblem(
                "receiver", "Isi nama penerima dan ruang", "Name who received the patient, and the room"
            )
        )
    if to is S.COMPLETED_WITHOUT_TRANSPORT and late.code is None:
        raise InvalidInput(
            FieldProblem("code", "Isi alasan pasien tidak dibawa", "Say why nobody was transported")
        )
    if to is S.STOOD_DOWN:
        run.stand_down_acknowledged_at = tx.now  # whoever wrote it down was told
    if at is not None:
        await move(tx, incident, run, step, Moment(at))
        if to is S.STOOD_DOWN:
            # nobody has been there: without another unit on the way the case waits for one
            await wait_for_unit(tx, incident, "unit stood down")
        return
    leg = await legs.leg_for_step(tx, incident, run, step, tx.now) if to in ON_LEG else None
    if run.state == S.OFFERED:
        run.acknowledged_at = tx.now
        await end_notices(tx, run, answered_by(tx.actor), NoticeKind.OFFER)
    run.state = to.value
    watch_run(tx, run, incident, await tracking_of(tx, run.unit_id))
    if leg is not None:
        await watch_leg(tx, leg)
    await tx.record(
        EventKind.PAPER_STAMPS_ADDED,
        run,
        incident_id=incident.id,
        data={"number": incident.number, "unit_id": str(run.unit_id), "to": to.value, "time_known": False},
    )


async def _tell(
    tx: Transaction, incident: Incident, run: Assignment | None, added: Mapping[Stamp, datetime]
) -> None:
    unit = await tx.get(Unit, run.unit_id) if run else None
    await tx.record(
        EventKind.PAPER_STAMPS_ADDED,
        run or incident,
        incident_id=incident.id,
        data={
            "number": incident.number,
            "unit_id": str(unit.id) if unit else None,
            "stamps": {name.value: at.isoformat() for name, at in sorted(added.items())},
        },
        occurred_at=min(added.values()),
    )


async def _known(tx: Transaction, incident_id: UUID, run_id: UUID | None) -> dict[Stamp, datetime]:
    """The times that exist; of several legs the last one's."""
    rows = await tx.session.execute(
        select(StampRow.name, StampRow.occurred_at)
        .where(
            StampRow.regency_id == tx.tenant.id,
            StampRow.incident_id == incident_id,
            StampRow.assignment_id == run_id if run_id else StampRow.assignment_id.is_(None),
        )
        .order_by(StampRow.occurred_at)
    )
    return {Stamp(row.name): row.occurred_at for row in rows}


def _missing(
    tx: Transaction, known: Mapping[Stamp, datetime], told: Mapping[Stamp, datetime]
) -> dict[Stamp, datetime]:
    zone = tx.tenant.zone
    for name, at in told.items():
        if name in known and _minute(known[name]) != _minute(at):
            what, was = words("stamp", name), f"{known[name].astimezone(zone):%d-%m %H:%M}"
            raise Conflict(
                f"{what.id} sudah tercatat {was}, bukan {at.astimezone(zone):%H:%M}; yang ada tidak ditimpa",
                f"{what.en} is recorded at {was}, not {at.astimezone(zone):%H:%M}; it is not overwritten",
                stamp=name.value,
            )
    return {name: at for name, at in told.items() if name not in known}


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _only(stamps: Mapping[Stamp, datetime], allowed: tuple[Stamp, ...]) -> None:
    for name in stamps:
        if name not in allowed:
            raise _unfit(name)


def _unfit(name: Stamp) -> InvalidInput:
    what = words("stamp", name)
    return InvalidInput(
        FieldProblem(
            f"stamps.{name}",
            f"Jam '{what.id}' tidak sesuai dengan jalannya tugas ini",
            f"The time '{what.en}' does not fit how this run went",
        )
    )


async def _last_leg(tx: Transaction, run: Assignment) -> Leg | None:
    query = select(Leg).where(Leg.regency_id == tx.tenant.id, Leg.assignment_id == run.id)
    return (await tx.session.execute(query.order_by(Leg.position.desc()).limit(1))).scalar_one_or_none()
