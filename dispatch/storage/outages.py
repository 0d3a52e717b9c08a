"""Tells a database that is away for now from a fault of the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dispatch.domain.errors import Unavailable
from dispatch.storage.primary import READ_ONLY

# SQLSTATE classes that say "not now" rather than "never": connection, login, resources, operator's hand;
# and single states: serialization, deadlock, lock not available, a server that was the primary once
_PASSING_CLASSES = ("08", "28", "53", "57")
_DISK_FULL = "53100"
_PASSING_STATES = ("40001", "40P01", "55P03", READ_ONLY)


class DatabaseAway(Unavailable):
    """PostgreSQL cannot be reached now, or refuses for now."""

    def __init__(self) -> None:
        super().__init__(
            "Basis data sedang tidak terjangkau; coba lagi sebentar",
            "The database cannot be reached now; try again shortly",
        )


class DiskFull(DatabaseAway):
    """PostgreSQL has no room on its disk: it passes when somebody makes room."""

    def __init__(self) -> None:
        Unavailable.__init__(
            self,
            "Disk basis data penuh: belum tersimpan. Hubungi petugas TI, catat di kertas, coba lagi nanti",
            "The database's disk is full: not stored. Call the IT officer, write on paper, try again later",
        )


def away(error: BaseException) -> DatabaseAway:
    """Return the refusal for what `is_passing`, with the reason where the driver names one."""
    return DiskFull() if _state(error) == _DISK_FULL else DatabaseAway()


def is_passing(error: BaseException) -> bool:
    """Return whether what the driver raised will pass by itself."""
    if isinstance(error, OSError | PoolTimeout | InterfaceError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if not isinstance(error, DBAPIError | PostgresError):
        return False
    state = _state(error)
    return state.startswith(_PASSING_CLASSES) or state in _PASSING_STATES


def out_of_reach(error: BaseException) -> bool:
    """Return whether not even a connection could be had: whoever else asks now will fare no better."""
    return isinstance(error, OSError | PoolTimeout)


def _state(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlstate", "") or "")


@contextmanager
def database_needed() -> Iterator[None]:
    """Raise DatabaseAway instead of what the driver raises while PostgreSQL is away."""
    try:
        yield
    except (DBAPIError, PostgresError, InterfaceError, PoolTimeout, OSError) as failure:
        if not is_passing(failure):
            raise
        raise away(failure) from failure
