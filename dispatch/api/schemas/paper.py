"""Bodies of paper mode: forms that were filled by hand, and times added to a case afterwards."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from dispatch.api.schemas.values import (
    Answers,
    Codes,
    Line,
    Metres,
    Moment,
    Place,
    Request,
    Short,
    Text,
    as_point,
)
from dispatch.domain.assignment import NoTransport
from dispatch.domain.call import Channel
from dispatch.domain.incident import CancelReason
from dispatch.domain.paper import PaperEnd, PaperGap
from dispatch.domain.patient import Outcome
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import Triage
from dispatch.services.add_paper_stamps import LateStamps
from dispatch.services.enter_paper_run import LateRun
from dispatch.services.paper_form import PaperCase, PaperRun

# pydantic names a wrong key; openapi-typescript wants plain property names
Times = Annotated[
    dict[Stamp, Moment], Field(max_length=20, examples=[{"en_route_at": "2026-11-20T07:31:00Z"}])
]


class PaperRunBody(Request):
    """One unit's row of a form; without an `end` it is still under way."""

    unit_id: UUID
    stamps: Times = Field(default_factory=dict)
    end: PaperEnd | None = None
    code: NoTransport | None = None
    facility_id: UUID | None = None
    outside_name: Line | None = None
    receiver: Line | None = None
    room: Short | None = None
    patients: Annotated[int, Field(ge=0, le=200)] | None = None

    def run(self) -> PaperRun:
        """Return the run as the service takes it."""
        return PaperRun(**self.model_dump())


class PaperCaseBody(Request):
    """A filled form. The times are those written on it.

    `call_id` names the call that waits for its verdict and that the form is about.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b14",
                    "number": "PWK-L-20261121-P1403.01",
                    "called_at": "2026-11-21T07:05:00Z",
                    "caller_name": "Contoh Kenanga",
                    "caller_phone": "0890-0001-0001",
                    "triage": "yellow",
                    "outcome": "treated_on_scene",
                    "closed": True,
                    "gap": "not_written",
                }
            ]
        }
    )

    id: UUID
    number: Short
    called_at: Moment
    taken_at: Moment | None = None
    confirmed_at: Moment | None = None
    channel: Literal[Channel.PHONE, Channel.SMS, Channel.WALK_IN, Channel.PARTNER] = Channel.PHONE
    caller_name: Line | None = None
    caller_phone: Line | None = None
    place: Place | None = None
    place_accuracy_m: Metres | None = None
    place_note: Text | None = None
    note: Text | None = None
    triage: Triage | None = None
    triage_answers: Answers | None = None
    needs: Codes = Field(default_factory=list)
    patients: int = Field(default=1, ge=0, le=200)
    runs: Annotated[list[PaperRunBody], Field(max_length=20)] = Field(default_factory=list)
    outcome: Outcome | None = None
    closed: bool = True
    closed_at: Moment | None = None
    cancel_reason: CancelReason | None = None
    gap: PaperGap | None = None
    remarks: Text | None = None
    signed_by: Line | None = None
    call_id: UUID | None = None
    confirm_overlap: bool = False

    def case(self) -> PaperCase:
        """Return the form as the service takes it."""
        given = self.model_dump(exclude={"runs", "place", "triage_answers"})
        return PaperCase(
            **given,
            place=as_point(self.place),
            triage_answers=dict(self.triage_answers) if self.triage_answers is not None else None,
            runs=[run.run() for run in self.runs],
        )


class LateRunBody(Request):
    """A unit that was sent on paper to a case of the system; `id` names the run and is made by the client."""

    id: UUID
    run: PaperRunBody
    gap: PaperGap | None = None
    confirm_overlap: bool = False

    def late(self) -> LateRun:
        """Return the run as the service takes it."""
        return LateRun(self.id, self.run.run(), self.gap, self.confirm_overlap)


class LateStampsBody(Request):
    """Times of one run, or of the case itself without `assignment_id`, that were kept on paper."""

    assignment_id: UUID | None = None
    stamps: Times
    end: PaperEnd | None = None
    code: NoTransport | None = None
    facility_id: UUID | None = None
    outside_name: Line | None = None
    receiver: Line | None = None
    room: Short | None = None

    def late(self) -> LateStamps:
        """Return the times as the service takes them."""
        return LateStamps(**self.model_dump())
