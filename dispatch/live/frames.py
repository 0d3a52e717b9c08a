"""The frames of all sockets: what clients may say, and how answers are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from dispatch.domain.assignment import AssignmentState, DeclineReason, NoTransport
from dispatch.domain.errors import DispatchError, FieldProblem, InvalidInput
from dispatch.domain.problems import problem_document
from dispatch.domain.unit import UnavailabilityReason
from dispatch.live.broken_frames import FRAME_LIMIT, BrokenFrame, FrameTooLarge, broken_frame

FrameId = Annotated[str, Meta(max_length=100)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]
Sequence63 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Short = Annotated[str, Meta(max_length=200)]
Note = Annotated[str, Meta(max_length=1000)]
T = TypeVar("T")


class Frame(Struct, tag_field="t"):
    """Base of what clients send; `t` names the kind."""


class Hello(Frame, tag="hello"):
    """An operator's first frame. `after` is the last event the console has, recorded when that one says."""

    token: Short
    after: Sequence63 | None = None
    after_recorded_at: Moment | None = None


class ResidentHello(Frame, tag="hello"):
    """A resident's first frame: whose status is wanted."""

    token: Short
    call_id: UUID


class DriverHello(Frame, tag="hello"):
    """A driver's first frame. `device_at` is the phone's clock now."""

    token: Short
    installation_id: UUID
    device_at: Moment


class Ping(Frame, tag="ping"):
    """Asks for a pong."""

    id: FrameId | None = None


class Resume(Frame, tag="resume"):
    """Asks for the events after this one again; when that one was recorded as in `Hello`."""

    after: Sequence63
    after_recorded_at: Moment | None = None
    id: FrameId | None = None


class SignOn(Frame, tag="sign_on"):
    """The driver boards a unit; `check` holds the answers of the start check."""

    id: FrameId
    call_sign: Short
    check: dict[str, Any] | None = None


class SignOff(Frame, tag="sign_off"):
    """The driver leaves the unit."""

    id: FrameId


class StepFrame(Frame, tag="step"):
    """One step of a run; which fields are needed depends on `to`. `proposal` is the one it confirms."""

    id: FrameId
    assignment_id: UUID
    to: AssignmentState
    device_at: Moment | None = None
    sent_at: Moment | None = None
    facility_id: UUID | None = None
    outside_name: Short | None = None
    receiver: Short | None = None
    room: Short | None = None
    code: NoTransport | None = None
    reason: DeclineReason | None = None
    proposal: Sequence63 | None = None


class DismissProposal(Frame, tag="dismiss_proposal"):
    """The crew says that a proposed step has not happened."""

    id: FrameId
    assignment_id: UUID
    proposal: Sequence63


class AckStandDown(Frame, tag="ack_stand_down"):
    """The crew has seen that it was stood down."""

    id: FrameId
    assignment_id: UUID


class NoticeShown(Frame, tag="notice_shown"):
    """The page shows a notice: said by the page itself, as soon as it does."""

    id: FrameId
    notice_id: UUID


class AckNotice(Frame, tag="ack_notice"):
    """The crew has understood a notice."""

    id: FrameId
    notice_id: UUID


class MakeUnavailable(Frame, tag="unavailable"):
    """The crew's unit cannot be sent for a while. `unit_id`, when given, must be the one that is boarded."""

    id: FrameId
    reason: UnavailabilityReason
    note: Note | None = None
    expected_until: Moment | None = None
    device_at: Moment | None = None
    sent_at: Moment | None = None
    unit_id: UUID | None = None


class MakeAvailable(Frame, tag="available"):
    """The crew's unit is back in service."""

    id: FrameId
    device_at: Moment | None = None
    sent_at: Moment | None = None
    unit_id: UUID | None = None


class PhoneFix(Struct, gc=False):
    """One fix as the phone has it; `at` is the phone's clock when the fix was made."""

    seq: Sequence63
    at: Moment
    lon: float
    lat: float
    accuracy_m: float | None = None
    speed_ms: float | None = None
    heading_deg: float | None = None
    battery: float | None = None
    replayed: bool = False


class Positions(Frame, tag="positions", gc=False):
    """Fixes, newest first or last; `sent_at` is the phone's clock when the frame was sent."""

    fixes: list[PhoneFix]
    sent_at: Moment | None = None


class RawPositions(Frame, tag="positions"):
    """As `Positions`, for a frame in which some fix cannot be read."""

    fixes: list[msgspec.Raw]
    sent_at: Moment | None = None


class _AnyFix(Struct):
    seq: Sequence63


class _AnyFrame(Struct):
    id: FrameId | None = None


