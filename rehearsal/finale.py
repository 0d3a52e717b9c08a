"""After the play: the log has no gap, the report counts the case, and everybody goes home."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

from rehearsal import shapes
from rehearsal.checks import demand_no_gap, demand_refusal
from rehearsal.client import OfficeClient
from rehearsal.findings import demand, demand_equal
from rehearsal.stage import Company, Console, Stage

_PAGE = 500


def local_day(moment: datetime, tenant: shapes.Tenant) -> date:
    """Return the day of a moment where the tenant is."""
    return moment.astimezone(ZoneInfo(tenant.timezone)).date()


async def measured(office: OfficeClient, day: date, interval: str = "to_patient") -> int:
    """Return how many cases of a day the report has measured this interval of."""
    report = await office.report(day)
    return next(entry.n for entry in report.intervals if entry.name == interval)


async def conclude(stage: Stage, company: Company, called_at: datetime, measured_before: int) -> None:
    """Check log and report, then sign everybody off.

    Raises:
        StepFailed: the system failed.
    """
    stage.timeline.act("Penutup", "finale")
    await _check_report(stage, company, called_at, measured_before)
    await _sign_off(stage, company)
    await _check_log(stage, company.console)
    await _end_sessions(stage, company)


async def _check_report(stage: Stage, company: Company, called_at: datetime, before: int) -> None:
    day = local_day(called_at, company.tenant)
    with stage.timeline.step("Laporan hari ini memuat kasusnya", "today's report counts the case") as step:
        n = await measured(company.office, day)
        demand(n >= before + 1, "cases with a to_patient time", f"at least {before + 1}", n)
        text = await company.office.report_csv(day)
        demand("to_patient" in text, "the report as CSV", "a row to_patient", text[:200])
        step.see(f"{day}: to_patient n = {n}")


async def _sign_off(stage: Stage, company: Company) -> None:
    with stage.timeline.step("Pengemudi turun dari unit", "driver signs off") as step:
        unit = company.unit
        await company.driver.crew.decline_offer()  # of another case that widened to the free unit meanwhile
        await company.driver.crew.sign_off()
        company.driver.unit = None
        standing = await company.console.client.unit(unit.id)
        demand_equal("status of the unit", standing.status, "off_shift")
        step.see(unit.call_sign)


async def _check_log(stage: Stage, console: Console) -> None:
    """The log since the play began, over HTTP and as the socket told it: both without a gap, and the same."""
    with stage.timeline.step("Catatan peristiwa tanpa celah", "the event log has no gap") as step:
        log = await _events_after(console, console.first_seq)
        demand_no_gap([event.seq for event in log], console.first_seq)
        last = log[-1].seq
        await console.socket.wait(f"event {last}", lambda f: f.get("t") == "event" and f["seq"] == last)
        told = [
            frame for frame in console.socket.frames if frame.get("t") == "event" and frame["seq"] <= last
        ]
        demand_no_gap([frame["seq"] for frame in told], console.first_seq)
        demand_equal("kinds told by the socket", [f["kind"] for f in told], [e.kind for e in log])
        step.see(f"{len(log)} peristiwa / events {console.first_seq + 1}..{last}, HTTP = WebSocket")


async def _events_after(console: Console, after: int) -> Sequence[shapes.Event]:
    log: list[shapes.Event] = []
    while page := await console.client.events(log[-1].seq if log else after, _PAGE):
        log += page
        if len(page) < _PAGE:
            break
    demand(bool(log), "events since the play began", "some", 0)
    return log


async def _end_sessions(stage: Stage, company: Company) -> None:
    with stage.timeline.step("Semua keluar, sesi berakhir", "everybody signs out, sessions end") as step:
        for socket in stage.sockets:
            await socket.close()
        count = len(stage.sessions)
        while stage.sessions:
            await stage.sessions[-1].sign_out()
            stage.sessions.pop()
        await demand_refusal(
            "the board after signing out",
            HTTPStatus.UNAUTHORIZED,
            "not_signed_in",
            company.console.client.board(),
        )
        stage.console = None
        step.see(f"{count} sesi / sessions")
