"""Which of an operator's commands about a call the log has already, by the ids that their senders made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.events import EventKind

# Both read the index `event_incident` among the events that name no incident: backwards to the call's first
# event, then what follows it. By sequence and not by time, for a clock may have been set meanwhile.
_TOLD = text(
    """
    WITH rung AS MATERIALIZED (
        SELECT seq FROM event
        WHERE regency_id = :regency AND incident_id IS NULL AND subject_id = :call AND kind = :received
        ORDER BY seq DESC LIMIT 1)
    SELECT kind, data FROM event
    WHERE regency_id = :regency AND incident_id IS NULL AND seq > coalesce((SELECT seq FROM rung), 0)
      AND subject_id = :call AND data->>'command_id' = :command
    ORDER BY seq LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Told:
    """A command that was carried out: the event that it made, with that event's data."""

    kind: EventKind
    data: dict[str, Any]


async def command_told(
    session: AsyncSession, regency_id: int, call_id: UUID, command_id: UUID
) -> Told | None:
    """Return what a command of this id did to the call, or None when it has not been carried out.

    Ask with the call's row locked: then the answer holds until the transaction ends.
    """
    row = (
        await session.execute(
            _TOLD,
            {
                "regency": regency_id,
                "call": str(call_id),
                "received": EventKind.CALL_RECEIVED.value,
                "command": str(command_id),
            },
        )
    ).one_or_none()
    return Told(EventKind(row.kind), dict(row.data)) if row else None
