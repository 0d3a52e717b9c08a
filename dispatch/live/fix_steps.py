"""The way of a single fix up to the batch: an ordered list of small steps, each judging or filling in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from dispatch.domain.position import FixQuality, Trail
from dispatch.live.clock_offset import ClockOffset
from dispatch.live.frames import PhoneFix
from dispatch.live.sender_cells import Row
from dispatch.services.crew_turns import Turn
from dispatch.services.save_positions import Fix, quick_uuid

OLDEST = timedelta(days=7)
AHEAD_S = 60.0
FASTEST_MS, FULL_CIRCLE_DEG, FULL_BATTERY = 150.0, 360.0, 100.0
"""A side value beyond these, or below zero, is none: phones say "unknown" as -1."""
BOARDING_S = 120.0
"""A phone may have its first fix a little before its driver has signed on."""
_OLDEST_S = OLDEST.total_seconds()


class Refusal(NamedTuple):
    """A fix that is not kept, and why; it is acknowledged so, or the phone would send it for ever."""

    seq: int
    reason_id: str
    reason_en: str

    def shown(self) -> dict[str, Any]:
        """Return its form in `positions_saved`."""
        return {"seq": self.seq, "reason_id": self.reason_id, "reason_en": self.reason_en}


class _Stay(NamedTuple):
    """A turn aboard a unit, in seconds since 1970."""

    unit_id: UUID
    joined_at: float
    left_at: float | None


class Phone:
    """What is known of the sender: its installation, its clock, and its driver's turns, newest first.

    `trail` holds what its fixes are compared with. A tracker of the vehicle has its unit as `vehicle` and no
    driver. `aboard` is the unit it reports for now. What an ordinary fix is compared with lies in `row`.
    """

    __slots__ = (
        "_present",
        "_stays",
        "_trail",
        "aboard",
        "clock",
        "installation_id",
        "row",
        "source",
        "vehicle",
    )

    def __init__(
        self,
        installation_id: UUID,
        *,
        turns: Sequence[Turn] = (),
        trail: Trail | None = None,
        vehicle: UUID | None = None,
        row: Row | None = None,
    ) -> None:
        self.installation_id = quick_uuid(installation_id)
        self.row = row or Row()
        self.row.of(installation_id)
        self.clock = ClockOffset(self.row.clock)
        self.trail = trail or Trail()
        self.vehicle = None if vehicle is None else quick_uuid(vehicle)
        self.source = "app" if vehicle is None else "tracker"
        self.turned(turns)

    @property
    def trail(self) -> Trail:
        """What the sender's fixes are compared with."""
        return self._trail

    @trail.setter
    def trail(self, trail: Trail) -> None:
        trail.move_to(self.row.trail)
        self._trail = trail

    @property
    def pace(self) -> float:
        """How much faster than life the sender's case runs."""
        return self.row.pace

    @pace.setter
    def pace(self, pace: float) -> None:
        self.row.pace = pace

    def turned(self, turns: Sequence[Turn]) -> None:
        """Take in the driver's turns, newest first."""
        self._stays = [
            _Stay(
                quick_uuid(turn.unit_id),
                turn.joined_at.timestamp(),
                None if turn.left_at is None else turn.left_at.timestamp(),
            )
            for turn in turns
        ]
        self._present = self._stays[0] if self._stays and self._stays[0].left_at is None else None
        self.aboard = self.vehicle or (self._present.unit_id if self._present else None)
        if self._present is not None:
            self.row.boarded(self._present.unit_id, self._present.joined_at)
        else:
            self.row.left()

    def unit_at(self, at: float, received_at: float) -> UUID | None:
        """Return the unit whose fix it is that was made at `at`; None: the driver was aboard none."""
        present = self._present
        if self.vehicle is not None:
            return self.vehicle
        if present is not None and present.joined_at <= at:
            return present.unit_id  # as nearly always
        for early in (0.0, BOARDING_S):
            for stay in self._stays:
                if stay.joined_at - early <= at and (stay.left_at is None or at <= stay.left_at):
                    return stay.unit_id
        if present is not None and received_at < present.joined_at:
            # boarded in what is the future now: the server's clock was set back, and they are still aboard
            return present.unit_id
        return None


Step = Callable[[Fix, Phone], Refusal | None]


def _refused(fix: Fix, reason_id: str, reason_en: str) -> Refusal:
    return Refusal(fix.sequence, reason_id, reason_en)


