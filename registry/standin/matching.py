"""How the stand-in compares a claimed element with the record: free text by likeness, the rest exactly."""

import re
import unicodedata
from collections.abc import Callable, Mapping

from rapidfuzz import fuzz

from registry.form import DATE_FORMAT, ELEMENTS, SEX_WORDS
from registry.population import SyntheticResident

AGREES, DISAGREES = "Sesuai", "Tidak Sesuai"
# Elements that people spell in more than one way: they are scored, and the threshold decides.
_SCORED = frozenset({"NAMA_LGKP", "TMPT_LHR", "ALAMAT"})
_RECORD: Mapping[str, Callable[[SyntheticResident], str]] = {
    "NAMA_LGKP": lambda person: person.name,
    "TMPT_LHR": lambda person: person.birth_place,
    "TGL_LHR": lambda person: person.birth_date.strftime(DATE_FORMAT),
    "JENIS_KLMIN": lambda person: SEX_WORDS[person.sex],
    "ALAMAT": lambda person: person.address,
    "NO_RT": lambda person: person.rt,
    "NO_RW": lambda person: person.rw,
    "KEL_NAME": lambda person: person.village,
    "KEC_NAME": lambda person: person.district,
    "KAB_NAME": lambda person: person.regency,
    "PROP_NAME": lambda person: person.province,
}
_KIND_OF_REGION = re.compile(r"^(PROVINSI|KABUPATEN|KAB|KECAMATAN|KEC|DESA|KELURAHAN|KEL) ")


def compare(claimed: Mapping[str, str], person: SyntheticResident, threshold: int) -> dict[str, str]:
    """The verdict on every claimed element, in form order; elements not claimed get none."""
    verdicts = {"NIK": AGREES}
    for name in ELEMENTS[1:]:
        if claimed.get(name, "").strip():
            verdicts[name] = _verdict(name, claimed[name], _RECORD[name](person), threshold)
    return verdicts


def likeness(claimed: str, recorded: str) -> int:
    """How alike two texts are, 0 to 100, whatever their case, accents and punctuation."""
    return int(fuzz.ratio(_plain(claimed), _plain(recorded)))


def _verdict(name: str, claimed: str, recorded: str, threshold: int) -> str:
    if name in _SCORED:
        score = likeness(claimed, recorded)
        return f"{AGREES} ({score})" if score >= threshold else DISAGREES
    if name in {"NO_RT", "NO_RW"}:
        return AGREES if claimed.strip().lstrip("0") == recorded.lstrip("0") else DISAGREES
    if name.endswith("_NAME"):
        return AGREES if _region(claimed) == _region(recorded) else DISAGREES
    return AGREES if _plain(claimed) == _plain(recorded) else DISAGREES


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).upper()
    kept = (ch if ch.isalnum() else " " for ch in letters if not unicodedata.combining(ch))
    return " ".join("".join(kept).split())


def _region(name: str) -> str:
    return _KIND_OF_REGION.sub("", _plain(name))
