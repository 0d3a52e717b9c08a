"""The sliding window that slows down guessing."""

from __future__ import annotations

import pytest
from api_scene import Api, problem, resident

from dispatch.api.throttle import SignInThrottle, Throttle
from dispatch.domain.errors import TooManyRequests


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_window_slides(clock: Clock) -> None:
    throttle = Throttle(3, 60.0, clock)
    for _ in range(3):
        assert throttle.wait_s("a") == 0
        throttle.mark("a")
        clock.at += 10
    assert throttle.wait_s("a") == 30
    assert throttle.wait_s("b") == 0
    clock.at += 29.5
    assert throttle.wait_s("a") == 0.5
    clock.at += 1
    assert throttle.wait_s("a") == 0
    throttle.mark("a")
    assert throttle.wait_s("a") == 9.5


def test_a_good_attempt_counts_for_nothing(clock: Clock) -> None:
    throttle = Throttle(1, 60.0, clock)
    throttle.mark("a")
    throttle.unmark("a")
    throttle.unmark("a")
    assert throttle.wait_s("a") == 0


def test_attempts_at_the_same_moment_count_all(clock: Clock) -> None:
    guard = SignInThrottle(clock)
    for _ in range(10):
        guard.enter("32.14", "operator1", "203.0.113.7")
    with pytest.raises(TooManyRequests) as refused:
        guard.enter("32.14", "Operator1", "203.0.113.8")
    assert refused.value.extra["retry_after_s"] == 300


def test_a_stranger_does_not_lock_out_the_usual_console(clock: Clock) -> None:
    guard = SignInThrottle(clock)
    guard.enter("32.14", "operator1", "192.0.2.1")
    guard.succeed("32.14", "operator1", "192.0.2.1")
    for _ in range(10):
        guard.enter("32.14", "operator1", "203.0.113.7")
    with pytest.raises(TooManyRequests):
        guard.enter("32.14", "operator1", "203.0.113.7")
    guard.enter("32.14", "operator1", "192.0.2.1")
    for _ in range(9):
        guard.enter("32.14", "operator1", "192.0.2.1")
    with pytest.raises(TooManyRequests):
        guard.enter("32.14", "operator1", "192.0.2.1")


def test_many_names_from_one_address_are_too_many(clock: Clock) -> None:
    guard = SignInThrottle(clock)
    for number in range(60):
        guard.enter("32.14", f"name{number}", "203.0.113.7")
    with pytest.raises(TooManyRequests):
        guard.enter("32.14", "another", "203.0.113.7")
    guard.enter("32.14", "another", "203.0.113.8")


@pytest.mark.asyncio(loop_scope="module")
async def test_asking_who_is_registered_is_slowed_down(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.app.state, "clashes", Throttle(3, 600.0))
    taken = resident(71)
    assert (await api.anybody.post("/residents", taken)).status_code == 201
    for _ in range(3):
        problem(await api.anybody.post("/residents", taken), 409, "conflict")
    slow = problem(await api.anybody.post("/residents", taken), 429, "too_many_requests")
    assert slow["retry_after_s"] > 0
    problem(await api.anybody.post("/residents", resident(72)), 429, "too_many_requests")
