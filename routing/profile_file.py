"""Reads profiles from TOML files and refuses what it does not know, by name."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from routing.errors import RoutingError
from routing.profile import ALL_CLASSES, HOURS, Hours, Interval, Profile

_BUNDLED = Path(__file__).parent / "profiles"
_FASTEST_KMH = 200.0
_LONGEST_DELAY_S = 86_400.0
_NUMBERS = "numbers"  # a table of any keys to numbers
_LISTS = "lists"  # a table of any keys to lists of words
_HOURS = "hours"  # a table of classes to tables weekday, weekend

# What a profile file may hold. Units stand in the names.
_TEXTS = ("name", "title_id", "title_en", "calibrated_on", "evidence")
_TABLES: dict[str, dict[str, str] | str] = {
    "speed_kmh": _NUMBERS,
    "surface_cap_kmh": _NUMBERS,
    "surface_factor": _NUMBERS,
    "hour_factor": _HOURS,
    "interval": {"low_factor": "number", "high_factor": "number"},
    "access": {
        "keys": "list",
        "closed": "list",
        "ignores": _LISTS,
        "impassable": _LISTS,
        "oneway_exemptions": "list",
    },
    "turns": {"ignored": "list", "exceptions": "list"},
    "barrier": {"delay_s": _NUMBERS, "closed": "list", "opened_delay_s": "number"},
    "ferry": {"wait_s": "number"},
    "junction_delay_s": _NUMBERS,
}
TURN_KINDS = frozenset({
    "no_left_turn", "no_right_turn", "no_straight_on", "no_u_turn", "no_entry", "no_exit",
    "only_left_turn", "only_right_turn", "only_straight_on", "only_u_turn",
})  # fmt: skip

Table = dict[str, Any]


class BadProfile(RoutingError):
    """A profile file cannot be used; the message names the file and the key, `key` the latter (dotted)."""

    def __init__(self, message_id: str, message_en: str, key: str) -> None:
        super().__init__(message_id, message_en)
        self.key = key


def read_profile(path: Path) -> Profile:
    """The profile in a TOML file; raises BadProfile naming the file, the key and what is wrong with it.

    A file may say `based_on = "NAME"`: it then holds only what differs from NAME.toml, which lies beside it
    or comes with the program. Its tables are laid over the other's key by key, and its lists replace the
    other's; a speed of 0 removes a class.
    """
    table = _merged(path, ())
    return _Reader(path, table).profile()


def _merged(path: Path, above: tuple[str, ...]) -> Table:
    try:
        table: Table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(path, "", f"tidak terbaca ({error})", f"cannot be read ({error})") from error
    base = table.pop("based_on", None)
    if base is None:
        return table
    if not isinstance(base, str) or not base.isidentifier() or base in above:
        raise _bad(path, "based_on", f"tidak dapat dipakai: {base!r}", f"cannot be used: {base!r}")
    found = next((f for f in (path.parent / f"{base}.toml", _BUNDLED / f"{base}.toml") if f.is_file()), None)
    if found is None or found.resolve() == path.resolve():
        raise _bad(path, "based_on", f"tidak ditemukan: {base!r}", f"is not found: {base!r}")
    return _overlaid(_merged(found, (*above, base)), table)


def _overlaid(under: Table, over: Table) -> Table:
    """Tables laid over each other key by key."""
    both = dict(under)
    for key, value in over.items():
        below = under.get(key)
        both[key] = _overlaid(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return both


class _Reader:
    """Takes values out of a file's table, checking each."""

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self.table = table

    def profile(self) -> Profile:
        self._refuse_unknown(self.table, (*_TEXTS, *_TABLES), "")
        for name, keys in _TABLES.items():
            if isinstance(keys, dict):
                self._refuse_unknown(self._table(name), keys, f"{name}.")
        speeds = self._numbers("speed_kmh", 0.0, _FASTEST_KMH)
        return Profile(
            name=self._name(),
            title_id=self._text("title_id"),
            title_en=self._text("title_en"),
            speed_kmh={name: speed for name, speed in speeds.items() if speed > 0},
            interval=self._interval(),
            surface_cap_kmh=self._numbers("surface_cap_kmh", 1.0, _FASTEST_KMH),
            surface_factor=self._numbers("surface_factor", 0.05, 2.0),
            hour_factor=self._hour_factor(),
            access_keys=self._list("access.keys"),
            access_closed=frozenset(self._list("access.closed")),
            access_ignores=self._lists("access.ignores"),
            impassable=self._lists("access.impassable"),
            oneway_exemptions=self._list("access.oneway_exemptions"),
            turns_ignored=self._turn_kinds(),
            turn_exceptions=frozenset(self._list("turns.exceptions")),
            barrier_delay_s=self._numbers("barrier.delay_s", 0.0, _LONGEST_DELAY_S),
            barrier_closed=frozenset(self._list("barrier.closed")),
            barrier_opened_delay_s=self._number("barrier.opened_delay_s", 0.0, _LONGEST_DELAY_S),
            ferry_wait_s=self._number("ferry.wait_s", 0.0, _LONGEST_DELAY_S),
            junction_delay_s=self._numbers("junction_delay_s", 0.0, 600.0),
            calibrated_on=self._day("calibrated_on"),
            evidence=self._text("evidence"),
        )

    def wrong(self, key: str, id_: str, en: str) -> BadProfile:
        return _bad(self.path, key, id_, en)

    def _refuse_unknown(self, table: Table, known: Iterable[str], prefix: str) -> None:
        for key in table:
            if key not in known:
                names = ", ".join(known)
                raise self.wrong(
                    f"{prefix}{key}", f"tidak dikenal; yang ada: {names}", f"is not known; there are: {names}"
                )

    def _value(self, key: str) -> Any:
        """The value at a dotted key, None if it is not there."""
        value: Any = self.table
        for part in key.split("."):
            if not isinstance(value, dict):
                raise self.wrong(key, "harus berada dalam tabel", "must stand in a table")
            value = value.get(part)
            if value is None:
                return None
        return value

    def _table(self, key: str) -> Table:
        value = self._value(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(key, f"harus tabel, bukan {value!r}", f"must be a table, not {value!r}")
        return value

    def _text(self, key: str) -> str:
        value = self._value(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(key, f"harus teks, bukan {value!r}", f"must be text, not {value!r}")
        return value

    def _name(self) -> str:
        name = self._text("name")
        if not name.isidentifier() or not name.isascii():
            raise self.wrong(
                "name",
                f"harus huruf, angka, dan garis bawah, bukan {name!r}",
                f"must be letters, digits and underscores, not {name!r}",
            )
        return name

    def _day(self, key: str) -> str:
        text = self._text(key)
        try:
            return date.fromisoformat(text).isoformat() if text else ""
        except ValueError:
            raise self.wrong(
                key, f"harus tanggal TTTT-BB-HH, bukan {text!r}", f"must be a day YYYY-MM-DD, not {text!r}"
            ) from None

    def _number(self, key: str, low: float, high: float) -> float:
        return self._checked(key, self._value(key), low, high)

    def _checked(self, key: str, value: Any, low: float, high: float) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:
            raise self.wrong(
                key,
                f"harus angka dari {low:g} sampai {high:g}, bukan {value!r}",
                f"must be a number from {low:g} to {high:g}, not {value!r}",
            )
        return float(value)

    def _numbers(self, key: str, low: float, high: float) -> dict[str, float]:
        return {
            name: self._checked(f"{key}.{name}", value, low, high) for name, value in self._table(key).items()
        }

    def _list(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
            raise self.wrong(
                key, f"harus daftar kata, bukan {value!r}", f"must be a list of words, not {value!r}"
            )
        return tuple(value)

    def _lists(self, key: str) -> dict[str, frozenset[str]]:
        return {name: frozenset(self._list(f"{key}.{name}")) for name in self._table(key)}

    def _turn_kinds(self) -> frozenset[str]:
        kinds = self._list("turns.ignored")
        for kind in kinds:
            if kind not in TURN_KINDS:
                names = ", ".join(sorted(TURN_KINDS))
                raise self.wrong(
                    "turns.ignored",
                    f"memuat {kind!r}; yang ada: {names}",
                    f"holds {kind!r}; there are: {names}",
                )
        return frozenset(kinds)

    def _interval(self) -> Interval:
        low, high = "interval.low_factor", "interval.high_factor"
        return Interval(self._number(low, 0.1, 1.0), self._number(high, 1.0, 10.0))

    def _hour_factor(self) -> dict[str, Hours]:
        classes = (ALL_CLASSES, *self._table("speed_kmh"))
        table = self._table("hour_factor")
        self._refuse_unknown(table, classes, "hour_factor.")
        hours = {}
        for name in table:
            key = f"hour_factor.{name}"
            self._refuse_unknown(self._table(key), ("weekday", "weekend"), f"{key}.")
            hours[name] = Hours(self._day_factors(f"{key}.weekday"), self._day_factors(f"{key}.weekend"))
        return hours

    def _day_factors(self, key: str) -> tuple[float, ...]:
        value = self._value(key)
        if not isinstance(value, list) or len(value) != HOURS:
            raise self.wrong(key, f"harus {HOURS} angka", f"must be {HOURS} numbers")
        return tuple(self._checked(key, factor, 0.05, 5.0) for factor in value)


def _bad(path: Path, key: str, wrong_id: str, wrong_en: str) -> BadProfile:
    what = f": {key}" if key else ""
    return BadProfile(f"Berkas profil {path}{what} {wrong_id}", f"Profile file {path}{what} {wrong_en}", key)
