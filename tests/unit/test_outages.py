"""What is away for now is said with its reason where the driver names one."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from dispatch.storage.outages import DatabaseAway, DiskFull, database_needed


@pytest.mark.parametrize("wrapped", [False, True], ids=["by the driver", "through SQLAlchemy"])
@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (asyncpg.DiskFullError("could not extend file"), DiskFull),
        (asyncpg.TooManyConnectionsError("sorry"), DatabaseAway),
        (asyncpg.CannotConnectNowError("starting up"), DatabaseAway),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_full_disk_is_told_apart(failure: Exception, said: type[DatabaseAway], wrapped: bool) -> None:
    raised = DBAPIError("SELECT 1", {}, failure) if wrapped else failure
    with pytest.raises(DatabaseAway) as told, database_needed():
        raise raised
    assert type(told.value) is said
    assert ("penuh" in told.value.message_id) is (said is DiskFull)
    assert told.value.status == 503


def test_a_fault_of_ours_is_none_of_it() -> None:
    with pytest.raises(asyncpg.UniqueViolationError), database_needed():
        raise asyncpg.UniqueViolationError("twice")
