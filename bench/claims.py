"""Claims per second: the service's transaction beside the same statements sent as bare SQL, in one run."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event

from bench.private_system import SLUG, PrivateSystem, private_system
from dispatch.domain.call import Channel
from dispatch.domain.roles import SYSTEM
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnitStatus
from dispatch.services.centre import Centre, open_centre
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.placing import Point
from dispatch.services.rank_units import RankedUnit, rank_for_incident
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.send_unit import Claim, claim_unit, open_assignments, send_unit
from dispatch.services.stand_down import stand_down
from dispatch.services.tenants import TenantEntry
from dispatch.storage.connection import Connection
from dispatch.storage.transaction import APPEND, binding, new_id

PLACE = Point(107.4434, -6.5567)
ROUNDS, UNITS = 6, 16
AN_EMERGENCY = Judgement(triage=Triage.RED)


class _Undo(Exception):
    """Ends a transaction whose statements were only written down."""


@dataclass
class Statements:
    """The SQL of one transaction, as the driver was given it."""

    sent: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)


@dataclass
class Result:
    """Seconds of each single claim, by way of claiming."""

    service: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


async def _incident(centre: Centre, entry: TenantEntry, judgement: Judgement = AN_EMERGENCY) -> UUID:
    request = HelpRequest(new_id(), Channel.PHONE, PLACE)
    await request_help(centre, entry, SYSTEM, request, cause="bench")
    opened = await open_incident(centre, entry, SYSTEM, request.id, judgement, cause="bench")
    return opened.incident_id


async def _free_units(centre: Centre, entry: TenantEntry, incident: UUID) -> tuple[list[RankedUnit], str]:
    ranking = await rank_for_incident(centre, entry, incident)
    free = [c for c in ranking.candidates if c.unit.status is UnitStatus.AVAILABLE]
    if len(free) < UNITS:
        raise RuntimeError(f"{len(free)} units are free, {UNITS} are needed")
    return free[:UNITS], ranking.roads_version


async def _written_down(
    centre: Centre, entry: TenantEntry, incident: UUID, choice: RankedUnit, version: str
) -> Statements:
    """Run one claim, write its statements down, and undo it."""
    statements = Statements()

    def note(_c: object, _cursor: object, sql: str, parameters: Any, *_more: object) -> None:
        statements.sent.append((sql, tuple(parameters)))
        if "semar.drafts" in sql:  # always the last one before the commit
            raise _Undo

    engine = centre.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await _claimed(centre, entry, incident, choice, version)
    except _Undo:
        return statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
    raise RuntimeError("a claim without an event")


async def _bare(connection: Connection, opening: str, statements: Statements) -> None:
    connection.open_with(opening)
    connection.close_with(APPEND)
    async with connection.transaction():
        for sql, parameters in statements.sent:
            await connection.fetch(sql, *parameters)


async def _timed(times: list[float], work: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = await work()
    times.append(time.perf_counter() - began)
    return result


async def _round(centre: Centre, entry: TenantEntry, bare: Connection, result: Result) -> None:
    """Claim a third of the units each way, then call all of them back."""
    incident = await _incident(centre, entry)
    units, version = await _free_units(centre, entry, incident)
    for n, choice in enumerate(units):
        if n % 3 == 0:
            statements = await _written_down(centre, entry, incident, choice, version)
            await _timed(result.bare, lambda s=statements: _bare(bare, binding(entry.tenant), s))
        elif n % 3 == 1:
            await _timed(result.service, lambda c=choice: _claimed(centre, entry, incident, c, version))
        else:
            await _timed(
                result.whole,
                lambda c=choice: send_unit(
                    centre, entry, SYSTEM, incident, c.unit.id, "bench", cause="bench"
                ),
            )
    async with centre.read(entry.tenant) as tx:
        runs = [run.id for run in await open_assignments(tx, incident)]
    for run in runs:
        await stand_down(centre, entry, SYSTEM, run, "bench", cause="bench")


async def _claimed(
    centre: Centre, entry: TenantEntry, incident: UUID, choice: RankedUnit, version: str
) -> None:
    wanted = Claim(incident, choice.unit.id, choice, version, "bench")
    await claim_unit(centre, entry, SYSTEM, wanted, cause="bench")


async def _measure(system: PrivateSystem) -> Result:
    centre = open_centre(system.settings, name="bench")
    bare = await asyncpg.connect(system.settings.database_app_url, connection_class=Connection)
    result = Result()
    try:
        entry = await centre.tenants.by_slug(SLUG)
        for n in range(ROUNDS + 1):
            await _round(centre, entry, bare, result if n else Result())  # the first one warms up
    finally:
        await bare.close()
        await centre.close()
    return result


def main() -> None:
    """Print the medians and the claims per second they make, one after the other."""
    with private_system() as system:
        result = asyncio.run(_measure(system))
    base = statistics.median(result.bare)
    print("claim of one unit: claim, event, timers, message in one transaction; one after the other")
    for name, times in (
        ("the same statements as bare SQL", result.bare),
        ("the service's transaction", result.service),
        ("sending with the ranking before it", result.whole),
    ):
        middle = statistics.median(times)
        print(
            f"  {name:36} {middle * 1000:6.2f} ms   {1 / middle:6.0f}/s"
            f"   ratio {middle / base:.2f}   (n = {len(times)})"
        )


if __name__ == "__main__":
    main()
