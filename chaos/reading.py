"""What the database of the system under test holds, read past the system."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from chaos.clock_errors import BELIEVED_WITHIN
from chaos.stage import REGENCY, Stage
from dispatch.local.postgres import ADMIN_ROLE, OWNER_ROLE

_BACK_WITHIN_S = 10.0
"""How long a database that is being started again is waited for."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """One stamp of a run."""

    name: str
    occurred_at: datetime
    corrected: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What the database holds of one trial. Ids are texts.

    events: the log after the trial's first event. fixes: installation -> how often each sequence is there.
    fix_times: installation -> sequence -> when it was made by the server's clock. latest: installation -> the
    sequence of the marker that it moved last. messages: those sent -> what each is about. unsent: messages
    that are neither sent nor given up.
    """

    events: list[dict[str, Any]]
    calls: set[str]
    callbacks: Counter[str]
    stamps: dict[str, list[Stamped]]
    fixes: dict[str, Counter[int]]
    fix_times: dict[str, dict[int, datetime]]
    latest: dict[str, int]
    messages: dict[str, str]
    unsent: list[str]


async def connect(stage: Stage) -> asyncpg.Connection:
    """Connect as the cluster's superuser, whom no row security hides anything from.

    A database that is being started again is waited for, as everybody else waits.

    Raises:
        OSError, asyncpg.CannotConnectNowError: it is not back within 10 s.
    """
    told = stage.noted["DATABASE_URL"].replace(f"//{OWNER_ROLE}@", f"//{ADMIN_ROLE}@")
    until = time.monotonic() + _BACK_WITHIN_S
    while True:
        try:
            return await asyncpg.connect(told, timeout=10)
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def clock(stage: Stage) -> datetime:
    """Return what time the database has."""
    database = await connect(stage)
    try:
        moment: datetime = await database.fetchval("SELECT clock_timestamp()")
    finally:
        await database.close()
    return moment


async def read(stage: Stage, after: int, installations: list[str]) -> Held:
    """Read all that happened since event `after`."""
    database = await connect(stage)
    try:
        regency = await database.fetchval("SELECT id FROM regency WHERE slug = $1", REGENCY)
        async with database.transaction(isolation="repeatable_read", readonly=True):
            return await _read(database, regency, after, installations)
    finally:
        await database.close()


async def _read(database: asyncpg.Connection, regency: int, after: int, installations: list[str]) -> Held:
    events = await database.fetch(
        "SELECT seq, kind, subject_id, incident_id::text, data::text, recorded_at FROM event "
        "WHERE regency_id = $1 AND seq > $2 ORDER BY seq",
        regency,
        after,
    )
    calls = await database.fetch("SELECT id::text FROM call WHERE regency_id = $1", regency)
    callbacks = await database.fetch("SELECT call_id::text FROM callback WHERE regency_id = $1", regency)
    messages = await database.fetch(
        "SELECT id::text, subject_id::text, sent_at, failed_at FROM outbox WHERE regency_id = $1", regency
    )
    fixes = await _fixes(database, regency, installations)
    return Held(
        events=[{**dict(row), "data": json.loads(row["data"])} for row in events],
        calls={row["id"] for row in calls},
        callbacks=Counter(row["call_id"] for row in callbacks),
        stamps=await _stamps(database, regency),
        fixes={phone: Counter(seq for seq, _ in there) for phone, there in fixes.items()},
        fix_times={phone: dict(there) for phone, there in fixes.items()},
        latest=await _latest(database, regency, installations),
        messages={row["id"]: row["subject_id"] for row in messages if row["sent_at"] is not None},
        unsent=[row["id"] for row in messages if row["sent_at"] is None and row["failed_at"] is None],
    )


async def _stamps(database: asyncpg.Connection, regency: int) -> dict[str, list[Stamped]]:
    rows = await database.fetch(
        "SELECT assignment_id::text AS run, name, occurred_at, clock_corrected FROM stamp "
        "WHERE regency_id = $1 AND assignment_id IS NOT NULL",
        regency,
    )
    stamps: defaultdict[str, list[Stamped]] = defaultdict(list)
    for row in rows:
        stamps[row["run"]].append(Stamped(row["name"], row["occurred_at"], row["clock_corrected"]))
    return stamps


async def _fixes(
    database: asyncpg.Connection, regency: int, installations: list[str]
) -> dict[str, list[tuple[int, datetime]]]:
    """Return each phone's fixes: sequence, and when it was made by the server's clock.

    What is kept is the phone's own time, and by how much its clock was wrong as measured.
    """
    rows = await database.fetch(
        "SELECT installation_id::text AS phone, sequence, fixed_at, clock_offset_s FROM position "
        "WHERE regency_id = $1 AND installation_id = ANY($2::uuid[])",
        regency,
        installations,
    )
    fixes: defaultdict[str, list[tuple[int, datetime]]] = defaultdict(list)
    for row in rows:
        off = timedelta(seconds=row["clock_offset_s"])
        made = row["fixed_at"] + off if abs(off) > BELIEVED_WITHIN else row["fixed_at"]
        fixes[row["phone"]].append((row["sequence"], made))
    return fixes


async def _latest(database: asyncpg.Connection, regency: int, installations: list[str]) -> dict[str, int]:
    rows = await database.fetch(
        "SELECT installation_id::text AS phone, sequence FROM latest_position "
        "WHERE regency_id = $1 AND installation_id = ANY($2::uuid[])",
        regency,
        installations,
    )
    return {row["phone"]: row["sequence"] for row in rows}


async def head(stage: Stage) -> int:
    """Return the last sequence of the log."""
    database = await connect(stage)
    try:
        return int(
            await database.fetchval(
                "SELECT h.seq FROM event_head h JOIN regency r ON r.id = h.regency_id WHERE r.slug = $1",
                REGENCY,
            )
        )
    finally:
        await database.close()


async def settings(stage: Stage, *names: str) -> dict[str, str]:
    """Return settings of the server by name."""
    database = await connect(stage)
    try:
        return {name: await database.fetchval(f"SHOW {name}") for name in names}
    finally:
        await database.close()