OperatorFrame = Ping | Resume
ResidentFrame = Ping
DriverCommand = (
    SignOn
    | SignOff
    | StepFrame
    | DismissProposal
    | AckStandDown
    | NoticeShown
    | AckNotice
    | MakeUnavailable
    | MakeAvailable
)
DriverFrame = Ping | DriverCommand | Positions

_encoder = msgspec.json.Encoder()
_any_frame = msgspec.json.Decoder(_AnyFrame)
_any_fix = msgspec.json.Decoder(_AnyFix)
_fix = msgspec.json.Decoder(PhoneFix)
_raw_positions = msgspec.json.Decoder(RawPositions)


def read(decoder: msgspec.json.Decoder[T], text: str | bytes) -> T:
    """Read a client's frame.

    Raises:
        FrameTooLarge: it exceeds the limit.
        BrokenFrame: no JSON, an unknown kind, or a field that cannot be accepted.
    """
    # characters where it is text: near enough, and free
    if len(text) > FRAME_LIMIT:
        raise FrameTooLarge(len(text))
    if r"\u0000" in text if isinstance(text, str) else rb"\u0000" in text:
        raise BrokenFrame("Bingkai memuat karakter nol", "The frame contains a null character")
    try:
        return decoder.decode(text)
    except msgspec.DecodeError as unreadable:
        raise broken_frame(unreadable) from None
    except UnicodeDecodeError:
        raise BrokenFrame("Bingkai bukan UTF-8", "The frame is not UTF-8") from None
    except RecursionError:
        raise BrokenFrame("Bingkai bersarang terlalu dalam", "The frame is nested too deeply") from None


def salvage_fixes(text: str | bytes) -> tuple[Positions, list[tuple[int, str]]] | None:
    """Read the fixes of a positions frame one by one, for one bad fix must not hold up the others.

    Returns the readable ones, and (sequence, what is wrong) of the others; None when the frame itself cannot
    be read, or a fix has not even a sequence.
    """
    try:
        frame = _raw_positions.decode(text)
        good: list[PhoneFix] = []
        bad: list[tuple[int, str]] = []
        for raw in frame.fixes:
            try:
                good.append(_fix.decode(raw))
            except msgspec.ValidationError as wrong:
                bad.append((_any_fix.decode(raw).seq, str(wrong)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Positions(good, frame.sent_at), bad


def frame_id(text: str | bytes) -> FrameId | None:
    """Return the id of a frame that could not be read otherwise, when it has one."""
    if len(text) > FRAME_LIMIT:
        return None
    try:
        return _any_frame.decode(text).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def plausible(moment: datetime | None) -> bool:
    """Whether a clock can show this: beyond it, sums of times have no result."""
    return moment is None or 1970 <= moment.year <= 2200


def refuse_implausible(**moments: datetime | None) -> None:
    """Refuse times that no clock shows.

    Raises:
        InvalidInput: names the fields.
    """
    wrong = [
        FieldProblem(field, f"Waktu {moment} tidak masuk akal", f"The time {moment} is out of all bounds")
        for field, moment in moments.items()
        if not plausible(moment)
    ]
    if wrong:
        raise InvalidInput(*wrong)


def write(kind: str, **members: Any) -> str:
    """Return a server frame; members that are UNSET are left out."""
    shown = {name: value for name, value in members.items() if value is not UNSET}
    return _encoder.encode({"t": kind, **shown}).decode()


def numbered(frame: str, number: int) -> str:
    """Return a written frame with its number on the connection; what many clients share is written once."""
    return f'{{"n":{number},{frame[1:]}'


def write_view(kind: str, view: object, seq: int | UnsetType = UNSET) -> str:
    """Return a server frame with all members of a view dataclass, and the sequence it stems from."""
    head = f'{{"t":"{kind}",' if isinstance(seq, UnsetType) else f'{{"t":"{kind}","seq":{seq},'
    return head + _encoder.encode(view)[1:].decode()


def write_error(error: DispatchError, answered: FrameId | None = None) -> str:
    """Return the error frame of a refusal, with the id of the frame it answers."""
    return write("error", id=UNSET if answered is None else answered, problem=problem_document(error))


def write_saved(seqs: Sequence[int], rejected: Sequence[dict[str, Any]] = ()) -> bytes:
    """Return the acknowledgement of fixes; the phone may forget all that it names."""
    named = b"%d" % seqs[0] if len(seqs) == 1 else ",".join(map(str, seqs)).encode()
    refusals = _encoder.encode(rejected) if rejected else b"[]"
    return b'{"t":"positions_saved","seqs":[%b],"rejected":%b}' % (named, refusals)
