"""What makes the minutes of a map doubtful: a report for those who answer for the map and for the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from routing.answers import FERRY as FERRY_DOUBT
from routing.arrays import CLOSED_MS, CONNECTOR, FERRY, Floats, Longs
from routing.asked import Asked
from routing.core import Core, Terms
from routing.engine import FAR_MS
from routing.errors import BadQuestion
from routing.metric import checked_points
from routing.ranking import milliseconds
from routing.weighting import Metric

Severity = Literal["info", "warning", "serious"]

FAR_M = 1_000.0
VERY_FAR_M = 2_500.0
# Roads that carry the last kilometre; a map without them has main roads only.
_SMALL = ("unclassified", "residential", "living_street", "service", "track", "road")
_LEAST_SMALL_SHARE = 0.2
_TOLL = ("motorway", "motorway_link")
# A toll road this long per place where it meets other roads cannot be trusted to have its ramps.
_TOLL_KM_PER_MEETING = 5.0
_LEAST_PART = 0.97
_OLD_YEARS = 3.0
_LISTED = 50


class Facility(NamedTuple):
    """A hospital or health centre; `approximate` when nobody has surveyed its position."""

    name: str
    lon: float
    lat: float
    approximate: bool


@dataclass(frozen=True, slots=True)
class DoubtfulPlace:
    """A place a finding speaks of; `metres` from it to the nearest road, where that is the matter."""

    name: str
    lon: float
    lat: float
    metres: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that makes minutes doubtful: a stable `code`, how bad it is, and what to know about it.

    `figures` are the numbers in the texts by name; `places` at most 50, the worst first.
    """

    code: str
    severity: Severity
    text_id: str
    text_en: str
    figures: dict[str, float]
    places: tuple[DoubtfulPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The findings about one map, the worst first; `version` is that of the metric they hold for."""

    version: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Matter:
    """All that the findings are drawn from."""

    core: Core
    terms: Terms
    metric: Metric
    points: Floats
    names: Sequence[str]
    villages: Asked
    facilities: Sequence[Facility]
    today: date


def judge_quality(
    terms: Terms, places: ArrayLike, names: Sequence[str] | None, facilities: Sequence[Facility], today: date
) -> QualityReport:
    """See `Network.quality`."""
    points = checked_points(places, terms.core.box)
    called = [str(row) for row in range(len(points))] if names is None else list(names)
    if len(called) != len(points):
        raise BadQuestion(
            f"{len(called)} nama untuk {len(points)} tempat",
            f"{len(called)} names for {len(points)} places",
            len(called),
        )
    metric = terms.metric
    villages = terms.place(points, metric)
    matter = _Matter(terms.core, terms, metric, points, called, villages, facilities, today)
    findings = [finding for look in _LOOKS for finding in look(matter)]
    order = ("serious", "warning", "info")
    findings.sort(key=lambda finding: order.index(finding.severity))
    return QualityReport(metric.version, tuple(findings))


def _far_villages(m: _Matter) -> Iterator[Finding]:
    metres = m.villages.near.metres
    far = np.flatnonzero(metres > FAR_M)
    if len(far) == 0:
        return
    far = far[np.argsort(-metres[far], kind="stable")]
    worst = float(metres[far[0]])
    many = len(far) > 0.1 * len(metres)
    yield Finding(
        "far_villages",
        "serious" if worst > VERY_FAR_M or many else "warning",
        f"{len(far)} dari {len(metres)} tempat lebih dari {FAR_M / 1000:.0f} km dari jalan terdekat di peta; "
        f"terjauh {_places(worst / 1000)} km. Menit ke sana sebagian besar perkiraan garis lurus.",
        f"{len(far)} of {len(metres)} places are more than {FAR_M / 1000:.0f} km from the nearest road of "
        f"the map, the farthest {worst / 1000:.1f} km. Minutes to them are mostly a straight-line guess.",
        {"places": len(far), "of": len(metres), "worst_m": round(worst, 1)},
        _listed(m, far, metres),
    )


def _missing_classes(m: _Matter) -> Iterator[Finding]:
    km = m.core.manifest.report.km_by_class
    total = sum(km.values())
    small = sum(km.get(name, 0.0) for name in _SMALL)
    if total == 0 or small / total >= _LEAST_SMALL_SHARE:
        return
    yield Finding(
        "missing_classes",
        "serious",
        f"Peta hampir hanya memuat jalan besar: jalan desa dan lingkungan {small:.0f} dari {total:.0f} km. "
        "Bagian terakhir perjalanan tidak ada di peta.",
        f"The map holds little but main roads: village and residential roads are {small:.0f} of {total:.0f} "
        "km. The last part of most journeys is not in the map.",
        {"small_km": round(small, 1), "total_km": round(total, 1)},
    )


def _toll(m: _Matter) -> Iterator[Finding]:
    excluded = [name for name in m.core.manifest.exclude_highway if name in _TOLL]
    if excluded:
        yield Finding(
            "toll_excluded", "info",
            "Jalan tol tidak dipakai: data sumber tidak memuat arah dan gerbangnya dengan pasti.",
            "Toll roads are left out: the source does not tell their directions and entrances for sure.",
            {},
        )  # fmt: skip
        return
    a, classes = m.core.arrays, m.core.manifest.classes
    numbers = [classes.index(name) for name in _TOLL if name in classes]
    toll = np.isin(a.edge_class, numbers) & (a.edge_in_part & m.metric.bit > 0)
    if not toll.any():
        return
    of_toll, of_others = (
        np.unique(np.concatenate([a.edge_from[which], a.edge_to[which]])) for which in (toll, ~toll)
    )
    meetings = int(np.isin(of_toll, of_others).sum())
    km = float(a.edge_mm[toll].sum(dtype=np.int64)) / 1e6
    row = m.metric.row
    both_ways = toll & (a.edge_ms_forward[row] != CLOSED_MS) & (a.edge_ms_backward[row] != CLOSED_MS)
    share = float(a.edge_mm[both_ways].sum(dtype=np.int64)) / 1e6 / km
    if km / max(meetings, 1) <= _TOLL_KM_PER_MEETING and share < 0.5:
        return
    yield Finding(
        "toll_access",
        "serious",
        f"Jalan tol {km:.0f} km bertemu jalan lain hanya di {meetings} titik; {share:.0%} tanpa arah. "
        "Rute lewat tol tidak dapat dipercaya; keluarkan kelas motorway atau perbaiki peta.",
        f"{km:.0f} km of toll road meet other roads at {meetings} places only; {share:.0%} have no "
        "direction. Routes over them cannot be trusted: exclude the class motorway or mend the map.",
        {"km": round(km, 1), "meetings": meetings, "both_ways_share": round(share, 3)},
    )


def _made_up(m: _Matter) -> Iterator[Finding]:
    """Connectors and ferries, and how many places are best reached over one."""
    a = m.core.arrays
    inside = a.edge_in_part & m.metric.bit > 0
    for flag, code in ((CONNECTOR, "connectors"), (FERRY, FERRY_DOUBT)):
        edges = np.flatnonzero(((a.edge_flags & flag) > 0) & (inside | (flag == FERRY)))
        if len(edges) == 0:
            continue
        km = float(a.edge_mm[edges].sum(dtype=np.int64)) / 1e6
        users = _relying(m, flag)
        figures = {"edges": len(edges), "km": round(km, 3), "places": len(users)}
        relying_id = f"{len(users)} tempat paling cepat dicapai lewat sana." if m.facilities else ""
        relying_en = f"{len(users)} places are reached fastest over them." if m.facilities else ""
        if code == "connectors":
            texts = (
                f"{len(edges)} sambungan buatan ({_places(km)} km) tidak ada di peta asal. {relying_id}",
                f"{len(edges)} connectors ({km:.1f} km) were drawn by hand, not in the source. {relying_en}",
            )
        else:
            texts = (
                f"{len(edges)} feri ({_places(km)} km): waktu tunggunya dikira-kira. {relying_id}",
                f"{len(edges)} ferries ({km:.1f} km): their waiting time is a guess. {relying_en}",
            )
        severity: Severity = "warning" if len(users) or not m.facilities else "info"
        yield Finding(code, severity, texts[0].strip(), texts[1].strip(), figures, _listed(m, users, None))


def _relying(m: _Matter, flag: int) -> Longs:
    """The places that the nearest facility reaches later once edges with the flag are closed."""
    if not m.facilities or len(m.points) == 0:
        return np.empty(0, np.int64)
    at = checked_points([(f.lon, f.lat) for f in m.facilities], m.core.box)
    best = []
    for metric in (m.metric, m.terms.without(flag)):
        start = m.terms.place(at, metric)
        best.append(milliseconds(m.terms, metric, start, m.villages).min(axis=0))
    return np.flatnonzero((best[1] > best[0]) & (best[0] < FAR_MS))


def _approximate(m: _Matter) -> Iterator[Finding]:
    unsure = [facility for facility in m.facilities if facility.approximate]
    if not unsure:
        return
    yield Finding(
        "approximate_facilities",
        "warning",
        f"{len(unsure)} dari {len(m.facilities)} faskes berposisi perkiraan; menit ke sana bertanda ~.",
        f"{len(unsure)} of {len(m.facilities)} facilities have an approximate position; minutes bear a ~.",
        {"facilities": len(unsure), "of": len(m.facilities)},
        tuple(DoubtfulPlace(f.name, f.lon, f.lat) for f in unsure[:_LISTED]),
    )


def _uncalibrated(m: _Matter) -> Iterator[Finding]:
    profile = m.core.manifest.profiles[m.metric.row]
    if m.metric.interval.calibrated or profile.calibrated_on:
        return
    yield Finding(
        "uncalibrated",
        "warning",
        f"Kecepatan profil {profile.name} belum dikalibrasi dengan perjalanan tercatat; kisarannya lebar.",
        f"The speeds of profile {profile.name} are not calibrated with recorded trips; its ranges are wide.",
        {},
    )


def _old_data(m: _Matter) -> Iterator[Finding]:
    told = m.core.manifest.report.data_date
    day = _day(told)
    if day is None:
        yield Finding(
            "unknown_date", "warning",
            "Tanggal data peta tidak diketahui; jalan baru mungkin tidak ada.",
            "The date of the map is not known; new roads may be missing.",
            {},
        )  # fmt: skip
        return
    years = (m.today - day).days / 365.25
    if years > _OLD_YEARS:
        yield Finding(
            "old_data",
            "warning",
            f"Data peta per {told} sudah berumur {_places(years)} tahun.",
            f"The map of {told} is {years:.1f} years old.",
            {"years": round(years, 2)},
        )


def _cut_off(m: _Matter) -> Iterator[Finding]:
    report = m.core.manifest.report
    if report.largest_part_share >= _LEAST_PART:
        return
    km = sum(part.km for part in report.cut_off)
    boxes = [
        DoubtfulPlace(f"{part.km:.1f} km", (part.box[0] + part.box[2]) / 2, (part.box[1] + part.box[3]) / 2)
        for part in report.cut_off
    ]
    yield Finding(
        "cut_off",
        "warning",
        f"{1 - report.largest_part_share:.1%} titik jalan terputus dari jaringan utama "
        f"(bagian terbesar {_places(km)} km); tempat di sana dijawab dari jalan lain.",
        f"{1 - report.largest_part_share:.1%} of the road points are cut off from the main network "
        f"(largest parts {km:.1f} km); places there are answered from other roads.",
        {"share": round(1 - report.largest_part_share, 4), "km": round(km, 1)},
        tuple(boxes),
    )


def _no_directions(m: _Matter) -> Iterator[Finding]:
    a, row = m.core.arrays, m.metric.row
    inside = a.edge_in_part & m.metric.bit > 0
    one_way = inside & ((a.edge_ms_forward[row] == CLOSED_MS) | (a.edge_ms_backward[row] == CLOSED_MS))
    if one_way.any():
        return
    yield Finding(
        "no_directions",
        "warning",
        "Peta tidak memuat satu pun jalan searah; di kota rute bisa melawan arah dan menitnya terlalu cepat.",
        "The map holds not a single one-way road; in towns routes may go against traffic and be too fast.",
        {},
    )


_LOOKS: tuple[Callable[[_Matter], Iterator[Finding]], ...] = (
    _far_villages, _missing_classes, _toll, _made_up, _approximate, _uncalibrated, _old_data, _cut_off,
    _no_directions,
)  # fmt: skip


def _listed(m: _Matter, rows: Longs, metres: Floats | None) -> tuple[DoubtfulPlace, ...]:
    return tuple(
        DoubtfulPlace(
            m.names[row],
            float(m.points[row, 0]),
            float(m.points[row, 1]),
            None if metres is None else round(float(metres[row]), 1),
        )
        for row in rows[:_LISTED].tolist()
    )


def _places(figure: float) -> str:
    """With one decimal, as it is written in Indonesian."""
    return f"{figure:.1f}".replace(".", ",")


def _day(text: str | None) -> date | None:
    """The day of an ISO date or time; a year alone is its first day. None for anything else."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10]) if len(text) >= 10 else date(int(text[:4]), 1, 1)
    except ValueError:
        return None
