"""Checks the areas, facilities and units of a bundle."""

from collections.abc import Collection, Iterable

from shapely import Point

from dispatch.bundle.findings import Notebook
from dispatch.bundle.model import (
    FACILITY_CAPABILITIES,
    FACILITY_KINDS,
    POSITION_QUALITIES,
    TRACKING,
    UNIT_CAPABILITIES,
    UNIT_TYPES,
    Bundle,
    FacilitySpec,
    UnitSpec,
)
from dispatch.bundle.territory import NEAR_M, surface_of

DISTRICTS = "districts.geojson"
VILLAGES = "villages.geojson"
FACILITIES = "facilities.csv"
FLEET = "fleet.csv"

VILLAGE_MAX_AWAY_M = 2_000.0
"""A village wholly outside its district by more than this has a wrong outline or a wrong code."""

OUTLINES_DIFFER_SHARE = 0.01
"""District outlines that differ from the villages by more than this share of the ground are mentioned."""


def check_areas(bundle: Bundle, present: Collection[str], problems: Notebook, warnings: Notebook) -> None:
    """Districts and villages belong to the regency and to each other."""
    for file, codes in (
        (DISTRICTS, [district.code for district in bundle.districts]),
        (VILLAGES, [village.code for village in bundle.villages]),
    ):
        _check_unique(file, "code", codes, problems)
        if file in present and not codes:
            _note_empty(file, problems)
        for code in codes:
            if bundle.info.code and not code.startswith(bundle.info.code + "."):
                problems.note(
                    "foreign_code",
                    f"{file} ({code})",
                    f"kode {code} tidak termasuk kabupaten {bundle.info.code}: hapus atau perbaiki kodenya",
                    f"the code {code} is not of regency {bundle.info.code}: remove it or correct the code",
                )
    if DISTRICTS not in present or VILLAGES not in present:
        return
    known = {district.code for district in bundle.districts} | bundle.refused_codes
    inhabited = {village.district_code for village in bundle.villages}
    inhabited |= {code.rpartition(".")[0] for code in bundle.refused_codes}
    for village in bundle.villages:
        if village.district_code not in known:
            problems.note(
                "village_without_district",
                f"{VILLAGES} ({village.code} {village.name})",
                f"kecamatan {village.district_code} tidak ada di {DISTRICTS}: tambahkan atau perbaiki "
                "kode desa",
                f"district {village.district_code} is not in {DISTRICTS}: add it or correct the "
                "village's code",
            )
    for district in bundle.districts:
        if district.code not in inhabited:
            problems.note(
                "district_without_villages",
                f"{DISTRICTS} ({district.code} {district.name})",
                f"kecamatan {district.name} tidak memiliki desa di {VILLAGES}: tambahkan desanya",
                f"district {district.name} has no village in {VILLAGES}: add its villages",
            )
    _check_villages_lie_in_districts(bundle, problems)
    _compare_outlines(bundle, warnings)


def _check_villages_lie_in_districts(bundle: Bundle, problems: Notebook) -> None:
    territory = bundle.territory
    outlines = {district.code: territory.in_metres(district.geometry) for district in bundle.districts}
    for village in bundle.villages:
        outline = outlines.get(village.district_code)
        if outline is None:
            continue
        away_m = outline.distance(territory.in_metres(village.geometry))
        if away_m > VILLAGE_MAX_AWAY_M:
            problems.note(
                "village_off_district",
                f"{VILLAGES} ({village.code} {village.name})",
                f"batas desa berada {away_m / 1000:.1f} km di luar kecamatan {village.district_code}: "
                "perbaiki batas atau kodenya",
                f"the village lies {away_m / 1000:.1f} km outside district {village.district_code}: "
                "correct its outline or its code",
            )


