"""The printed board, read back from its PDF: who, where, how far, by whom to be reached, and blank forms."""

from __future__ import annotations

import asyncio
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from case_scene import CAUSE, NOON, SCENE, Case, S, open_case
from paper_scene import log_is_exact
from pypdf import PdfReader

from dispatch.domain.events import EventKind
from dispatch.domain.road_change import RoadChangeReason, RoadEffect
from dispatch.domain.triage import Triage
from dispatch.jobs.paper import PaperPrinter
from dispatch.paper.press import printed
from dispatch.services.centre import Centre
from dispatch.services.change_incident import PatientChange, change_patient
from dispatch.services.change_roads import NewRoadChange, change_roads
from dispatch.services.open_incident import Judgement, link_call, open_incident
from dispatch.services.paper_board import PaperBoard, read_paper_board
from dispatch.services.paper_by_hand import sheet_by_hand
from dispatch.services.paper_prints import MinuteClaim, claim_minute, paper_state
from dispatch.services.paper_sheet import paper_sheet
from dispatch.services.tenants import TenantEntry
from dispatch.storage.transaction import new_id

NIK = "3214014101900001"


def read(pdf: bytes) -> str:
    """All words of a PDF, spaces as they fall."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


async def board(case: Case, forms: int = 2) -> str:
    paper = await read_paper_board(case.centre, case.entry)
    return read(printed(paper_sheet(case.entry.tenant, paper, forms=forms, minute=case.now)))


async def busy_night(case: Case) -> Any:
    """A red case with a unit on its way, one that waits, a call that rings, and a flooded road."""
    call = await case.ring(
        caller_name="Contoh Kenanga", caller_phone="0890-0001-0001", note="Jatuh dari motor #let x = 1"
    )
    judged = Judgement(triage=Triage.RED, patients=2, needs=["oxygen"], place_note="Rumah hijau")
    opened = await open_incident(case.centre, case.entry, case.operator, call.call_id, judged, cause=CAUSE)
    run = await case.send("A-1", opened.incident_id)
    await case.step(run.id, S.ACCEPTED)
    patient = await case.value("SELECT id FROM patient WHERE position = 1")
    change = PatientChange(name="Pasien Rahasia", nik=NIK)
    await change_patient(case.centre, case.entry, case.operator, patient, change, cause=CAUSE)
    await case.incident(Triage.YELLOW)
    await case.ring(caller_phone="0890-0001-0002", caller_name="Contoh Melati", note="Sesak napas")
    flood = NewRoadChange(
        new_id(), shapely.Point(SCENE.lon, SCENE.lat), RoadEffect.CLOSE, None, RoadChangeReason.FLOOD,
        "selutut", None, NOON + timedelta(hours=3),
    )  # fmt: skip
    await change_roads(case.centre, case.entry, case.operator, flood, cause=CAUSE)
    return opened


async def test_the_board_says_what_a_desk_without_machines_needs(case: Case) -> None:
    opened = await busy_night(case)
    case.pass_time(7 * 60)
    words = await board(case)
    for needed in (
        "Kabupaten Uji", "LATIHAN", "20-11-2026 12:07:00 WIB", f"sequence {await case.head()}",
        opened.number, "MERAH", "KUNING", "belum ada unit", "7 mnt", "Desa Uji, Kecamatan Uji", "-6.50000",
        "Contoh Kenanga", "0890-0001-0001", "Jatuh dari motor #let x = 1", "Rumah hijau", "perlu", "oksigen",
        "A-1 (diterima)", "Unit dipilih 12:00", "Diterima 12:00", "lanjutan",
        "Contoh Melati", "0890-0001-0002", "Sesak napas", "memanggil",
        "M-2", "a-2 Uji", "SIAP", "pangkalan",
        "hospital uji", "Jalan Uji 1", "menerima", "DITUTUP", "banjir", "selutut", "sampai 20-11 15:00",
        "112", "119",
        "UJI-L-20261120-P1207.01", "UJI-L-20261120-P1207.02", "Apakah pasien sadar?", "Tanda tangan",
    ):  # fmt: skip
        assert needed in words, needed
    assert NIK not in words
    assert "Pasien Rahasia" not in words, "who is hurt is not needed to send help"


async def test_whoever_called_first_the_case_has_a_number_to_ring_and_its_note(case: Case) -> None:
    first = await case.ring(caller_name="Contoh Anggrek", caller_phone="0890-0001-0003", note="Kebakaran")
    case.pass_time(10)
    second = await case.ring(caller_name="Contoh Dahlia", caller_phone="0890-0001-0004")
    judged = Judgement(triage=Triage.RED, place_note="Belakang pasar")
    opened = await open_incident(case.centre, case.entry, case.operator, second.call_id, judged, cause=CAUSE)
    await link_call(case.centre, case.entry, case.operator, first.call_id, opened.incident_id, cause=CAUSE)
    words = await board(case)
    for needed in ("Contoh Anggrek", "0890-0001-0003", "Kebakaran", "Belakang pasar"):
        assert needed in words, needed


async def test_a_first_caller_without_a_number_hides_no_other(case: Case) -> None:
    first = await case.ring(caller_name="Contoh Anggrek")
    case.pass_time(10)
    second = await case.ring(caller_name="Contoh Dahlia", caller_phone="0890-0001-0004")
    judged = Judgement(triage=Triage.RED)
    opened = await open_incident(case.centre, case.entry, case.operator, first.call_id, judged, cause=CAUSE)
    await link_call(case.centre, case.entry, case.operator, second.call_id, opened.incident_id, cause=CAUSE)
    words = await board(case)
    assert "0890-0001-0004" in words
    assert "Contoh Dahlia" in words


async def test_an_empty_regency_has_a_board_too(case: Case) -> None:
    words = await board(case, forms=0)
    assert "Kejadian terbuka (0)" in words
    assert "Tidak ada." in words
    assert "P1200" not in words


async def test_a_live_tenant_is_not_called_training(database: Any, tmp_path: Path) -> None:
    async with open_case(database, tmp_path, live=True) as live:
        words = await board(live)
    assert "LATIHAN" not in words
    assert "UJI-20261120-P1200.01" in words


async def test_a_board_by_hand_has_numbers_of_its_own(case: Case) -> None:
    case.pass_time(5)
    by_hand = (await sheet_by_hand(case.centre, case.entry, 2))["forms"]
    paper = await read_paper_board(case.centre, case.entry)
    by_worker = paper_sheet(case.entry.tenant, paper, forms=2, minute=case.now)["forms"]
    assert by_hand == ["UJI-L-20261120-P120005.01", "UJI-L-20261120-P120005.02"]
    assert by_worker == ["UJI-L-20261120-P1200.01", "UJI-L-20261120-P1200.02"]


async def test_who_stands_on_paper_is_logged_once_and_not_every_minute(case: Case) -> None:
    await busy_night(case)
    for _ in range(3):
        await read_paper_board(case.centre, case.entry)
        case.pass_time(60)
    rows = await case.rows("SELECT viewer, fields FROM view_log WHERE reason = 'paper board'")
    assert len(rows) == 3, "three callers"
    assert {row.viewer for row in rows} == {"system"}
    case.pass_time(13 * 3600)
    await read_paper_board(case.centre, case.entry)
    assert await case.value("SELECT count(*) FROM view_log WHERE reason = 'paper board'") == 6


def printer(case: Case, *folders: Path) -> PaperPrinter:
    case.centre.settings.paper_dir = ":".join(map(str, folders))
    case.centre.settings.paper_forms = 2
    return PaperPrinter(case.centre, asyncio.Event())


async def test_the_worker_prints_every_minute_once(case: Case, tmp_path: Path) -> None:
    await busy_night(case)
    folder = tmp_path / "kertas"
    one, other = printer(case, folder), printer(case, folder)
    head = await case.head()
    made = await asyncio.gather(one.pass_once(), other.pass_once())
    assert sorted(made) == [0, 1], "two workers, one board"
    assert await one.pass_once() == 0
    home = folder / "99.01-latihan"
    assert {path.name for path in home.iterdir()} == {"papan.pdf", "papan-1200.pdf"}
    assert "Contoh Kenanga" in read((home / "papan.pdf").read_bytes())
    case.pass_time(60)
    assert await other.pass_once() == 1
    assert "12:01:00" in read((home / "papan.pdf").read_bytes())
    assert "12:00:00" in read((home / "papan-1200.pdf").read_bytes())
    assert (await paper_state(case.centre, case.entry)).made_at == case.now
    assert await case.head() == head, "a board a minute is no event"


async def test_a_clock_set_back_stops_no_board_and_repeats_no_number(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "kertas"
    worker = printer(case, folder)
    home = folder / "99.01-latihan"
    numbers: list[str] = []
    for move in (0, 60, 60, 60, -180, 60):  # the last two are minutes that were printed before
        case.pass_time(move)
        assert await worker.pass_once() == 1
        words = read((home / "papan.pdf").read_bytes())
        assert f"{case.now + timedelta(hours=7):%H:%M:%S} WIB" in words
        numbers += re.findall(r"UJI-L-20261120-P[0-9]{4,6}\.[0-9]{2}", words)
    assert len(set(numbers)) == 6 * 2
    case.pass_time(180)
    assert await worker.pass_once() == 1
    assert "UJI-L-20261120-P1204.01" in read((home / "papan.pdf").read_bytes()), "as ever from here on"


async def test_forms_are_numbered_by_the_minute_that_was_claimed(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that claims at the very end of a minute reads its board in the next one."""
    home = tmp_path / "kertas" / "99.01-latihan"
    worker = printer(case, tmp_path / "kertas")

    async def slowly(*given: Any) -> MinuteClaim:
        claim = await claim_minute(*given)
        case.pass_time(3)
        return claim

    monkeypatch.setattr("dispatch.jobs.paper.claim_minute", slowly)
    case.pass_time(58)
    assert await worker.pass_once() == 1
    words = read((home / "papan.pdf").read_bytes())
    assert "12:01:01 WIB" in words
    first = set(re.findall(r"UJI-L-20261120-P[0-9]{4,6}\.[0-9]{2}", words))
    assert first == {"UJI-L-20261120-P1200.01", "UJI-L-20261120-P1200.02"}
    assert await worker.pass_once() == 1, "the next minute is printed, too"
    words = read((home / "papan.pdf").read_bytes())
    assert "UJI-L-20261120-P1201.01" in words
    assert not {number for number in first if number in words}, "no two prints share a number"


