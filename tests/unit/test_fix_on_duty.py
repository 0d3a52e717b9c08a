"""Whose fix it is: the crew's that was aboard then, also when the server's clock was set back since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from dispatch.live.fix_steps import Phone, as_received, on_duty
from dispatch.live.frames import PhoneFix
from dispatch.services.crew_turns import Turn

JOINED = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
UNIT = uuid4()


def judged(made_at: datetime, received_at: datetime, left_at: datetime | None = None) -> UUID | None:
    """Return the unit whose fix it is taken for."""
    phone = Phone(uuid4(), turns=[Turn(UNIT, JOINED, left_at)])
    fix = as_received(PhoneFix(1, made_at, 107.44, -6.55), phone, received_at.timestamp())
    fix.at = made_at.timestamp()
    return fix.unit_id if on_duty(fix, phone) is None else None


@pytest.mark.parametrize("after", [timedelta(minutes=5), timedelta(minutes=-1), timedelta(minutes=-15)])
def test_who_is_aboard_is_on_duty_whatever_the_server_s_clock_has_become(after: timedelta) -> None:
    assert judged(JOINED + after, JOINED + after) == UNIT


def test_who_has_left_is_not() -> None:
    now = JOINED + timedelta(hours=9)
    assert judged(now, now, left_at=JOINED + timedelta(hours=8)) is None


def test_a_fix_from_long_before_the_boarding_is_none_of_ours() -> None:
    assert judged(JOINED - timedelta(minutes=10), JOINED + timedelta(minutes=5)) is None
