"""Rosters: which units are manned in which shift, the same every time for the same seed and day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShiftRule:
    """One shift of the day in local time; one that ends at or before its start ends on the next day.

    `staffed_share` (0 to 1) is how likely a unit is manned in it.
    """

    code: str
    starts: time
    ends: time
    staffed_share: float

    def span(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """Return begin and end in UTC of the shift of `day`; None when a clock change leaves nothing."""
        until = day if self.ends > self.starts else day + timedelta(days=1)
        begin = datetime.combine(day, self.starts, zone).astimezone(UTC)
        end = datetime.combine(until, self.ends, zone).astimezone(UTC)
        return (begin, end) if end > begin else None


@dataclass(frozen=True, slots=True)
class Roster:
    """How a regency's rosters are made: kept `days_ahead` days beyond today."""

    seed: int
    days_ahead: int
    shifts: tuple[ShiftRule, ...]

    @classmethod
    def from_settings(cls, kept: Mapping[str, Any]) -> Roster:
        """Read the form that `as_settings` gives."""
        shifts = tuple(
            ShiftRule(
                s["code"],
                time.fromisoformat(s["starts"]),
                time.fromisoformat(s["ends"]),
                float(s["staffed_share"]),
            )
            for s in kept["shifts"]
        )
        return cls(int(kept["seed"]), int(kept["days_ahead"]), shifts)

    def as_settings(self) -> dict[str, Any]:
        """Return the form kept in a tenant's settings, ready for JSON."""
        shifts = [
            {
                "code": s.code,
                "starts": s.starts.isoformat(),
                "ends": s.ends.isoformat(),
                "staffed_share": s.staffed_share,
            }
            for s in self.shifts
        ]
        return {"seed": self.seed, "days_ahead": self.days_ahead, "shifts": shifts}

    def plan_day(self, day: date, zone: ZoneInfo, units: Iterable[tuple[UUID, str]]) -> list[PlannedShift]:
        """Return the shifts that start on the local `day`, by begin and call sign.

        `units` are ids with call signs. Whether a unit is manned depends on seed, day, shift and its call
        sign alone: adding a unit changes nobody else's roster.
        """
        planned: dict[tuple[datetime, UUID], PlannedShift] = {}
        fleet = sorted(units, key=lambda unit: unit[1])
        for rule in self.shifts:
            span = rule.span(day, zone)
            if span is None:
                continue
            for unit_id, call_sign in fleet:
                if self._manned(day, rule, call_sign):
                    # of two shifts that begin together the first one listed counts
                    planned.setdefault((span[0], unit_id), PlannedShift(unit_id, rule.code, *span))
        return sorted(planned.values(), key=lambda shift: shift.starts_at)

    def last_start(self, day: date, zone: ZoneInfo) -> datetime | None:
        """Return when the last shift of the local `day` starts, in UTC; None without shifts."""
        return max((span[0] for rule in self.shifts if (span := rule.span(day, zone))), default=None)

    def _manned(self, day: date, rule: ShiftRule, call_sign: str) -> bool:
        drawn = hashlib.sha256(f"{self.seed}|{day.isoformat()}|{rule.code}|{call_sign}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") < rule.staffed_share * 2**64


@dataclass(frozen=True, slots=True)
class PlannedShift:
    """One unit manned from/to, in UTC; `code` names the shift rule."""

    unit_id: UUID
    code: str
    starts_at: datetime
    ends_at: datetime
