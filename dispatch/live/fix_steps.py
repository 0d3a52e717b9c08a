"""The way of a single fix up to the batch: an ordered list of small steps, each judging or filling in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from dispatch.domain.position import FixQuality, Seen, Trail
from dispatch.live.clock_offset import ClockOffset
from dispatch.live.frames import PhoneFix
from dispatch.services.crew_turns import Turn
from dispatch.services.save_positions import Fix

OLDEST = timedelta(days=7)
AHEAD = timedelta(seconds=60)
_AHEAD, _NOW = -AHEAD, timedelta(0)
BOARDING = timedelta(minutes=2)
"""A phone may have its first fix a little before its driver has signed on."""


class Refusal(NamedTuple):
    """A fix that is not kept, and why; it is acknowledged so, or the phone would send it for ever."""

    seq: int
    reason_id: str
    reason_en: str

    def shown(self) -> dict[str, Any]:
        """Return its form in `positions_saved`."""
        return {"seq": self.seq, "reason_id": self.reason_id, "reason_en": self.reason_en}


@dataclass(slots=True)
class Phone:
    """What is known of the sender: its installation, its clock, and its driver's turns, newest first.

    `trail` holds what its fixes are compared with, `pace` how much faster than life its case runs. A tracker
    of the vehicle has its unit as `vehicle` and no driver.
    """

    installation_id: UUID
    clock: ClockOffset = field(default_factory=ClockOffset)
    turns: Sequence[Turn] = ()
    trail: Trail = field(default_factory=Trail)
    pace: float = 1.0
    vehicle: UUID | None = None

    @property
    def aboard(self) -> UUID | None:
        """The unit the driver is signed on to now."""
        if self.vehicle is not None:
            return self.vehicle
        return self.turns[0].unit_id if self.turns and self.turns[0].left_at is None else None


_NOWHERE = Seen(0.0, 0.0, None, 0.0)


class Incoming:
    """A fix under way through the steps; each fills in or judges a part of it."""

    __slots__ = ("fix", "fixed_at", "moves", "phone", "quality", "received_at", "seen", "unit_id")

    def __init__(self, fix: PhoneFix, phone: Phone, received_at: datetime) -> None:
        self.fix = fix
        self.phone = phone
        self.received_at = received_at
        self.fixed_at = received_at
        self.unit_id: UUID | None = None
        self.quality = FixQuality.GOOD
        self.moves = True
        self.seen = _NOWHERE

    def refuse(self, reason_id: str, reason_en: str) -> Refusal:
        """Return the refusal of this fix."""
        return Refusal(self.fix.seq, reason_id, reason_en)


Step = Callable[[Incoming], Refusal | None]


def in_range(incoming: Incoming) -> Refusal | None:
    """Refuse a place that is none on Earth; forget side values that mean "unknown"."""
    fix = incoming.fix
    if not (-180.0 <= fix.lon <= 180.0 and -90.0 <= fix.lat <= 90.0):
        return incoming.refuse(
            f"Koordinat {fix.lon}, {fix.lat} di luar batas", f"Coordinates {fix.lon}, {fix.lat} out of range"
        )
    # phones say "unknown" as -1
    if fix.accuracy_m is not None and not 0.0 <= fix.accuracy_m <= 1e6:
        fix.accuracy_m = None
    if fix.speed_ms is not None and not 0.0 <= fix.speed_ms <= 150.0:
        fix.speed_ms = None
    if fix.heading_deg is not None and not 0.0 <= fix.heading_deg <= 360.0:
        fix.heading_deg = None
    if fix.battery is not None and not 0.0 <= fix.battery <= 100.0:
        fix.battery = None
    return None


def on_the_clock(incoming: Incoming) -> Refusal | None:
    """Correct a wrong clock; refuse what is older than a week or lies in the future all the same."""
    try:
        at = incoming.phone.clock.corrected(incoming.fix.at)
    except OverflowError:
        return incoming.refuse("Waktu posisi tidak masuk akal", "The time of the fix is out of all bounds")
    received_at = incoming.received_at
    late = received_at - at
    if late < _AHEAD:
        return incoming.refuse(
            "Waktu posisi di masa depan; periksa jam ponsel",
            "The fix lies in the future; check the phone's clock",
        )
    if late > OLDEST:
        return incoming.refuse("Posisi lebih tua dari 7 hari", "The fix is older than 7 days")
    incoming.fixed_at = at if late >= _NOW else received_at
    return None


def on_duty(incoming: Incoming) -> Refusal | None:
    """Find the unit the driver was aboard when the fix was made; where they are off duty is not ours."""
    if incoming.phone.vehicle is not None:
        incoming.unit_id = incoming.phone.vehicle
        return None
    present = incoming.phone.turns[0] if incoming.phone.turns else None
    if present is not None and present.left_at is None and present.joined_at <= incoming.fixed_at:
        incoming.unit_id = present.unit_id  # as nearly always
        return None
    for early in (timedelta(0), BOARDING):
        for turn in incoming.phone.turns:
            begun = turn.joined_at - early <= incoming.fixed_at
            if begun and (turn.left_at is None or incoming.fixed_at <= turn.left_at):
                incoming.unit_id = turn.unit_id
                return None
    for turn in incoming.phone.turns:
        # boarded in what is the future now: the server's clock was set back, and they are still aboard
        if turn.left_at is None and incoming.received_at < turn.joined_at:
            incoming.unit_id = turn.unit_id
            return None
    return incoming.refuse(
        "Posisi dibuat saat tidak sedang bertugas", "The fix was made while not signed on to a unit"
    )


def in_turn(incoming: Incoming) -> Refusal | None:
    """Mark what comes after a later fix: it was kept on the phone, whatever the phone says of it."""
    if incoming.fix.seq < incoming.phone.trail.newest:
        incoming.fix.replayed = True
    return None


def believable(incoming: Incoming) -> Refusal | None:
    """Judge whether the vehicle can be there. What is not believed is kept, and moves no marker."""
    fix, phone = incoming.fix, incoming.phone
    seen = incoming.seen = Seen(fix.lon, fix.lat, fix.accuracy_m, incoming.fixed_at.timestamp())
    quality = incoming.quality = phone.trail.judge(fix.seq, seen, phone.pace)
    incoming.moves = phone.trail.moves_marker(quality, seen)
    return None


STEPS: tuple[Step, ...] = (in_range, on_the_clock, on_duty, in_turn, believable)
"""What each fix passes before the batch, in this order. That it came before is for the database to say."""


class Sifted(NamedTuple):
    """A fix that is to be stored, and where that is by the server's clock."""

    fix: Fix
    seen: Seen


