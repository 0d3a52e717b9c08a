"""Turns a paper board into what the press prints: plain texts, local times, nothing left to look up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dispatch.domain.paper import form_numbers
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import default_tree
from dispatch.domain.unit import UnitStatus
from dispatch.domain.words import words
from dispatch.services import paper_words as said
from dispatch.services.board import CallRow, IncidentRow, RunView, StampView
from dispatch.services.paper_board import PaperBoard, PaperCaller, PaperRoad
from dispatch.services.placing import Point
from dispatch.services.unit_state import UnitView
from dispatch.storage.database import Tenant

ZONES = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}
# the moments a crew tells, with a box each on paper
ROW_OF_STAMPS = tuple(s for s in said.STAMP if s not in (Stamp.CALLED, Stamp.TAKEN, Stamp.CONFIRMED))
ON_FORM = tuple(s for s in ROW_OF_STAMPS if s not in (Stamp.STAGED, Stamp.STOOD_DOWN))
_READY_FIRST = (UnitStatus.AVAILABLE, UnitStatus.BUSY, UnitStatus.UNAVAILABLE, UnitStatus.OFF_SHIFT)
_UNKNOWN = PaperCaller(None, None, None, None)


def number_prefix(tenant: Tenant) -> str:
    """Return what the tenant's case numbers begin with: training ones carry an L."""
    return f"{tenant.number_prefix}-L" if tenant.training else tenant.number_prefix


def paper_sheet(tenant: Tenant, paper: PaperBoard, *, forms: int, minute: datetime | None) -> dict[str, Any]:
    """Return the sheet as the press takes it, with so many blank `forms`.

    They are numbered by the `minute` that was claimed for this print, which may be over when the board is
    read; without a claim by the second of the board.
    """
    zone, at = tenant.zone, paper.board.at
    local = at.astimezone(zone)
    zone_name = ZONES.get(tenant.timezone, f"UTC{local:%z}")
    units = sorted(paper.board.units, key=lambda u: (_READY_FIRST.index(u.status), u.call_sign))
    return {
        "regency": tenant.name,
        "slug": tenant.slug,
        "training": tenant.training,
        "made": f"{local:%d-%m-%Y %H:%M:%S} {zone_name}",
        "day": f"{local:%d-%m-%Y}",
        "zone": zone_name,
        "seq": paper.board.seq,
        "incidents": [
            _incident(i, paper.callers.get(i.id, _UNKNOWN), paper.needs.get(i.id, []), at, zone)
            for i in paper.board.incidents
        ],
        "calls": [_call(c, paper.callers.get(c.id, _UNKNOWN), at, zone) for c in paper.board.calls],
        "units": [_unit(u, paper) for u in units],
        "ready": sum(u.status is UnitStatus.AVAILABLE for u in units),
        "facilities": [
            {
                "name": f.name,
                "kind": said.FACILITY_KIND.get(f.kind, f.kind),
                "address": f.address,
                "phone": _dialled(f.phone),
                "status": said.EMS_STATUS.get(f.ems_status, f.ems_status),
                "can": _listed(f.capabilities),
                "beds": "" if f.beds is None else str(f.beds),
            }
            for f in paper.facilities
        ],
        "roads": [_road(r, zone) for r in paper.roads],
        "phones": [
            *([["Pusat SEMAR (telepon, SMS)", _dialled(paper.centre_phone)]] if paper.centre_phone else []),
            *([list(pair) for pair in said.NATIONAL_NUMBERS]),
        ],
        "stamps": [said.STAMP[s] for s in ON_FORM],
        "questions": [q.text_id for q in default_tree().questions.values()],
        "forms": form_numbers(
            number_prefix(tenant), (minute or at).astimezone(zone), forms, by_hand=minute is None
        ),
    }


