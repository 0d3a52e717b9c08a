"""What happens in a rehearsal: who calls when, from where, about what, and how they behave. By seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from registry.population import Population, SyntheticResident
from rehearsal.dice import chance, delay, dice
from rehearsal.outline import Village
from rehearsal.shapes import Place

USUAL_DAY = (
    *(0.55, 0.45, 0.40, 0.35, 0.40, 0.60, 0.90, 1.15, 1.30, 1.40, 1.45, 1.40),
    *(1.30, 1.25, 1.20, 1.20, 1.25, 1.30, 1.40, 1.45, 1.30, 1.10, 0.90, 0.70),
)
"""Weights of the hours 0..23: calls are fewest before dawn, most in late morning and evening."""
FLAT_DAY = (1.0,) * 24

_FIRST_AFTER_S = (5.0, 20.0)  # who opens the console for the first time shall not wait for a call
_CALLERS = 240  # people who ever call: some of them more than once
_ADULT_YEARS = 18
_IN_NEED = ("red", "yellow", "green")
_MIX = (0.22, 0.45, 0.33)
_OTHERWISE = ("prank", "silent", "wrong_number", "not_medical", "information")
_OTHERWISE_MIX = (0.45, 0.2, 0.1, 0.1, 0.15)
_COMPLAINTS = {
    "red": ("tidak sadar", "sesak berat, bibir biru", "kecelakaan, perdarahan hebat", "nyeri dada hebat"),
    "yellow": ("jatuh, tidak bisa berjalan", "demam tinggi dan lemas", "patah tulang lengan", "nyeri perut"),
    "green": ("luka ringan di kaki", "pusing sejak pagi", "terkilir", "demam ringan"),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call. Times are simulated seconds; `at_s` since the beginning, the others since the call.

    `need` is a colour of triage, or how a call that needs no help is disposed of. `locates` says whether the
    place comes `at_once`, `later`, or `never` from the caller's phone.
    """

    number: int
    at_s: float
    channel: str
    person: SyntheticResident
    place: Place
    need: str
    note: str
    patients: int
    locates: str
    locates_after_s: float
    repeats: bool
    drops_line: bool
    follows: bool
    cancels_after_s: float | None
    calls_again_after_s: float | None

    @property
    def in_need(self) -> bool:
        """Whether somebody is to be helped."""
        return self.need in _IN_NEED


@dataclass(frozen=True, slots=True)
class Script:
    """What scenarios are drawn from. `rate` is the mean number of calls an hour over a day of `curve`."""

    seed: int
    rate: float
    curve: Sequence[float]
    people: Population
    villages: Mapping[str, Village]

    def scenarios(self, begins: datetime) -> Iterator[Scenario]:
        """Yield the calls of a play that begins at this local time, in their order, without end."""
        callers = self._callers()
        for number, at_s in enumerate(self._moments(begins), start=1):
            yield self._scenario(number, at_s, callers)

    def _moments(self, begins: datetime) -> Iterator[float]:
        """Seconds since the beginning: one soon, then a Poisson process that follows the day (thinning)."""
        if self.rate <= 0:
            return
        throws = dice(self.seed, "arrivals")
        mean = sum(self.curve) / len(self.curve)
        peak = max(self.curve) / mean
        at_s = throws.uniform(*_FIRST_AFTER_S)
        yield at_s
        while True:
            at_s += throws.expovariate(self.rate * peak / 3600.0)
            hour = (begins + timedelta(seconds=at_s)).hour
            if throws.random() * peak <= self.curve[hour] / mean:
                yield at_s

    def _callers(self) -> list[SyntheticResident]:
        throws = dice(self.seed, "callers")
        latest = datetime.now(UTC).year - _ADULT_YEARS - 1
        found: dict[str, SyntheticResident] = {}
        while len(found) < min(_CALLERS, len(self.people) // 4):
            person = self.people.person(throws.randrange(len(self.people)))
            if person.birth_date.year <= latest:
                found.setdefault(person.nik, person)
        return list(found.values())

    def _scenario(self, number: int, at_s: float, callers: Sequence[SyntheticResident]) -> Scenario:
        throws = dice(self.seed, "call", number)
        person = throws.choice(callers)
        by_phone = chance(throws, 0.3)
        home = self.villages[person.village_code]
        # most calls come from home, some from elsewhere in the regency
        village = home if chance(throws, 0.7) else throws.choice(list(self.villages.values()))
        need = self._need(throws)
        real = need in _IN_NEED
        locates = "at_once" if by_phone else _drawn(throws, ("at_once", "later", "never"), (0.55, 0.33, 0.12))
        return Scenario(
            number=number,
            at_s=at_s,
            channel="phone" if by_phone else "app",
            person=person,
            place=village.somewhere(throws),
            need=need,
            note=f"Latihan: {throws.choice(_COMPLAINTS[need])}" if real else "Latihan",
            patients=2 if real and chance(throws, 0.06) else 1,
            locates=locates,
            locates_after_s=delay(throws, 12.0),
            repeats=not by_phone and chance(throws, 0.12),
            drops_line=not by_phone and chance(throws, 0.1),
            follows=not by_phone and real and chance(throws, 0.5),
            cancels_after_s=delay(throws, 60.0, 0.8) if not by_phone and chance(throws, 0.06) else None,
            calls_again_after_s=delay(throws, 150.0)
            if not by_phone and real and chance(throws, 0.07)
            else None,
        )

    def _need(self, throws: random.Random) -> str:
        if chance(throws, 0.2):
            return _drawn(throws, _OTHERWISE, _OTHERWISE_MIX)
        return _drawn(throws, _IN_NEED, _MIX)


def _drawn(throws: random.Random, choices: Sequence[str], weights: Sequence[float]) -> str:
    return throws.choices(choices, weights)[0]


ANSWERS: Mapping[str, dict[str, bool]] = {
    "red": {"conscious": False},
    "yellow": {
        "conscious": True,
        "breathing_hard": False,
        "bleeding": False,
        "chest_or_labour": False,
        "walking": False,
    },
    "green": {
        "conscious": True,
        "breathing_hard": False,
        "bleeding": False,
        "chest_or_labour": False,
        "walking": True,
    },
}
"""Answers to the questions of triage that lead to each colour."""