def sift(
    fixes: Sequence[PhoneFix], phone: Phone, received_at: datetime
) -> tuple[list[Sifted], list[Refusal]]:
    """Take the fixes of one frame through the steps."""
    good: list[Sifted] = []
    refused: list[Refusal] = []
    offset_s = phone.clock.offset.total_seconds()
    for fix in fixes:
        incoming = Incoming(fix, phone, received_at)
        for step in STEPS:
            refusal = step(incoming)
            if refusal is not None:
                refused.append(refusal)
                break
        else:
            assert incoming.unit_id is not None, "a step has found it"
            good.append(Sifted(_to_store(incoming, incoming.unit_id, offset_s), incoming.seen))
    return good, refused


def _to_store(incoming: Incoming, unit_id: UUID, offset_s: float) -> Fix:
    fix, phone = incoming.fix, incoming.phone
    return Fix(
        phone.installation_id,
        fix.seq,
        fix.at,
        incoming.fixed_at,
        unit_id,
        offset_s,
        incoming.received_at,
        fix.lon,
        fix.lat,
        fix.accuracy_m,
        fix.speed_ms,
        fix.heading_deg,
        fix.battery,
        "app" if phone.vehicle is None else "tracker",
        fix.replayed,
        incoming.quality.value,
        incoming.moves,
    )
