"""The desk of a receiving facility: who is coming and when, its answer, its countersignature, its status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.errors import Conflict, FieldProblem, Forbidden, IllegalStep, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.roles import ActorKind, Role
from dispatch.services.centre import Centre
from dispatch.services.deadlines import watch_leg, watch_legs_to
from dispatch.services.find_facilities import EmsStatus
from dispatch.services.sessions import SignedIn
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.facility import Facility
from dispatch.storage.transaction import Transaction

MOST_BEDS = 5000
_LONGEST_BED = 100
_OPEN = frozenset({"planned", "transporting", "at_facility"})


class Answer(StrEnum):
    """What a facility said to a run on its way."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class RefusalReason(StrEnum):
    """Why a facility cannot take a patient. A code: free words would end up in the log."""

    NO_BED = "no_bed"
    NO_STAFF = "no_staff"
    NO_EQUIPMENT = "no_equipment"
    CLOSED = "closed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """A leg as its facility left it. `repeated` is true when it stood like that before."""

    leg_id: UUID
    state: str
    answer: Answer | None
    reason: RefusalReason | None
    bed: str | None
    answered_at: datetime | None
    countersigned_at: datetime | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class FacilityStatus:
    """A facility's status and free beds, as the crews and operators see them."""

    facility_id: UUID
    code: str
    name: str
    ems_status: EmsStatus
    beds: int | None


def require_desk(who: SignedIn, facility_id: UUID | None) -> None:
    """Let in operators, and the users of this very facility.

    Raises:
        Forbidden: anybody else.
    """
    if who.actor.kind is ActorKind.STAFF:
        if who.actor.role is Role.OPERATOR:
            return
        if who.actor.role is Role.FACILITY and facility_id is not None and who.facility_id == facility_id:
            return
    raise Forbidden(
        "Hanya petugas faskes tujuan dan operator yang dapat melakukan ini",
        "Only users of the receiving facility and operators may do this",
    )


async def accept_run(
    centre: Centre, who: SignedIn, leg_id: UUID, bed: str | None, *, cause: str
) -> LegAnswer:
    """Say that the facility takes the run's patients, and name a bed when there is one.

    The same answer again is harmless; another bed, or yes after no, replaces the answer.

    Raises:
        IllegalStep: the leg has ended. Forbidden: see `require_desk`. InvalidInput: the bed's name is long.
    """
    name = (bed or "").strip() or None
    if name is not None and len(name) > _LONGEST_BED:
        raise InvalidInput(
            FieldProblem(
                "bed",
                f"Nama tempat tidur lebih dari {_LONGEST_BED} huruf",
                f"The bed's name is longer than {_LONGEST_BED} characters",
            )
        )
    return await _answer(centre, who, leg_id, Answer.ACCEPTED, None, name, cause)


async def refuse_run(
    centre: Centre, who: SignedIn, leg_id: UUID, reason: RefusalReason, *, cause: str
) -> LegAnswer:
    """Say that the facility cannot take the run's patients. The run goes on: the operator diverts it, or not.

    Raises:
        IllegalStep: the leg has ended. Forbidden: see `require_desk`.
    """
    return await _answer(centre, who, leg_id, Answer.REFUSED, reason, None, cause)


async def _answer(
    centre: Centre,
    who: SignedIn,
    leg_id: UUID,
    answer: Answer,
    reason: RefusalReason | None,
    bed: str | None,
    cause: str,
) -> LegAnswer:
    async with centre.begin(who.entry.tenant, who.actor, cause) as tx:
        leg, run = await _leg(tx, who, leg_id)
        if leg.state not in _OPEN:
            step = "accept" if answer is Answer.ACCEPTED else "refuse"
            raise IllegalStep("leg", leg.state, step, _moves(leg.state))
        if run.released_at is not None:
            raise Conflict("Penugasan ini sudah berakhir", "This run has ended", state=run.state)
        if (leg.answer, leg.answer_reason, leg.bed) == (answer, reason, bed):
            return _view(leg, repeated=True)
        leg.answer = answer.value
        leg.answer_reason = reason.value if reason else None
        leg.bed = bed
        leg.answered_at = tx.now
        await watch_leg(tx, leg)
        await tx.record(
            EventKind.FACILITY_ACCEPTED if answer is Answer.ACCEPTED else EventKind.FACILITY_REFUSED,
            leg,
            incident_id=run.incident_id,
            data={
                "assignment_id": str(run.id),
                "unit_id": str(run.unit_id),
                "facility_id": str(leg.facility_id),
                "bed": leg.bed,
                "reason": leg.answer_reason,
            },
        )
        return _view(leg, repeated=False)


