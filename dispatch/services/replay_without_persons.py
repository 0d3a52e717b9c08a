"""A replay for readers who may follow a case but not see who it is about: codes, times and units, no more.

What may be shown is listed, table by table and key by key: what is new in the log stays hidden until somebody
has thought about it. Places are told to about a kilometre, as the village tells them, too: the door at which
an ambulance stands is an address.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.incident import CancelReason
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.facility_desk import RefusalReason
from dispatch.services.replay_rows import ReplayRow, plain

if TYPE_CHECKING:
    from dispatch.services.replay_case import ReplayStep
    from dispatch.services.replay_moment import ReplayMoment

_TABLES = {
    "incident": "number kind state triage needs place village_code outside reported_at waiting_since "
    "ended_at closing_code cancel_reason merged_into speed_factor",
    "call": "channel state caller_trust place place_source located_at village_code outside received_at "
    "taken_at cancel_asked_at disposal disposed_at incident_id speed_factor",
    "callback": "call_id attempted_at outcome",
    "patient": "incident_id position triage outcome outcome_at",
    "assignment": "incident_id unit_id state origin rank predicted_s predicted_m created_at acknowledged_at "
    "stand_down_acknowledged_at released_at",
    "stamp": "incident_id assignment_id leg_id name occurred_at received_at source clock_corrected",
    "leg": "assignment_id position facility_id state created_at answer answer_reason answered_at "
    "countersigned_at",
    "reported_fact": "assignment_id step state_then occurred_at received_at",
    "crew_notice": "assignment_id unit_id kind made_at shown_at push_at push_phones sms_at sms_phones "
    "call_at call_tries ended_at ended_why",
}
SHOWN = {table: frozenset(columns.split()) for table, columns in _TABLES.items()}
"""The columns that are shown besides `id`; of other tables nothing is."""

_DATA = (
    "number kind state triage village district outside unit_id call_sign assignment_id leg_id facility_id to "
    "from step channel outcome disposal result position times rank predicted_s origin source time_known "
    "clock_corrected silent_s waited_s"
)
_SAID = frozenset(_DATA.split())
_REASONS = frozenset(
    member.value
    for codes in (DeclineReason, CancelReason, UnavailabilityReason, RefusalReason)
    for member in codes
)
_ABOUT_PERSONS = frozenset({"resident", "person_key"})
_DIGITS = 2
"""Of a degree: cells of 1.1 km."""


def bare_rows(changes: list[dict[str, Any]]) -> list[ReplayRow]:
    """Return the changed rows of one event as far as they say nothing of persons; no seal is opened."""
    rows = []
    for change in changes:
        table, image = change["table"], change["row"]
        if table not in SHOWN:
            continue
        fields = {name: plain(value) for name, value in image.items() if name in SHOWN[table]}
        if fields.get("place") is not None:
            fields["place"] = {axis: round(value, _DIGITS) for axis, value in fields["place"].items()}
        rows.append(ReplayRow(table, str(image["id"]), fields, erased=False))
    return rows


def bare_step(step: ReplayStep) -> ReplayStep:
    """Return a step whose rows are bare already with the rest of it bare as well: roles instead of people."""
    kind, *rest = step.actor.split(":")
    data = {key: value for key, value in step.data.items() if key in _SAID}
    if step.data.get("reason") in _REASONS:
        data["reason"] = step.data["reason"]
    return replace(
        step,
        subject_id="" if step.subject_type in _ABOUT_PERSONS else step.subject_id,
        actor=f"{kind}:{rest[0]}" if kind == "staff" else kind,
        data=data,
    )


def bare_moment(moment: ReplayMoment) -> ReplayMoment:
    """Return the board of a moment with places to a kilometre and no free words."""
    return replace(
        moment,
        units=[
            replace(unit, lon=round(unit.lon, _DIGITS), lat=round(unit.lat, _DIGITS)) for unit in moment.units
        ],
        roads=[replace(road, note=None) for road in moment.roads],
    )
