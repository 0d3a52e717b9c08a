"""The one table of words for the codes that refusals and explanations name, in Indonesian and English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Words(NamedTuple):
    """One thing in both languages, written as within a sentence."""

    id: str
    en: str


_RUN_STATES = {
    "offered": Words("ditawarkan", "offered"),
    "accepted": Words("diterima", "accepted"),
    "en_route": Words("menuju lokasi", "en route"),
    "staged": Words("menunggu di jarak aman", "staged"),
    "on_scene": Words("tiba di lokasi", "on scene"),
    "at_patient": Words("bersama pasien", "at the patient"),
    "left_scene": Words("membawa pasien ke faskes", "on the way to the facility"),
    "at_facility": Words("tiba di faskes", "at the facility"),
    "handed_over": Words("serah terima selesai", "handed over"),
    "cleared": Words("siap kembali", "cleared"),
    "declined": Words("ditolak awak", "declined"),
    "timed_out": Words("tidak dijawab", "timed out"),
    "stood_down": Words("dipanggil kembali", "stood down"),
    "diverted": Words("dialihkan", "diverted"),
    "completed_without_transport": Words("selesai tanpa membawa pasien", "ended without transport"),
}

WORDS: dict[str, dict[str, Words]] = {
    "subject": {
        "assignment": Words("tugas", "run"),
        "call": Words("panggilan", "call"),
        "incident": Words("kejadian", "incident"),
        "leg": Words("etape", "leg"),
    },
    "assignment": _RUN_STATES,
    "incident": {
        "reported": Words("belum diputuskan", "without a verdict"),
        "confirmed": Words("dipastikan", "confirmed"),
        "closed": Words("ditutup", "closed"),
        "cancelled": Words("dibatalkan", "cancelled"),
        "merged": Words("digabung", "merged"),
        "forwarded": Words("diteruskan", "forwarded"),
    },
    "call": {
        "ringing": Words("memanggil", "ringing"),
        "taken": Words("ditangani", "taken"),
        "linked": Words("sudah menjadi kejadian", "linked to an incident"),
        "disposed": Words("sudah ditutup", "disposed of"),
    },
    "leg": {
        "planned": Words("direncanakan", "planned"),
        "transporting": Words("dalam perjalanan", "under way"),
        "at_facility": Words("di faskes", "at the facility"),
        "handed_over": Words("serah terima selesai", "handed over"),
        "diverted": Words("dialihkan", "diverted"),
    },
    "assignment step": _RUN_STATES,
    "incident step": {
        "confirm": Words("pastikan", "confirm"),
        "close": Words("tutup", "close"),
        "cancel": Words("batalkan", "cancel"),
        "merge": Words("gabungkan", "merge"),
        "forward": Words("teruskan", "forward"),
        "link": Words("hubungkan panggilan", "link a call"),
        "send": Words("kirim unit", "send a unit"),
        "change": Words("ubah", "change"),
    },
    "call step": {
        "take": Words("ambil", "take"),
        "link": Words("jadikan kejadian", "link to an incident"),
        "dispose": Words("tutup", "dispose of"),
        "reopen": Words("buka lagi", "take up again"),
    },
    "leg step": {
        "accept": Words("terima", "accept"),
        "refuse": Words("tolak", "refuse"),
        "countersign": Words("tanda tangani", "countersign"),
    },
    "unavailability": {
        "breakdown": Words("rusak", "breakdown"),
        "fuel": Words("isi bahan bakar", "refuelling"),
        "cleaning": Words("dibersihkan", "being cleaned"),
        "rest": Words("awak beristirahat", "crew at rest"),
        "failed_check": Words("gagal pemeriksaan", "failed its check"),
        "other": Words("alasan lain", "another reason"),
    },
    "cancellation": {
        "caller_cancelled": Words("dibatalkan pemanggil", "cancelled by the caller"),
        "false_alarm": Words("laporan keliru", "false alarm"),
        "duplicate": Words("sudah ada kejadiannya", "duplicate"),
        "other_service": Words("ditangani layanan lain", "another service helps"),
        "not_needed": Words("bantuan tidak diperlukan lagi", "help is not needed any more"),
    },
    "stamp": {
        "called_at": Words("Panggilan masuk", "Called"),
        "taken_at": Words("Diambil operator", "Taken"),
        "confirmed_at": Words("Diputuskan", "Verdict"),
        "assigned_at": Words("Unit dipilih", "Unit chosen"),
        "offered_at": Words("Unit dihubungi", "Unit alerted"),
        "accepted_at": Words("Diterima awak", "Accepted"),
        "en_route_at": Words("Berangkat", "En route"),
        "staged_at": Words("Menunggu di jarak aman", "Staged"),
        "on_scene_at": Words("Tiba di lokasi", "On scene"),
        "at_patient_at": Words("Bersama pasien", "At the patient"),
        "left_scene_at": Words("Membawa pasien", "Left the scene"),
        "at_facility_at": Words("Tiba di faskes", "At the facility"),
        "handed_over_at": Words("Serah terima", "Handed over"),
        "available_at": Words("Siap kembali", "Available"),
        "stood_down_at": Words("Dipanggil kembali", "Stood down"),
    },
    "thing": {
        "assignment": Words("Tugas", "run"),
        "call": Words("Panggilan", "call"),
        "facility": Words("Faskes", "facility"),
        "incident": Words("Kejadian", "incident"),
        "leg": Words("Etape", "leg"),
        "patient": Words("Pasien", "patient"),
        "regency": Words("Kabupaten/kota", "regency"),
        "resident": Words("Warga", "resident"),
        "session": Words("Sesi", "session"),
        "staff": Words("Petugas", "staff user"),
        "staff_user": Words("Petugas", "staff user"),
        "tile": Words("Petak peta", "map tile"),
        "tracker": Words("Pelacak", "tracker"),
        "unit": Words("Unit", "unit"),
    },
}
"""By kind, then by code. States and steps of one subject are kinds of their own: `call`, `call step`."""

UNKNOWN = Words("tidak diketahui", "not known")


def words(kind: str, code: str | None) -> Words:
    """Return the words for a code; for one that the table lacks, the code with its underscores opened."""
    if code is None:
        return UNKNOWN
    bare = str(code).replace("_", " ")
    return WORDS.get(kind, {}).get(str(code), Words(bare, bare))


def listed(kind: str, codes: Iterable[str]) -> Words:
    """Return several codes of a kind as one list; `-` when there are none."""
    found = [words(kind, code) for code in codes]
    return Words(", ".join(w.id for w in found) or "-", ", ".join(w.en for w in found) or "-")
