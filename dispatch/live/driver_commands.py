"""What a driver does by socket: each command is one use case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dispatch.domain.errors import Conflict
from dispatch.live import frames
from dispatch.live.fix_steps import Phone
from dispatch.services.centre import Centre
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.crew_notices import acknowledge_notice, note_shown
from dispatch.services.readiness import Said, make_available, make_unavailable
from dispatch.services.sessions import SignedIn
from dispatch.services.stand_down import acknowledge_stand_down
from dispatch.services.step_proposals import dismiss_proposal
from dispatch.services.step_run import Step, step_run


async def carry_out(centre: Centre, who: SignedIn, command: frames.DriverCommand, phone: Phone) -> Any:
    """Carry out a command and return its result: a view, or an empty object.

    Raises:
        DispatchError: the use case refuses it.
    """
    entry, actor = who.entry, who.actor
    cause = f"socket driver {command.id}"[:200]
    match command:
        case frames.SignOn():
            return await sign_on(centre, entry, actor, command.call_sign, command.check, cause=cause)
        case frames.SignOff():
            await sign_off(centre, entry, actor, cause=cause)
        case frames.StepFrame():
            step = _step(centre, command, phone)
            return await step_run(centre, entry, actor, command.assignment_id, step, cause=cause)
        case frames.DismissProposal(assignment_id=run, proposal=seq):
            await dismiss_proposal(centre, entry, actor, run, seq, cause=cause)
        case frames.AckStandDown():
            await acknowledge_stand_down(centre, entry, actor, command.assignment_id, cause=cause)
        case frames.NoticeShown():
            await note_shown(centre, entry, actor, command.notice_id, cause=cause)
        case frames.AckNotice():
            await acknowledge_notice(centre, entry, actor, command.notice_id, cause=cause)
        case frames.MakeUnavailable():
            frames.refuse_implausible(expected_until=command.expected_until)
            await make_unavailable(
                centre,
                entry,
                actor,
                _unit(phone, command.unit_id),
                command.reason,
                command.note,
                command.expected_until,
                cause=cause,
                said=Said(*_told(centre, command, phone)),
            )
        case frames.MakeAvailable():
            unit_id = _unit(phone, command.unit_id)
            said = Said(*_told(centre, command, phone))
            await make_available(centre, entry, actor, unit_id, cause=cause, said=said)
    return {}


def _unit(phone: Phone, meant: UUID | None) -> UUID:
    if phone.aboard is None:
        raise Conflict("Masuk dinas di sebuah unit dulu", "Sign on to a unit first")
    if meant is not None and meant != phone.aboard:
        raise Conflict("Anda sudah pindah ke unit lain", "You have moved to another unit")
    return phone.aboard


_Told = frames.StepFrame | frames.MakeUnavailable | frames.MakeAvailable


def _told(centre: Centre, frame: _Told, phone: Phone) -> tuple[datetime | None, datetime | None]:
    """When it was said and sent, by the phone's clock.

    A frame that a bad network held back would make the clock look slow, and the stamp late: the error of the
    clock is what the connection's frames have shown, not what this one says alone.
    """
    frames.refuse_implausible(device_at=frame.device_at, sent_at=frame.sent_at)
    if frame.device_at is None:
        return None, None
    now = centre.clock()
    if frame.sent_at is not None:
        phone.clock.measure(now.timestamp(), frame.sent_at.timestamp())
    return frame.device_at, now - timedelta(seconds=phone.clock.offset_s)


def _step(centre: Centre, frame: frames.StepFrame, phone: Phone) -> Step:
    device_at, sent_at = _told(centre, frame, phone)
    return Step(
        to=frame.to,
        device_at=device_at,
        sent_at=sent_at,
        facility_id=frame.facility_id,
        outside_name=frame.outside_name,
        receiver=frame.receiver,
        room=frame.room,
        code=frame.code,
        reason=frame.reason,
        proposal=frame.proposal,
    )
