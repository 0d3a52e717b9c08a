"""Which crews are on duty when: the regency's own shifts, manned by seed, with a few units left free."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from rehearsal.dice import dice
from rehearsal.findings import NotPossible

KEPT_FREE = 3
"""Tracked units that are never manned: for drills, and for people who want to drive."""


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """One shift of the day; it may end after midnight. `share` of the crews are on duty."""

    code: str
    starts: time
    ends: time
    share: float


@dataclass(frozen=True, slots=True)
class Duty:
    """One shift on one day."""

    day: date
    code: str


@dataclass(frozen=True, slots=True)
class Roster:
    """The shifts of a regency, and how many crews there are for how many tracked units."""

    seed: int
    shifts: tuple[ShiftPlan, ...]
    crews: int
    units: int

    def duty_at(self, moment: datetime) -> tuple[Duty, float]:
        """Return the shift of a local moment, and its share of crews."""
        for plan in self.shifts:
            at = moment.time()
            if plan.starts < plan.ends:
                if plan.starts <= at < plan.ends:
                    return Duty(moment.date(), plan.code), plan.share
            elif at >= plan.starts:
                return Duty(moment.date(), plan.code), plan.share
            elif at < plan.ends:
                return Duty(moment.date() - timedelta(days=1), plan.code), plan.share
        return Duty(moment.date(), "-"), 0.5

    def on_duty(self, moment: datetime) -> tuple[Duty, frozenset[int]]:
        """Return the shift of a local moment and the numbers (from 0) of the crews that man it."""
        duty, share = self.duty_at(moment)
        order = list(range(self.crews))
        dice(self.seed, "roster", duty.day, duty.code).shuffle(order)
        many = min(round(self.crews * share), max(0, self.units - KEPT_FREE))
        return duty, frozenset(order[:many])


def read_roster(folder: Path, seed: int, crews: int, units: int) -> Roster:
    """Return the roster of a regency folder.

    Raises:
        NotPossible: the folder's settings cannot be read.
    """
    path = folder / "regency.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        shifts = tuple(
            ShiftPlan(str(s["code"]), s["starts"], s["ends"], float(s["staffed_share"]))
            for s in table.get("roster", {}).get("shifts", [])
        )
    except (OSError, ValueError, KeyError, TypeError) as broken:
        raise NotPossible(f"{path} tidak terbaca", f"{path} cannot be read: {broken}") from broken
    return Roster(seed, shifts, crews, units)
