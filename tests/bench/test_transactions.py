"""What a rate of several processes is."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.transactions import Done, Total


def test_a_rate_is_of_the_time_until_the_last_process_is_done() -> None:
    quick, slow = Done(100, 1.0, [1.0, 4.0]), Done(100, 1.0, [3.0, 2.0])
    assert Total([quick, slow], datetime.now(UTC)).rate == 200 / (3.0 + 4.0)
