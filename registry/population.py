"""A made-up population of a regency, the same for the same seed: for the stand-in, demo data and drills.

Nobody in it is real, and it shows: every name starts with "Contoh" (example) and goes on with flora, fauna
and weather, e-mail addresses are at example.org, phone numbers start with +62 890, which no operator has, and
the serial of every NIK is 9000 or more. Serials count up from 0001 per district and birth date, so real ones
of four digits beginning with 9 hardly occur.

Everything about a person follows from (seed, regency, number within the regency): nothing is stored, and a
regency's people are the same whichever other regencies stand beside it. The NIK is built so that it can be
taken apart again: `find` needs no index.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path

from registry.names import FAUNA, FLORA, WEATHER
from registry.nik import WOMEN_DAY_OFFSET, Sex, mask_nik
from registry.villages import BundleError, VillageRef, read_villages

__all__ = ["DEFAULT_SEED", "DEFAULT_SIZE", "BundleError", "Population", "SyntheticResident", "VillageRef"]

DEFAULT_SEED = 1
DEFAULT_SIZE = 10_000
LARGEST_SIZE = 100_000  # the phone number has five digits for the person
FIRST_SERIAL = 9000
_SERIALS = 1000
_FIRST_BIRTH = date(1946, 1, 1)
# A prime, so that any step through the days meets each of them once before it repeats; ends 2024-12-19.
_BIRTH_DAYS = 28_843
_PREFIX = "Contoh"
_STREETS = "Jalan Contoh", "Gang Contoh", "Kampung Contoh", "Dusun Contoh"


@dataclass(frozen=True, slots=True)
class SyntheticResident:
    """One made-up person; `phone` is E.164, `rt` and `rw` are three digits as on the card."""

    nik: str
    name: str
    sex: Sex
    birth_place: str
    birth_date: date
    address: str
    rt: str
    rw: str
    village_code: str
    village: str
    district_code: str
    district: str
    regency: str
    province: str
    phone: str
    email: str

    def __repr__(self) -> str:
        return f"SyntheticResident({mask_nik(self.nik)})"


@dataclass(frozen=True, slots=True)
class _Regency:
    code: str
    villages: tuple[VillageRef, ...]
    # District code -> index of its first village and number of its villages.
    districts: dict[str, tuple[int, int]] = field(repr=False)


class _Draws:
    """Small numbers taken one after the other from one hash."""

    def __init__(self, *key: object) -> None:
        digest = blake2b("|".join(map(str, key)).encode(), digest_size=48).digest()
        self._left = int.from_bytes(digest, "big")

    def below(self, bound: int) -> int:
        self._left, drawn = divmod(self._left, bound)
        return drawn

    def one_of(self, choices: Sequence[str]) -> str:
        return choices[self.below(len(choices))]


class Population:
    """The people of the given villages: `size` persons for every regency among them."""

    def __init__(self, seed: int, villages: Sequence[VillageRef], size: int = DEFAULT_SIZE) -> None:
        """Raises ValueError without villages, with a village twice, or with a size outside 1 to 100,000."""
        if not villages:
            raise ValueError("a population needs at least one village")
        if len({village.code for village in villages}) != len(villages):
            raise ValueError("a village is given twice")
        if not 1 <= size <= LARGEST_SIZE:
            raise ValueError(f"the size must be between 1 and {LARGEST_SIZE}")
        self._seed, self._size = seed, size
        codes = dict.fromkeys(village.regency_code for village in villages)
        self._regencies = tuple(_regency(code, villages) for code in codes)
        self._place_of = {
            district: place for place, regency in enumerate(self._regencies) for district in regency.districts
        }

    def __len__(self) -> int:
        return self._size * len(self._regencies)

    def person(self, i: int) -> SyntheticResident:
        """Person `i` of 0..len-1; regency after regency, within one from village to village.

        Raises IndexError outside this range.
        """
        if not 0 <= i < len(self):
            raise IndexError(f"there are {len(self)} persons")
        place, number = divmod(i, self._size)
        return self._make(self._regencies[place], number)

    def find(self, nik: str) -> SyntheticResident | None:
        """The holder of a NIK of 16 plain digits, or None."""
        if len(nik) != 16 or not (nik.isascii() and nik.isdigit()):
            return None
        place = self._place_of.get(f"{nik[:2]}.{nik[2:4]}.{nik[4:6]}")
        if place is None:
            return None
        regency = self._regencies[place]
        number = self._number(regency, nik)
        if number is None or number >= self._size:
            return None
        # Taking apart says who it would be; only the same NIK proves it (century, sex, a free number).
        person = self._make(regency, number)
        return person if person.nik == nik else None

    def _make(self, regency: _Regency, number: int) -> SyntheticResident:
        turn, index = divmod(number, len(regency.villages))
        village = regency.villages[index]
        first, count = regency.districts[village.district_code]
        rank = turn * count + index - first  # of this person within the district
        draws = _Draws("person", self._seed, regency.code, number)
        sex: Sex = "female" if draws.below(2) else "male"
        serial = FIRST_SERIAL + rank % _SERIALS
        born = _FIRST_BIRTH + timedelta(days=self._day(village.district_code, serial, rank // _SERIALS))
        day = born.day + (WOMEN_DAY_OFFSET if sex == "female" else 0)
        names = draws.one_of(FLORA), draws.one_of(FAUNA), draws.one_of(WEATHER)
        digits = regency.code.replace(".", "")
        return SyntheticResident(
            nik=f"{village.district_code.replace('.', '')}{day:02d}{born:%m%y}{serial}",
            name=" ".join((_PREFIX, *names)),
            sex=sex,
            birth_place=village.regency_name.removeprefix("Kabupaten ").removeprefix("Kota "),
            birth_date=born,
            address=f"{draws.one_of(_STREETS)} {draws.one_of(FLORA)} No. {1 + draws.below(150)}",
            rt=f"{1 + draws.below(9):03d}",
            rw=f"{1 + draws.below(12):03d}",
            village_code=village.code,
            village=village.name,
            district_code=village.district_code,
            district=village.district_name,
            regency=village.regency_name,
            province=village.province_name,
            phone=f"+62890{digits}{number:05d}",
            email=f"contoh.{'.'.join(names).lower()}.{digits}{number:05d}@example.org",
        )

    def _number(self, regency: _Regency, nik: str) -> int | None:
        """The person's number within the regency that the digits lead to; the way back of `_make`."""
        district = f"{nik[:2]}.{nik[2:4]}.{nik[4:6]}"
        day, month, year, serial = int(nik[6:8]), int(nik[8:10]), int(nik[10:12]), int(nik[12:])
        born = _birth_date(day - WOMEN_DAY_OFFSET if day > WOMEN_DAY_OFFSET else day, month, year)
        if born is None or serial < FIRST_SERIAL:
            return None
        start, step = self._walk(district, serial)
        lap = ((born - _FIRST_BIRTH).days - start) * pow(step, -1, _BIRTH_DAYS) % _BIRTH_DAYS
        first, count = regency.districts[district]
        turn, offset = divmod(lap * _SERIALS + serial - FIRST_SERIAL, count)
        return turn * len(regency.villages) + first + offset

    def _day(self, district: str, serial: int, lap: int) -> int:
        start, step = self._walk(district, serial)
        return (start + lap * step) % _BIRTH_DAYS

    def _walk(self, district: str, serial: int) -> tuple[int, int]:
        """Where the holders of one serial in one district start in the calendar, and their step."""
        draws = _Draws("days", self._seed, district, serial)
        return draws.below(_BIRTH_DAYS), 1 + draws.below(_BIRTH_DAYS - 1)


