"""The paper board: everything a centre needs to work on without its machines, read at one moment."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from geoalchemy2.shape import to_shape
from sqlalchemy import or_, select

from dispatch.domain.roles import SYSTEM
from dispatch.services.board import Board, board_within
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.services.views_log import log_view
from dispatch.storage.queries.paper import CallerRow, crews, open_callers, printed_before, villages_at
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.road_change import RoadChange
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey, SealBroken

log = logging.getLogger(__name__)

REASON = "paper board"
_LOGGED_FOR = timedelta(hours=12)
_MOST_WORDS = 300


@dataclass(frozen=True, slots=True)
class PaperCaller:
    """Who called, as far as known and not erased."""

    name: str | None
    phone: str | None
    said: str | None
    place_note: str | None


@dataclass(frozen=True, slots=True)
class PaperFacility:
    """One facility that takes patients."""

    name: str
    kind: str
    address: str
    phone: str | None
    ems_status: str
    capabilities: list[str]
    beds: int | None


@dataclass(frozen=True, slots=True)
class PaperRoad:
    """One road closed or slow now."""

    effect: str
    reason: str
    note: str | None
    near: tuple[str, str] | None
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaperBoard:
    """Everything open at one moment. `callers` by call and by incident; `near` by unit."""

    board: Board
    callers: dict[UUID, PaperCaller]
    needs: dict[UUID, list[str]]
    crews: dict[UUID, list[str]]
    near: dict[UUID, tuple[str, str]]
    facilities: list[PaperFacility]
    roads: list[PaperRoad]
    centre_phone: str | None


async def read_paper_board(centre: Centre, entry: TenantEntry) -> PaperBoard:
    """Read the board with its callers, as of one event; that they stand on paper now is logged."""
    async with centre.snapshot(entry.tenant) as tx:
        board = await board_within(tx, entry)
        rows = await open_callers(tx.session, entry.tenant.id)
        places = await villages_at(
            tx.session, entry.tenant.id, [(unit.lon, unit.lat) for unit in board.units]
        )
        read = PaperBoard(
            board=board,
            callers=_callers(tx, rows),
            needs=await _needs(tx, [incident.id for incident in board.incidents]),
            crews=await crews(tx.session, entry.tenant.id),
            near={u.id: at for u, at in zip(board.units, places, strict=True) if at is not None},
            facilities=await _facilities(tx),
            roads=await _roads(tx),
            centre_phone=entry.settings.get("sms", {}).get("number"),
        )
    await _log(centre, entry, [row for row in rows if row.wrapped is not None])
    return read


def _callers(tx: Transaction, rows: list[CallerRow]) -> dict[UUID, PaperCaller]:
    """By call and by incident. Of a case's callers the first who can be phoned stands for it."""
    callers: dict[UUID, PaperCaller] = {}
    for row in rows:
        caller = _opened(tx, row)
        callers[row.call_id] = caller
        if row.incident_id is None:
            continue
        known = callers.get(row.incident_id)
        if known is None or (known.phone is None and caller.phone is not None):
            callers[row.incident_id] = replace(caller, place_note=_note(tx, row))
    return callers


def _opened(tx: Transaction, row: CallerRow) -> PaperCaller:
    if row.wrapped is None:
        return PaperCaller(None, None, None, None)
    try:
        return _unsealed(tx.vault.unwrap(row.key_id, row.wrapped), row)
    except SealBroken:
        # one damaged row must not keep all others from being printed
        log.error("call %s: the caller cannot be read for the paper board", row.call_id)
        return PaperCaller(None, None, None, None)


def _unsealed(key: DataKey, row: CallerRow) -> PaperCaller:
    parts = ("resident.name", "resident.phone") if row.resident else ("call.caller_name", "call.caller_phone")
    content = json.loads(key.open(row.content, "call.content")) if row.content else {}
    return PaperCaller(
        name=key.open(row.name, parts[0]) if row.name else None,
        phone=key.open(row.phone, parts[1]) if row.phone else None,
        said=_short(content.get("note")),
        place_note=None,
    )


def _note(tx: Transaction, row: CallerRow) -> str | None:
    """The case's place note, under its own key."""
    if row.place_note is None or row.note_key_id is None or row.note_wrapped is None:
        return None
    try:
        key = tx.vault.unwrap(row.note_key_id, row.note_wrapped)
        return _short(key.open(row.place_note, "incident.place_note"))
    except SealBroken:
        log.error("incident %s: its place note cannot be read for the paper board", row.incident_id)
        return None


def _short(words: str | None) -> str | None:
    if words is None:
        return None
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= _MOST_WORDS else f"{one_line[:_MOST_WORDS]}…"


async def _needs(tx: Transaction, ids: list[UUID]) -> dict[UUID, list[str]]:
    rows = await tx.session.execute(
        select(Incident.id, Incident.needs).where(Incident.regency_id == tx.tenant.id, Incident.id.in_(ids))
    )
    return {row.id: list(row.needs) for row in rows}


async def _facilities(tx: Transaction) -> list[PaperFacility]:
    rows = await tx.session.execute(
        select(Facility)
        .where(Facility.regency_id == tx.tenant.id, Facility.active)
        .order_by(Facility.kind, Facility.name)
    )
    return [
        PaperFacility(f.name, f.kind, f.address, f.phone, f.ems_status, list(f.capabilities), f.beds)
        for f in rows.scalars()
    ]


async def _roads(tx: Transaction) -> list[PaperRoad]:
    rows = (
        await tx.session.execute(
            select(RoadChange)
            .where(
                RoadChange.regency_id == tx.tenant.id,
                RoadChange.lifted_at.is_(None),
                RoadChange.starts_at <= tx.now,
                or_(RoadChange.ends_at.is_(None), RoadChange.ends_at > tx.now),
            )
            .order_by(RoadChange.effect, RoadChange.starts_at)
        )
    ).scalars()
    changes = list(rows)
    middles = [to_shape(c.shape).representative_point() for c in changes]
    near = await villages_at(tx.session, tx.tenant.id, [(m.x, m.y) for m in middles])
    return [
        PaperRoad(c.effect, c.reason, c.note, at, c.starts_at, c.ends_at)
        for c, at in zip(changes, near, strict=True)
    ]


async def _log(centre: Centre, entry: TenantEntry, rows: list[CallerRow]) -> None:
    """Log who stands on paper, once a person and half day: a line a minute would bury all other views."""
    by_key: dict[UUID, list[CallerRow]] = defaultdict(list)
    for row in rows:
        by_key[row.key_id].append(row)
    if not by_key:
        return
    async with centre.begin(entry.tenant, SYSTEM, REASON) as tx:
        since = tx.now - _LOGGED_FOR
        known = await printed_before(tx.session, list(by_key), SYSTEM.as_text(), REASON, since)
        fields = ["name", "phone", "note"]
        for key_id in sorted(by_key.keys() - known):
            await log_view(tx, SYSTEM, "call", by_key[key_id][0].call_id, key_id, fields, REASON)
