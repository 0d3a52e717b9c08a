"""A unit: what it can do, and the status that is always derived and never stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Tracking(StrEnum):
    """`app` units stream their position; `manual` ones are reached by phone or SMS only."""

    APP = "app"
    MANUAL = "manual"


class UnitStatus(StrEnum):
    """Derived from the open shift, the open unavailability and the open assignment."""

    OFF_SHIFT = "off_shift"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    AVAILABLE = "available"


class UnavailabilityReason(StrEnum):
    """Why a staffed unit cannot be sent."""

    BREAKDOWN = "breakdown"
    FUEL = "fuel"
    CLEANING = "cleaning"
    REST = "rest"
    FAILED_CHECK = "failed_check"
    OTHER = "other"


def unit_status(*, open_shift: bool, open_unavailability: bool, open_assignment: bool) -> UnitStatus:
    """Derive the status. A run in progress shows as busy even when its shift has ended or it broke down."""
    if open_assignment:
        return UnitStatus.BUSY
    if not open_shift:
        return UnitStatus.OFF_SHIFT
    if open_unavailability:
        return UnitStatus.UNAVAILABLE
    return UnitStatus.AVAILABLE


class PositionQuality(StrEnum):
    """How much a unit's place can be trusted."""

    LIVE = "live"
    OLD = "old"
    ASSUMED = "assumed"


OLD_AFTER_ON_RUN_S = 90.0
OLD_AFTER_IDLE_S = 300.0


def position_quality(fixed_at: datetime | None, now: datetime, *, on_run: bool) -> PositionQuality:
    """Judge a tracked unit's last fix: older than 90 s on a run or 300 s idle is old; none is assumed."""
    if fixed_at is None:
        return PositionQuality.ASSUMED
    return place_quality((now - fixed_at).total_seconds(), on_run=on_run)


def place_quality(age_s: float, *, on_run: bool) -> PositionQuality:
    """Judge a fix of that age."""
    limit = OLD_AFTER_ON_RUN_S if on_run else OLD_AFTER_IDLE_S
    return PositionQuality.OLD if age_s > limit else PositionQuality.LIVE
