"""The Dukcapil element form: the request for a claim, and the reading of its answer."""

import json
import re
from dataclasses import dataclass
from typing import Any, get_args

from registry.nik import Sex
from registry.verification import Claim, ElementAnswer, Flag, Outcome, Verdict

DATE_FORMAT = "%d-%m-%Y"
SEX_WORDS: dict[Sex, str] = {"male": "Laki-Laki", "female": "Perempuan"}
ELEMENTS = (
    "NIK",
    "NAMA_LGKP",
    "TMPT_LHR",
    "TGL_LHR",
    "JENIS_KLMIN",
    "ALAMAT",
    "NO_RT",
    "NO_RW",
    "KEL_NAME",
    "KEC_NAME",
    "KAB_NAME",
    "PROP_NAME",
)
# What the service puts into RESPONSE_CODE instead of, or beside, the element answers.
RECORD_STATES: dict[str, tuple[Outcome, Flag | None, str]] = {
    "11": ("mismatch", "record_deceased", "record_deceased"),
    "12": ("mismatch", "record_duplicate", "record_duplicate"),
    "13": ("not_found", None, "not_in_registry"),
    "14": ("mismatch", "record_inactive", "record_inactive"),
    "15": ("not_found", None, "nik_format"),
}
# The same by its words (RESPON), for the services that answer without a code; first hit counts.
_WORDS: tuple[tuple[str, tuple[Outcome, Flag | None, str]], ...] = (
    ("tidak ditemukan", RECORD_STATES["13"]),
    ("meninggal", RECORD_STATES["11"]),
    ("ganda", RECORD_STATES["12"]),
    ("login gagal", ("unavailable", None, "login_failed")),
    ("user id", ("unavailable", None, "login_failed")),
    ("kuota", ("unavailable", None, "quota_used_up")),
    ("ip address", ("unavailable", None, "address_not_allowed")),
    ("ip client", ("unavailable", None, "address_not_allowed")),
    ("status tidak aktif", RECORD_STATES["14"]),
    ("status non aktif", RECORD_STATES["14"]),
)
_VERDICT = re.compile(r"(?P<not>tidak )?sesuai(?: ?\((?P<score>\d{1,3})\))?", re.IGNORECASE)


class BadAnswer(ValueError):
    """The answer is not in the element form; the message is a code without any of its content."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer read: the outcome, element answers in form order, flags, and a code when not a match."""

    outcome: Outcome
    elements: tuple[ElementAnswer, ...] = ()
    flags: tuple[Flag, ...] = ()
    detail: str | None = None


def request_body(claim: Claim, user: str, password: str, threshold: int) -> bytes:
    """The JSON of one request; elements the claim does not give are left out."""
    values = {
        "NIK": claim.nik,
        "NAMA_LGKP": claim.name,
        "TMPT_LHR": claim.birth_place,
        "TGL_LHR": claim.birth_date.strftime(DATE_FORMAT) if claim.birth_date else None,
        "JENIS_KLMIN": SEX_WORDS[claim.sex] if claim.sex else None,
        "ALAMAT": claim.address,
        "NO_RT": claim.rt,
        "NO_RW": claim.rw,
        "KEL_NAME": claim.village,
        "KEC_NAME": claim.district,
        "KAB_NAME": claim.regency,
        "PROP_NAME": claim.province,
    }
    form = {name: value for name, value in values.items() if value}
    # ASCII escapes: a stray surrogate in a name must not stop the request from being written at all.
    head = {"user_id": user, "password": password, "TRESHOLD": str(threshold)}
    return json.dumps({**head, **form}).encode("ascii")


def read_answer(body: bytes, threshold: int) -> Answer:
    """Read the service's answer. A match is a found NIK with a name that is `Sesuai` at the threshold.

    Raises BadAnswer (`bad_json`, `bad_answer`).
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer("bad_json") from None
    content = _content(document)
    state = _state(content)
    elements = tuple(_elements(content))
    if state is not None:
        outcome, flag, detail = state
        return Answer(outcome, elements, (flag,) if flag else (), detail)
    verdicts = {element.name: element for element in elements}
    nik, name = verdicts.get("NIK"), verdicts.get("NAMA_LGKP")
    if nik is not None and nik.verdict == "Tidak Sesuai":
        return Answer("not_found", elements, detail="not_in_registry")
    if name is None:
        raise BadAnswer("bad_answer")
    flags = _flags(verdicts)
    if name.verdict == "Sesuai" and (name.score is None or name.score >= threshold):
        return Answer("match", elements, flags)
    return Answer("mismatch", elements, flags, "name_disagrees")


def _content(document: Any) -> dict[str, Any]:
    """The one record of `content`, which services send as a list of one or as the record itself."""
    content = document.get("content") if isinstance(document, dict) else None
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        raise BadAnswer("bad_answer")
    return content


def _state(content: dict[str, Any]) -> tuple[Outcome, Flag | None, str] | None:
    code, words = content.get("RESPONSE_CODE"), content.get("RESPON", content.get("RESPONSE"))
    if code is None and words is None:
        return None
    if str(code) in RECORD_STATES:
        return RECORD_STATES[str(code)]
    if str(code) == "00":
        return None
    if isinstance(words, str):
        lowered = " ".join(words.lower().split())
        for hint, state in _WORDS:
            if hint in lowered:
                return state
    return "unavailable", None, "refused_by_service"


def _elements(content: dict[str, Any]) -> list[ElementAnswer]:
    found = []
    for name in ELEMENTS:
        value = content.get(name)
        if name == "NIK" and str(value).isdigit():
            # Some services echo the number they found instead of a verdict on it.
            found.append(ElementAnswer(name, "Sesuai"))
        elif isinstance(value, str) and (said := _VERDICT.fullmatch(" ".join(value.split()))):
            found.append(_element(name, said))
    return found


def _element(name: str, said: re.Match[str]) -> ElementAnswer:
    score = int(said["score"]) if said["score"] else None
    if score is not None and score > 100:
        raise BadAnswer("bad_answer")
    agrees, disagrees = get_args(Verdict)
    return ElementAnswer(name, disagrees if said["not"] else agrees, score)


def _flags(verdicts: dict[str, ElementAnswer]) -> tuple[Flag, ...]:
    told: tuple[tuple[str, Flag], ...] = (
        ("TGL_LHR", "birth_date_disagrees"),
        ("JENIS_KLMIN", "sex_disagrees"),
    )
    return tuple(flag for name, flag in told if name in verdicts and verdicts[name].verdict == "Tidak Sesuai")
