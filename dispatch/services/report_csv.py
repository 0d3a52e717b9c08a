"""The report on response times as CSV: one header row, one row per interval, everything repeated in each row.

Two forms, because no single one is read right everywhere:

* `plain` for programs: RFC 4180, UTF-8 without a mark, commas, decimal points in every language;
* `excel_id` for a double click in a spreadsheet set to Indonesian: semicolons between cells (its list
  separator), decimal commas (it takes `12.5` for a time of day), and a byte order mark, without which it does
  not recognise UTF-8.

Names of columns are the same in both and end in their unit: `_s` seconds, `_pct` per cent of 100. A cell
without a value is empty. Words that a spreadsheet would run as a formula begin with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from enum import StrEnum

from dispatch.services.report_response_times import IntervalReport, ResponseTimes, Share

Cell = str | int | float | bool | None

# what the interface calls the intervals
LABELS_ID = {
    "answer": "Panggilan diterima",
    "confirm": "Putusan operator",
    "assign": "Pemilihan unit",
    "accept": "Tawaran dijawab",
    "turnout": "Persiapan berangkat",
    "travel": "Perjalanan ke lokasi",
    "response": "Waktu tanggap: unit pertama di lokasi",
    "to_patient": "Sampai di sisi pasien",
    "scene": "Di lokasi",
    "transport": "Perjalanan ke faskes",
    "handover": "Serah terima",
    "total": "Seluruh kejadian",
}

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class CsvForm(StrEnum):
    """Who is to read it: a program, or a spreadsheet set to Indonesian."""

    PLAIN = "plain"
    EXCEL_ID = "excel_id"


def report_csv(report: ResponseTimes, form: CsvForm = CsvForm.PLAIN) -> bytes:
    """Return the file's bytes; lines end in CR LF in both forms."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if form is CsvForm.EXCEL_ID else ",", lineterminator="\r\n")
    rows = [dict(_cells(report, interval)) for interval in report.intervals]
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(_write(cell, form) for cell in row.values())
    return out.getvalue().encode("utf-8-sig" if form is CsvForm.EXCEL_ID else "utf-8")


def _write(cell: Cell, form: CsvForm) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        # microseconds are all that a stamp holds; never an exponent
        number = f"{cell:.6f}".rstrip("0").rstrip(".")
        return number.replace(".", ",") if form is CsvForm.EXCEL_ID else number
    if isinstance(cell, int):
        return str(cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cells(report: ResponseTimes, interval: IntervalReport) -> Iterator[tuple[str, Cell]]:
    yield from _period(report)
    yield "interval", interval.name
    yield "interval_id", LABELS_ID[interval.name]
    yield "level", interval.level.value
    yield "start", interval.start.value
    yield "end", interval.end.value
    yield "n", interval.n
    yield "missing", interval.missing
    yield "missing_app", interval.missing_app
    yield "missing_manual", interval.missing_manual
    yield "missing_no_unit", interval.missing_no_unit
    yield "pending", interval.pending
    yield "overdue", interval.overdue
    yield "implausible", interval.implausible
    yield "ahead", interval.ahead
    yield "mean_s", interval.mean_s
    yield "p50_s", interval.p50_s
    yield "p90_s", interval.p90_s
    yield "paper_n", interval.paper_n
    yield "paper_p50_s", interval.paper_p50_s
    yield "paper_p90_s", interval.paper_p90_s
    yield "paper_within", interval.paper_within
    yield "target_s", interval.target_s
    yield "target_share_pct", _percent(interval.target_share)
    yield "within", interval.within
    yield from _share("within_of_measured", interval.share_within_of_measured)
    yield from _share("within_of_all", interval.share_within_of_all)
    yield "small", interval.small
    yield from _calls(report)


def _period(report: ResponseTimes) -> Iterator[tuple[str, Cell]]:
    yield "regency", report.regency
    yield "regency_name", report.regency_name
    yield "training", report.training
    yield "from_day", report.from_day.isoformat()
    yield "to_day", report.to_day.isoformat()
    yield "timezone", report.timezone
    yield "made_at", report.made_at.isoformat(timespec="seconds")
    yield "district_code", report.district_code
    yield "district_name", report.district_name
    yield "triage", report.triage.value if report.triage else None
    yield "incidents", report.incidents.total
    yield "incidents_counted", report.incidents.counted
    yield "incidents_open", report.incidents.open
    yield "incidents_cancelled", report.incidents.cancelled
    yield "incidents_merged", report.incidents.merged
    yield "incidents_forwarded", report.incidents.forwarded
    yield "incidents_without_village", report.incidents.without_village
    yield "incidents_simulated", report.incidents.simulated
    yield "incidents_paper", report.incidents.paper


def _share(name: str, share: Share | None) -> Iterator[tuple[str, Cell]]:
    yield f"{name}_pct", _percent(share.value if share else None)
    yield f"{name}_low95_pct", _percent(share.low if share else None)
    yield f"{name}_high95_pct", _percent(share.high if share else None)


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100


def _calls(report: ResponseTimes) -> Iterator[tuple[str, Cell]]:
    if report.calls is None:
        return
    yield "calls", report.calls.total
    yield "calls_linked", report.calls.linked
    yield "calls_waiting", report.calls.waiting
    for disposal, n in report.calls.disposed.items():
        yield f"calls_{disposal.value}", n
