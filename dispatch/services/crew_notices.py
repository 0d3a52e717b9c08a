"""What a crew must acknowledge, and the ladder by which it is told: page, push, SMS, an operator's call."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, bindparam, select, text

from dispatch.domain.deadlines import DEADLINES, NOTICE_KINDS, NoticeKind, TimerKind, rungs_left
from dispatch.domain.errors import Forbidden
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM, Actor, Role
from dispatch.domain.unit import Tracking
from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing, end_firing, still_held
from dispatch.services.push_phones import phones_of_crew
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.notice import CrewNotice
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

_CAUSE = "timer"
_ALL = tuple(NoticeKind)
_SMS = {
    NoticeKind.OFFER: "SEMAR {number}: {sign} diminta berangkat. Buka aplikasi atau hubungi operator.",
    NoticeKind.STAND_DOWN: "SEMAR {number}: {sign} DIPANGGIL KEMBALI, jangan lanjut. Hubungi operator.",
    NoticeKind.DESTINATION: "SEMAR {number}: tujuan {sign} BERUBAH. Buka aplikasi atau hubungi operator.",
}
WITHDRAWN = "withdrawn: it was answered, or is moot"
"""What stands as the error of a message that did not have to go out any more."""
_WITHDRAW = text(
    "UPDATE outbox SET failed_at = :now, last_error = :why "
    "WHERE regency_id = :regency AND subject_id = :notice AND sent_at IS NULL AND failed_at IS NULL"
)
_OPEN_OF_RUN = (
    select(CrewNotice)
    .where(
        CrewNotice.regency_id == bindparam("regency"),
        CrewNotice.assignment_id == bindparam("run"),
        CrewNotice.kind.in_(bindparam("kinds", expanding=True)),
        CrewNotice.ended_at.is_(None),
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)


# --- within larger transactions ---


async def raise_notice(tx: Transaction, incident: Incident, run: Assignment, kind: NoticeKind) -> CrewNotice:
    """Have the crew told of something it must acknowledge. The caller records the event that carries it.

    A unit without the app gets its SMS at once, and a call by the operators at the time of that rung.
    """
    unit = await tx.get(Unit, run.unit_id)
    notice = CrewNotice(
        regency_id=tx.tenant.id,
        id=tx.id(),
        assignment_id=run.id,
        unit_id=run.unit_id,
        kind=kind.value,
        made_at=tx.now,
        shown_at=None,
        push_at=None,
        push_phones=0,
        sms_at=None,
        sms_phones=0,
        call_at=None,
        call_owner=None,
        call_tries=0,
        ended_at=None,
        ended_why=None,
    )
    if unit.tracking == Tracking.MANUAL:
        notice.push_at = tx.now  # that rung is not for it
        await _text(tx, notice, unit, incident)
    await tx.add(notice)
    left = rungs_left(ended=False, pushed=notice.push_at is not None, texted=notice.sms_at is not None)
    due: dict[str, datetime] = {
        rung.kind: tx.now + timedelta(seconds=rung.seconds(tx.tenant.settings)) for rung in left
    }
    tx.set_timers(notice.id, due)
    return notice


async def end_notices(tx: Transaction, run: Assignment, why: str, *kinds: NoticeKind) -> int:
    """End the run's open notices of these kinds, all when none is named; return how many.

    What is still to be sent about them is not sent. The caller records the event that carries them.
    """
    given = {"regency": tx.tenant.id, "run": run.id, "kinds": kinds or _ALL}
    open_ones = await tx.session.execute(_OPEN_OF_RUN, given)
    rows = list(open_ones.scalars())
    for notice in rows:
        await end_notice(tx, notice, why)
    return len(rows)


async def end_notice(tx: Transaction, notice: CrewNotice, why: str) -> None:
    """End one notice that the caller has locked: `acknowledged`, `phoned` or `moot`."""
    notice.ended_at, notice.ended_why = tx.now, why
    tx.clear_timers(notice.id, sorted(NOTICE_KINDS))
    if notice.push_at is not None or notice.sms_at is not None:
        about = {"now": tx.now, "regency": tx.tenant.id, "notice": notice.id, "why": WITHDRAWN}
        await tx.session.execute(_WITHDRAW, about)


def answered_by(actor: Actor) -> str:
    """Return how a notice ends with a step: by the crew itself, or by an operator who spoke to it."""
    return "acknowledged" if actor.role is Role.DRIVER else "phoned"


# --- what the crew's page says ---


async def note_shown(
    centre: Centre, entry: TenantEntry, actor: Actor, notice_id: UUID, *, cause: str
) -> None:
    """Write down that a crew's page shows the notice. A page is not yet a person: the ladder goes on.

    Raises:
        NotFound: no such notice. Forbidden: not of this crew's unit.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        notice = await tx.get(CrewNotice, notice_id, lock=True)
        await _require_aboard(tx, actor, notice.unit_id)
        if notice.shown_at is None and notice.ended_at is None:
            notice.shown_at = tx.now
            await record_notice(tx, EventKind.NOTICE_SHOWN, notice)


