"""Definitions of the report's intervals, and the interval around a share."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.intervals import INTERVALS, Level, wilson
from dispatch.domain.stamps import INCIDENT_STAMPS, Stamp


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
        (50, 100, 0.4038, 0.5962),
    ],
)
def test_wilson_against_published_values(successes: int, n: int, low: float, high: float) -> None:
    # the first four: table I of Newcombe, Statistics in Medicine 17 (1998), 857-872
    found = wilson(successes, n)
    assert found is not None
    assert found == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_a_share(case: tuple[int, int]) -> None:
    successes, n = case
    found = wilson(successes, n)
    assert found is not None
    low, high = found
    assert 0.0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1.0
    mirrored = wilson(n - successes, n)
    assert mirrored is not None
    assert math.isclose(mirrored[0], 1 - high, abs_tol=1e-9)


def test_no_cases_no_interval() -> None:
    assert wilson(0, 0) is None


def test_the_promise_and_the_targets() -> None:
    by_name = {i.name: i for i in INTERVALS}
    assert len(by_name) == len(INTERVALS)
    promise = by_name["to_patient"]
    assert (promise.start, promise.end, promise.target_s) == (Stamp.CALLED, Stamp.AT_PATIENT, 600.0)
    response = by_name["response"]
    assert (response.start, response.end, response.level) == (Stamp.CALLED, Stamp.ON_SCENE, Level.INCIDENT)
    targets = {name: i.target_s for name, i in by_name.items() if i.target_s is not None}
    assert targets == {
        "answer": 15.0,
        "confirm": 60.0,
        "accept": 60.0,
        "turnout": 60.0,
        "to_patient": 600.0,
        "handover": 900.0,
    }


def test_intervals_run_forward_in_the_order_of_stamps() -> None:
    order = list(Stamp)
    for interval in INTERVALS:
        assert order.index(interval.start) < order.index(interval.end)
        if interval.level is not Level.INCIDENT:
            assert interval.start not in INCIDENT_STAMPS
