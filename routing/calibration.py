"""The calibration of a profile as a file: what recorded tracks taught about its speeds, and how surely."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from routing.arrays import Floats
from routing.calibrate import WEEK, Estimate, Prior
from routing.errors import RoutingError
from routing.interval import Z80, Interval
from routing.profile import ALL_CLASSES, HOURS, SLOTS, Hours, Profile
from routing.profile import Interval as Factors

Kind = TypeVar("Kind")

SCHEMA = 1
_LEAST, _MOST = 0.2, 5.0
_HALF_HOUR_S = 1800.0


class BadCalibration(RoutingError):
    """A calibration file that cannot be used; `key` is the part that is wrong, empty for the whole."""

    def __init__(self, message_id: str, message_en: str, key: str = "") -> None:
        super().__init__(message_id, message_en)
        self.key = key


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a calibration rests on: trips used and dropped (per reason), km, first and last local day."""

    trips: int
    km: float
    first_day: date | None
    last_day: date | None
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ClassFactors:
    """One road class: factors of the speed by slot of the week and over `all_hours`; `sd` how unsure their
    logarithm is, hours alike; trips per slot, kilometres in all."""

    speed: tuple[float, ...]
    all_hours: float
    sd: float
    trips: tuple[int, ...]
    km: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What tracks taught about one profile on one store. `others` is the factor of classes not listed."""

    profile: str
    profile_digest: str
    store_version: str
    timezone: str
    evidence: Evidence
    prior: Prior
    classes: Mapping[str, ClassFactors]
    others: float
    interval: Interval

    @property
    def digest(self) -> str:
        """SHA-256 over all that changes an answer, hexadecimal."""
        parts = [self.profile, {name: part.speed for name, part in self.classes.items()}, self.others]
        made_of = json.dumps([*parts, asdict(self.interval)], sort_keys=True)
        return hashlib.sha256(made_of.encode()).hexdigest()

    def for_classes(self, classes: Sequence[str]) -> Floats:
        """Factors of the speed (len(classes), SLOTS); they contain the profile's own factors by hour."""
        unknown = (self.others,) * SLOTS
        rows = [self.classes[name].speed if name in self.classes else unknown for name in classes]
        return np.array(rows, np.float64).reshape(len(classes), SLOTS)

    def over_all_hours(self, classes: Sequence[str]) -> Floats:
        """Factors of the speed (len(classes),) for a question without a time."""
        known = self.classes
        return np.array([known[name].all_hours if name in known else self.others for name in classes])

    def interval_for(self, classes: Sequence[str]) -> Interval:
        """The interval that also tells the classes apart, numbered in the order given."""
        known, unknown = self.classes, self.prior.class_sd
        return replace(
            self.interval, class_sd=tuple(known[name].sd if name in known else unknown for name in classes)
        )

    def applied_to(self, profile: Profile) -> Profile:
        """The profile with these hours and the interval of half an hour, for a store to be built with."""
        hours = {name: Hours(part.speed[:HOURS], part.speed[HOURS:]) for name, part in self.classes.items()}
        hours[ALL_CLASSES] = Hours((self.others,) * HOURS, (self.others,) * HOURS)
        spread = float(self.interval.road_sd(_HALF_HOUR_S))
        ends = Factors(math.exp(self.interval.low_z * spread), math.exp(self.interval.high_z * spread))
        day = self.evidence.last_day
        return replace(
            profile, hour_factor=hours, interval=ends, calibrated_on=day.isoformat() if day else "",
            evidence=f"{self.evidence.trips} trips, {self.evidence.km:.0f} km",
        )  # fmt: skip


def calibration_of(
    estimate: Estimate, classes: Sequence[str], profile: Profile, *, store_version: str, timezone: str,
    evidence: Evidence,
) -> Calibration:  # fmt: skip
    """What is kept of an estimate; `classes` in the order of its rows."""
    parts = {}
    for row, name in enumerate(classes):
        if name not in profile.speed_kmh:
            continue
        mean = float(estimate.log_factor[row] @ WEEK)
        spread = float(np.sqrt((estimate.log_sd[row] ** 2) @ WEEK))
        parts[name] = ClassFactors(
            tuple(round(float(factor), 4) for factor in np.exp(-estimate.log_factor[row])),
            round(math.exp(-mean), 4),
            round(spread, 5),
            tuple(int(count) for count in estimate.trips[row]),
            round(float(estimate.km[row].sum()), 3),
        )
    interval = estimate.interval
    rounded = replace(
        interval,
        **{name: round(getattr(interval, name), 5) for name in _SPREADS},
        class_sd=(),
    )
    return Calibration(
        profile.name, profile.digest, store_version, timezone, evidence, estimate.fitted, parts,
        round(math.exp(-estimate.level), 4), rounded,
    )  # fmt: skip


