"""What crews' phones need when they come and when their desk has changed, read for many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dispatch.domain.roles import Actor
from dispatch.live.fix_steps import OLDEST
from dispatch.live.gathering import Gathering
from dispatch.services.centre import Centre
from dispatch.services.crew_turns import Boarding, read_boardings
from dispatch.services.driver_desk import DriverDesk, read_desks
from dispatch.services.tenants import TenantEntry

_READINGS = 2
"""One is in the database while the other's answers are written."""


class CrewReadings:
    """The readings of one process.

    What has changed on a desk that is shown goes before the desks of those who come, and these before the
    greeting of others: a page that was greeted expects its desk within seconds, the others have patience.
    """

    def __init__(self, centre: Centre) -> None:
        """Nothing is read yet."""
        self._centre = centre
        gathering = Gathering(_READINGS)
        self._changed = gathering.queue(self._desks, _regency)
        self._first = gathering.queue(self._desks, _regency)
        self._boardings = gathering.queue(self._boarded, _regency)

    async def boarding(self, entry: TenantEntry, staff_id: UUID) -> Boarding:
        """Return the turns of a driver whose fixes may still come, and where the unit was last."""
        return await self._boardings.ask((entry, staff_id))

    async def desk(self, entry: TenantEntry, actor: Actor, *, shown: bool) -> DriverDesk:
        """Return a driver's desk; `shown` tells that the phone has one already."""
        return await (self._changed if shown else self._first).ask((entry, actor))

    async def _boarded(self, asked: Sequence[tuple[TenantEntry, UUID]]) -> Sequence[Boarding]:
        since = self._centre.clock() - OLDEST
        return await read_boardings(self._centre, asked[0][0], [staff_id for _, staff_id in asked], since)

    async def _desks(self, asked: Sequence[tuple[TenantEntry, Actor]]) -> Sequence[DriverDesk]:
        return await read_desks(self._centre, asked[0][0], [actor for _, actor in asked])


def _regency(asked: tuple[TenantEntry, object]) -> int:
    return asked[0].tenant.id