async def test_workers_share_the_tenants_of_a_minute(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one worker hangs in one tenant's board, another prints the next one's."""
    async with open_case(database, tmp_path) as case, open_case(database, tmp_path, code="99.02"):
        busy, go_on = asyncio.Event(), asyncio.Event()
        hung: list[str] = []

        async def read_or_hang(centre: Centre, entry: TenantEntry) -> PaperBoard:
            if not hung:
                hung.append(entry.tenant.slug)
                busy.set()
                await go_on.wait()
            return await read_paper_board(centre, entry)

        monkeypatch.setattr("dispatch.jobs.paper.read_paper_board", read_or_hang)
        folder = tmp_path / "kertas"
        one, other = printer(case, folder), printer(case, folder)
        hanging = asyncio.create_task(one.pass_once())
        await busy.wait()
        assert await other.pass_once() == 1
        printed_now = {path.name for path in folder.iterdir()}
        assert printed_now == {"99.01-latihan", "99.02-latihan"} - set(hung)
        go_on.set()
        assert await hanging == 1, "its own; the other one is done"


async def test_a_folder_that_fails_is_told_and_the_others_get_their_board(case: Case, tmp_path: Path) -> None:
    good, bad = tmp_path / "baik", tmp_path / "rusak"
    bad.write_text("this is no folder")
    press = printer(case, bad, good)
    assert await press.pass_once() == 1
    assert (good / "99.01-latihan" / "papan.pdf").exists()
    state = await paper_state(case.centre, case.entry)
    assert state.made_at == case.now
    assert state.trouble is not None
    assert state.trouble.startswith(str(bad))
    for _ in range(3):
        case.pass_time(60)
        await press.pass_once()
    assert len(await case.events(EventKind.PAPER_FAILED)) == 1, "told once, not every minute"
    bad.unlink()
    case.pass_time(60)
    assert await press.pass_once() == 1
    assert (await paper_state(case.centre, case.entry)).trouble is None
    assert len(await case.events(EventKind.PAPER_RESUMED)) == 1
    await log_is_exact(case)


async def test_no_folder_at_all_is_an_alarm_and_nothing_worse(case: Case, tmp_path: Path) -> None:
    bad = tmp_path / "rusak"
    bad.write_text("this is no folder")
    assert await printer(case, bad).pass_once() == 0
    state = await paper_state(case.centre, case.entry)
    assert (state.made_at, state.trouble is not None) == (None, True)


async def test_paper_can_be_switched_off(case: Case, tmp_path: Path) -> None:
    press = printer(case, tmp_path / "kertas")
    case.centre.settings.paper = False
    assert await press.pass_once() == 0
    assert not (tmp_path / "kertas").exists()
    assert not (await paper_state(case.centre, case.entry)).on


async def test_a_press_that_dies_is_told_and_the_next_minute_prints(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press = printer(case, tmp_path / "kertas")
    monkeypatch.setattr("dispatch.jobs.paper.sys.executable", "/bin/true")
    assert await press.pass_once() == 0
    trouble = (await paper_state(case.centre, case.entry)).trouble
    assert trouble is not None
    assert trouble.startswith("cetak / press")
    monkeypatch.undo()
    case.pass_time(60)
    assert await press.pass_once() == 1
    assert (await paper_state(case.centre, case.entry)).trouble is None


async def test_of_many_workers_one_claims_a_minute_and_time_never_goes_back(case: Case) -> None:
    minute = NOON.replace(second=0)
    won = await asyncio.gather(*(claim_minute(case.centre, case.entry, minute) for _ in range(8)))
    assert sorted(won) == [MinuteClaim.MINE, *[MinuteClaim.TAKEN] * 7]
    before, after = minute - timedelta(minutes=1), minute + timedelta(minutes=1)
    assert await claim_minute(case.centre, case.entry, before) is MinuteClaim.TAKEN, "a worker that is late"
    assert await claim_minute(case.centre, case.entry, after) is MinuteClaim.MINE
    back = minute - timedelta(minutes=5)
    assert await claim_minute(case.centre, case.entry, back) is MinuteClaim.PASSED
    assert await claim_minute(case.centre, case.entry, after) is MinuteClaim.TAKEN


_CALL = ("time", "minutes", "state", "place", "at", "caller", "phone", "said", "note")


def test_odd_words_are_printed_as_they_are() -> None:
    """Nothing that a caller says is taken for a command of the typesetter."""
    odd = '#panic("x") $x$ *tebal* _m_ `kode` // \\ \n<a>@b [c] {d} 😀'
    sheet: dict[str, Any] = {
        "regency": odd, "slug": "x", "training": False, "made": "", "day": "", "zone": "WIB", "seq": 1,
        "incidents": [], "units": [], "ready": 0, "facilities": [], "phones": [], "stamps": [],
        "roads": [{"effect": odd, "reason": odd, "near": odd, "note": odd, "until": odd}],
        "questions": [odd], "forms": [odd],
        "calls": [dict.fromkeys(_CALL, odd)],
    }  # fmt: skip
    words = read(printed(json.loads(json.dumps(sheet))))
    assert "*tebal* _m_ `kode`" in words
    assert '#panic("x")' in words.replace("“", '"').replace("”", '"')
