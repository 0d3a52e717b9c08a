"""Verifies a tenant's event log: the chain of hashes, the columns beside it, and signed checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from dispatch.domain.events import GENESIS, chain_hash
from dispatch.storage.checkpoints import Statement
from dispatch.storage.rebuild import stream_events
from dispatch.storage.tables.event import Event, EventHead
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class LogFault:
    """The first event at which a log is broken, and how: a stable code and words in both languages."""

    seq: int
    code: str
    what_id: str
    what_en: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked. `fault` is None when the log is whole; `checkpoints` were compared."""

    events: int
    checkpoints: int
    fault: LogFault | None


_REPEATED = ("kind", "subject_type", "subject_id", "incident_id", "actor", "cause", "data")
_COLUMNS = (
    Event.seq, Event.recorded_at, Event.body, Event.previous_hash, Event.hash, Event.occurred_at,
    Event.kind, Event.subject_type, Event.subject_id, Event.incident_id, Event.actor, Event.cause, Event.data,
)  # fmt: skip


async def verify_log(
    tx: Transaction,
    checkpoints: Sequence[Statement] = (),
    *,
    told: Callable[[int], None] | None = None,
) -> Verified:
    """Recompute the chain from the first event to the head and compare it with signed checkpoints.

    Reads every event once; `told` is called with the number checked so far, now and then.
    """
    signed: dict[int, list[Statement]] = {}
    for statement in checkpoints:
        signed.setdefault(statement.seq, []).append(statement)
    previous, expected, recorded_at = GENESIS, 1, None
    async for row in stream_events(tx, *_COLUMNS):
        fault = _fault_at(row, expected, previous, tx.tenant.id) or _fault_beside(row)
        if fault is None:
            fault = _rewritten(row, signed.get(row.seq, ()))
        if fault is not None:
            return Verified(expected - 1, len(checkpoints), fault)
        previous, expected, recorded_at = row.hash, expected + 1, row.recorded_at
        if told is not None and expected % 1000 == 0:
            told(expected - 1)
    fault = _cut_off(checkpoints, expected) or await _fault_of_head(tx, expected, previous, recorded_at)
    return Verified(expected - 1, len(checkpoints), fault)


def _fault_at(row: Any, expected: int, previous: bytes, regency_id: int) -> LogFault | None:
    if row.seq != expected:
        return LogFault(expected, "missing", "peristiwa ini hilang", "this event is missing")
    if row.previous_hash != previous:
        return LogFault(
            row.seq, "not_linked", "tidak menyambung ke yang sebelumnya", "is not linked to the one before"
        )
    if row.hash != chain_hash(previous, regency_id, row.seq, row.recorded_at, row.body):
        return LogFault(row.seq, "changed", "isinya diubah", "its content was changed")
    return None


def _fault_beside(row: Any) -> LogFault | None:
    """The columns that repeat parts of the body for queries: screens read these."""
    body = json.loads(row.body)
    incident = str(row.incident_id) if row.incident_id else None
    beside = {**{name: getattr(row, name) for name in _REPEATED}, "incident_id": incident}
    wrong = [name for name in _REPEATED if beside[name] != body[name]]
    if datetime.fromisoformat(body["occurred_at"]) != row.occurred_at:
        wrong.append("occurred_at")
    if not wrong:
        return None
    names = ", ".join(wrong)
    return LogFault(
        row.seq,
        "columns_changed",
        f"kolom {names} tidak sama dengan isinya",
        f"its columns {names} differ from its content",
    )


def _rewritten(row: Any, signed: Sequence[Statement]) -> LogFault | None:
    other = next((statement for statement in signed if statement.hash != row.hash.hex()), None)
    if other is None:
        return None
    return LogFault(
        row.seq,
        "rewritten",
        f"tidak sama dengan catatan bertanda tangan dari {other.made_at}: log ditulis ulang",
        f"differs from the signed checkpoint of {other.made_at}: the log was rewritten",
    )


def _cut_off(checkpoints: Sequence[Statement], expected: int) -> LogFault | None:
    last = max(checkpoints, key=lambda s: s.seq, default=None)
    if last is None or last.seq < expected:
        return None
    return LogFault(
        expected,
        "cut_off",
        f"peristiwa ini sampai {last.seq} hilang: catatan bertanda tangan dari {last.made_at} mengenalnya",
        f"this event and those up to {last.seq} are missing: the signed checkpoint of {last.made_at} "
        "knows them",
    )


async def _fault_of_head(
    tx: Transaction, expected: int, previous: bytes, recorded_at: datetime | None
) -> LogFault | None:
    """The head row says where the log goes on, and its time is the least that the next event gets."""
    own_head = select(EventHead).where(EventHead.regency_id == tx.tenant.id)
    head = (await tx.session.execute(own_head)).scalar_one_or_none()
    if head is None:
        return LogFault(
            expected,
            "head_missing",
            "kepala log tidak ada; tidak ada lagi yang bisa dicatat",
            "the head of the log is gone; nothing more can be written",
        )
    if (head.seq, head.hash) != (expected - 1, previous):
        return LogFault(
            expected,
            "head_elsewhere",
            f"peristiwa ini hilang: kepala log ada di {head.seq}",
            f"this event is missing: the head of the log is at {head.seq}",
        )
    if recorded_at is not None and head.recorded_at != recorded_at:
        return LogFault(
            head.seq,
            "head_changed",
            f"kepala log menyebut waktu lain: {head.recorded_at.isoformat()}",
            f"the head of the log has another time: {head.recorded_at.isoformat()}",
        )
    return None