async def countersign(centre: Centre, who: SignedIn, leg_id: UUID, *, cause: str) -> LegAnswer:
    """Confirm for the facility that the patients were handed over. Twice is harmless: the first one counts.

    Raises:
        IllegalStep: the crew has not handed over yet. Forbidden: see `require_desk`.
    """
    async with centre.begin(who.entry.tenant, who.actor, cause) as tx:
        leg, run = await _leg(tx, who, leg_id)
        if leg.state != AssignmentState.HANDED_OVER:
            raise IllegalStep("leg", leg.state, "countersign", _moves(leg.state))
        if leg.countersigned_at is not None:
            return _view(leg, repeated=True)
        leg.countersigned_at = tx.now
        leg.countersigned_by = who.id
        await watch_leg(tx, leg)
        await tx.record(
            EventKind.HANDOVER_COUNTERSIGNED,
            leg,
            incident_id=run.incident_id,
            data={
                "assignment_id": str(run.id),
                "unit_id": str(run.unit_id),
                "facility_id": str(leg.facility_id),
                "by": str(who.id),
            },
        )
        return _view(leg, repeated=False)


async def set_facility_status(
    centre: Centre, who: SignedIn, facility_id: UUID, status: EmsStatus, beds: int | None, *, cause: str
) -> FacilityStatus:
    """Set whether the facility takes ambulances; `beds` are the free ones, None leaves the number as it is.

    Runs that are on their way to one that closes are told to the operators until they go elsewhere.

    Raises:
        InvalidInput: a number of beds that cannot be. NotFound. Forbidden: see `require_desk`.
    """
    require_desk(who, facility_id)
    if beds is not None and not 0 <= beds <= MOST_BEDS:
        raise InvalidInput(
            FieldProblem(
                "beds",
                f"Jumlah tempat tidur {beds} di luar 0..{MOST_BEDS}",
                f"{beds} beds is outside 0..{MOST_BEDS}",
            )
        )
    async with centre.begin(who.entry.tenant, who.actor, cause) as tx:
        facility = await tx.get(Facility, facility_id, lock=True)
        was = (facility.ems_status, facility.beds)
        facility.ems_status = status.value
        facility.beds = facility.beds if beds is None else beds
        if EmsStatus.CLOSED in (facility.ems_status, was[0]) and facility.ems_status != was[0]:
            await tx.session.flush()
            await watch_legs_to(tx, facility)
        if (facility.ems_status, facility.beds) != was:
            await tx.record(
                EventKind.FACILITY_STATUS_CHANGED,
                facility,
                data={
                    "code": facility.code,
                    "ems_status": facility.ems_status,
                    "was": was[0],
                    "beds": facility.beds,
                },
            )
        return FacilityStatus(facility.id, facility.code, facility.name, status, facility.beds)


async def _leg(tx: Transaction, who: SignedIn, leg_id: UUID) -> tuple[Leg, Assignment]:
    leg = await tx.get(Leg, leg_id, lock=True)
    require_desk(who, leg.facility_id)
    if leg.facility_id is None:
        raise Conflict(
            f"Tujuan '{leg.outside_name}' bukan faskes dalam daftar; tidak ada yang menjawab untuknya",
            f"'{leg.outside_name}' is not a listed facility; nobody answers for it",
        )
    return leg, await tx.get(Assignment, leg.assignment_id)


def _moves(state: str) -> tuple[str, ...]:
    if state in _OPEN:
        return ("accept", "refuse")
    return ("countersign",) if state == AssignmentState.HANDED_OVER else ()


def _view(leg: Leg, *, repeated: bool) -> LegAnswer:
    return LegAnswer(
        leg_id=leg.id,
        state=leg.state,
        answer=Answer(leg.answer) if leg.answer else None,
        reason=RefusalReason(leg.answer_reason) if leg.answer_reason else None,
        bed=leg.bed,
        answered_at=leg.answered_at,
        countersigned_at=leg.countersigned_at,
        repeated=repeated,
    )