def _compare_outlines(bundle: Bundle, warnings: Notebook) -> None:
    if not (bundle.districts and bundle.villages):
        return
    territory = bundle.territory
    ground = territory.in_metres(territory.boundary)
    districts = territory.in_metres(surface_of(district.geometry for district in bundle.districts))
    share = ground.symmetric_difference(districts).area / ground.union(districts).area
    if share > OUTLINES_DIFFER_SHARE:
        warnings.note(
            "outlines_differ",
            DISTRICTS,
            f"batas kecamatan berbeda {share:.1%} dari gabungan desa: hanya untuk gambar; tempat "
            "dicari lewat desa",
            f"district outlines differ by {share:.1%} from the villages' union: for drawing only; "
            "places go by village",
        )


def check_facilities(
    bundle: Bundle, present: Collection[str], problems: Notebook, warnings: Notebook
) -> None:
    """Facilities are known kinds, lie in the regency, and say how well their position is known."""
    _check_unique(FACILITIES, "code", [facility.code for facility in bundle.facilities], problems)
    if FACILITIES in present and not bundle.facilities and not bundle.refused_codes:
        _note_empty(FACILITIES, problems)
    for facility in bundle.facilities:
        where = f"{FACILITIES} row {facility.row} ({facility.code} {facility.name})"
        _check_word(where, "kind", facility.kind, FACILITY_KINDS, problems)
        _check_word(where, "position_quality", facility.position_quality, POSITION_QUALITIES, problems)
        _check_capabilities(where, facility.capabilities, FACILITY_CAPABILITIES, problems)
        if bundle.villages:
            _check_facility_place(bundle, facility, where, problems, warnings)
    _mention_positions(bundle, warnings)


def _check_facility_place(
    bundle: Bundle, facility: FacilitySpec, where: str, problems: Notebook, warnings: Notebook
) -> None:
    names = {village.code: village.name for village in bundle.villages}
    written = facility.village_code
    if written is not None and written not in names.keys() | bundle.refused_codes:
        problems.note(
            "unknown_village",
            f"{where} field village_code",
            f"desa {written} tidak ada di {VILLAGES}: perbaiki atau kosongkan",
            f"village {written} is not in {VILLAGES}: correct it or leave it empty",
        )
    if not bundle.territory.holds(facility.lon, facility.lat):
        _note_outside(bundle, where, facility.lon, facility.lat, problems)
        return
    standing = bundle.territory.village_at(facility.lon, facility.lat)
    if standing is not None and written in names and written != standing:
        warnings.note(
            "other_village",
            where,
            f"titiknya di desa {standing} {names[standing]}, tertulis desa {written} {names[written]}: "
            "periksa",
            f"the point stands in village {standing} {names[standing]}, written is {written} "
            f"{names[written]}: check",
        )


def _mention_positions(bundle: Bundle, warnings: Notebook) -> None:
    rough = [facility for facility in bundle.facilities if facility.position_quality == "approximate"]
    if rough:
        names = ", ".join(f"{facility.code} {facility.name}" for facility in rough)
        warnings.note(
            "approximate_positions",
            FACILITIES,
            f"{len(rough)} dari {len(bundle.facilities)} faskes berposisi perkiraan, tidak diusulkan "
            "sebagai tujuan "
            f"sebelum dipastikan: {names}",
            f"{len(rough)} of {len(bundle.facilities)} facilities have approximate positions and are "
            "not proposed as "
            f"destinations until confirmed: {names}",
        )
    hospitals = [facility for facility in bundle.facilities if facility.kind == "hospital"]
    if bundle.facilities and all(facility.position_quality != "surveyed" for facility in hospitals):
        warnings.note(
            "no_surveyed_hospital",
            FACILITIES,
            "tidak ada rumah sakit dengan posisi terukur: ukur titik IGD-nya dan ubah position_quality",
            "no hospital has a surveyed position: measure its emergency entrance and change position_quality",
        )