def _incident(
    row: IncidentRow, caller: PaperCaller, needs: Sequence[str], at: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    own = {s.name: s for s in row.stamps}
    called = own[Stamp.CALLED].occurred_at if Stamp.CALLED in own else row.reported_at
    return {
        "number": row.number,
        "triage": said.TRIAGE[row.triage.value] if row.triage else said.UNJUDGED,
        "red": row.triage == "red",
        "state": words("incident", row.state).id,
        "waiting": row.waiting_since is not None,
        "minutes": _minutes(called, at),
        "place": _place(row.village, row.district, row.outside),
        "at": _coordinates(row.place, row.place_accuracy_m),
        **_who(caller),
        "patients": row.patients,
        "needs": _listed(needs),
        "stamps": _times(row.stamps, zone),
        "runs": [_run(run, zone) for run in row.runs if _told(run)],
    }


def _told(run: RunView) -> bool:
    return run.released_at is None or bool({s.name for s in run.stamps} & {Stamp.ON_SCENE, Stamp.EN_ROUTE})


def _run(run: RunView, zone: ZoneInfo) -> dict[str, Any]:
    leg = run.legs[-1] if run.legs else None
    return {
        "sign": run.call_sign,
        "state": words("assignment", run.state).id,
        "open": run.released_at is None,
        "to": (leg.facility or "") if leg else "",
        "stamps": _times(run.stamps, zone),
    }


def _times(stamps: Sequence[StampView], zone: ZoneInfo) -> dict[str, str]:
    """Local times by the words for their moments; of several legs the last."""
    known = {s.name: f"{s.occurred_at.astimezone(zone):%H:%M}" for s in stamps}
    return {said.STAMP[name]: known[name] for name in said.STAMP if name in known}


def _call(row: CallRow, caller: PaperCaller, at: datetime, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "time": f"{row.received_at.astimezone(zone):%H:%M}",
        "minutes": _minutes(row.received_at, at),
        "state": words("call", row.state).id + (f" oleh {row.taken_by}" if row.taken_by else ""),
        "place": _place(row.village, row.district, row.outside),
        "at": _coordinates(row.place, row.place_accuracy_m),
        **_who(caller),
    }


def _who(caller: PaperCaller) -> dict[str, str]:
    return {
        "caller": caller.name or "",
        "phone": _dialled(caller.phone),
        "said": caller.said or "",
        "note": caller.place_note or "",
    }


def _unit(unit: UnitView, paper: PaperBoard) -> dict[str, Any]:
    near = paper.near.get(unit.id)
    where = ", ".join(near) if near else f"{unit.lat:.4f}, {unit.lon:.4f}"
    age = said.PLACE_SOURCE.get(unit.place_source, "")
    if unit.fix_age_s is not None:
        age = f"{_duration(unit.fix_age_s / 60)} lalu"
    why = ""
    if unit.status is UnitStatus.UNAVAILABLE:
        why = f": {words('unavailability', unit.unavailable_reason).id}"
    return {
        "sign": unit.call_sign,
        "kind": said.UNIT_KIND.get(unit.kind, unit.kind),
        "tracked": unit.tracking == "app",
        "crew": ", ".join(paper.crews.get(unit.id, [])),
        "phone": _dialled(unit.phone),
        "status": said.UNIT_STATUS[unit.status] + why,
        "ready": unit.status is UnitStatus.AVAILABLE,
        "where": where,
        "age": age,
        "run": unit.incident_number or "",
    }


def _road(road: PaperRoad, zone: ZoneInfo) -> dict[str, str]:
    until = f"sampai {road.ends_at.astimezone(zone):%d-%m %H:%M}" if road.ends_at else "sampai dicabut"
    return {
        "effect": said.ROAD_EFFECT.get(road.effect, road.effect),
        "reason": said.ROAD_REASON.get(road.reason, road.reason),
        "near": ", ".join(road.near) if road.near else "",
        "note": road.note or "",
        "until": until,
    }


def _place(village: str | None, district: str | None, outside: bool) -> str:
    if village and district:
        return f"{village}, {district}"
    return "di luar wilayah" if outside else ""


def _coordinates(place: Point | None, accuracy_m: float | None) -> str:
    if place is None:
        return ""
    spread = f" (±{accuracy_m / 1000:.1f} km)" if accuracy_m and accuracy_m >= 100 else ""
    return f"{place.lat:.5f}, {place.lon:.5f}{spread}"


def _minutes(since: datetime, at: datetime) -> str:
    return _duration(max(0.0, (at - since).total_seconds()) / 60)


def _duration(minutes: float) -> str:
    whole = int(minutes)
    if whole < 60:
        return f"{whole} mnt"
    if whole < 24 * 60:
        return f"{whole // 60} j {whole % 60:02d} mnt"
    return f"{whole // (24 * 60)} hari"


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(said.NEEDS.get(code, code.replace("_", " ")) for code in codes)


def _dialled(phone: str | None) -> str:
    """`+6281200000001` as somebody presses it: `0812-0000-0001`."""
    if phone is None:
        return ""
    number = f"0{phone[3:]}" if phone.startswith("+62") else phone
    if not number.isdigit() or len(number) < 9:
        return number
    return "-".join(part for part in (number[:4], number[4:8], number[8:]) if part)
