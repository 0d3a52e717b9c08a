"""Reads regency.toml: who the regency is, its settings, its roads and how its rosters are made."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any, Final

from dispatch.bundle.findings import Notebook
from dispatch.bundle.model import KnownGap, RegencyInfo, RosterSpec, Setting, ShiftSpec
from dispatch.bundle.phones import e164
from dispatch.domain.deadlines import default_settings

FILE: Final = "regency.toml"

SETTINGS: Final[Mapping[str, Mapping[str, Setting]]] = {
    "targets": {
        "to_patient_s": 600,
        "to_patient_share": 0.90,
        "taken_s": 15,
        "taken_share": 0.90,
        "taken_late_s": 20,
        "taken_late_share": 0.95,
        "verdict_s": 60,
        "offer_accepted_s": 60,
        "turnout_s": 60,
        "handover_s": 900,
        "handover_alarm_s": 1800,
    },
    "offers": default_settings("offers"),
    "alarms": default_settings("alarms"),
    "positions": {
        "on_run_s": 5,
        "idle_s": 60,
        "parked_s": 300,
        "silent_after_intervals": 3,
        "old_on_run_s": 90,
        "old_idle_s": 300,
    },
    "routing": {"access_kmh": 20},
}
"""Every setting that a regency may write, with the value it has when it does not."""

ATTRIBUTION: Final = ("© OpenStreetMap contributors",)
"""What every map shows unless the sheet names other sources: the licence of OpenStreetMap demands it."""

SECTIONS: Final = frozenset({"regency", "sms", "map", "roads", "roster", "gaps"} | SETTINGS.keys())


@dataclass(frozen=True)
class Sheet:
    """The contents of regency.toml."""

    info: RegencyInfo
    roster: RosterSpec
    roads_exclude: frozenset[str]
    roads_date: str | None
    attribution: tuple[str, ...]
    gaps: tuple[KnownGap, ...]


def read_sheet(folder: Path, notebook: Notebook) -> Sheet:
    """Read the sheet of a folder. Missing or bad values are noted and left empty or at their default."""
    document: dict[str, Any] = {}
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        notebook = Notebook()  # the missing file itself is named once by the reader of the folder
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        notebook.note(
            "unreadable_file",
            FILE,
            f"berkas bukan TOML yang terbaca ({error}): perbaiki barisnya",
            f"the file is not readable TOML ({error}): repair the line",
        )
        notebook = Notebook()  # nothing was read: every value would be accused of being missing
    reader = _Reader(notebook)
    reader.unknown_keys("", document, SECTIONS)
    drawn = reader.table("", document, "map")
    reader.unknown_keys("map", drawn, frozenset({"attribution"}))
    roads = reader.table("", document, "roads")
    reader.unknown_keys("roads", roads, frozenset({"exclude", "data_date"}))
    return Sheet(
        info=_info(reader, document),
        roster=_roster(reader, document),
        roads_exclude=frozenset(reader.texts("roads", roads, "exclude")),
        roads_date=reader.text("roads", roads, "data_date", required=False) or None,
        attribution=tuple(reader.texts("map", drawn, "attribution")) or ATTRIBUTION,
        gaps=_gaps(reader, document),
    )


class _Reader:
    """Typed access to a TOML document that notes what is wrong and goes on."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook

    def bad(self, section: str, key: str, value: object, wanted_id: str, wanted_en: str) -> None:
        self.notebook.note(
            "bad_value",
            f"{FILE} [{section}] {key}",
            f"{key} berisi {value!r}, seharusnya {wanted_id}",
            f"{key} holds {value!r} instead of {wanted_en}",
        )

    def unknown_keys(self, section: str, table: Mapping[str, Any], known: frozenset[str]) -> None:
        for key in sorted(table.keys() - known):
            self.notebook.note(
                "unknown_key",
                f"{FILE} [{section}] {key}",
                f"{key} tidak dikenal; yang dikenal: {', '.join(sorted(known))}",
                f"{key} is unknown; known are: {', '.join(sorted(known))}",
            )

    def table(self, section: str, parent: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = parent.get(key, {})
        if isinstance(value, dict):
            return value
        self.bad(section, key, value, "sebuah bagian [tabel]", "a [table]")
        return {}

    def tables(self, section: str, parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = parent.get(key, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
        self.bad(section, key, value, "daftar [[tabel]]", "a list of [[tables]]")
        return []

    def text(self, section: str, table: Mapping[str, Any], key: str, *, required: bool = True) -> str:
        value = table.get(key)
        if isinstance(value, str) and (value.strip() or not required):
            return value.strip()
        if required or value is not None:
            self.bad(section, key, value, "teks", "a text")
        return ""

    def texts(self, section: str, table: Mapping[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        self.bad(section, key, value, "daftar teks", "a list of texts")
        return []

    def whole(
        self, section: str, table: Mapping[str, Any], key: str, low: int, high: int, default: int
    ) -> int:
        value = table.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.bad(section, key, value, f"bilangan bulat {low}..{high}", f"a whole number from {low} to {high}")
        return default

    def share(self, section: str, table: Mapping[str, Any], key: str, default: float) -> float:
        value = table.get(key, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1:
            return float(value)
        self.bad(section, key, value, "bagian lebih dari 0 sampai 1", "a share above 0, up to 1")
        return default

    def positive(self, section: str, table: Mapping[str, Any], key: str, default: Setting) -> Setting:
        value = table.get(key, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 86_400:
            return value
        self.bad(
            section, key, value, "bilangan lebih dari 0, paling besar 86400", "a number above 0, up to 86400"
        )
        return default


def _info(reader: _Reader, document: Mapping[str, Any]) -> RegencyInfo:
    table = reader.table("", document, "regency")
    known = frozenset({"code", "name", "province_name", "number_prefix", "timezone"})
    reader.unknown_keys("regency", table, known)
    settings: dict[str, Mapping[str, Setting]] = {}
    for section, defaults in SETTINGS.items():
        written = reader.table("", document, section)
        reader.unknown_keys(section, written, frozenset(defaults))
        settings[section] = {
            key: reader.share(section, written, key, float(default))
            if key.endswith("_share")
            else reader.positive(section, written, key, default)
            for key, default in defaults.items()
        }
    settings["sms"] = {"number": _sms_number(reader, document)}
    return RegencyInfo(
        code=reader.text("regency", table, "code"),
        name=reader.text("regency", table, "name"),
        province_name=reader.text("regency", table, "province_name"),
        number_prefix=reader.text("regency", table, "number_prefix"),
        timezone=reader.text("regency", table, "timezone"),
        settings=settings,
    )


def _sms_number(reader: _Reader, document: Mapping[str, Any]) -> str:
    table = reader.table("", document, "sms")
    reader.unknown_keys("sms", table, frozenset({"number"}))
    written = reader.text("sms", table, "number")
    number = e164(written)
    if written and number is None:
        reader.notebook.note(
            "bad_phone",
            f"{FILE} [sms] number",
            f"nomor telepon {written!r} tidak sah: tulis seperti 0812-3456-7890",
            f"phone number {written!r} is not valid: write it like 0812-3456-7890",
        )
    return number or ""


def _roster(reader: _Reader, document: Mapping[str, Any]) -> RosterSpec:
    table = reader.table("", document, "roster")
    reader.unknown_keys("roster", table, frozenset({"seed", "days_ahead", "shifts"}))
    rows = reader.tables("roster", table, "shifts")
    if not rows:
        reader.bad(
            "roster", "shifts", rows, "sedikitnya satu [[roster.shifts]]", "at least one [[roster.shifts]]"
        )
    shifts = []
    for row in rows:
        reader.unknown_keys(
            "roster.shifts", row, frozenset({"code", "name", "starts", "ends", "staffed_share"})
        )
        shifts.append(
            ShiftSpec(
                code=reader.text("roster.shifts", row, "code"),
                name=reader.text("roster.shifts", row, "name"),
                starts=_clock(reader, row, "starts"),
                ends=_clock(reader, row, "ends"),
                staffed_share=reader.share("roster.shifts", row, "staffed_share", 1.0),
            )
        )
    return RosterSpec(
        seed=reader.whole("roster", table, "seed", 0, 2**31 - 1, 1),
        days_ahead=reader.whole("roster", table, "days_ahead", 1, 60, 7),
        shifts=tuple(shifts),
    )


def _clock(reader: _Reader, row: Mapping[str, Any], key: str) -> time:
    value = row.get(key)
    if isinstance(value, time) and value.tzinfo is None:
        return value
    reader.bad(
        "roster.shifts",
        key,
        value,
        "jam seperti 07:00:00 tanpa tanda kutip",
        "a time like 07:00:00, unquoted",
    )
    return time(0)


def _gaps(reader: _Reader, document: Mapping[str, Any]) -> tuple[KnownGap, ...]:
    gaps = []
    for row in reader.tables("", document, "gaps"):
        reader.unknown_keys("gaps", row, frozenset({"id", "en"}))
        gaps.append(KnownGap(reader.text("gaps", row, "id"), reader.text("gaps", row, "en")))
    return tuple(gaps)
