"""The facilities of Batang: hand-placed points with their names set in order."""

import json
from dataclasses import dataclass
from pathlib import Path

import shapely

from scripts.make_bundles.facilities import Facility, village_at
from scripts.make_bundles.shapes import Area


@dataclass(frozen=True)
class Entry:
    """What is known of one source point beyond its place."""

    code: str
    name: str
    address: str = ""
    phone: str = ""
    quality: str = "surveyed"
    capabilities: str = ""
    remark: str = ""


POINTS = "Titik: peta sebaran fasilitas kesehatan Batang"
ADDRESSES = "alamat dan telepon: daftar rumah sakit dan puskesmas rujukan 2020"

ENTRIES = {
    "RSUD Batang Jawa Tengah": Entry(
        "33.25-F001",
        "RSUD Batang",
        "Jl. Dr. Sutomo No. 42, Batang",
        "0285-4493035",
        capabilities="igd24;ponek",
        remark=ADDRESSES,
    ),
    "RSUD LIMPUNG BATANG": Entry(
        "33.25-F002",
        "RSUD Limpung",
        "Jl. dr. Soetomo No. 17a, Limpung",
        "0285-4468362",
        capabilities="igd24",
        remark=ADDRESSES,
    ),
    "Rumah Sakit Qolbu Insan Mulia Batang": Entry(
        "33.25-F003",
        "RS Qolbu Insan Mulia",
        "Jl. Urip Sumohardjo, Sambong, Batang",
        "0285-4495222",
        capabilities="igd24",
        remark=ADDRESSES,
    ),
    "Puskesmas Batang 1": Entry(
        "33.25-F004",
        "Puskesmas Batang I",
        "Jl. Dr. Cipto No. 34, Proyonanggan Tengah",
        "0285-392803",
        remark=ADDRESSES,
    ),
    "Puskesmas Batang II": Entry(
        "33.25-F005",
        "Puskesmas Batang II",
        "Jl. RE Martadinata No. 145, Proyonanggan Utara",
        "0285-391483",
        remark=ADDRESSES,
    ),
    "Puskesmas Batang 3": Entry(
        "33.25-F006",
        "Puskesmas Batang III",
        "Jl. Pemuda No. 184, Cepokokuning",
        remark=ADDRESSES,
    ),
    "PUSKESMAS BATANG IV": Entry("33.25-F007", "Puskesmas Batang IV"),
    "Puskesmas Warungasem": Entry(
        "33.25-F008",
        "Puskesmas Warungasem",
        "Jl. Raya Warungasem No. 06",
        "0285-4417629",
        remark=ADDRESSES,
    ),
    "Puskesmas Wonotunggal": Entry("33.25-F009", "Puskesmas Wonotunggal"),
    "Puskesmas Bandar I": Entry("33.25-F010", "Puskesmas Bandar I"),
    "Puskesmas Bandar II Kab.Batang": Entry("33.25-F011", "Puskesmas Bandar II"),
    "Puskesmas Blado I": Entry("33.25-F012", "Puskesmas Blado I"),
    "Puskesmas Reban": Entry("33.25-F014", "Puskesmas Reban"),
    "Puskesmas Bawang Batang": Entry("33.25-F015", "Puskesmas Bawang"),
    "Puskesmas Tersono Batang": Entry("33.25-F016", "Puskesmas Tersono"),
    "UPTD Puskesmas Gringsing 1": Entry("33.25-F017", "Puskesmas Gringsing I"),
    "Puskesmas Gringsing II": Entry("33.25-F018", "Puskesmas Gringsing II"),
    "Puskesmas Limpung": Entry("33.25-F019", "Puskesmas Limpung"),
    "Puskesmas Banyuputih": Entry(
        "33.25-F020", "Puskesmas Banyuputih", remark="tercatat dua kali di sumber, disatukan"
    ),
    "Puskesmas Subah": Entry("33.25-F021", "Puskesmas Subah"),
    "Puskesmas Pecalungan": Entry("33.25-F022", "Puskesmas Pecalungan"),
    "Puskesmas Kandeman": Entry("33.25-F023", "Puskesmas Kandeman"),
    "Puskesmas Tulis 1": Entry("33.25-F024", "Puskesmas Tulis"),
    "Puskesmas Batang III": Entry(
        "33.25-F025",
        "Puskesmas Batang III (titik Wates)",
        quality="approximate",
        remark="nama meragukan: alamat Puskesmas Batang III ada di Cepokokuning (33.25-F006)",
    ),
}
"""Source name -> entry. A code is given once and stays; 33.25-F013 is Puskesmas Blado II, made below."""

BLADO = "33.25.03"


def batang_facilities(source: Path, villages: list[Area]) -> list[Facility]:
    """All facilities, ordered by code.

    Equal points are merged; Puskesmas Blado II, which the source lacks, is put at a rough place.
    """
    document = json.loads((source / "facilities" / "batang_faskes.geojson").read_text(encoding="utf-8"))
    facilities: dict[str, Facility] = {}
    for feature in document["features"]:
        lon, lat = feature["geometry"]["coordinates"]
        # one name repeats itself in Javanese script; only the Latin part tells it apart
        latin = "".join(sign for sign in feature["properties"]["Name"] if sign.isascii()).strip()
        entry = ENTRIES[latin]
        facility = _facility(entry, lon, lat, village_at(villages, lon, lat))
        if facilities.setdefault(entry.code, facility) != facility:
            raise ValueError(f"{latin} stands twice at different places")
    blado = shapely.union_all([area.geometry for area in villages if area.code.startswith(BLADO + ".")])
    facilities["33.25-F013"] = Facility(
        code="33.25-F013",
        name="Puskesmas Blado II",
        kind="puskesmas",
        address="",
        phone="",
        lon=blado.centroid.x,
        lat=blado.centroid.y,
        position_quality="approximate",
        capabilities="",
        beds="",
        village_code="",
        source="Nama: daftar 21 puskesmas Kabupaten Batang; posisi: titik tengah kecamatan",
    )
    return [facilities[code] for code in sorted(facilities)]


def _facility(entry: Entry, lon: float, lat: float, village_code: str) -> Facility:
    return Facility(
        code=entry.code,
        name=entry.name,
        kind="puskesmas" if entry.name.startswith("Puskesmas") else "hospital",
        address=entry.address,
        phone=entry.phone,
        lon=lon,
        lat=lat,
        position_quality=entry.quality,
        capabilities=entry.capabilities,
        beds="",
        village_code=village_code,
        source="; ".join(part for part in (POINTS, entry.remark) if part),
    )
