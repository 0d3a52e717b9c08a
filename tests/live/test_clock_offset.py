"""A phone's clock is measured by the quickest frame, and anew when it was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dispatch.live.clock_offset import ClockOffset

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_small_error_is_believed_and_a_large_one_corrected() -> None:
    clock = ClockOffset()
    clock.measure(NOON, NOON - 4 * SECOND)
    assert clock.corrected(NOON) == NOON
    slow = ClockOffset()
    slow.measure(NOON, NOON - 600 * SECOND)
    assert slow.corrected(NOON - 600 * SECOND) == NOON


def test_frames_held_up_on_the_way_do_not_spoil_the_measure() -> None:
    clock = ClockOffset()
    for way_s in (1, 20, 30, 2, 39):
        clock.measure(NOON + way_s * SECOND, NOON)
    assert clock.offset == 1 * SECOND


def test_a_clock_that_was_set_is_measured_anew() -> None:
    ahead = ClockOffset()
    ahead.measure(NOON, NOON + 3600 * SECOND)
    ahead.measure(NOON + 60 * SECOND, NOON + 60 * SECOND)  # set back to the right time
    assert ahead.offset == timedelta(0)
    ahead.measure(NOON + 61 * SECOND, NOON + 3661 * SECOND)  # and wrong again
    assert ahead.offset == -3600 * SECOND
