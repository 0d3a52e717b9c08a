"""The event log's rules: kinds of events, canonical bytes, and the hash that chains them."""

from __future__ import annotations

import hashlib
import json
import struct
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

GENESIS = bytes(32)


class EventKind(StrEnum):
    """Every state change that the log can hold."""

    TENANT_LOADED = "tenant_loaded"
    FACILITY_LOADED = "facility_loaded"
    UNIT_LOADED = "unit_loaded"
    STAFF_ADDED = "staff_added"
    STAFF_CHANGED = "staff_changed"
    RESIDENT_REGISTERED = "resident_registered"
    RESIDENT_VERIFIED = "resident_verified"
    PERSON_ERASED = "person_erased"
    CALL_RECEIVED = "call_received"
    CALL_LOCATED = "call_located"
    CALL_TAKEN = "call_taken"
    CALL_UNANSWERED = "call_unanswered"
    CALLBACK_RECORDED = "callback_recorded"
    CALL_CANCEL_ASKED = "call_cancel_asked"
    CALL_DISPOSED = "call_disposed"
    CALL_REOPENED = "call_reopened"
    CALL_LINKED = "call_linked"
    INCIDENT_REPORTED = "incident_reported"
    INCIDENT_CONFIRMED = "incident_confirmed"
    INCIDENT_CHANGED = "incident_changed"
    INCIDENT_WAITING = "incident_waiting"
    UNIT_FOUND_FOR_WAITING = "unit_found_for_waiting"
    INCIDENT_CANCELLED = "incident_cancelled"
    INCIDENT_CLOSED = "incident_closed"
    PATIENT_ADDED = "patient_added"
    PATIENT_CHANGED = "patient_changed"
    UNIT_ASSIGNED = "unit_assigned"
    OFFER_UNACKNOWLEDGED = "offer_unacknowledged"
    OFFER_DECLINED = "offer_declined"
    OFFER_TIMED_OUT = "offer_timed_out"
    ASSIGNMENT_STEPPED = "assignment_stepped"
    STEP_PROPOSED = "step_proposed"
    STEP_PROPOSAL_DISMISSED = "step_proposal_dismissed"
    ASSIGNMENT_FACT_REPORTED = "assignment_fact_reported"
    ASSIGNMENT_STOOD_DOWN = "assignment_stood_down"
    STAND_DOWN_ACKNOWLEDGED = "stand_down_acknowledged"
    PATIENT_HANDED_OVER = "patient_handed_over"
    UNIT_CLEARED = "unit_cleared"
    RUN_ENDED_WITHOUT_TRANSPORT = "run_ended_without_transport"
    HANDOVER_COUNTERSIGNED = "handover_countersigned"
    FACILITY_ACCEPTED = "facility_accepted"
    FACILITY_REFUSED = "facility_refused"
    DESTINATION_CHANGED = "destination_changed"
    FACILITY_STATUS_CHANGED = "facility_status_changed"
    SHIFT_PLANNED = "shift_planned"
    SHIFT_OPENED = "shift_opened"
    SHIFT_CLOSED = "shift_closed"
    CREW_CHANGED = "crew_changed"
    UNIT_MADE_UNAVAILABLE = "unit_made_unavailable"
    UNIT_MADE_AVAILABLE = "unit_made_available"
    TRACKER_REGISTERED = "tracker_registered"
    TRACKER_REVOKED = "tracker_revoked"
    STAMP_CORRECTED = "stamp_corrected"
    ROAD_CHANGED = "road_changed"
    ROAD_CHANGE_EXTENDED = "road_change_extended"
    ROAD_CHANGE_LIFTED = "road_change_lifted"
    ROAD_CHANGE_STARTED = "road_change_started"
    ROAD_CHANGE_ENDED = "road_change_ended"
    VERDICT_OVERDUE = "verdict_overdue"
    UNIT_OVERDUE = "unit_overdue"
    MANUAL_UNIT_UNANSWERED = "manual_unit_unanswered"
    DEPARTURE_OVERDUE = "departure_overdue"
    RUN_OVERDUE = "run_overdue"
    CANCEL_OVERDUE = "cancel_overdue"
    RETURN_OVERDUE = "return_overdue"
    HANDOVER_OVERDUE = "handover_overdue"
    FACILITY_UNANSWERED = "facility_unanswered"
    REFUSAL_UNHEEDED = "refusal_unheeded"
    COUNTERSIGNATURE_OVERDUE = "countersignature_overdue"
    CLOSURE_OVERDUE = "closure_overdue"
    NOTICE_SHOWN = "notice_shown"
    NOTICE_PUSHED = "notice_pushed"
    NOTICE_TEXTED = "notice_texted"
    NOTICE_ACKNOWLEDGED = "notice_acknowledged"
    NOTICE_MOOT = "notice_moot"
    CREW_CALL_DUE = "crew_call_due"
    CREW_CALL_TAKEN = "crew_call_taken"
    CREW_CALLED = "crew_called"
    SIGNAL_LOST = "signal_lost"
    SIGNAL_BACK = "signal_back"
    TIMER_FAILING = "timer_failing"
    PAPER_FAILED = "paper_failed"
    PAPER_RESUMED = "paper_resumed"
    PAPER_CASE_ENTERED = "paper_case_entered"
    PAPER_STAMPS_ADDED = "paper_stamps_added"
    MESSAGE_FAILED = "message_failed"


def canonical(body: dict[str, Any]) -> str:
    """Return the one JSON text of `body`: keys sorted, no spaces, no NaN. The chain covers these bytes."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def chain_hash(previous: bytes, regency_id: int, seq: int, recorded_at: datetime, body: str) -> bytes:
    """Return the SHA-256 that chains one event to the one before it.

    Covers, in this order: the previous hash (32 bytes; zeros before the first), regency id and sequence as
    signed 64-bit big-endian, the server's recording time in microseconds since 1970 (same form), and the
    body's UTF-8 bytes. The database computes the same in `append_events`.
    """
    micros = _micros(recorded_at)
    digest = hashlib.sha256(previous)
    digest.update(struct.pack(">qqq", regency_id, seq, micros))
    digest.update(body.encode())
    return digest.digest()


def _micros(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
