"""Bodies of receiving facilities."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from dispatch.api.schemas.values import Request, Short
from dispatch.services.facility_desk import MOST_BEDS, RefusalReason
from dispatch.services.find_facilities import EmsStatus


class Acceptance(Request):
    """The facility takes the patients; it may name a bed."""

    bed: Annotated[Short, Field(examples=["IGD 3"])] | None = None


class Refusal(Request):
    """Why the facility cannot take the patients."""

    reason: RefusalReason


class NewStatus(Request):
    """Whether the facility takes ambulances; `beds` are the free ones, left out they stay as they are.

    Operators name the facility; its own users may leave `facility_id` out.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "advisory", "beds": 2}]})

    status: EmsStatus
    beds: Annotated[int, Field(ge=0, le=MOST_BEDS)] | None = None
    facility_id: UUID | None = None
