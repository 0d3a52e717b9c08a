"""The parts of a rehearsal that need no running system: cast, plan, checks, timeline, arguments."""

import json
import random
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from registry.population import from_bundle
from rehearsal import shapes
from rehearsal.cast import DRILL_DRIVER, Accounts, adults, registration
from rehearsal.checks import demand_no_gap, demand_refusal, demand_sane_ranking
from rehearsal.drill import FAILED, NOT_STARTED, main
from rehearsal.finale import local_day
from rehearsal.findings import Mismatch, NotPossible, Refused, describe
from rehearsal.scene import Plan, VillagePoint, find_bundle, village_points
from rehearsal.timeline import StepFailed, Timeline

REPOSITORY = Path(__file__).resolve().parents[2]
PURWAKARTA = REPOSITORY / "regencies" / "32.14-purwakarta"
SLUG = "32.14-latihan"


def accounts_file(folder: Path) -> Path:
    path = folder / "accounts.json"
    names = [("operator1", "operator"), ("pengemudi1", "driver"), (DRILL_DRIVER, "driver")]
    rows = [
        {"username": name, "role": role, "password": "rahasia", "display_name": name} for name, role in names
    ]
    path.write_text(json.dumps({SLUG: rows}))
    return path


def unit(call_sign: str = "PWK-A01", status: str = "available") -> shapes.Unit:
    return shapes.Unit(uuid4(), call_sign, "app", status, None, 107.4, -6.5, "fix", "live")


def candidate(rank: int, total_s: float, **changes: Any) -> shapes.Candidate:
    return shapes.Candidate(rank, changes.get("unit", unit()), total_s, changes.get("why", "sebab"), "why")


def test_two_rehearsals_get_different_drivers(tmp_path: Path) -> None:
    path = accounts_file(tmp_path)
    first, second, third = (Accounts(path, SLUG).drivers() for _ in range(3))
    account, claim = next(first)
    other, other_claim = next(second)
    assert (account.username, other.username) == (DRILL_DRIVER, "pengemudi1")
    assert next(third, None) is None
    claim.release()
    other_claim.release()
    again, claim = next(Accounts(path, SLUG).drivers())
    assert again.username == DRILL_DRIVER
    claim.release()


def test_accounts_that_are_missing_are_said(tmp_path: Path) -> None:
    with pytest.raises(NotPossible, match="cannot be read"):
        Accounts(tmp_path / "none.json", SLUG)
    path = accounts_file(tmp_path)
    with pytest.raises(NotPossible, match="no training account of"):
        Accounts(path, "33.25-latihan")
    with pytest.raises(NotPossible, match="no account of role facility"):
        Accounts(path, SLUG).one("facility")


def test_the_same_dice_cast_the_same_adults() -> None:
    people = from_bundle([PURWAKARTA])
    cast = adults(people, random.Random(7))
    first = [next(cast) for _ in range(20)]
    again = adults(people, random.Random(7))
    assert [person.nik for person in first] == [next(again).nik for _ in range(20)]
    assert len({person.nik for person in first}) == 20
    assert all(person.birth_date < date(2009, 1, 1) for person in first)
    given = registration(first[0], SLUG, "rahasia-1")
    assert (given["regency"], given["nik"], given["name"]) == (SLUG, first[0].nik, first[0].name)


def test_points_lie_in_every_village_and_their_order_follows_the_dice() -> None:
    points = list(village_points(PURWAKARTA, random.Random(1)))
    assert len({point.code for point in points}) == 192
    assert points == list(village_points(PURWAKARTA, random.Random(1)))
    assert points != list(village_points(PURWAKARTA, random.Random(2)))
    assert all(107.1 < p.place.lon < 107.8 and -7.0 < p.place.lat < -6.3 for p in points)


def test_the_folder_follows_from_the_regency(tmp_path: Path) -> None:
    assert find_bundle(SLUG, None, [tmp_path, REPOSITORY]) == PURWAKARTA
    assert find_bundle("33.25-latihan", PURWAKARTA, []) == PURWAKARTA
    with pytest.raises(NotPossible, match="use --bundle"):
        find_bundle("99.99-latihan", None, [REPOSITORY])
    with pytest.raises(NotPossible, match="is no regency folder"):
        find_bundle(SLUG, tmp_path, [REPOSITORY])


@pytest.mark.parametrize(("longest_s", "factor"), [(300.0, 60.0), (900.0, 90.0), (99_000.0, 1000.0)])
def test_long_ways_are_played_faster_and_the_factor_says_so(longest_s: float, factor: float) -> None:
    facility = shapes.Facility(uuid4(), "RSUD", "hospital", 107.4, -6.5, "5:00", 300.0, True, None, None)
    village = VillagePoint("32.14.01.1001", "Nagri Kidul", shapes.Place(107.4, -6.5))
    assert Plan(village, unit(), (), 200.0, longest_s, facility).speed_factor(60.0) == factor


