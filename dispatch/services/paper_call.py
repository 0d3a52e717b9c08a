"""The call of a form: one of its own, or one that the system had rung with before it went away."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from dispatch.domain.call import CallState, CallStep, step_call
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import Stamp, StampSource
from dispatch.services.deadlines import watch_call
from dispatch.services.paper_form import PaperCase
from dispatch.services.placing import Placement, geometry, point_of
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey

_CONTENT = "call.content"
_FORM = "form"


@dataclass(frozen=True, slots=True)
class Written:
    """A form as it came in: its number, the caller's in E.164, all of it as one text, and that one's hash."""

    number: str
    phone: str | None
    text: str
    digest: bytes


def own_call(
    tx: Transaction,
    actor: Actor,
    case: PaperCase,
    written: Written,
    incident: Incident,
    key: DataKey,
    where: Placement,
) -> Call:
    """Return the call of a form that nobody rang with; the form as entered is its content."""
    return Call(
        regency_id=tx.tenant.id,
        id=case.id,
        realm=tx.tenant.realm,
        channel=case.channel.value,
        state=CallState.LINKED.value,
        resident_id=None,
        key_id=key.id,
        caller_name_sealed=key.seal(case.caller_name, "call.caller_name") if case.caller_name else None,
        caller_phone_sealed=key.seal(written.phone, "call.caller_phone") if written.phone else None,
        caller_phone_hash=tx.vault.lookup_hash("phone", written.phone) if written.phone else None,
        content_sealed=key.seal(written.text, _CONTENT),
        content_hash=written.digest,
        caller_trust="unverified",
        place=geometry(case.place) if case.place else None,
        place_accuracy_m=case.place_accuracy_m if case.place else None,
        place_source="operator" if case.place else None,
        located_at=case.called_at if case.place else None,
        village_code=where.village_code,
        outside=where.outside,
        received_at=case.called_at,
        taken_by=actor.id if case.taken_at else None,
        taken_at=case.taken_at,
        cancel_asked_at=None,
        disposal=None,
        disposed_at=None,
        incident_id=incident.id,
        speed_factor=None,
    )


def with_what_is_known(case: PaperCase, call: Call) -> tuple[PaperCase, dict[Stamp, StampSource]]:
    """Return the form with what the system knows of its call, and which times are the system's.

    The earlier time of two counts, as for every second call of a case. That somebody took the call counts
    unless the form tells of something before it: then it was taken up when the system was back. The place is
    the call's where the form names none.
    """
    sources: dict[Stamp, StampSource] = {}
    called, taken = case.called_at, case.taken_at
    if call.received_at < called:
        called, sources[Stamp.CALLED] = call.received_at, StampSource.SYSTEM
    if call.taken_at is not None and _first_deed(case, call.taken_at) >= call.taken_at:
        taken, sources[Stamp.TAKEN] = call.taken_at, StampSource.OPERATOR
    placed = case.place is not None
    known = replace(
        case,
        called_at=called,
        taken_at=taken,
        place=case.place if placed else point_of(call.place),
        place_accuracy_m=case.place_accuracy_m if placed else call.place_accuracy_m,
    )
    return known, sources


def _first_deed(case: PaperCase, otherwise: datetime) -> datetime:
    """The first time on the form after the call; a form that has ended without any tells its end."""
    runs = [at for run in case.runs for at in run.stamps.values()]
    told = [at for at in (case.taken_at, case.confirmed_at, case.closed_at, *runs) if at is not None]
    return min(told, default=case.called_at if case.closed else otherwise)


async def judge_call(
    tx: Transaction, actor: Actor, case: PaperCase, written: Written, call: Call, incident: Incident
) -> None:
    """Link a call that waits, locked, to the case that its form became; the form is sealed with its content.

    What the caller told the system stays; name and number are taken from the form where there are none.

    Raises:
        IllegalStep: the call has its case already, or was disposed of.
    """
    call.state = step_call(CallState(call.state), CallStep.LINK).value
    call.incident_id = incident.id
    call.taken_by = call.taken_by or actor.id
    key = await tx.person(call.key_id)
    if key is not None:
        if call.resident_id is None and call.caller_name_sealed is None and case.caller_name:
            call.caller_name_sealed = key.seal(case.caller_name, "call.caller_name")
        if call.resident_id is None and call.caller_phone_sealed is None and written.phone:
            call.caller_phone_sealed = key.seal(written.phone, "call.caller_phone")
            call.caller_phone_hash = tx.vault.lookup_hash("phone", written.phone)
        told = json.loads(key.open(call.content_sealed, _CONTENT)) if call.content_sealed else {}
        told |= {"note": told.get("note") or case.note, _FORM: json.loads(written.text)}
        call.content_sealed = key.seal(json.dumps(told), _CONTENT)
    watch_call(tx, call)
    await tx.record(EventKind.CALL_LINKED, call, incident_id=incident.id, data={"number": incident.number})


async def was_judged_by(tx: Transaction, call: Call, incident: Incident, written: Written) -> bool:
    """Tell whether this very form made the call's case."""
    key = await tx.person(call.key_id)
    if call.incident_id != incident.id or key is None or call.content_sealed is None:
        return False
    told = json.loads(key.open(call.content_sealed, _CONTENT))
    return bool(told.get(_FORM) == json.loads(written.text))
