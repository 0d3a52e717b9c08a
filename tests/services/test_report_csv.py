"""The report as CSV: what programs and spreadsheets read back is what was reported."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from dispatch.domain.call import Disposal
from dispatch.domain.intervals import INTERVALS
from dispatch.services.report_csv import LABELS_ID, CsvForm, report_csv
from dispatch.services.report_response_times import CallCounts, IntervalReport, ResponseTimes, Share
from dispatch.storage.queries.response_times import IncidentCounts


def _interval(place: int) -> IntervalReport:
    definition = INTERVALS[place]
    measured = place != 3
    return IntervalReport(
        name=definition.name,
        level=definition.level,
        start=definition.start,
        end=definition.end,
        n=150 if measured else 0,
        missing=3,
        missing_app=1,
        missing_manual=1,
        missing_no_unit=1,
        pending=2,
        overdue=1,
        implausible=4,
        ahead=0,
        mean_s=1234567.891234 if measured else None,
        p50_s=0.0000004 if measured else None,
        p90_s=600.0 if measured else None,
        paper_n=12 if measured else 0,
        paper_p50_s=60.0 if measured else None,
        paper_p90_s=120.0 if measured else None,
        paper_within=11,
        target_s=600.0,
        target_share=0.9,
        within=100,
        share_within_of_measured=Share(2 / 3, 0.5, 0.75) if measured else None,
        share_within_of_all=Share(0.5, 0.4, 0.6),
        small=not measured,
    )


@pytest.fixture
def report() -> ResponseTimes:
    return ResponseTimes(
        regency="99.01-latihan",
        regency_name="Kabupaten Contoh",
        training=True,
        timezone="Asia/Jakarta",
        from_day=date(2026, 11, 1),
        to_day=date(2026, 11, 30),
        begins=datetime(2026, 10, 31, 17, tzinfo=UTC),
        ends=datetime(2026, 11, 30, 17, tzinfo=UTC),
        district_code=None,
        district_name=None,
        triage=None,
        made_at=datetime(2026, 12, 1, tzinfo=UTC),
        incidents=IncidentCounts(160, 155, 2, 4, 1, 0, 5, 7, 9),
        intervals=[_interval(place) for place in range(len(INTERVALS))],
        calls=CallCounts(300, 160, 1, dict.fromkeys(Disposal, 0) | {Disposal.PRANK: 69}),
    )


def read(content: bytes, form: CsvForm) -> list[dict[str, str]]:
    encoding, separator = ("utf-8-sig", ";") if form is CsvForm.EXCEL_ID else ("utf-8", ",")
    return list(csv.DictReader(io.StringIO(content.decode(encoding)), delimiter=separator, strict=True))


def test_plain_is_read_back_exactly(report: ResponseTimes) -> None:
    content = report_csv(report)

    assert not content.startswith(b"\xef\xbb\xbf")
    rows = read(content, CsvForm.PLAIN)
    assert [r["interval"] for r in rows] == [i.name for i in INTERVALS]
    first = rows[0]
    assert float(first["mean_s"]) == 1234567.891234
    assert first["p50_s"] == "0"  # below what a stamp resolves; never an exponent
    assert first["p90_s"] == "600"
    assert float(first["within_of_measured_pct"]) == pytest.approx(200 / 3, abs=1e-6)
    assert (first["within_of_measured_low95_pct"], first["within_of_measured_high95_pct"]) == ("50", "75")
    assert (first["small"], rows[3]["small"], first["training"]) == ("0", "1", "1")
    assert (first["incidents"], first["incidents_simulated"], first["calls_prank"]) == ("160", "7", "69")
    assert (first["incidents_paper"], first["paper_n"], first["paper_p50_s"]) == ("9", "12", "60")
    for column in ("mean_s", "p50_s", "p90_s", "within_of_measured_pct"):
        assert rows[3][column] == ""


def test_the_indonesian_spreadsheet_gets_its_own_separators(report: ResponseTimes) -> None:
    content = report_csv(report, CsvForm.EXCEL_ID)

    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == 1 + len(INTERVALS)
    mine, plain = read(content, CsvForm.EXCEL_ID), read(report_csv(report), CsvForm.PLAIN)
    assert list(mine[0]) == list(plain[0])
    assert mine[0]["mean_s"] == "1234567,891234"
    assert mine[0]["timezone"] == "Asia/Jakarta"
    assert all(None not in row and None not in row.values() for row in mine)


@pytest.mark.parametrize("form", list(CsvForm))
@pytest.mark.parametrize("name", ["=1+1", "+62", "-2", "@SUM(A1)", "\t=1", "\r=1", 'a;b,"c"\n=d'])
def test_no_name_becomes_a_formula(report: ResponseTimes, form: CsvForm, name: str) -> None:
    rows = read(report_csv(replace(report, district_name=name), form), form)

    cell = rows[0]["district_name"]
    assert cell in (name, f"'{name}")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert rows[0]["interval"] == "answer"


def test_without_calls_there_are_no_columns_of_calls(report: ResponseTimes) -> None:
    rows = read(report_csv(replace(report, calls=None)), CsvForm.PLAIN)
    assert not [column for column in rows[0] if column.startswith("calls")]


def test_every_interval_has_its_indonesian_name() -> None:
    assert list(LABELS_ID) == [i.name for i in INTERVALS]
