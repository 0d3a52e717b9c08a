"""Reading a NIK: 16 digits PPKKCC DDMMYY SSSS, region of first registration, birth date and serial.

There is no check digit. The region says where its holder was first registered, not where they live.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from registry.regions import region_name

Sex = Literal["male", "female"]

LENGTH = 16
OLDEST_YEARS = 120
WOMEN_DAY_OFFSET = 40
# The easternmost of the three Indonesian zones (WIT): a child born today anywhere in the country is not
# "born in the future".
_WIT = timedelta(hours=9)
# U+2212 is a minus sign: Unicode counts it as mathematics, people type it as a dash.
_SEPARATORS = frozenset(".\u2212")
# Codes, Indonesian and English text of what can be wrong; `{...}` never takes the value itself.
_ERRORS: dict[str, tuple[str, str]] = {
    "empty": ("NIK belum diisi.", "The NIK is empty."),
    "not_digits": (
        "NIK hanya boleh berisi angka; ada tanda lain di dalamnya.",
        "A NIK holds digits only; it has other characters.",
    ),
    "length": (
        "NIK harus {expected} angka; yang diisi {found} angka.",
        "A NIK has {expected} digits; {found} were given.",
    ),
    "province": (
        "Dua angka pertama NIK ({code}) bukan kode provinsi.",
        "The first two digits of the NIK ({code}) are not a province code.",
    ),
    "birth_date": (
        "Angka ke-7 sampai ke-12 NIK bukan tanggal lahir (tanggal, bulan, tahun).",
        "Digits 7 to 12 of the NIK are not a birth date (day, month, year).",
    ),
    "serial": (
        "Empat angka terakhir NIK tidak boleh 0000.",
        "The last four digits of the NIK cannot be 0000.",
    ),
}


class NikError(ValueError):
    """A text that is not a NIK. The messages name what is wrong and never carry the value."""

    def __init__(self, reason_code: str, message_id: str, message_en: str) -> None:
        super().__init__(f"{reason_code}: {message_en}")
        self.reason_code = reason_code
        self.message_id = message_id
        self.message_en = message_en


@dataclass(frozen=True, slots=True)
class NikWarning:
    """Something to know about a valid NIK. Codes: `regency_not_in_force`, `district_not_in_force`."""

    code: str
    message_id: str
    message_en: str


@dataclass(frozen=True, slots=True)
class Nik:
    """A NIK taken apart; printing one shows no more than its mask.

    province, regency, district: dotted Kemendagri codes of the first registration (`32.14.01`).
    birth_date: the most recent past date that the six digits can mean (see `parse_nik`).
    abolished: the regency or district code is not in force any more.
    """

    value: str
    province: str
    regency: str
    district: str
    birth_date: date = field(repr=False)
    sex: Sex
    serial: str
    abolished: bool
    warnings: tuple[NikWarning, ...]

    @property
    def region_names(self) -> tuple[str | None, str | None, str | None]:
        """Names of province, regency and district; None for a code that is not in force."""
        return region_name(self.province), region_name(self.regency), region_name(self.district)

    def agrees_with(self, birth_date: date) -> bool:
        """Whether a birth date fits the six digits. The century is not in a NIK and is not compared."""
        own = self.birth_date
        if (own.day, own.month) != (birth_date.day, birth_date.month):
            return False
        return own.year % 100 == birth_date.year % 100

    def __repr__(self) -> str:
        return f"Nik({mask_nik(self.value)})"

    __str__ = __repr__


def mask_nik(text: str) -> str:
    """A form fit for logs and screens: `3214**********07`; anything that is not 16 digits becomes `****`."""
    digits = _clean(text)
    if not _is_digits(digits) or len(digits) != LENGTH:
        return "****"
    return f"{digits[:4]}{'*' * 10}{digits[-2:]}"


def parse_nik(text: str, *, today: date | None = None) -> Nik:
    """Read a NIK; spaces, dots and dashes anywhere are ignored.

    The year has two digits: of the dates they can mean, the most recent one that is not after `today` and
    not over 120 years ago is taken, so somebody over 100 years old reads as a child (`Nik.agrees_with`
    leaves the century out for this reason). `today` defaults to the date in eastern Indonesia.
    A regency or district code that is not in force (abolished, or moved to a new province) is valid and
    carries a warning.

    Raises NikError; its reason code is `empty`, `not_digits`, `length`, `province`, `birth_date` or `serial`.
    """
    digits = _clean(text)
    if not digits:
        raise _error("empty")
    if not _is_digits(digits):
        raise _error("not_digits")
    if len(digits) != LENGTH:
        raise _error("length", expected=LENGTH, found=len(digits))
    province, regency, district = digits[:2], f"{digits[:2]}.{digits[2:4]}", _dotted(digits[:6])
    if region_name(province) is None:
        raise _error("province", code=province)
    birth_date, sex = _birth(digits[6:12], today or (datetime.now(UTC) + _WIT).date())
    if digits[12:] == "0000":
        raise _error("serial")
    warnings = _region_warnings(regency, district)
    return Nik(
        value=digits,
        province=province,
        regency=regency,
        district=district,
        birth_date=birth_date,
        sex=sex,
        serial=digits[12:],
        abolished=bool(warnings),
        warnings=warnings,
    )


def _clean(text: str) -> str:
    return "".join(ch for ch in text if not _separates(ch))


def _separates(ch: str) -> bool:
    # Pd are the dashes, Cf the invisible marks that come along when a number is copied from a chat.
    return ch.isspace() or ch in _SEPARATORS or unicodedata.category(ch) in {"Pd", "Cf"}


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _dotted(digits: str) -> str:
    return ".".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def _birth(six: str, today: date) -> tuple[date, Sex]:
    """Birth date and sex from DDMMYY; women's days are 41 to 71."""
    day, month, year = int(six[:2]), int(six[2:4]), int(six[4:])
    sex: Sex = "female" if day > WOMEN_DAY_OFFSET else "male"
    if sex == "female":
        day -= WOMEN_DAY_OFFSET
    newest = today.year - (today.year - year) % 100
    for candidate in range(newest, today.year - OLDEST_YEARS - 1, -100):
        born = _date(candidate, month, day)
        if born is not None and born <= today and born.year >= today.year - OLDEST_YEARS:
            return born, sex
    raise _error("birth_date")


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _region_warnings(regency: str, district: str) -> tuple[NikWarning, ...]:
    if region_name(regency) is None:
        return (
            NikWarning(
                "regency_not_in_force",
                f"Kode kabupaten/kota {regency} pada NIK sudah tidak berlaku atau belum dikenal.",
                f"The regency code {regency} in the NIK is no longer in force or not known.",
            ),
        )
    if region_name(district) is None:
        return (
            NikWarning(
                "district_not_in_force",
                f"Kode kecamatan {district} pada NIK sudah tidak berlaku atau belum dikenal.",
                f"The district code {district} in the NIK is no longer in force or not known.",
            ),
        )
    return ()


def _error(reason: str, **facts: object) -> NikError:
    message_id, message_en = (message.format(**facts) for message in _ERRORS[reason])
    return NikError(reason, message_id, message_en)