async def acknowledge_notice(
    centre: Centre, entry: TenantEntry, actor: Actor, notice_id: UUID, *, cause: str
) -> None:
    """The crew has understood, on whatever screen: no further rung is climbed. Twice is harmless.

    An offer is not answered by this: that takes the step `accepted` or `declined`.

    Raises:
        NotFound: no such notice. Forbidden: not of this crew's unit.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        notice = await tx.get(CrewNotice, notice_id)
        run = await tx.get(Assignment, notice.assignment_id, lock=True)
        notice = await tx.get(CrewNotice, notice_id, lock=True)
        await _require_aboard(tx, actor, notice.unit_id)
        if notice.ended_at is None and notice.kind != NoticeKind.OFFER:
            await settle(tx, run, notice, "acknowledged")
            await record_notice(tx, EventKind.NOTICE_ACKNOWLEDGED, notice)


async def settle(tx: Transaction, run: Assignment, notice: CrewNotice, why: str) -> None:
    """End a notice that somebody of the crew has heard of; a stand-down is acknowledged with that."""
    await end_notice(tx, notice, why)
    if notice.kind == NoticeKind.STAND_DOWN and run.stand_down_acknowledged_at is None:
        run.stand_down_acknowledged_at = tx.now


def _crew(tx: Transaction, unit_id: UUID) -> Select[UUID]:
    """Who is aboard the unit now."""
    return (
        select(CrewMembership.id)
        .join(Shift, (Shift.regency_id == CrewMembership.regency_id) & (Shift.id == CrewMembership.shift_id))
        .where(
            CrewMembership.regency_id == tx.tenant.id,
            CrewMembership.left_at.is_(None),
            Shift.unit_id == unit_id,
        )
    )


async def _require_aboard(tx: Transaction, actor: Actor, unit_id: UUID) -> None:
    found = _crew(tx, unit_id).where(CrewMembership.staff_id == actor.id)
    if (await tx.session.execute(found)).first() is None:
        raise Forbidden("Anda tidak sedang bertugas di unit ini", "You are not aboard this unit")


# --- the rungs ---


async def climb(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """Climb one rung: its time has passed and nobody has acknowledged. Queued here, sent by the outbox."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        notice = await tx.get(CrewNotice, firing.subject_id)
        run = await tx.get(Assignment, notice.assignment_id, lock=True)
        notice = await tx.get(CrewNotice, firing.subject_id, lock=True)
        if notice.ended_at is not None or not await still_held(tx, firing):
            await end_firing(tx, firing, "answered")
            return
        unit = await tx.get(Unit, notice.unit_id)
        if await _nobody_to_tell(tx, notice, unit):
            await end_notice(tx, notice, "moot")
            await record_notice(tx, EventKind.NOTICE_MOOT, notice)
            return
        incident = await tx.get(Incident, run.incident_id)
        match TimerKind(firing.kind):
            case TimerKind.NOTICE_PUSH:
                await _push(tx, notice, unit, incident)
                await end_firing(tx, firing)
                await record_notice(tx, EventKind.NOTICE_PUSHED, notice, phones=notice.push_phones)
            case TimerKind.NOTICE_SMS:
                await _text(tx, notice, unit, incident)
                await end_firing(tx, firing)
                await record_notice(tx, EventKind.NOTICE_TEXTED, notice, phones=notice.sms_phones)
            case _:
                await _ask_for_a_call(tx, firing, notice)


async def _nobody_to_tell(tx: Transaction, notice: CrewNotice, unit: Unit) -> bool:
    """Whether all who were aboard a tracked unit then have gone off duty since."""
    if unit.tracking == Tracking.MANUAL:
        return False
    # who came aboard at a time that is still to come did so by a clock that has been set back since
    joined = CrewMembership.joined_at
    still = _crew(tx, notice.unit_id).where((joined <= notice.made_at) | (joined > tx.now))
    # a relief in mid-run takes the run over with all that is to be told about it
    relieved = notice.kind != NoticeKind.STAND_DOWN
    found = _crew(tx, notice.unit_id) if relieved else still
    return (await tx.session.execute(found)).first() is None


async def _push(tx: Transaction, notice: CrewNotice, unit: Unit, incident: Incident) -> None:
    words = json.dumps(
        {"notice": str(notice.id), "kind": notice.kind, "unit": unit.call_sign, "number": incident.number}
    )
    phones = await phones_of_crew(tx, notice.unit_id)
    for phone in phones:
        await tx.send(
            channel="push",
            purpose=notice.kind,
            subject_id=notice.id,
            recipient=phone.address,
            words=words,
            key=phone.key,
        )
    notice.push_at, notice.push_phones = tx.now, len(phones)


async def _text(tx: Transaction, notice: CrewNotice, unit: Unit, incident: Incident) -> None:
    if unit.phone:
        await tx.send(
            channel="sms",
            purpose=notice.kind,
            subject_id=notice.id,
            recipient=unit.phone,
            words=_SMS[NoticeKind(notice.kind)].format(number=incident.number, sign=unit.call_sign),
            key=None,
        )
    notice.sms_at, notice.sms_phones = tx.now, 1 if unit.phone else 0


async def _ask_for_a_call(tx: Transaction, firing: Firing, notice: CrewNotice) -> None:
    times = int(firing.data.get("times", 0)) + 1
    notice.call_at = notice.call_at or tx.now
    again = timedelta(seconds=DEADLINES[TimerKind.NOTICE_CALL].every_s)
    tx.set_timer(TimerKind.NOTICE_CALL, notice.id, tx.now + again, {"times": times})
    await record_notice(tx, EventKind.CREW_CALL_DUE, notice, times=times)


async def record_notice(tx: Transaction, kind: EventKind, notice: CrewNotice, **data: object) -> None:
    """Record an event about a notice, with what screens need to know of its run."""
    run = await tx.get(Assignment, notice.assignment_id)
    number = (await tx.get(Incident, run.incident_id)).number
    told = {
        "notice": notice.kind,
        "assignment_id": str(run.id),
        "unit_id": str(notice.unit_id),
        "number": number,
        **data,
    }
    await tx.record(kind, notice, incident_id=run.incident_id, data=told)
