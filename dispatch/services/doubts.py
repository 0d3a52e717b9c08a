"""What makes a predicted time less sure than others, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import routing

WORDS: dict[str, tuple[str, str]] = {
    "connector": (
        "lewat ruas sambungan buatan, waktunya tebakan",
        "uses a made-up link, its time is a guess",
    ),
    "ferry": ("lewat penyeberangan, waktu tunggu tidak pasti", "uses a ferry, the wait is uncertain"),
    "long_access": ("lebih dari 500 m di luar jalan yang dikenal", "more than 500 m off the known roads"),
    "closed_road": ("berada di ruas yang sedang ditutup", "stands on a road that is closed now"),
    "cut_off": ("jalannya sedang tertutup", "the way there is closed now"),
    "outside": ("terlalu jauh dari jaringan jalan", "too far from the road network"),
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason for doubt: a stable code and the words to show."""

    code: str
    id: str
    en: str


def in_words(doubts: Iterable[str]) -> list[Doubt]:
    """Return the doubts of an answer of the road network, in the network's order."""
    given = set(doubts)
    return [Doubt(code, *WORDS[code]) for code in routing.DOUBTS if code in given]
