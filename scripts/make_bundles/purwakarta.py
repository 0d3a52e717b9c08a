"""The facilities of Purwakarta: names from the agency list, positions from the map where they agree."""

import csv
import json
from collections import defaultdict
from pathlib import Path

from scripts.make_bundles.facilities import Facility
from scripts.make_bundles.shapes import Area

CODES = {
    "RSUD Bayu Asih": "32.14-F001",
    "Puskesmas Purwakarta": "32.14-F002",
    "Puskesmas Munjuljaya": "32.14-F003",
    "Puskesmas Koncara": "32.14-F004",
    "Puskesmas Campaka": "32.14-F005",
    "Puskesmas Jatiluhur": "32.14-F006",
    "Puskesmas Plered": "32.14-F007",
    "Puskesmas Sukatani": "32.14-F008",
    "Puskesmas Darangdan": "32.14-F009",
    "Puskesmas Maniis": "32.14-F010",
    "Puskesmas Tegalwaru": "32.14-F011",
    "Puskesmas Wanayasa": "32.14-F012",
    "Puskesmas Pasawahan": "32.14-F013",
    "Puskesmas Bojong": "32.14-F014",
    "Puskesmas Maracang": "32.14-F015",
    "Puskesmas Mulyamekar": "32.14-F016",
    "Puskesmas Bungursari": "32.14-F017",
    "Puskesmas Cibatu": "32.14-F018",
    "Puskesmas Sukasari": "32.14-F019",
    "Puskesmas Pondoksalam": "32.14-F020",
    "Puskesmas Kiarapedes": "32.14-F021",
}
"""A code is given once and stays with its facility, whatever happens to the list."""

HOSPITAL_VILLAGE = "32.14.01.1002"
"""RSUD Bayu Asih's address is in Nagri Kaler; its published point lies in Cipaisan. The address is kept as
written, so that the check keeps asking for the point."""

KINDS = {"rumah_sakit": "hospital", "puskesmas": "puskesmas"}
CAPABILITIES = {"hospital": "igd24;ponek", "puskesmas": ""}
PHONES = {"RSUD Bayu Asih": ("0264-202215", "telepon: daftar rumah sakit Jawa Barat")}
"""Published switchboards, with where they were found; what is not published stays empty."""

LIST = "Nama dan alamat: daftar perangkat daerah"
ROUGH = {
    "desa_centroid": "posisi: titik tengah desa",
    "kecamatan_centroid": "posisi: titik tengah kecamatan",
    "point_published": "posisi: titik terbitan yang belum diperiksa",
}


def purwakarta_facilities(source: Path, villages: list[Area]) -> list[Facility]:
    """All facilities of the agency list, ordered by code.

    The map's points have no names. Where a village holds exactly one listed facility and exactly one point,
    the point is that facility's position; everywhere else the list's rough position is kept as approximate.
    """
    mapped = _map_points(source / "facilities" / "purwakarta_faskes_rbi.geojson")
    with (source / "facilities" / "purwakarta_faskes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    listed = [row["desa_kode"] for row in rows]
    known = {village.code for village in villages}
    facilities = []
    for row in rows:
        village = row["desa_kode"]
        points = mapped.get(village, [])
        kind = KINDS[row["jenis"]]
        matched = kind == "puskesmas" and bool(village) and listed.count(village) == len(points) == 1
        if matched:
            number, lon, lat = points[0]
            position = f"posisi: BIG RBI 1:25.000 (2022), titik {number}"
        else:
            lon, lat = float(row["lon"]), float(row["lat"])
            position = ROUGH[row["koordinat_kualitas"]]
        phone, phone_source = PHONES.get(row["nama"], ("", ""))
        if kind == "hospital":
            village = HOSPITAL_VILLAGE
        if village and village not in known:
            raise ValueError(f"{row['nama']}: village {village} is unknown")
        facilities.append(
            Facility(
                code=CODES[row["nama"]],
                name=row["nama"],
                kind=kind,
                address=row["alamat"],
                phone=phone,
                lon=lon,
                lat=lat,
                position_quality="surveyed" if matched else "approximate",
                capabilities=CAPABILITIES[kind],
                beds="",
                village_code=village,
                source="; ".join(part for part in (LIST, position, phone_source) if part),
            )
        )
    return sorted(facilities, key=lambda facility: facility.code)


def _map_points(source: Path) -> dict[str, list[tuple[int, float, float]]]:
    """The map's nameless facility points by village code: number, lon, lat."""
    points: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for feature in json.loads(source.read_text(encoding="utf-8"))["features"]:
        lon, lat = feature["geometry"]["coordinates"]
        points[feature["properties"]["desa_kode"]].append((int(feature["properties"]["objectid"]), lon, lat))
    return points
