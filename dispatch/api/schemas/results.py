"""Small answers that no service has a view for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from dispatch.domain.assignment import AssignmentState
from dispatch.domain.call import CallState


@dataclass(frozen=True, slots=True)
class CallNow:
    """A call's state after what was done to it."""

    call_id: UUID
    state: CallState


@dataclass(frozen=True, slots=True)
class CallbackRecorded:
    """One attempt to call back, written down."""

    callback_id: UUID
    call_id: UUID


@dataclass(frozen=True, slots=True)
class CallLinked:
    """A further call about an incident that is known already."""

    call_id: UUID
    incident_id: UUID


@dataclass(frozen=True, slots=True)
class PatientAdded:
    """A patient of whom little may be known yet."""

    patient_id: UUID
    incident_id: UUID


@dataclass(frozen=True, slots=True)
class RunNow:
    """A run's state after what was done to it."""

    assignment_id: UUID
    state: AssignmentState


@dataclass(frozen=True, slots=True)
class TenantView:
    """A regency that this deployment serves. `training`: every page says LATIHAN."""

    slug: str
    code: str
    name: str
    province: str | None
    training: bool
    timezone: str
    sms_number: str | None


class PartState(StrEnum):
    """State of one part of the system."""

    OK = "ok"
    DOWN = "down"
    NOT_CONFIGURED = "not_configured"


class HealthState(StrEnum):
    """`degraded`: all work goes on, but a part is away: without Redis no live positions, without the standby
    what is stored is on one machine alone, without the archive it is not backed up, without room on the disk
    soon nothing is stored. `down`: nothing can be stored.
    """

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """Whether this process can work, and the parts it needs. `disk` is down before it is quite full."""

    status: HealthState
    version: str
    database: PartState
    redis: PartState
    standby: PartState
    archive: PartState
    disk: PartState
