"""The contents of a regency folder as plain values. All coordinates are WGS84 lon/lat in degrees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from functools import cached_property
from pathlib import Path
from typing import Final

from shapely.geometry import MultiPolygon

from dispatch.bundle.findings import BundleError, Finding
from dispatch.bundle.territory import Territory

FACILITY_KINDS: Final = frozenset({"hospital", "puskesmas", "clinic"})

POSITION_QUALITIES: Final = frozenset({"surveyed", "approximate"})

FACILITY_CAPABILITIES: Final = frozenset(
    {"igd24", "ponek", "poned", "icu", "nicu", "surgery", "ct_scan", "cathlab", "dialysis", "inpatient"}
)

UNIT_LEVELS: Final = {
    "transport": "transport",
    "basic": "basic",
    "advanced": "advanced",
    "ambulans_desa": "transport",
}
"""Unit type -> the level of care that its capabilities begin with, which ranking looks at."""

UNIT_TYPES: Final = frozenset(UNIT_LEVELS)

TRACKING: Final = frozenset({"app", "manual"})

UNIT_CAPABILITIES: Final = frozenset(
    {
        *UNIT_LEVELS.values(),
        "stretcher",
        "oxygen",
        "suction",
        "aed",
        "monitor",
        "defibrillator",
        "ventilator",
        "infusion",
        "obstetric_kit",
        "incubator",
    }
)

Setting = int | float | str


@dataclass(frozen=True)
class RegencyInfo:
    """Who the regency is, and its settings: section -> key -> value, defaults filled in, ready for JSON.

    `code` is the Kemendagri code (`32.14`), `number_prefix` begins its case numbers, `timezone` is an IANA
    name. Settings ending in `_s` are seconds, in `_share` a share of 1, in `_kmh` kilometres per hour; the
    SMS centre's number is `settings["sms"]["number"]`, E.164.
    """

    code: str
    name: str
    province_name: str
    number_prefix: str
    timezone: str
    settings: Mapping[str, Mapping[str, Setting]]


@dataclass(frozen=True)
class DistrictShape:
    """A district (kecamatan) and its published outline, for drawing; places are found by village."""

    code: str
    name: str
    geometry: MultiPolygon


@dataclass(frozen=True)
class VillageShape:
    """A village (desa or kelurahan). Its district is the first three parts of its code."""

    code: str
    name: str
    geometry: MultiPolygon

    @property
    def district_code(self) -> str:
        """The district's code, from the village's own: names and outlines do not decide it."""
        return self.code.rpartition(".")[0]


@dataclass(frozen=True)
class FacilitySpec:
    """A health facility. `code` is the bundle's own and never given to another facility.

    `phone` is E.164 or None, `beds` and `village_code` are None where unknown. `row` is the line in the file.
    """

    code: str
    name: str
    kind: str
    address: str
    phone: str | None
    lon: float
    lat: float
    position_quality: str
    capabilities: tuple[str, ...]
    beds: int | None
    source: str
    village_code: str | None
    row: int


@dataclass(frozen=True)
class UnitSpec:
    """An ambulance. It is based either at a facility or at a point of its own.

    `capabilities` are the level of its type, which the file does not repeat, and what the file lists.
    `base_lon` and `base_lat` are the point as written, None for a unit based at a facility: ask
    `Bundle.base_point` for the place in either case. `phone` is E.164 or None.
    """

    call_sign: str
    plate: str
    type: str
    tracking: str
    capabilities: tuple[str, ...]
    base_facility_code: str | None
    base_lon: float | None
    base_lat: float | None
    phone: str | None
    row: int


@dataclass(frozen=True)
class ShiftSpec:
    """One shift of the day in the regency's own time; it may end on the next day.

    `staffed_share` is the share of units that are manned in it, 0 to 1.
    """

    code: str
    name: str
    starts: time
    ends: time
    staffed_share: float


@dataclass(frozen=True)
class RosterSpec:
    """How rosters are made: the same seed and day give the same roster, kept `days_ahead` days ahead."""

    seed: int
    days_ahead: int
    shifts: tuple[ShiftSpec, ...]


@dataclass(frozen=True)
class KnownGap:
    """Something the makers of the bundle know to be missing or doubtful, in both languages."""

    text_id: str
    text_en: str


@dataclass(frozen=True)
class Bundle:
    """A regency folder as read.

    What could not be read is left out and named in `unread`; `check_bundle` counts those as problems, and a
    bundle with problems must not be loaded. `refused_codes` are the codes of the districts, villages and
    facilities left out, so that what refers to them is not accused as well. `digest` is the SHA-256 of all
    content files, in hex. `attribution` names the sources that every map must show.
    """

    folder: Path
    info: RegencyInfo
    districts: tuple[DistrictShape, ...]
    villages: tuple[VillageShape, ...]
    facilities: tuple[FacilitySpec, ...]
    units: tuple[UnitSpec, ...]
    roster: RosterSpec
    roads: Path
    roads_exclude: frozenset[str]
    roads_date: str | None
    calibration: Path | None
    attribution: tuple[str, ...]
    gaps: tuple[KnownGap, ...]
    digest: str
    unread: tuple[Finding, ...]
    refused_codes: frozenset[str]

    @cached_property
    def territory(self) -> Territory:
        """The regency's ground: the union of its villages, slivers closed."""
        return Territory({village.code: village.geometry for village in self.villages})

    @property
    def boundary(self) -> MultiPolygon:
        """The outline of the regency: the union of its villages without the slivers between them."""
        return self.territory.boundary

    @cached_property
    def facility_by_code(self) -> Mapping[str, FacilitySpec]:
        """Facilities by their code; of two with one code the first."""
        return {facility.code: facility for facility in reversed(self.facilities)}

    def base_point(self, unit: UnitSpec) -> tuple[float, float]:
        """Where a unit is based, lon/lat. Raises BundleError when its facility is not in the bundle."""
        if unit.base_lon is not None and unit.base_lat is not None:
            return unit.base_lon, unit.base_lat
        facility = self.facility_by_code.get(unit.base_facility_code or "")
        if facility is None:
            raise BundleError(
                (
                    Finding(
                        "unknown_base",
                        f"unit {unit.call_sign} tidak memiliki pangkalan yang dikenal",
                        f"unit {unit.call_sign} has no known base",
                        f"fleet.csv row {unit.row}",
                    ),
                )
            )
        return facility.lon, facility.lat
