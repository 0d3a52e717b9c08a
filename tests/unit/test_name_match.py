"""Names as people type them: old spellings, slips of the finger, a beginning, the district with it."""

from __future__ import annotations

import pytest

from dispatch.services.name_match import BEGINS, EXACT, WORD_BEGINS, WORDS_BEGIN, fold, likeness


def fits(typed: str, name: str, district: str = "") -> float:
    return likeness(fold(typed), fold(name), fold(district))


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("nagri kaler", "Nagri Kaler"),
        ("NAGRIKALER", "Nagri Kaler"),
        ("desa ciwareng", "Ciwareng"),
        ("Kel. Nagri Tengah", "Nagri Tengah"),
        ("tjiwareng", "Ciwareng"),
        ("Soekatani", "Sukatani"),
    ],
)
def test_the_same_name_otherwise_written_is_the_same(typed: str, name: str) -> None:
    assert fits(typed, name) == EXACT


def test_beginnings_stand_in_order() -> None:
    assert fits("ciw", "Ciwareng") == BEGINS
    assert fits("kal", "Nagri Kaler") == WORD_BEGINS
    assert fits("suka purwa", "Sukamaju", "Purwakarta") == WORDS_BEGIN
    assert fits("purwa", "Sukamaju", "Purwakarta") == 0.0, "the district alone names no village"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ciwarang", "Ciwareng"),
        ("babakn cikao", "Babakancikao"),
        ("cwareng", "Ciwareng"),
        ("citalnag", "Citalang"),
        ("bojong barta", "Bojong Barat"),
        ("munjl jaya", "Munjuljaya"),
    ],
)
def test_slips_are_forgiven(typed: str, name: str) -> None:
    assert 0.0 < fits(typed, name) < WORDS_BEGIN


@pytest.mark.parametrize(
    ("typed", "name"), [("ciwareng", "Sukatani"), ("xy", "Ciwareng"), ("", "Ciwareng"), ("desa", "Bojong")]
)
def test_other_names_do_not_fit(typed: str, name: str) -> None:
    assert fits(typed, name) == 0.0