def check_fleet(bundle: Bundle, present: Collection[str], problems: Notebook, warnings: Notebook) -> None:
    """Units are known types with known bases in the regency."""
    _check_unique(FLEET, "call_sign", [unit.call_sign for unit in bundle.units], problems)
    _check_unique(FLEET, "plate", [unit.plate for unit in bundle.units], problems)
    refused = any(found.where.startswith(FLEET) for found in bundle.unread)
    if FLEET in present and not bundle.units and not refused:
        _note_empty(FLEET, problems)
    for unit in bundle.units:
        where = f"{FLEET} row {unit.row} ({unit.call_sign})"
        _check_word(where, "type", unit.type, UNIT_TYPES, problems)
        _check_word(where, "tracking", unit.tracking, TRACKING, problems)
        _check_capabilities(where, unit.capabilities, UNIT_CAPABILITIES, problems)
        _check_base(bundle, unit, where, present, problems)
    silent = [unit.call_sign for unit in bundle.units if unit.tracking == "manual" and unit.phone is None]
    if silent:
        warnings.note(
            "manual_without_phone",
            FLEET,
            f"{len(silent)} unit manual tanpa nomor telepon, tidak dapat dihubungi: {', '.join(silent)}",
            f"{len(silent)} manual units without a phone number cannot be reached: {', '.join(silent)}",
        )


def _check_base(
    bundle: Bundle, unit: UnitSpec, where: str, present: Collection[str], problems: Notebook
) -> None:
    if unit.base_facility_code is not None:
        known = bundle.facility_by_code.keys() | bundle.refused_codes
        if FACILITIES in present and unit.base_facility_code not in known:
            problems.note(
                "unknown_base",
                f"{where} field base_facility",
                f"faskes {unit.base_facility_code} tidak ada di {FACILITIES}: perbaiki kodenya",
                f"facility {unit.base_facility_code} is not in {FACILITIES}: correct the code",
            )
        return
    lon, lat = bundle.base_point(unit)
    if bundle.villages and not bundle.territory.holds(lon, lat):
        _note_outside(bundle, where, lon, lat, problems)


def _note_outside(bundle: Bundle, where: str, lon: float, lat: float, problems: Notebook) -> None:
    territory = bundle.territory
    away_km = territory.in_metres(Point(lon, lat)).distance(territory.in_metres(territory.boundary)) / 1000
    problems.note(
        "outside_regency",
        f"{where} field lon, lat",
        f"titik {lon}, {lat} berada {away_km:.1f} km di luar kabupaten (toleransi {NEAR_M:g} m): perbaiki",
        f"the point {lon}, {lat} is {away_km:.1f} km outside the regency (tolerance {NEAR_M:g} m): move it",
    )


def _check_unique(file: str, column: str, values: Iterable[str], problems: Notebook) -> None:
    seen: set[str] = set()
    told: set[str] = set()
    for value in values:
        if value in seen and value not in told:
            told.add(value)
            problems.note(
                "duplicate",
                f"{file} field {column}",
                f"{column} {value!r} dipakai lebih dari sekali: beri nilai yang berbeda",
                f"{column} {value!r} is used more than once: give each its own",
            )
        seen.add(value)


def _check_word(where: str, column: str, value: str, known: frozenset[str], problems: Notebook) -> None:
    if value not in known:
        problems.note(
            f"unknown_{column}",
            f"{where} field {column}",
            f"{column} {value!r} tidak dikenal; pilih: {', '.join(sorted(known))}",
            f"{column} {value!r} is unknown; choose one of: {', '.join(sorted(known))}",
        )


def _check_capabilities(
    where: str, values: tuple[str, ...], known: frozenset[str], problems: Notebook
) -> None:
    for value in values:
        _check_word(where, "capability", value, known, problems)


def _note_empty(file: str, problems: Notebook) -> None:
    problems.note(
        "empty_file",
        file,
        f"{file} tidak berisi data: isi sedikitnya satu",
        f"{file} holds no entry: enter at least one",
    )
