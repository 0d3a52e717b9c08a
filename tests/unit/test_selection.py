"""Ranking: red gets the least time whatever else speaks against it, and every place has its reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.selection import UnitSnapshot, minutes, rank, suits
from dispatch.domain.triage import Triage
from dispatch.domain.unit import PositionQuality, Tracking, UnitStatus

BASIC, TRANSPORT = frozenset({"transport", "basic"}), frozenset({"transport"})


def unit(number: int, total_s: float, **different: Any) -> UnitSnapshot:
    """A free tracked unit; road and access are parts of its time."""
    known: dict[str, Any] = {
        "id": UUID(int=number),
        "call_sign": f"A-{number:03d}",
        "tracking": Tracking.APP,
        "capabilities": BASIC,
        "status": UnitStatus.AVAILABLE,
        "position_quality": PositionQuality.LIVE,
        "fix_age_s": 7.0,
        "reachable": True,
        "total_s": total_s,
        "road_s": total_s,
        "access_s": 0.0,
        "road_m": total_s * 10,
        "access_m": 0.0,
    }
    return UnitSnapshot(**known | different)


snapshots = st.lists(
    st.builds(
        unit,
        st.integers(1, 500),
        st.floats(1, 9_000),
        status=st.sampled_from(UnitStatus),
        reachable=st.booleans(),
        capabilities=st.sampled_from([BASIC, TRANSPORT, frozenset({"advanced"}), frozenset({"neonatal"})]),
        position_quality=st.sampled_from(PositionQuality),
        soon_free=st.booleans(),
        rostered=st.booleans(),
    ),
    unique_by=lambda u: u.id,
    max_size=40,
)
colours = st.sampled_from([None, *Triage])


@given(snapshots, st.sets(st.sampled_from(["basic", "advanced", "neonatal"])))
def test_red_gets_the_least_time_whatever_is_asked_for(units: list[UnitSnapshot], needs: set[str]) -> None:
    times = [c.unit.total_s for c in rank(units, Triage.RED, frozenset(needs)).candidates]
    assert times == sorted(times)


@given(snapshots, colours)
def test_everybody_is_in_the_answer_once_and_only_free_units_are_offered(
    units: list[UnitSnapshot], colour: Triage | None
) -> None:
    ranking = rank(units, colour)
    offered = [c.unit.id for c in ranking.candidates]
    held_back = [r.unit.id for r in ranking.not_offered]
    assert sorted([*offered, *held_back]) == sorted(u.id for u in units)
    assert [c.rank for c in ranking.candidates] == list(range(1, len(offered) + 1))
    assert all(c.unit.status is UnitStatus.AVAILABLE and c.unit.reachable for c in ranking.candidates)
    for said in (*ranking.candidates, *ranking.not_offered):
        assert said.why_id
        assert said.why_en


@given(snapshots, colours, st.randoms())
def test_the_order_of_the_question_does_not_change_the_answer(
    units: list[UnitSnapshot], colour: Triage | None, random: Any
) -> None:
    shuffled = list(units)
    random.shuffle(shuffled)
    assert rank(units, colour) == rank(shuffled, colour)


@given(snapshots, st.sampled_from([None, Triage.YELLOW, Triage.GREEN]))
def test_other_colours_get_suitable_units_first_and_then_the_least_time(
    units: list[UnitSnapshot], colour: Triage | None
) -> None:
    keys = [(not c.suits, c.unit.total_s) for c in rank(units, colour).candidates]
    assert keys == sorted(keys)


def test_ties_fall_to_the_call_sign() -> None:
    assert [c.unit.call_sign for c in rank([unit(2, 60), unit(1, 60)], Triage.RED).candidates] == [
        "A-001",
        "A-002",
    ]


def test_reasons_in_words() -> None:
    far = unit(2, 200, access_m=800.0, access_s=144.0, position_quality=PositionQuality.ASSUMED)
    old = unit(3, 260, position_quality=PositionQuality.OLD, fix_age_s=400.0, capabilities=TRANSPORT)
    first, second, third = rank([old, far, unit(1, 130)], Triage.RED).candidates
    assert first.why_id.startswith("Waktu tempuh terkecil ke pasien: 2:10 (1,3 km lewat jalan)")
    assert "Least predicted time to the patient: 2:10" in first.why_en
    assert "live position, age 0:07" in first.why_en
    assert "1:10 slower than A-001" in second.why_en
    assert "1:10 lebih lama dari A-001" in second.why_id
    assert "800 m off the road network, 2:24 of it" in second.why_en
    assert "position assumed" in second.why_en
    assert "posisi perkiraan" in second.why_id
    assert "position OLD, age 6:40" in third.why_en
    assert "perlengkapannya di bawah yang disarankan" in third.why_id


def test_a_faster_unit_behind_a_suitable_one_says_that_it_is_faster() -> None:
    first, second = rank([unit(1, 300), unit(2, 100, capabilities=TRANSPORT)], None).candidates
    assert first.why_en.startswith("Least time of the suitable units")
    assert second.why_en.startswith("3:20 faster than A-001")
    assert second.why_id.startswith("3:20 lebih cepat dari A-001")


@pytest.mark.parametrize(
    ("different", "code", "why_id", "why_en"),
    [
        (
            {"status": UnitStatus.BUSY, "busy_with": "UJI-1"},
            "busy",
            "Sedang bertugas untuk UJI-1",
            "On a run",
        ),
        (
            {"status": UnitStatus.BUSY, "busy_with": "UJI-1", "soon_free": True},
            "busy",
            "segera selesai",
            "free soon",
        ),
        (
            {"status": UnitStatus.UNAVAILABLE, "unavailable_reason": "fuel"},
            "unavailable",
            "bahan bakar",
            "refuel",
        ),
        ({"status": UnitStatus.OFF_SHIFT}, "off_shift", "Tidak sedang dinas", "Off shift"),
        ({"status": UnitStatus.OFF_SHIFT, "rostered": True}, "not_signed_on", "awak belum masuk", "Rostered"),
        ({"reachable": False}, "unreachable", "Tidak ada jalan", "No road"),
    ],
)
def test_who_is_not_offered_and_why(different: dict[str, Any], code: str, why_id: str, why_en: str) -> None:
    (refusal,) = rank([unit(1, 60, **different)], Triage.RED).not_offered
    assert refusal.code == code
    assert why_id in refusal.why_id
    assert why_en in refusal.why_en


def test_units_that_are_free_soon_head_the_list_of_those_not_offered() -> None:
    units = [
        unit(1, 10, status=UnitStatus.OFF_SHIFT),
        unit(2, 500, status=UnitStatus.BUSY),
        unit(3, 900, status=UnitStatus.BUSY, soon_free=True),
    ]
    assert [r.unit.call_sign for r in rank(units, Triage.RED).not_offered] == ["A-003", "A-002", "A-001"]


def test_a_higher_level_of_care_includes_the_lower_ones() -> None:
    assert suits(frozenset({"advanced"}), Triage.RED, frozenset({"basic"}))
    assert not suits(BASIC, Triage.GREEN, frozenset({"advanced"}))
    assert not suits(TRANSPORT, None, frozenset())
    assert suits(TRANSPORT, Triage.GREEN, frozenset())
    assert not suits(BASIC, Triage.GREEN, frozenset({"neonatal"}))
    assert suits(BASIC | {"neonatal"}, Triage.RED, frozenset({"neonatal"}))


def test_seconds_are_written_as_minutes() -> None:
    assert [minutes(s) for s in (0, 59.4, 59.6, 61, 3_600)] == ["0:00", "0:59", "1:00", "1:01", "60:00"]


def test_equally_fast_ones_are_said_to_be_so() -> None:
    first, second, third = rank([unit(1, 60), unit(2, 60.3), unit(3, 61)], Triage.RED).candidates
    assert first.why_id.startswith("Waktu tempuh terkecil")
    assert second.why_id.startswith("Sama cepat dengan A-001: 1:00")
    assert second.why_en.startswith("As fast as A-001")
    assert third.why_id.startswith("0:01 lebih lama dari A-001")