def in_range(fix: Fix, phone: Phone) -> Refusal | None:
    """Refuse a place that is none on Earth; forget side values that mean "unknown"."""
    if not (-180.0 <= fix.lon <= 180.0 and -90.0 <= fix.lat <= 90.0):
        return _refused(
            fix,
            f"Koordinat {fix.lon}, {fix.lat} di luar batas",
            f"Coordinates {fix.lon}, {fix.lat} out of range",
        )
    if fix.accuracy_m is not None and not 0.0 <= fix.accuracy_m <= 1e6:
        fix.accuracy_m = None
    if fix.speed_ms is not None and not 0.0 <= fix.speed_ms <= FASTEST_MS:
        fix.speed_ms = None
    if fix.heading_deg is not None and not 0.0 <= fix.heading_deg <= FULL_CIRCLE_DEG:
        fix.heading_deg = None
    if fix.battery is not None and not 0.0 <= fix.battery <= FULL_BATTERY:
        fix.battery = None
    return None


def on_the_clock(fix: Fix, phone: Phone) -> Refusal | None:
    """Correct a wrong clock; refuse what is older than a week or lies in the future all the same.

    What lies there and was made before a fix that has come was made before the phone's clock was put right.
    Nobody knows when: it is kept as of now, and neither moves a marker nor proposes a step.
    """
    at = fix.device_at + phone.clock.correction_s
    late_s = fix.received_at - at
    if late_s < -AHEAD_S and fix.sequence < phone.trail.newest:
        fix.at, fix.clock_offset_s = fix.received_at, fix.received_at - fix.device_at
        fix.quality, fix.moves = FixQuality.JUMP.value, False
        return None
    if late_s < -AHEAD_S:
        return _refused(
            fix,
            "Waktu posisi di masa depan; periksa jam ponsel",
            "The fix lies in the future; check the phone's clock",
        )
    if late_s > _OLDEST_S:
        return _refused(fix, "Posisi lebih tua dari 7 hari", "The fix is older than 7 days")
    fix.at = at if late_s >= 0.0 else fix.received_at
    return None


def on_duty(fix: Fix, phone: Phone) -> Refusal | None:
    """Find the unit the driver was aboard when the fix was made; where they are off duty is not ours."""
    unit_id = phone.unit_at(fix.at, fix.received_at)
    if unit_id is None:
        return _refused(
            fix,
            "Posisi dibuat saat tidak sedang bertugas",
            "The fix was made while not signed on to a unit",
        )
    fix.unit_id = unit_id
    return None


def in_turn(fix: Fix, phone: Phone) -> Refusal | None:
    """Mark what comes after a later fix: it was kept on the phone, whatever the phone says of it."""
    if fix.sequence < phone.trail.newest:
        fix.replayed = True
    return None


def believable(fix: Fix, phone: Phone) -> Refusal | None:
    """Judge whether the vehicle can be there. What is not believed is kept, and moves no marker."""
    if not fix.moves:
        return None  # nobody knows when it was there
    quality = phone.trail.judge(fix.sequence, fix, phone.pace)
    if quality is not FixQuality.GOOD:
        fix.quality = quality.value
        fix.moves = phone.trail.moves_marker(quality, fix)
    return None


STEPS: tuple[Step, ...] = (in_range, on_the_clock, on_duty, in_turn, believable)
"""What each fix passes before the batch, in this order. That it came before is for the database to say."""


def as_received(given: PhoneFix, phone: Phone, received_at: float) -> Fix:
    """Return a fix as it came, before any step; `received_at` in seconds since 1970."""
    return Fix(
        phone.installation_id,
        given.seq,
        given.at.timestamp(),
        received_at,
        given.lon,
        given.lat,
        given.accuracy_m,
        given.speed_ms,
        given.heading_deg,
        given.battery,
        given.replayed,
        phone.source,
        phone.clock.offset_s,
    )


def sift(given: Sequence[PhoneFix], phone: Phone, received_at: float) -> tuple[list[Fix], list[Refusal]]:
    """Take the fixes of one frame through the steps."""
    good: list[Fix] = []
    refused: list[Refusal] = []
    for each in given:
        fix = as_received(each, phone, received_at)
        for step in STEPS:
            refusal = step(fix, phone)
            if refusal is not None:
                refused.append(refusal)
                break
        else:
            good.append(fix)
    return good, refused
