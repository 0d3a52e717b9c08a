"""Decides whether a bundle may be loaded, and names every problem and every doubt with its remedy."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatch.bundle.check_places import check_areas, check_facilities, check_fleet
from dispatch.bundle.check_roads import RoadNetwork, check_roads
from dispatch.bundle.findings import Findings, Notebook
from dispatch.bundle.model import Bundle
from dispatch.bundle.read import CONTENT
from dispatch.bundle.sheet import FILE

__all__ = ["RoadNetwork", "check_bundle"]


def check_bundle(bundle: Bundle, network: RoadNetwork | None) -> Findings:
    """Everything that is wrong or doubtful in a bundle.

    `network` is its road store, opened (`routing.open_store`), built from `bundle.roads` without the classes
    `bundle.roads_exclude`; None says that no store could be built, which is a problem of its own.
    Nothing is raised for bad content and the order of the findings is that of the folder's files.
    """
    problems = Notebook(list(bundle.unread))
    warnings = Notebook()
    unusable = ("missing_file", "unreadable_file", "bad_columns")
    missing = {found.where.partition(" ")[0] for found in bundle.unread if found.code in unusable}
    present = frozenset(CONTENT) - missing
    if FILE in present:
        _check_info(bundle, problems)
        _check_roster(bundle, problems)
    check_areas(bundle, present, problems, warnings)
    check_facilities(bundle, present, problems, warnings)
    check_fleet(bundle, present, problems, warnings)
    if bundle.roads.name in present:
        check_roads(bundle, network, problems, warnings)
    for gap in bundle.gaps:
        warnings.note("known_gap", f"{FILE} [[gaps]]", gap.text_id, gap.text_en)
    return Findings(tuple(problems.entries), tuple(warnings.entries))


def _check_info(bundle: Bundle, problems: Notebook) -> None:
    info = bundle.info
    if info.code and not re.fullmatch(r"\d{2}\.\d{2}", info.code):
        problems.note(
            "bad_code",
            f"{FILE} [regency] code",
            f"kode {info.code!r} bukan kode Kemendagri kabupaten/kota: tulis seperti 32.14",
            f"the code {info.code!r} is not the Kemendagri code of a regency: write it like 32.14",
        )
    if info.number_prefix and not re.fullmatch(r"[A-Z]{2,5}", info.number_prefix):
        problems.note(
            "bad_prefix",
            f"{FILE} [regency] number_prefix",
            f"awalan nomor {info.number_prefix!r} harus 2 sampai 5 huruf besar, misalnya PWK",
            f"the number prefix {info.number_prefix!r} must be 2 to 5 capital letters, for instance PWK",
        )
    try:
        ZoneInfo(info.timezone or "-")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if info.timezone:
            problems.note(
                "bad_timezone",
                f"{FILE} [regency] timezone",
                f"zona waktu {info.timezone!r} tidak dikenal: pakai Asia/Jakarta, Asia/Makassar atau "
                "Asia/Jayapura",
                f"the time zone {info.timezone!r} is unknown: use Asia/Jakarta, Asia/Makassar or "
                "Asia/Jayapura",
            )


def _check_roster(bundle: Bundle, problems: Notebook) -> None:
    codes = [shift.code for shift in bundle.roster.shifts]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        problems.note(
            "duplicate_shift",
            f"{FILE} [[roster.shifts]] code",
            f"kode dinas {code!r} dipakai dua kali: beri kode yang berbeda",
            f"the shift code {code!r} is used twice: give it another code",
        )
