"""How well a name that somebody has typed, or heard on the telephone, fits the name of a place."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz import fuzz

EXACT, BEGINS, WORD_BEGINS, WORDS_BEGIN, WITHIN = 100.0, 96.0, 92.0, 90.0, 86.0
LEAST = 72.0
"""Below this two names are different ones (0 to 100)."""

_SHORT = 3  # of fewer letters a misspelling cannot be told from another name
_LIKELY = 84.0  # what is only alike stands behind everything that begins or holds what was typed
_GENERIC = frozenset({"desa", "ds", "kelurahan", "kel", "kecamatan", "kec", "kampung", "kp"})
# spellings before 1972, and letters that sound alike
_ALIKE = (
    *(("oe", "u"), ("tj", "c"), ("dj", "j"), ("nj", "ny"), ("sj", "sy"), ("ch", "kh")),
    *(("y", "i"), ("v", "p"), ("f", "p")),
)


@dataclass(frozen=True, slots=True)
class Folded:
    """A name reduced to what is compared: its words, and all letters in one."""

    words: tuple[str, ...]
    letters: str


def fold(text: str) -> Folded:
    """Reduce a name: small letters without marks, old spellings as new ones, "desa" and its like left out."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in _GENERIC]
    for old, new in _ALIKE:
        words = [word.replace(old, new) for word in words]
    return Folded(tuple(words), "".join(words))


def likeness(typed: Folded, name: Folded, around: Folded) -> float:
    """Return how well what was typed fits a name, 0 to 100. `around` is the district, it may be typed too."""
    if not typed.letters:
        return 0.0
    if typed.letters == name.letters:
        return EXACT
    if name.letters.startswith(typed.letters):
        return BEGINS
    if any(word.startswith(typed.letters) for word in name.words):
        return WORD_BEGINS
    of_name = sum(any(word.startswith(part) for word in name.words) for part in typed.words)
    of_both = sum(any(w.startswith(part) for w in (*name.words, *around.words)) for part in typed.words)
    if of_name > 0 and of_both == len(typed.words):
        return WORDS_BEGIN
    if len(typed.letters) < _SHORT:
        return 0.0
    if typed.letters in name.letters:
        return WITHIN
    return max(_alike(typed.letters, name.letters), _alike(typed.letters, name.letters + around.letters))


def _alike(typed: str, name: str) -> float:
    """Compare with the whole name, and with its beginning: the typing may not be over."""
    whole = fuzz.ratio(typed, name)
    # the beginning may be a letter longer or shorter than what was typed
    begun = max(fuzz.ratio(typed, name[:n]) for n in range(len(typed) - 1, len(typed) + 2))
    best = max(whole, begun - 4.0)
    return best * _LIKELY / 100.0 if best >= LEAST else 0.0
