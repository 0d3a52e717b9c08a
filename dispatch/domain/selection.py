"""Ranking of units for an incident: least predicted time first, every choice explained in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from dispatch.domain.triage import Triage
from dispatch.domain.unit import PositionQuality, Tracking, UnitStatus
from dispatch.domain.words import words


class Capability(StrEnum):
    """What a unit can do; a higher level includes the lower ones."""

    TRANSPORT = "transport"
    BASIC = "basic"
    ADVANCED = "advanced"


_LEVEL = {Capability.TRANSPORT: 0, Capability.BASIC: 1, Capability.ADVANCED: 2}


@dataclass(frozen=True, slots=True)
class UnitSnapshot:
    """What is known of one unit at the moment of ranking. Distances in metres, times in seconds."""

    id: UUID
    call_sign: str
    tracking: Tracking
    capabilities: frozenset[str]
    status: UnitStatus
    position_quality: PositionQuality
    fix_age_s: float | None
    reachable: bool
    total_s: float
    road_s: float
    access_s: float
    road_m: float
    access_m: float
    busy_with: str | None = None
    soon_free: bool = False
    unavailable_reason: str | None = None
    rostered: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be sent, its rank (1 = proposed first), and why it stands there."""

    unit: UnitSnapshot
    rank: int
    suits: bool
    why_id: str
    why_en: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A unit that is not offered, and why not."""

    unit: UnitSnapshot
    code: str
    why_id: str
    why_en: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer: candidates in order, and everybody else with the reason."""

    candidates: tuple[Candidate, ...]
    not_offered: tuple[Refusal, ...]


def suits(capabilities: frozenset[str], triage: Triage | None, needed: frozenset[str]) -> bool:
    """Tell whether a unit's capabilities meet what is asked for, and what the colour makes advisable.

    Red and not-yet-judged calls want at least a basic unit. This orders and explains; for red it never
    outweighs time (see `rank`).
    """
    level = max((_LEVEL[Capability(c)] for c in capabilities if c in _LEVEL), default=-1)
    wanted = 1 if triage in (None, Triage.RED) else 0
    asked = max((_LEVEL[Capability(c)] for c in needed if c in _LEVEL), default=0)
    special = {c for c in needed if c not in _LEVEL}
    return level >= max(wanted, asked) and special <= capabilities


def rank(
    units: Sequence[UnitSnapshot], triage: Triage | None, needed: frozenset[str] = frozenset()
) -> Ranking:
    """Rank the units for one incident.

    Red: the least predicted time to the patient, whatever the equipment. Other colours: suitable units
    first, then time. Ties fall to the call sign so that the same question has the same answer everywhere.
    """
    offered = [u for u in units if u.status is UnitStatus.AVAILABLE and u.reachable]
    held_back = [u for u in units if not (u.status is UnitStatus.AVAILABLE and u.reachable)]
    fit = {u.id: suits(u.capabilities, triage, needed) for u in offered}
    if triage is Triage.RED:
        offered.sort(key=lambda u: (u.total_s, u.call_sign))
    else:
        offered.sort(key=lambda u: (not fit[u.id], u.total_s, u.call_sign))
    candidates = tuple(
        Candidate(u, place, fit[u.id], *_why(u, place, offered[0], fit[u.id], triage))
        for place, u in enumerate(offered, start=1)
    )
    held_back.sort(key=lambda u: (_REFUSAL_ORDER[u.status], not u.soon_free, u.total_s, u.call_sign))
    return Ranking(candidates, tuple(_refusal(u) for u in held_back))


_REFUSAL_ORDER = {
    UnitStatus.BUSY: 0,
    UnitStatus.AVAILABLE: 1,
    UnitStatus.UNAVAILABLE: 2,
    UnitStatus.OFF_SHIFT: 3,
}


def minutes(seconds: float) -> str:
    """Write seconds as `m:ss`."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _why(
    u: UnitSnapshot, place: int, best: UnitSnapshot, fits: bool, triage: Triage | None
) -> tuple[str, str]:
    if place == 1 and triage is Triage.RED:
        first_id, first_en = "Waktu tempuh terkecil ke pasien", "Least predicted time to the patient"
    elif place == 1:
        first_id, first_en = (
            "Unit yang sesuai dengan waktu tempuh terkecil",
            "Least time of the suitable units",
        )
    else:
        first_id, first_en = _gap_words(u.total_s - best.total_s, best.call_sign)
    far = f"{u.road_m / 1000:.1f}"
    said_id = [f"{first_id}: {minutes(u.total_s)} ({far.replace('.', ',')} km lewat jalan)"]
    said_en = [f"{first_en}: {minutes(u.total_s)} ({far} km by road)"]
    if u.access_m >= 100:
        said_id.append(f"{u.access_m:.0f} m di luar jaringan jalan, {minutes(u.access_s)} dari waktunya")
        said_en.append(f"{u.access_m:.0f} m off the road network, {minutes(u.access_s)} of it")
    if not fits:
        said_id.append("perlengkapannya di bawah yang disarankan")
        said_en.append("equipment below what is advised")
    place_id, place_en = _place_words(u)
    return "; ".join([*said_id, place_id]), "; ".join([*said_en, place_en])


def _gap_words(gap_s: float, call_sign: str) -> tuple[str, str]:
    if round(abs(gap_s)) == 0:
        return f"Sama cepat dengan {call_sign}", f"As fast as {call_sign}"
    gap = minutes(abs(gap_s))
    if gap_s > 0:
        return f"{gap} lebih lama dari {call_sign}", f"{gap} slower than {call_sign}"
    return f"{gap} lebih cepat dari {call_sign}", f"{gap} faster than {call_sign}"


def _place_words(u: UnitSnapshot) -> tuple[str, str]:
    if u.position_quality is PositionQuality.ASSUMED:
        return (
            "posisi perkiraan (pangkalan atau tempat terakhir selesai)",
            "position assumed (base or last cleared)",
        )
    age = minutes(u.fix_age_s or 0.0)
    if u.position_quality is PositionQuality.OLD:
        return f"posisi LAMA, umur {age}: tanyakan awak", f"position OLD, age {age}: ask the crew"
    return f"posisi langsung, umur {age}", f"live position, age {age}"


def _refusal(u: UnitSnapshot) -> Refusal:
    if u.status is UnitStatus.BUSY:
        soon_id = ", segera selesai" if u.soon_free else ""
        soon_en = ", free soon" if u.soon_free else ""
        case = u.busy_with or "?"
        return Refusal(u, "busy", f"Sedang bertugas untuk {case}{soon_id}", f"On a run for {case}{soon_en}")
    if u.status is UnitStatus.UNAVAILABLE:
        reason = words("unavailability", u.unavailable_reason)
        return Refusal(u, "unavailable", f"Tidak siap: {reason.id}", f"Not ready: {reason.en}")
    if u.status is UnitStatus.OFF_SHIFT:
        if u.rostered:
            return Refusal(
                u, "not_signed_on", "Terjadwal dinas, awak belum masuk", "Rostered, crew not signed on"
            )
        return Refusal(u, "off_shift", "Tidak sedang dinas", "Off shift")
    return Refusal(u, "unreachable", "Tidak ada jalan ke tempat kejadian", "No road to the scene")
