"""The rules of forms: numbers that never meet, times that can be, and the states a run must have passed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.assignment import AssignmentState as S
from dispatch.domain.errors import IllegalStep, InvalidInput
from dispatch.domain.paper import (
    PaperEnd,
    check_times,
    form_numbers,
    missing_times,
    read_form_number,
    run_path,
)
from dispatch.domain.stamps import Stamp
from dispatch.paper import HANGS, press

JAKARTA, JAYAPURA = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Jayapura")
NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
MOMENTS = st.integers(0, 90_000_000).map(lambda ago: NOW - timedelta(days=1, seconds=ago))


@given(MOMENTS, MOMENTS, st.booleans(), st.booleans())
def test_no_two_prints_share_a_number(one: datetime, other: datetime, by_hand: bool, too: bool) -> None:
    first = form_numbers("PWK", one, 99, by_hand=by_hand)
    second = form_numbers("PWK", other, 99, by_hand=too)
    assert len(set(first)) == 99
    written = "%Y%m%d %H%M%S" if by_hand else "%Y%m%d %H%M"
    same = by_hand == too and f"{one:{written}}" == f"{other:{written}}"
    assert bool(set(first) & set(second)) == same


@given(MOMENTS, st.integers(1, 99), st.booleans(), st.sampled_from(["", "A", "Z"]))
def test_every_printed_number_is_read_back(made: datetime, n: int, by_hand: bool, copy: str) -> None:
    printed = form_numbers("PWK-L", made, 99, by_hand=by_hand)[n - 1] + copy
    for typed in (printed, f"  {printed.lower()} ", printed.replace(".", "-"), printed.replace(".", " ")):
        assert str(read_form_number(typed, "PWK-L", JAKARTA, NOW)) == printed


def test_a_print_is_told_by_the_clock_of_its_regency() -> None:
    assert read_form_number("PWK-20261121-P1430.01", "PWK", JAKARTA, NOW)
    with pytest.raises(InvalidInput):
        read_form_number("PWK-20261121-P1431.01", "PWK", JAKARTA, NOW)
    assert read_form_number("PWK-20261121-P1630.01", "PWK", JAYAPURA, NOW)


def test_red_may_be_sent_before_the_verdict_and_not_before_the_call() -> None:
    early = NOW - timedelta(minutes=10)
    check_times({Stamp.CALLED: early, Stamp.CONFIRMED: NOW, Stamp.ASSIGNED: early}, NOW, JAKARTA)
    with pytest.raises(InvalidInput):
        check_times({Stamp.CALLED: NOW, Stamp.CONFIRMED: NOW, Stamp.ASSIGNED: early}, NOW, JAKARTA)


def test_seconds_are_nothing_that_paper_knows() -> None:
    check_times({Stamp.EN_ROUTE: NOW, Stamp.ON_SCENE: NOW.replace(second=0)}, NOW, JAKARTA)


@pytest.mark.parametrize(
    ("stamped", "end", "path"),
    [
        ([], None, []),
        ([], PaperEnd.CLEARED, [S.AT_FACILITY, S.HANDED_OVER, S.CLEARED]),
        ([Stamp.HANDED_OVER], None, [S.AT_FACILITY, S.HANDED_OVER]),
        ([Stamp.LEFT_SCENE], PaperEnd.CLEARED, [S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED]),
        ([], PaperEnd.COMPLETED_WITHOUT_TRANSPORT, [S.ON_SCENE, S.COMPLETED_WITHOUT_TRANSPORT]),
        ([Stamp.EN_ROUTE], PaperEnd.STOOD_DOWN, [S.EN_ROUTE, S.STOOD_DOWN]),
    ],
)
def test_a_run_passed_what_it_must_have_passed(stamped: list[Stamp], end: PaperEnd, path: list[S]) -> None:
    assert run_path(stamped, end) == path


def test_who_carries_a_patient_cannot_be_stood_down_or_end_without_one() -> None:
    for end in (PaperEnd.STOOD_DOWN, PaperEnd.COMPLETED_WITHOUT_TRANSPORT):
        with pytest.raises(IllegalStep):
            run_path([Stamp.LEFT_SCENE], end)


def test_what_is_missing_is_what_happened_and_has_no_time() -> None:
    cleared = run_path([Stamp.ON_SCENE], PaperEnd.CLEARED)
    assert Stamp.HANDED_OVER in missing_times([Stamp.ON_SCENE], cleared)
    assert Stamp.STAGED not in missing_times([], cleared)
    recalled = run_path([Stamp.ASSIGNED], PaperEnd.STOOD_DOWN)
    assert missing_times([Stamp.ASSIGNED, Stamp.STOOD_DOWN], recalled) == []


def test_a_share_that_hangs_is_left_behind_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, release = tmp_path / "mati", threading.Event()
    real = press.put

    def put(folder: Path, minute: str, content: bytes, keep_s: float) -> None:
        if folder.is_relative_to(dead):
            release.wait()
        real(folder, minute, content, keep_s)

    monkeypatch.setattr(press, "put", put)
    monkeypatch.setattr(press, "printed", lambda _sheet: b"%PDF")
    monkeypatch.setattr(press, "FOLDER_WITHIN_S", 0.05)
    folders = [str(dead / "99.01"), str(tmp_path / "baik" / "99.01")]
    try:
        answer = press.work_off({"sheet": {}, "minute": "1403", "keep_s": 60, "folders": folders})
        assert answer["troubles"] == {folders[0]: HANGS}
        assert (tmp_path / "baik" / "99.01" / "papan.pdf").read_bytes() == b"%PDF"
    finally:
        release.set()
