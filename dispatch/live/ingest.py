"""The way of a fix: an ordered list of small steps, then one batch into the database, then the answer.

A fix is acknowledged when it is committed, never before; the phone keeps it until then.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from dispatch.domain.errors import Unavailable
from dispatch.live.clock_offset import ClockOffset
from dispatch.live.fanout import Fanout
from dispatch.live.frames import PhoneFix
from dispatch.services.centre import Centre
from dispatch.services.crew_turns import Turn
from dispatch.services.save_positions import Fix, save_positions
from dispatch.services.tenants import TenantEntry
from dispatch.storage.outages import DatabaseAway, database_needed

FLUSH_EVERY_S = 0.1
MOST_WAITING = 20_000
OLDEST = timedelta(days=7)
AHEAD = timedelta(seconds=60)
BOARDING = timedelta(minutes=2)
"""A phone may have its first fix a little before its driver has signed on."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fix that is not kept, and why; it is acknowledged so, or the phone would send it for ever."""

    seq: int
    reason_id: str
    reason_en: str

    def shown(self) -> dict[str, Any]:
        """Return its form in `positions_saved`."""
        return {"seq": self.seq, "reason_id": self.reason_id, "reason_en": self.reason_en}


@dataclass(slots=True)
class Phone:
    """What is known of the sender: its installation, its clock, and its driver's turns, newest first."""

    installation_id: UUID
    clock: ClockOffset = field(default_factory=ClockOffset)
    turns: Sequence[Turn] = ()

    @property
    def aboard(self) -> UUID | None:
        """The unit the driver is signed on to now."""
        return self.turns[0].unit_id if self.turns and self.turns[0].left_at is None else None


@dataclass(slots=True)
class Incoming:
    """A fix under way through the steps; each fills in or judges a part of it."""

    fix: PhoneFix
    phone: Phone
    received_at: datetime
    fixed_at: datetime
    unit_id: UUID | None = None

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
    fix.accuracy_m = _within(fix.accuracy_m, 0.0, 1e6)
    fix.speed_ms = _within(fix.speed_ms, 0.0, 150.0)
    fix.heading_deg = _within(fix.heading_deg, 0.0, 360.0)
    fix.battery = _within(fix.battery, 0.0, 100.0)
    return None


def _within(value: float | None, least: float, most: float) -> float | None:
    return value if value is not None and math.isfinite(value) and least <= value <= most else None


def on_the_clock(incoming: Incoming) -> Refusal | None:
    """Correct a wrong clock; refuse what is older than a week or lies in the future all the same."""
    try:
        at = incoming.phone.clock.corrected(incoming.fix.at)
    except OverflowError:
        return incoming.refuse("Waktu posisi tidak masuk akal", "The time of the fix is out of all bounds")
    if at - incoming.received_at > AHEAD:
        return incoming.refuse(
            "Waktu posisi di masa depan; periksa jam ponsel",
            "The fix lies in the future; check the phone's clock",
        )
    if incoming.received_at - at > OLDEST:
        return incoming.refuse("Posisi lebih tua dari 7 hari", "The fix is older than 7 days")
    incoming.fixed_at = min(at, incoming.received_at)
    return None


def on_duty(incoming: Incoming) -> Refusal | None:
    """Find the unit the driver was aboard when the fix was made; where they are off duty is not ours."""
    for early in (timedelta(0), BOARDING):
        for turn in incoming.phone.turns:
            begun = turn.joined_at - early <= incoming.fixed_at
            if begun and (turn.left_at is None or incoming.fixed_at <= turn.left_at):
                incoming.unit_id = turn.unit_id
                return None
    return incoming.refuse(
        "Posisi dibuat saat tidak sedang bertugas", "The fix was made while not signed on to a unit"
    )


STEPS: tuple[Step, ...] = (in_range, on_the_clock, on_duty)
"""What a fix passes before it is stored, in this order. That it came before is for the database to say."""


def sift(fixes: Sequence[PhoneFix], phone: Phone, received_at: datetime) -> tuple[list[Fix], list[Refusal]]:
    """Take the fixes of one frame through the steps."""
    good: list[Fix] = []
    refused: list[Refusal] = []
    offset_s = phone.clock.offset.total_seconds()
    for fix in fixes:
        incoming = Incoming(fix, phone, received_at, received_at)
        refusal = next(filter(None, (step(incoming) for step in STEPS)), None)
        if refusal is not None:
            refused.append(refusal)
        elif incoming.unit_id is not None:
            good.append(_to_store(incoming, incoming.unit_id, offset_s))
    return good, refused


def _to_store(incoming: Incoming, unit_id: UUID, offset_s: float) -> Fix:
    fix = incoming.fix
    return Fix(
        installation_id=incoming.phone.installation_id,
        sequence=fix.seq,
        device_at=fix.at,
        fixed_at=incoming.fixed_at,
        unit_id=unit_id,
        clock_offset_s=offset_s,
        received_at=incoming.received_at,
        lon=fix.lon,
        lat=fix.lat,
        accuracy_m=fix.accuracy_m,
        speed_ms=fix.speed_ms,
        heading_deg=fix.heading_deg,
        battery=fix.battery,
        source="app",
        replayed=fix.replayed,
    )


class Sender(Protocol):
    """Who waits for the answer."""

    def saved(self, seqs: list[int]) -> None:
        """These fixes are committed."""

    def not_saved(self, seqs: list[int]) -> None:
        """The database is away: these fixes must be sent again."""


class Ingest:
    """Collects the fixes of all sockets and writes them, at most every 100 ms, tenant by tenant."""

    def __init__(self, centre: Centre, fanout: Fanout) -> None:
        """Nothing is written before `run`."""
        self._centre = centre
        self._fanout = fanout
        self._waiting: defaultdict[int, list[tuple[Sender, Fix]]] = defaultdict(list)
        self._entries: dict[int, TenantEntry] = {}
        self._count = 0
        self._work = asyncio.Event()

    def submit(self, entry: TenantEntry, sender: Sender, fixes: Sequence[Fix]) -> None:
        """Have fixes stored; the sender is told when that is committed.

        Raises:
            Unavailable: too many wait already, for the database is away or too slow.
        """
        if self._count + len(fixes) > MOST_WAITING:
            raise Unavailable(
                "Terlalu banyak posisi menunggu disimpan; kirim lagi nanti",
                "Too many positions wait to be stored; send again later",
            )
        self._entries[entry.tenant.id] = entry
        self._waiting[entry.tenant.id].extend((sender, fix) for fix in fixes)
        self._count += len(fixes)
        self._work.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._work.wait()
            began = time.monotonic()
            self._work.clear()
            waiting, self._waiting, self._count = self._waiting, defaultdict(list), 0
            for regency_id, batch in waiting.items():
                await self._flush(self._entries[regency_id], batch)
            await asyncio.sleep(max(0.0, began + FLUSH_EVERY_S - time.monotonic()))

    async def _flush(self, entry: TenantEntry, batch: list[tuple[Sender, Fix]]) -> None:
        seqs: defaultdict[Sender, list[int]] = defaultdict(list)
        for sender, fix in batch:
            seqs[sender].append(fix.sequence)
        try:
            with database_needed():
                moved = await save_positions(self._centre, entry, [fix for _, fix in batch])
        except DatabaseAway as failure:
            logger.warning(
                "%d fixes were not stored, the database is away: %s", len(batch), failure.__cause__
            )
            for sender, theirs in seqs.items():
                sender.not_saved(theirs)
            return
        for sender, theirs in seqs.items():
            sender.saved(theirs)
        self._fanout.moved(entry.tenant.id, moved)
