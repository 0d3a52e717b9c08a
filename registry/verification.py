"""What is asked of the registry and what it answers: claim, element answers, outcome, flags."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from registry.nik import Sex, mask_nik, parse_nik

Outcome = Literal["match", "mismatch", "not_found", "unavailable"]
Verdict = Literal["Sesuai", "Tidak Sesuai"]
Flag = Literal[
    "birth_date_disagrees",  # the registry holds another birth date
    "birth_date_not_in_nik",  # the claimed date is not the one the NIK's digits say
    "sex_disagrees",
    "record_deceased",
    "record_duplicate",
    "record_inactive",
]


@dataclass(frozen=True, slots=True, repr=False)
class Claim:
    """What a person says about themselves; elements left out are not asked about.

    nik: anything `parse_nik` accepts, kept as 16 digits; raises NikError otherwise.
    name: the full name, not empty. rt, rw: numbers as written on the card (`003`).
    """

    nik: str
    name: str
    birth_place: str | None = None
    birth_date: date | None = None
    sex: Sex | None = None
    address: str | None = None
    rt: str | None = None
    rw: str | None = None
    village: str | None = None
    district: str | None = None
    regency: str | None = None
    province: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "nik", parse_nik(self.nik).value)
        if not self.name.strip():
            raise ValueError("a claim needs a name")

    def __repr__(self) -> str:
        return f"Claim({mask_nik(self.nik)})"


@dataclass(frozen=True, slots=True)
class ElementAnswer:
    """The registry's verdict on one element, by its name in the form (`NAMA_LGKP`); score: 0 to 100."""

    name: str
    verdict: Verdict
    score: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The registry's answer about one claim; it holds no personal data.

    flags: what an operator should know; they refuse nobody.
    checked_at: aware, UTC. detail: for an outcome other than match, a code from the list at `RegistryClient`.
    """

    outcome: Outcome
    elements: tuple[ElementAnswer, ...]
    checked_at: datetime
    flags: tuple[Flag, ...] = ()
    detail: str | None = None
