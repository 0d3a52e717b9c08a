"""Bodies of operators: calls entered by hand, verdicts, corrections, units sent and stepped."""

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
    SpeedFactor,
    Text,
    as_point,
)
from dispatch.domain.assignment import AssignmentState, DeclineReason, NoTransport
from dispatch.domain.call import CallbackOutcome, Channel, Disposal
from dispatch.domain.incident import CancelReason, IncidentKind
from dispatch.domain.patient import Outcome
from dispatch.domain.stamps import StampSource
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.change_incident import IncidentChange, PatientChange
from dispatch.services.crew_calls import CallOutcome
from dispatch.services.open_incident import Judgement
from dispatch.services.request_help import HelpRequest
from dispatch.services.step_run import Step

S = AssignmentState


class EnteredCall(Request):
    """A call that reached the operator otherwise than through the app."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b12",
                    "channel": "phone",
                    "caller_name": "Contoh Kenanga",
                    "caller_phone": "0890-0001-0001",
                    "place": {"lon": 107.4344, "lat": -6.5459},
                    "note": "Jatuh dari motor",
                }
            ]
        }
    )

    id: UUID
    channel: Literal[Channel.PHONE, Channel.SMS, Channel.WALK_IN, Channel.PARTNER]
    caller_name: Line | None = None
    caller_phone: Line | None = None
    place: Place | None = None
    place_accuracy_m: Metres | None = None
    note: Text | None = None
    speed_factor: SpeedFactor | None = None

    def request(self) -> HelpRequest:
        """Return the request as the service takes it."""
        return HelpRequest(
            id=self.id,
            channel=self.channel,
            place=as_point(self.place),
            place_accuracy_m=self.place_accuracy_m,
            note=self.note,
            caller_name=self.caller_name,
            caller_phone=self.caller_phone,
            speed_factor=self.speed_factor,
        )


class NewCallback(Request):
    """What a call-back met. With an `id` made by the client, telling it again is harmless."""

    id: UUID | None = None
    outcome: CallbackOutcome
    note: Text | None = None


class CallDisposal(Request):
    """Why a call needs no help. With an `id` made by the client, telling it again is harmless."""

    id: UUID | None = None
    disposal: Disposal


class CallReopening(Request):
    """Names the command, if the client likes: with an `id` made by it, telling it again is harmless."""

    id: UUID | None = None


class LinkedIncident(Request):
    """The incident that a further call is about."""

    incident_id: UUID


class Verdict(Request):
    """The operator's verdict on a call. A red case may be opened with `confirmed` false: it needs only a
    place to be sent to, the verdict follows.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "triage": "red",
                    "triage_answers": {"conscious": False},
                    "place": {"lon": 107.4344, "lat": -6.5459},
                    "place_note": "Gang kedua setelah jembatan",
                    "patients": 1,
                }
            ]
        }
    )

    confirmed: bool = True
    triage: Triage | None = None
    triage_answers: Answers | None = None
    place: Place | None = None
    place_accuracy_m: Metres | None = None
    place_note: Text | None = None
    kind: IncidentKind = IncidentKind.EMERGENCY
    needs: Codes = Field(default_factory=list)
    patients: int = Field(default=1, ge=0, le=200)

    def judgement(self) -> Judgement:
        """Return the verdict as the service takes it."""
        return Judgement(
            confirmed=self.confirmed,
            triage=self.triage,
            triage_answers=dict(self.triage_answers) if self.triage_answers is not None else None,
            place=as_point(self.place),
            place_accuracy_m=self.place_accuracy_m,
            place_note=self.place_note,
            kind=self.kind,
            needs=list(self.needs),
            patients=self.patients,
        )


class IncidentPatch(Request):
    """What is to be different about an incident; fields left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"triage": "yellow", "needs": ["oxygen"]}]})

    place: Place | None = None
    place_accuracy_m: Metres | None = None
    place_note: Text | None = None
    triage: Triage | None = None
    triage_answers: Answers | None = None
    needs: Codes | None = None

    def change(self) -> IncidentChange:
        """Return the change as the service takes it."""
        return IncidentChange(
            place=as_point(self.place),
            place_accuracy_m=self.place_accuracy_m,
            place_note=self.place_note,
            triage=self.triage,
            triage_answers=dict(self.triage_answers) if self.triage_answers is not None else None,
            needs=self.needs,
        )


class PatientPatch(Request):
    """What became known of a patient; fields left out stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sex": "female", "age_years": 34, "outcome": "treated_on_scene"}]}
    )

    name: Line | None = None
    nik: Line | None = None
    guardian: Line | None = None
    notes: Text | None = None
    sex: Literal["male", "female"] | None = None
    age_years: Annotated[int, Field(ge=0, le=130)] | None = None
    minor: bool | None = None
    triage: Triage | None = None
    outcome: Outcome | None = None
    outcome_detail: Text | None = None

    def change(self) -> PatientChange:
        """Return the change as the service takes it."""
        return PatientChange(**self.model_dump(exclude={"id"}))


class NewPatient(PatientPatch):
    """What is known of a further patient. With an `id` made by the client, telling it again is harmless."""

    id: UUID | None = None


class UnitChoice(Request):
    """The unit to send; `reason` is needed when it is not the one proposed first.

    The assignment gets the `id` when the client makes one: sending it again is harmless then, however late.
    """

    id: UUID | None = None
    unit_id: UUID
    reason: Annotated[Text, Field(examples=["Awak mengenal jalan itu"])] | None = None


class OperatorStep(Request):
    """One step of a run, told to the operator by phone or radio. Which fields are needed depends on `to`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"to": "en_route"},
                {"to": "left_scene", "facility_id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b13"},
                {"to": "handed_over", "receiver": "Contoh Perawat", "room": "IGD"},
            ]
        }
    )

    to: Literal[
        S.ACCEPTED,
        S.EN_ROUTE,
        S.STAGED,
        S.ON_SCENE,
        S.AT_PATIENT,
        S.LEFT_SCENE,
        S.AT_FACILITY,
        S.HANDED_OVER,
        S.CLEARED,
        S.DECLINED,
        S.COMPLETED_WITHOUT_TRANSPORT,
    ]
    device_at: Moment | None = None
    sent_at: Moment | None = None
    facility_id: UUID | None = None
    outside_name: Line | None = None
    receiver: Line | None = None
    room: Short | None = None
    code: NoTransport | None = None
    reason: DeclineReason | None = None

    def step(self) -> Step:
        """Return the step as the service takes it, as the operator's word."""
        return Step(**self.model_dump(), source=StampSource.OPERATOR)


class StandDown(Request):
    """Why a unit is stood down."""

    reason: Annotated[Text, Field(examples=["Unit lain lebih dekat"])]


class NewDestination(Request):
    """Where a run goes instead: a facility, or a place that is not on the list."""

    facility_id: UUID | None = None
    outside_name: Line | None = None


class Cancellation(Request):
    """Why help is not needed any more."""

    reason: CancelReason


class NewUnavailability(Request):
    """Why a unit cannot be sent, and until when, as far as known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "fuel", "note": "SPBU", "expected_until": "2026-11-20T08:00:00Z"}]
        }
    )

    reason: UnavailabilityReason
    note: Line | None = None
    expected_until: Moment | None = None


class CrewCallAnswer(Request):
    """What an operator says of a call to a crew: taken upon oneself, reached, or not reached."""

    outcome: CallOutcome
