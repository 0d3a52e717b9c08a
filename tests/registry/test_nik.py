"""Reading a NIK: what it holds, which forms are accepted, which are refused and how that is said."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import NikError, mask_nik, parse_nik
from registry.regions import region_names

TODAY = date(2026, 11, 20)
DISTRICT_CODES = sorted(code for code in region_names() if len(code) == 8)
REASONS = {"empty", "not_digits", "length", "province", "birth_date", "serial"}


def nik_of(district: str, born: date, woman: bool, serial: int) -> str:
    return f"{district.replace('.', '')}{born.day + 40 * woman:02d}{born:%m%y}{serial:04d}"


@given(
    district=st.sampled_from(DISTRICT_CODES),
    born=st.dates(TODAY - timedelta(days=36_500), TODAY),
    woman=st.booleans(),
    serial=st.integers(1, 9999),
    separators=st.lists(
        st.sampled_from(["", "", " ", ".", "-", "–", "\u00a0", "\u200e", "\t"]), min_size=17, max_size=17
    ),
)
def test_every_part_comes_back(
    district: str, born: date, woman: bool, serial: int, separators: list[str]
) -> None:
    digits = nik_of(district, born, woman, serial)
    typed = "".join(gap + ch for gap, ch in zip(separators, [*digits, ""], strict=True))
    nik = parse_nik(typed, today=TODAY)
    assert nik.value == digits
    assert (nik.province, nik.regency, nik.district) == (district[:2], district[:5], district)
    assert nik.birth_date == born
    assert nik.sex == ("female" if woman else "male")
    assert nik.serial == f"{serial:04d}"
    assert not nik.abolished
    assert nik.warnings == ()
    assert nik.agrees_with(born)


@given(
    st.one_of(
        st.text(), st.text("0123456789 .-", max_size=24), st.text("0123456789", min_size=16, max_size=16)
    )
)
def test_nonsense_is_a_coded_refusal_that_never_shows_the_number(text: str) -> None:
    error = refusal_of(text)
    if error is None:
        nik = parse_nik(text, today=TODAY)
        assert nik.birth_date <= TODAY
        assert mask_nik(text) == mask_nik(nik.value)
        return
    assert error.reason_code in REASONS
    assert error.message_id
    assert error.message_en
    digits = "".join(ch for ch in text if ch in "0123456789")
    if len(digits) > 2:
        assert digits not in f"{error.message_id} {error.message_en} {error} {error!r}"


def refusal_of(text: str) -> NikError | None:
    try:
        parse_nik(text, today=TODAY)
    except NikError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" - . ", "empty"),
        ("32140150119000O7", "not_digits"),
        ("٣٢١٤٠١٥٠١١٩٠٠٠٠٧", "not_digits"),
        ("321401501190000", "length"),
        ("32140150119000071", "length"),
        ("5414015011900007", "province"),
        ("0014015011900007", "province"),
        ("3214010001900007", "birth_date"),
        ("3214013201900007", "birth_date"),
        ("3214014001900007", "birth_date"),
        ("3214017201900007", "birth_date"),
        ("3214013102900007", "birth_date"),
        ("3214011013900007", "birth_date"),
        ("3214012902990007", "birth_date"),
        ("3214015011900000", "serial"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(NikError) as refusal:
        parse_nik(text, today=TODAY)
    assert refusal.value.reason_code == reason


def test_a_wrong_length_is_said_in_both_languages() -> None:
    with pytest.raises(NikError) as refusal:
        parse_nik("3214-0150-1190-00")
    assert "14 angka" in refusal.value.message_id
    assert "14 were given" in refusal.value.message_en


@pytest.mark.parametrize(
    ("six", "born"),
    [
        ("201126", date(2026, 11, 20)),  # born today
        ("211126", date(1926, 11, 21)),  # tomorrow is a hundred years ago
        ("010107", date(2007, 1, 1)),  # 1907 would be under 120 years as well: the most recent counts
        ("290200", date(2000, 2, 29)),
        ("290224", date(2024, 2, 29)),
        ("311299", date(1999, 12, 31)),
        ("280227", date(1927, 2, 28)),
    ],
)
def test_the_year_is_the_most_recent_possible(six: str, born: date) -> None:
    assert parse_nik(f"321401{six}0007", today=TODAY).birth_date == born


def test_a_leap_day_goes_back_a_century_when_it_must() -> None:
    # On 28 February 2008 the leap day of that year is still to come.
    assert parse_nik("3214012902080007", today=date(2008, 2, 28)).birth_date == date(1908, 2, 29)


def test_agreement_leaves_the_century_out() -> None:
    nik = parse_nik("3214010101070007", today=TODAY)
    assert nik.agrees_with(date(1907, 1, 1))
    assert not nik.agrees_with(date(2007, 1, 2))
    assert not nik.agrees_with(date(2008, 1, 1))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("6406015011900007", "regency_not_in_force"),  # Malinau, moved to North Kalimantan in 2012
        ("9102015011900007", "regency_not_in_force"),  # Jayawijaya, moved to Highland Papua in 2022
        ("3214995011900007", "district_not_in_force"),
    ],
)
def test_an_abolished_region_is_valid_with_a_warning(text: str, code: str) -> None:
    nik = parse_nik(text, today=TODAY)
    assert nik.abolished
    assert [warning.code for warning in nik.warnings] == [code]
    assert nik.warnings[0].message_id != nik.warnings[0].message_en
    assert nik.region_names[0] is not None


def test_region_names() -> None:
    nik = parse_nik("3214015011900007", today=TODAY)
    assert nik.region_names == ("Jawa Barat", "Kabupaten Purwakarta", "Purwakarta")


def test_the_table_is_whole() -> None:
    names = region_names()
    by_length = {length: sum(len(code) == length for code in names) for length in (2, 5, 8)}
    assert by_length == {2: 38, 5: 514, 8: 7285}
    assert all(code[:-3] in names for code in names if len(code) > 2)
    assert all(name == name.strip() != "" for name in names.values())


def test_printing_a_nik_masks_it() -> None:
    nik = parse_nik("3214015011900007", today=TODAY)
    assert mask_nik(" 3214 0150 1190 0007 ") == "3214**********07"
    assert f"{nik}" == f"{nik!r}" == "Nik(3214**********07)"
    assert mask_nik("321401501190000") == mask_nik("") == mask_nik("abc") == "****"