def test_a_sane_ranking_gives_the_own_candidate() -> None:
    own = unit("PWK-A07")
    listed = [candidate(1, 60.0), candidate(2, 60.0, unit=own), candidate(3, 80.5)]
    assert demand_sane_ranking(shapes.Ranking(listed, []), own.id).rank == 2


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ([candidate(1, 90.0), candidate(2, 60.0)], "ascending seconds"),
        ([candidate(1, 60.0), candidate(3, 90.0)], "ranks"),
        ([candidate(1, 60.0, why="")], "two sentences"),
        ([candidate(1, 60.0, unit=unit(status="busy"))], "status of candidate"),
        ([candidate(1, 60.0)], "own unit among the candidates"),
    ],
)
def test_an_insane_ranking_is_named(listed: list[shapes.Candidate], complaint: str) -> None:
    with pytest.raises(Mismatch, match=complaint):
        demand_sane_ranking(shapes.Ranking(listed, []), UUID(int=1))


def test_gaps_and_repeats_in_the_log_are_found() -> None:
    demand_no_gap([8, 9, 10], 7)
    for seqs in ([9, 10], [8, 10], [8, 8, 9], [9, 8]):
        with pytest.raises(Mismatch, match="sequence of events"):
            demand_no_gap(seqs, 7)


async def test_a_refusal_must_have_its_code_and_both_languages() -> None:
    words = {"code": "reason_needed", "detail": "Tuliskan alasannya", "detail_en": "Give a reason"}

    async def refuse(problem: dict[str, Any]) -> None:
        raise Refused("POST /x", 422, problem)

    async def agree() -> str:
        return "sent"

    async def check(answer: Any) -> Refused:
        return await demand_refusal("sending", HTTPStatus.UNPROCESSABLE_ENTITY, "reason_needed", answer)

    assert (await check(refuse(words))).words == "Tuliskan alasannya / Give a reason"
    with pytest.raises(Mismatch, match="refusal of sending"):
        await check(refuse({**words, "code": "conflict"}))
    with pytest.raises(Mismatch, match="'detail_en' of the refusal"):
        await check(refuse({**words, "detail_en": ""}))
    with pytest.raises(Mismatch, match="refused with 422 reason_needed"):
        await check(agree())


def fail(timeline: Timeline) -> None:
    with timeline.step("Unit dikirim", "unit sent"):
        raise Mismatch("the state", "'offered'", "'cleared'")


def test_a_failed_step_says_what_was_expected_and_stops() -> None:
    shown = StringIO()
    timeline = Timeline(Console(file=shown, width=200))
    with timeline.step("Sistem sehat", "the system is well") as step:
        step.see("http://127.0.0.1:8000")
    assert timeline.passed
    with pytest.raises(StepFailed):
        fail(timeline)
    assert not timeline.passed
    assert [step.ok for step in timeline.steps] == [True, False]
    text = shown.getvalue()
    assert "ok" in text
    assert "Sistem sehat / the system is well: http://127.0.0.1:8000" in text
    assert "GAGAL" in text
    assert "expected: 'offered'" in text
    assert "actual:   'cleared'" in text


def test_a_refusal_is_told_in_the_words_of_the_problem() -> None:
    problem = {
        "code": "illegal_step",
        "detail": "tidak sah",
        "detail_en": "not legal",
        "allowed": ["on_scene"],
        "fields": [{"field": "to", "id": "salah", "en": "wrong"}],
    }
    assert describe(Refused("POST /steps", 409, problem)) == [
        "POST /steps -> 409 illegal_step",
        "tidak sah / not legal",
        "to: salah / wrong",
        "allowed: ['on_scene']",
    ]


def test_the_day_is_the_tenants() -> None:
    tenant = shapes.Tenant(SLUG, "Kabupaten Purwakarta", True, "Asia/Jakarta")
    assert local_day(datetime(2026, 11, 20, 17, 0, tzinfo=UTC), tenant) == date(2026, 11, 21)


def test_what_cannot_be_played_is_said_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEMAR_RUN_DIR", str(tmp_path))
    assert main([]) == NOT_STARTED
    assert "make run" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--speed", "0.5"])


class Deployment(BaseHTTPRequestHandler):
    """A system with one live and one training tenant that has no account."""

    ANSWERS: ClassVar[dict[str, object]] = {
        "/health": {"status": "ok"},
        "/api/v1/tenants": [
            {"slug": slug, "name": "Kabupaten Contoh", "training": training, "timezone": "Asia/Jakarta"}
            for slug, training in (("32.14", False), (SLUG, True))
        ],
    }

    def do_GET(self) -> None:
        body = json.dumps(self.ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


@pytest.fixture
def deployment() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Deployment) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("regency", "reason"),
    [
        ("32.14", "32.14 is a live tenant"),
        ("33.25-latihan", "no tenant 33.25-latihan (there are 32.14, 32.14-latihan)"),
        (SLUG, "start with 'make run', or use --accounts"),
    ],
)
def test_only_a_training_tenant_is_played_in(
    deployment: str, regency: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "accounts.json")
    assert main(["--address", deployment, "--regency", regency, "--accounts", missing]) == NOT_STARTED
    assert reason in capsys.readouterr().err


def test_a_system_that_is_away_fails_the_first_step(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert main(["--address", f"http://127.0.0.1:{closed.getsockname()[1]}", "--json"]) == FAILED
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["status"]) == (False, FAILED)
    assert [step["name_en"] for step in report["steps"]] == ["the system is well"]
    assert "ConnectError" in report["steps"][0]["failure"][0]
