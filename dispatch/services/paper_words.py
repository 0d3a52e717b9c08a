"""Words that stand on paper: Indonesian, as a desk without machines reads them."""

from __future__ import annotations

from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnitStatus

TRIAGE = {
    Triage.RED.value: "MERAH",
    Triage.YELLOW.value: "KUNING",
    Triage.GREEN.value: "HIJAU",
    Triage.BLACK.value: "HITAM",
}
UNJUDGED = "BELUM DINILAI"

UNIT_STATUS = {
    UnitStatus.AVAILABLE: "SIAP",
    UnitStatus.BUSY: "bertugas",
    UnitStatus.UNAVAILABLE: "tidak siap",
    UnitStatus.OFF_SHIFT: "tidak dinas",
}

PLACE_SOURCE = {"last_cleared": "selesai tugas terakhir", "base": "pangkalan"}

FACILITY_KIND = {"hospital": "RS", "puskesmas": "Puskesmas", "clinic": "Klinik"}
EMS_STATUS = {"normal": "menerima", "advisory": "PADAT", "closed": "MENOLAK"}

ROAD_EFFECT = {"close": "DITUTUP", "slow": "lambat"}
ROAD_REASON = {
    "flood": "banjir",
    "landslide": "longsor",
    "fallen_tree": "pohon tumbang",
    "broken_bridge": "jembatan rusak",
    "accident": "kecelakaan",
    "works": "perbaikan jalan",
    "event": "acara",
    "congestion": "macet",
    "other": "lainnya",
}

UNIT_KIND = {"transport": "transport", "basic": "dasar", "advanced": "lanjut", "ambulans_desa": "desa"}

# codes whose bare form would not be read aright
NEEDS = {
    "advanced": "lanjut",
    "basic": "dasar",
    "stretcher": "tandu",
    "oxygen": "oksigen",
    "suction": "pengisap",
    "monitor": "monitor",
    "defibrillator": "defibrilator",
    "ventilator": "ventilator",
    "infusion": "infus",
    "obstetric_kit": "alat persalinan",
    "aed": "AED",
    "splints": "bidai",
    "igd24": "IGD 24 jam",
    "ponek": "PONEK",
    "icu": "ICU",
}

# short, for the heads of narrow columns; in the order of a run
STAMP = {
    Stamp.CALLED: "Panggilan",
    Stamp.TAKEN: "Diambil",
    Stamp.CONFIRMED: "Diputuskan",
    Stamp.ASSIGNED: "Unit dipilih",
    Stamp.ACCEPTED: "Diterima",
    Stamp.EN_ROUTE: "Berangkat",
    Stamp.STAGED: "Menunggu aman",
    Stamp.ON_SCENE: "Tiba lokasi",
    Stamp.AT_PATIENT: "Di pasien",
    Stamp.LEFT_SCENE: "Bawa pasien",
    Stamp.AT_FACILITY: "Tiba faskes",
    Stamp.HANDED_OVER: "Serah terima",
    Stamp.AVAILABLE: "Siap kembali",
    Stamp.STOOD_DOWN: "Dipanggil kembali",
}

# national numbers, free of charge from every telephone
NATIONAL_NUMBERS = (
    ("Darurat terpadu", "112"),
    ("Gawat darurat medis (PSC)", "119"),
    ("Polisi", "110"),
    ("Pemadam kebakaran", "113"),
    ("SAR / Basarnas", "115"),
    ("PLN", "123"),
)