def from_bundle(folders: Sequence[Path], seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE) -> Population:
    """The population of one or more regency folders, `size` persons each.

    Who knows folder, seed and size knows the same people: the stand-in and a drill need no other agreement.
    Raises BundleError, naming the file, when a folder cannot be read.
    """
    villages = [village for folder in folders for village in read_villages(folder)]
    try:
        return Population(seed, villages, size)
    except ValueError as error:
        raise BundleError(f"{', '.join(map(str, folders))}: {error}") from error


def _regency(code: str, villages: Sequence[VillageRef]) -> _Regency:
    own = tuple(sorted((v for v in villages if v.regency_code == code), key=lambda village: village.code))
    districts: dict[str, tuple[int, int]] = {}
    for index, village in enumerate(own):
        first, count = districts.get(village.district_code, (index, 0))
        districts[village.district_code] = first, count + 1
    return _Regency(code, own, districts)


def _birth_date(day: int, month: int, year: int) -> date | None:
    """The day in the population's calendar with this two-digit year, or None."""
    full = 1900 + year if year >= _FIRST_BIRTH.year % 100 else 2000 + year
    try:
        born = date(full, month, day)
    except ValueError:
        return None
    return born if 0 <= (born - _FIRST_BIRTH).days < _BIRTH_DAYS else None
