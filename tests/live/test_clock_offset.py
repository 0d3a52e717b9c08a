"""A phone's clock is measured by the quickest frame, and anew when it was set."""

from __future__ import annotations

from dispatch.live.clock_offset import ClockOffset

NOON = 1_795_150_800.0


def test_a_small_error_is_believed_and_a_large_one_corrected() -> None:
    clock = ClockOffset()
    clock.measure(NOON, NOON - 4)
    assert (clock.offset_s, clock.correction_s) == (4, 0)
    slow = ClockOffset()
    slow.measure(NOON, NOON - 600)
    assert (slow.offset_s, slow.correction_s) == (600, 600)


def test_frames_held_up_on_the_way_do_not_spoil_the_measure() -> None:
    clock = ClockOffset()
    for way_s in (1, 20, 30, 2, 39):
        clock.measure(NOON + way_s, NOON)
    assert clock.offset_s == 1


def test_the_quickest_frame_of_long_ago_is_forgotten() -> None:
    clock = ClockOffset()
    clock.measure(NOON, NOON)
    for _ in range(20):
        clock.measure(NOON + 7, NOON)
    assert (clock.offset_s, clock.correction_s) == (7, 7)


def test_a_clock_that_was_set_is_measured_anew() -> None:
    ahead = ClockOffset()
    ahead.measure(NOON, NOON + 3600)
    ahead.measure(NOON + 60, NOON + 60)  # set back to the right time
    assert (ahead.offset_s, ahead.correction_s) == (0, 0)
    ahead.measure(NOON + 61, NOON + 3661)  # and wrong again
    assert (ahead.offset_s, ahead.correction_s) == (-3600, -3600)
