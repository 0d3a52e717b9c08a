"""Reads the tables of a bundle, facilities.csv and fleet.csv, and names every cell that cannot be read."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dispatch.bundle.findings import Notebook
from dispatch.bundle.model import UNIT_LEVELS, FacilitySpec, UnitSpec
from dispatch.bundle.phones import e164

FACILITY_COLUMNS = (
    "code",
    "name",
    "kind",
    "address",
    "phone",
    "lon",
    "lat",
    "position_quality",
    "capabilities",
    "beds",
    "village_code",
    "source",
)
FLEET_COLUMNS = (
    "call_sign",
    "plate",
    "type",
    "tracking",
    "capabilities",
    "base_facility",
    "base_lon",
    "base_lat",
    "phone",
)


@dataclass
class Cells:
    """One row of a table. Every reader notes what is wrong and goes on; `sound` tells at the end.

    A `broken` row has the wrong number of cells: what stands in which column is not known for certain.
    """

    file: str
    row: int
    values: dict[str, str]
    notebook: Notebook
    sound: bool = field(default=True)
    broken: bool = field(default=False)

    def refuse(self, code: str, column: str, message_id: str, message_en: str) -> None:
        """Note a problem of one cell; the row will be left out."""
        self.sound = False
        self.notebook.note(code, f"{self.file} row {self.row} field {column}", message_id, message_en)

    def optional(self, column: str) -> str:
        """A text, possibly empty."""
        return self.values[column]

    def text(self, column: str) -> str:
        """A text that must not be empty."""
        value = self.values[column]
        if not value:
            self.refuse(
                "empty_value", column, f"{column} kosong: isi nilainya", f"{column} is empty: fill it in"
            )
        return value

    def degrees(self, column: str, limit: float) -> float:
        """A coordinate in degrees, finite and within ±limit; NaN after a refusal."""
        value = self.values[column]
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if abs(number) <= limit:
            return number
        # Indonesian longitudes are no latitudes: a latitude of 107 is a longitude in the wrong column
        swapped = abs(number) <= 180
        remedy_id = "bujur dan lintang tertukar?" if swapped else "tulis seperti 107.443741"
        remedy_en = "are longitude and latitude swapped?" if swapped else "write it like 107.443741"
        self.refuse(
            "bad_coordinate",
            column,
            f"{column} {value!r} bukan derajat antara -{limit:g} dan {limit:g}: {remedy_id}",
            f"{column} {value!r} is not degrees between -{limit:g} and {limit:g}: {remedy_en}",
        )
        return math.nan

    def count(self, column: str) -> int | None:
        """A whole number of zero or more, None when empty."""
        value = self.values[column]
        if not value:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 6):
            self.refuse(
                "bad_number",
                column,
                f"{column} {value!r} bukan bilangan bulat: tulis angka atau kosongkan",
                f"{column} {value!r} is not a whole number: write digits or leave it empty",
            )
            return None
        return int(value)

    def phone(self, column: str) -> str | None:
        """A phone number as E.164, None when empty."""
        value = self.values[column]
        if not value:
            return None
        number = e164(value)
        if number is None:
            self.refuse(
                "bad_phone",
                column,
                f"nomor telepon {value!r} tidak sah: tulis seperti 0812-3456-7890 atau kosongkan",
                f"phone number {value!r} is not valid: write it like 0812-3456-7890 or leave it empty",
            )
        return number

    def listed(self, column: str) -> tuple[str, ...]:
        """The items of a cell separated by semicolons."""
        return tuple(item.strip() for item in self.values[column].split(";") if item.strip())


def read_facilities(path: Path, notebook: Notebook) -> tuple[list[FacilitySpec], frozenset[str]]:
    """The facilities that could be read, and the codes of the rows that could not."""
    facilities: list[FacilitySpec] = []
    refused: set[str] = set()
    for cells in _rows(path, FACILITY_COLUMNS, notebook):
        if cells.broken:
            refused.add(cells.values.get("code", ""))
            continue
        facility = FacilitySpec(
            code=cells.text("code"),
            name=cells.text("name"),
            kind=cells.text("kind"),
            address=cells.optional("address"),
            phone=cells.phone("phone"),
            lon=cells.degrees("lon", 180),
            lat=cells.degrees("lat", 90),
            position_quality=cells.text("position_quality"),
            capabilities=cells.listed("capabilities"),
            beds=cells.count("beds"),
            source=cells.text("source"),
            village_code=cells.optional("village_code") or None,
            row=cells.row,
        )
        if cells.sound:
            facilities.append(facility)
        else:
            refused.add(facility.code)
    return facilities, frozenset(refused)


def read_fleet(path: Path, notebook: Notebook) -> list[UnitSpec]:
    """The units that could be read."""
    units: list[UnitSpec] = []
    for cells in _rows(path, FLEET_COLUMNS, notebook):
        if cells.broken:
            continue
        facility = cells.optional("base_facility")
        own_point = bool(cells.optional("base_lon") or cells.optional("base_lat"))
        if bool(facility) == own_point:
            cells.refuse(
                "base_unclear",
                "base_facility",
                "pangkalan harus salah satu: base_facility, atau base_lon dan base_lat",
                "the base must be one of the two: base_facility, or base_lon and base_lat",
            )
            own_point = False
        kind = cells.text("type")
        level = (UNIT_LEVELS[kind],) if kind in UNIT_LEVELS else ()
        unit = UnitSpec(
            call_sign=cells.text("call_sign"),
            plate=cells.text("plate"),
            type=kind,
            tracking=cells.text("tracking"),
            capabilities=tuple(dict.fromkeys((*level, *cells.listed("capabilities")))),
            base_facility_code=facility or None,
            base_lon=cells.degrees("base_lon", 180) if own_point else None,
            base_lat=cells.degrees("base_lat", 90) if own_point else None,
            phone=cells.phone("phone"),
            row=cells.row,
        )
        if cells.sound:
            units.append(unit)
    return units


def _rows(path: Path, columns: tuple[str, ...], notebook: Notebook) -> Iterator[Cells]:
    """The rows of a table as cells, trimmed; `row` is the line in the file, the heading being line 1."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            heading = [name.strip() for name in next(reader, [])]
            if not _heading_fits(path.name, heading, columns, notebook):
                return
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(heading):
                    notebook.note(
                        "bad_row",
                        f"{path.name} row {reader.line_num}",
                        f"baris berisi {len(values)} kolom, seharusnya {len(heading)}: periksa koma "
                        "dan tanda kutip",
                        f"the row has {len(values)} cells instead of {len(heading)}: check commas and quotes",
                    )
                trimmed = {name: value.strip() for name, value in zip(heading, values, strict=False)}
                broken = len(values) != len(heading)
                yield Cells(path.name, reader.line_num, trimmed, notebook, broken=broken)
    except FileNotFoundError:
        return  # named once, with all other missing files, by the reader of the folder
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        notebook.note(
            "unreadable_file",
            path.name,
            f"berkas tidak dapat dibaca ({error}): simpan sebagai CSV UTF-8",
            f"the file cannot be read ({error}): save it as UTF-8 CSV",
        )


def _heading_fits(file: str, heading: list[str], columns: tuple[str, ...], notebook: Notebook) -> bool:
    missing = [name for name in columns if name not in heading]
    unknown = [name for name in heading if name not in columns]
    doubled = sorted({name for name in heading if heading.count(name) > 1})
    for names, said_id, said_en in (
        (missing, "kolom tidak ada", "columns are missing"),
        (unknown, "kolom tidak dikenal", "columns are unknown"),
        (doubled, "kolom ganda", "columns stand twice"),
    ):
        if names:
            notebook.note(
                "bad_columns",
                f"{file} row 1",
                f"{said_id}: {', '.join(names)}; kolom yang benar: {', '.join(columns)}",
                f"{said_en}: {', '.join(names)}; the right columns are: {', '.join(columns)}",
            )
    return not (missing or unknown or doubled)