_SPREADS = ("trip_sd", "minute_sd", "model_sd", "low_z", "high_z")


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration as TOML, whole or not at all."""
    text = "\n".join([*_head(calibration), *_class_tables(calibration)]) + "\n"
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _head(c: Calibration) -> list[str]:
    dropped = ", ".join(f"{why} = {count}" for why, count in sorted(c.evidence.dropped.items()))
    return [
        "# Kecepatan yang dipelajari dari jejak ambulans. | Speeds learnt from recorded tracks.",
        "# Faktor kali kecepatan profil. | Factors of the profile's speeds, by local hour 0..23.",
        f"schema = {SCHEMA}",
        f"profile = {json.dumps(c.profile)}",
        f"profile_digest = {json.dumps(c.profile_digest)}",
        f"store_version = {json.dumps(c.store_version)}",
        f"timezone = {json.dumps(c.timezone)}",
        f"other_classes = {c.others}",
        "",
        "[evidence]",
        f"trips = {c.evidence.trips}",
        f"km = {c.evidence.km:.3f}",
        *(f"first_day = {day.isoformat()}" for day in [c.evidence.first_day] if day),
        *(f"last_day = {day.isoformat()}" for day in [c.evidence.last_day] if day),
        f"dropped = {{ {dropped} }}",
        "",
        "# Sebaran logaritma waktu, sebelum dan sesudah data. | Spreads of log time that the data led to.",
        "[spread]",
        *(f"{name} = {value:.5f}" for name, value in asdict(c.prior).items()),
        "",
        "# 80 % waktu nyata. | Where 80 % of real times lie: see interval.py.",
        "[interval]",
        *(f"{name} = {getattr(c.interval, name)}" for name in _SPREADS),
        f"calibrated = {json.dumps(c.interval.calibrated)}",
    ]


def _class_tables(c: Calibration) -> list[str]:
    lines = []
    for name, part in c.classes.items():
        ends = [part.all_hours * math.exp(sign * Z80 * part.sd) for sign in (-1, 1)]
        lines += [
            "",
            f"[class.{json.dumps(name)}]",
            f"km = {part.km}",
            f"speed_factor = {part.all_hours}",
            f"# 80 %: {ends[0]:.3f} .. {ends[1]:.3f}",
            f"sd = {part.sd}",
            f"weekday = {list(part.speed[:HOURS])}",
            f"weekend = {list(part.speed[HOURS:])}",
            f"weekday_trips = {list(part.trips[:HOURS])}",
            f"weekend_trips = {list(part.trips[HOURS:])}",
        ]
    return lines


def read_calibration(path: Path) -> Calibration:
    """Read what `write_calibration` wrote; raises BadCalibration naming the file and the key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCalibration(
            f"Berkas kalibrasi {path} tidak terbaca ({error})",
            f"Calibration file {path} cannot be read ({error})",
        ) from None
    return _Reader(path, table).calibration()


class _Reader:
    """Takes values out of a file's table, checking each."""

    def __init__(self, path: Path, table: dict[str, Any]) -> None:
        self._path = path
        self._table = table

    def calibration(self) -> Calibration:
        if self._of("schema", int) != SCHEMA:
            raise self._wrong("schema", f"bukan {SCHEMA}", f"is not {SCHEMA}")
        try:
            zone = ZoneInfo(self._of("timezone", str)).key
        except (ZoneInfoNotFoundError, ValueError):
            raise self._wrong("timezone", "bukan zona waktu", "is no time zone") from None
        dropped = self._of("evidence.dropped", dict)
        return Calibration(
            self._of("profile", str), self._of("profile_digest", str), self._of("store_version", str), zone,
            Evidence(
                self._of("evidence.trips", int), self._number("evidence.km", 0.0, math.inf),
                self._day("first_day"), self._day("last_day"),
                {str(why): int(count) for why, count in dropped.items()},
            ),
            Prior(**{name: self._number(f"spread.{name}", 0.0, 1e6) for name in asdict(Prior())}),
            {name: self._class(name) for name in self._of("class", dict)},
            self._number("other_classes", _LEAST, _MOST),
            self._interval(),
        )  # fmt: skip

    def _class(self, name: str) -> ClassFactors:
        at = f"class.{name}"
        days = ("weekday", "weekend")
        speed = [factor for day in days for factor in self._row(f"{at}.{day}", _LEAST, _MOST)]
        trips = [int(count) for day in days for count in self._row(f"{at}.{day}_trips", 0, 1e9)]
        return ClassFactors(
            tuple(speed), self._number(f"{at}.speed_factor", _LEAST, _MOST),
            self._number(f"{at}.sd", 0.0, 5.0), tuple(trips), self._number(f"{at}.km", 0.0, math.inf),
        )  # fmt: skip

    def _interval(self) -> Interval:
        return Interval(
            trip_sd=self._number("interval.trip_sd", 0.0, 5.0),
            minute_sd=self._number("interval.minute_sd", 0.0, 5.0),
            model_sd=self._number("interval.model_sd", 0.0, 5.0),
            low_z=self._number("interval.low_z", -10.0, 0.0),
            high_z=self._number("interval.high_z", 0.0, 10.0),
            calibrated=self._of("interval.calibrated", bool),
        )

    def _wrong(self, key: str, wrong_id: str, wrong_en: str) -> BadCalibration:
        return BadCalibration(
            f"Berkas kalibrasi {self._path}: {key} {wrong_id}",
            f"Calibration file {self._path}: {key} {wrong_en}",
            key,
        )

    def _of(self, key: str, kind: type[Kind]) -> Kind:
        value = self._value(key)
        if not isinstance(value, kind):
            raise self._wrong(key, f"tidak ada atau salah: {value!r}", f"is missing or wrong: {value!r}")
        return value

    def _value(self, key: str) -> object:
        value: object = self._table
        for part in key.split(".", 2):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _number(self, key: str, low: float, high: float) -> float:
        return self._checked(key, self._value(key), low, high)

    def _checked(self, key: str, value: object, low: float, high: float) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        raise self._wrong(
            key,
            f"harus {low:g} sampai {high:g}, bukan {value!r}",
            f"must be {low:g} to {high:g}, not {value!r}",
        )

    def _row(self, key: str, low: float, high: float) -> list[float]:
        values = self._of(key, list)
        if len(values) != HOURS:
            raise self._wrong(key, f"harus {HOURS} angka", f"must be {HOURS} numbers")
        return [self._checked(key, value, low, high) for value in values]

    def _day(self, name: str) -> date | None:
        value = self._value(f"evidence.{name}")
        return value if isinstance(value, date) else None
