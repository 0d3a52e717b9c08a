"""The health office: response times of a period, one interval in detail, and the quality of the map."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query, Response

from dispatch.api.problems import fields_named
from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes
from dispatch.api.schemas.values import Day, Line
from dispatch.api.signed_in import HealthOffice, TheCentre
from dispatch.domain.triage import Triage
from dispatch.services.list_districts import DistrictName, list_districts
from dispatch.services.report_csv import CsvForm, report_csv
from dispatch.services.report_interval import IntervalCourse, Step, report_interval
from dispatch.services.report_response_times import ResponseTimes, report_response_times
from dispatch.services.road_quality import RoadQuality
from dispatch.services.road_quality import road_quality as judged_roads

router = api_routes("/reports", tag="health office")


class ReportFormat(StrEnum):
    """`csv` for programs; `excel_id` is CSV for a spreadsheet set to Indonesian."""

    JSON = "json"
    CSV = "csv"
    EXCEL_ID = "excel_id"


_CSV = {ReportFormat.CSV: CsvForm.PLAIN, ReportFormat.EXCEL_ID: CsvForm.EXCEL_ID}
FromDay = Annotated[Day, Query(alias="from", examples=["2026-11-01"], description="Hari pertama, lokal")]
ToDay = Annotated[Day, Query(alias="to", examples=["2026-11-30"], description="Hari terakhir, lokal")]
OfDistrict = Annotated[Line | None, Query(description="Kode kecamatan", examples=["32.14.01"])]
_NAMES = {"from_day": "from", "to_day": "to", "district_code": "district"}


@router.get(
    "/response-times",
    summary="Waktu tanggap / response times",
    response_model=ResponseTimes,
    responses=refuses()
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "Laporan / report"}},
)
async def response_times(
    who: HealthOffice,
    centre: TheCentre,
    from_day: FromDay,
    to_day: ToDay,
    district: OfDistrict = None,
    triage: Triage | None = None,
    format: ReportFormat = ReportFormat.JSON,
) -> ResponseTimes | Response:
    """Report every interval: n, missing, mean, exact P50 and P90, and both shares within target.

    Days are the regency's local days, both included.
    """
    with fields_named(_NAMES):
        report = await report_response_times(centre, who.entry, from_day, to_day, district, triage)
    if format is ReportFormat.JSON:
        return report
    name = f"waktu-tanggap-{report.regency}-{from_day}-{to_day}.csv"
    return Response(
        report_csv(report, _CSV[format]),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/intervals/{interval}", summary="Satu selang / one interval", responses=refuses())
async def interval_course(
    interval: Annotated[Line, Path(examples=["to_patient"], description="Nama selang / the interval's name")],
    who: HealthOffice,
    centre: TheCentre,
    from_day: FromDay,
    to_day: ToDay,
    step: Step = Step.DAY,
    district: OfDistrict = None,
    triage: Triage | None = None,
) -> IntervalCourse:
    """Report one interval's trend by day or week and the spread of its values, defined as in the report."""
    with fields_named(_NAMES):
        return await report_interval(centre, who.entry, interval, from_day, to_day, step, district, triage)


@router.get("/districts", summary="Kecamatan / districts", responses=refuses())
async def districts(who: HealthOffice, centre: TheCentre) -> list[DistrictName]:
    """List the districts by which reports may be narrowed."""
    return await list_districts(centre, who.entry)


@router.get("/road-quality", summary="Mutu peta / quality of the map", responses=refuses())
async def road_quality(who: HealthOffice, centre: TheCentre) -> RoadQuality:
    """Report what makes minutes doubtful here, and how many villages are reached in 10 minutes now."""
    return await judged_roads(centre, who.entry)
