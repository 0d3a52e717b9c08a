"""Forms that were filled in by hand, for tests: noon in the made-up regency, a few hours after the print."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from case_scene import CAUSE, NOON, SCENE, Case
from timer_check import check_timers

from dispatch.domain.assignment import NoTransport
from dispatch.domain.paper import PaperEnd
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import Triage
from dispatch.services.enter_paper_case import PaperEntered, enter_paper_case
from dispatch.services.paper_form import PaperCase, PaperRun
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.transaction import new_id
from dispatch.storage.verify_log import verify_log

PRINTED = "UJI-L-20261120-P0900"
WHOLE_RUN = {
    Stamp.ASSIGNED: 2,
    Stamp.ACCEPTED: 3,
    Stamp.EN_ROUTE: 4,
    Stamp.ON_SCENE: 10,
    Stamp.AT_PATIENT: 11,
    Stamp.LEFT_SCENE: 20,
    Stamp.AT_FACILITY: 35,
    Stamp.HANDED_OVER: 40,
    Stamp.AVAILABLE: 50,
}
"""Minutes after the call."""


def at(minutes: float) -> datetime:
    """A moment so many minutes after ten, two hours before noon, where the calls of most forms lie."""
    return NOON - timedelta(hours=2) + timedelta(minutes=minutes)


def form(number: int = 1) -> str:
    """The number of a form."""
    return f"{PRINTED}.{number:02d}"


def run_of(case: Case, sign: str = "A-1", begins: float = 0, **given: Any) -> PaperRun:
    """A whole run of a unit, from being sent to being free again."""
    stamps = {name: at(begins + minutes) for name, minutes in WHOLE_RUN.items()}
    whole: dict[str, Any] = {
        "unit_id": case.units[sign],
        "stamps": stamps,
        "end": PaperEnd.CLEARED,
        "facility_id": case.facilities["hospital"],
        "receiver": "Perawat Uji",
        "room": "IGD 1",
    }
    return PaperRun(**whole | given)


def until(run: PaperRun, last: Stamp) -> dict[Stamp, datetime]:
    """The run's times up to and with one of them."""
    return {name: moment for name, moment in run.stamps.items() if moment <= run.stamps[last]}


def filled(case: Case, *runs: PaperRun, number: int = 1, **given: Any) -> PaperCase:
    """A whole form; `runs` as given, else one whole run of A-1."""
    whole: dict[str, Any] = {
        "id": new_id(),
        "number": form(number),
        "called_at": at(0),
        "taken_at": at(0),
        "confirmed_at": at(1),
        "caller_name": "Contoh Kenanga",
        "caller_phone": "0890-0001-0001",
        "place": SCENE,
        "place_note": "Rumah hijau",
        "note": "Jatuh dari motor",
        "triage": Triage.RED,
        "runs": list(runs) or [run_of(case)],
    }
    return PaperCase(**whole | given)


async def enter(case: Case, paper: PaperCase) -> PaperEntered:
    """The operator enters a form."""
    return await enter_paper_case(case.centre, case.entry, case.operator, paper, cause=CAUSE)


def without_transport(case: Case, sign: str = "A-1", **given: Any) -> PaperRun:
    """A run that carried nobody."""
    stamps = {name: at(m) for name, m in WHOLE_RUN.items() if m <= 11} | {Stamp.AVAILABLE: at(30)}
    run: dict[str, Any] = {
        "unit_id": case.units[sign],
        "stamps": stamps,
        "end": PaperEnd.COMPLETED_WITHOUT_TRANSPORT,
        "code": NoTransport.TREATED_ON_SCENE,
    }
    return PaperRun(**run | given)


async def log_is_exact(case: Case) -> None:
    """The chain is whole, and the tables are exactly what the log says."""
    await case.check_log()
    await check_timers(case)
    async with case.centre.snapshot(case.entry.tenant) as tx:
        proof = await verify_log(tx)
        assert proof.fault is None
        assert list(differences(await current(tx), await rebuild(tx))) == []
