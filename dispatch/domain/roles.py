"""Roles of staff, and the kinds of actors an event can name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a staff account may do."""

    OPERATOR = "operator"
    DRIVER = "driver"
    FACILITY = "facility"
    HEALTH_OFFICE = "health_office"
    AUDITOR = "auditor"
    ADMIN = "admin"


SEES_CASES_PERSONS = frozenset({Role.OPERATOR, Role.ADMIN, Role.AUDITOR})
"""Who may see whom a case is about when looking back at it; the health office follows cases without that."""


class ActorKind(StrEnum):
    """Who did it."""

    RESIDENT = "resident"
    STAFF = "staff"
    SYSTEM = "system"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a resident, a staff user with a role, or the system itself."""

    kind: ActorKind
    id: UUID | None = None
    role: Role | None = None

    def as_text(self) -> str:
        """Return the form kept in the event log: `staff:operator:<id>`, `resident:<id>`, `system`."""
        parts = [
            self.kind.value,
            *([self.role.value] if self.role else []),
            *([str(self.id)] if self.id else []),
        ]
        return ":".join(parts)


SYSTEM = Actor(ActorKind.SYSTEM)
