"""Whose fix it is: the crew's that was aboard then, also when the server's clock was set back since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from dispatch.live.fix_steps import Incoming, Phone, on_duty
from dispatch.live.frames import PhoneFix
from dispatch.services.crew_turns import Turn

JOINED = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
UNIT = uuid4()


def judged(received_at: datetime, left_at: datetime | None = None) -> Incoming:
    """A fix of this very moment by the server's clock."""
    phone = Phone(uuid4(), turns=[Turn(UNIT, JOINED, left_at)])
    incoming = Incoming(PhoneFix(1, received_at, 107.44, -6.55), phone, received_at)
    incoming.fixed_at = received_at
    return incoming


@pytest.mark.parametrize("after", [timedelta(minutes=5), timedelta(minutes=-1), timedelta(minutes=-15)])
def test_who_is_aboard_is_on_duty_whatever_the_server_s_clock_has_become(after: timedelta) -> None:
    incoming = judged(JOINED + after)
    assert on_duty(incoming) is None
    assert incoming.unit_id == UNIT


def test_who_has_left_is_not() -> None:
    assert on_duty(judged(JOINED + timedelta(hours=9), left_at=JOINED + timedelta(hours=8))) is not None


def test_a_fix_from_long_before_the_boarding_is_none_of_ours() -> None:
    incoming = judged(JOINED + timedelta(minutes=5))
    incoming.fixed_at = JOINED - timedelta(minutes=10)
    assert on_duty(incoming) is not None
