"""Whatever the way does to its frames, the operator's board is the server's in the end, without a reload."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import pytest
from arranged import TOWN
from conftest import Open
from desk_page import DeskPage
from frame_meddler import FrameMeddler
from playwright.sync_api import Page
from served import Served
from watched import until

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test


COLOURS = {"red": "Merah", "green": "Hijau"}
STATES = {
    "offered": "Ditawarkan",
    "accepted": "Diterima",
    "en_route": "Menuju lokasi",
    "on_scene": "Tiba di lokasi",
}
QUEUE = """() => {
    const rows = [...document.querySelectorAll('section.queue [data-queue-row]')]
    const incidents = rows.filter((row) => row.querySelector('strong[title]')).map((row) => [
        row.querySelector('strong[title]').title,
        row.querySelector('.triage').textContent,
        [...row.querySelectorAll('.sign')]
            .map((sign) => sign.textContent + ' ' + sign.parentElement.querySelector('.ellipsis').textContent)
            .sort(),
    ])
    const ringing = document.querySelectorAll('section.queue .item.ringing').length
    return { ringing, incidents: incidents.sort((a, b) => a[0] < b[0] ? -1 : 1) }
}"""


def play(served: Served, page: Page, dice: random.Random) -> None:
    """Several cases at once by other operators: some end, some stay open.

    No state on the way looks like the last one, for a page that is still behind must not pass for right.
    """
    for n in range(6):
        call_id = str(uuid4())
        caller = {"caller_name": f"Contoh Usil {n}", "caller_phone": "0812-0000-0950"}
        served.post("/operator/calls", "admin1", id=call_id, channel="phone", place=TOWN, **caller)
        page.wait_for_timeout(dice.randrange(50, 400))
        if n % 3 == 2:
            continue  # rings on
        served.post(f"/operator/calls/{call_id}/take", "admin1")
        colour = dice.choice(["red", "green"])
        verdict = {"confirmed": True, "kind": "emergency", "triage": colour, "patients": 1}
        opened = served.post(f"/operator/calls/{call_id}/incident", "admin1", **verdict)
        incident_id = opened["incident_id"]
        page.wait_for_timeout(dice.randrange(50, 400))
        units = served.get("/operator/units", "admin1")
        unit = next(u for u in units if u["tracking"] == "manual" and u["status"] == "available")
        choice = {"unit_id": unit["id"], "reason": "uji"}
        run = served.post(f"/operator/incidents/{incident_id}/assignments", "admin1", **choice)
        for to in ("accepted", "en_route", "on_scene")[: dice.randrange(4)]:
            served.post(f"/operator/assignments/{run['id']}/steps", "admin1", to=to)
            page.wait_for_timeout(dice.randrange(20, 200))
        if n == 1:
            served.post(f"/operator/incidents/{incident_id}/cancellation", "admin1", reason="false_alarm")


def shown(desk: DeskPage) -> dict[str, Any]:
    """What the page has in its queue at one moment: how many ring, and incidents with colour and units."""
    read: dict[str, Any] = desk.page.evaluate(QUEUE)
    return read


def true_board(served: Served) -> dict[str, Any]:
    """The same by the server, in the words of the page."""
    board = served.get("/operator/board")
    incidents = [
        [
            incident["number"],
            COLOURS[incident["triage"]],
            sorted(
                f"{run['call_sign']} {STATES[run['state']]}"
                for run in incident["runs"]
                if run["released_at"] is None
            ),
        ]
        for incident in board["incidents"]
    ]
    return {"ringing": sum(c["state"] == "ringing" for c in board["calls"]), "incidents": sorted(incidents)}


def agree(served: Served, desk: DeskPage, seen: list[tuple[dict[str, Any], dict[str, Any]]]) -> bool:
    """Whether the page shows what the server has; `seen` keeps both for a failure to tell."""
    seen.append((shown(desk), true_board(served)))
    return seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize("seed", [7, 77])
def test_the_board_is_right_in_the_end(open_browser: Open, served: Served, seed: int) -> None:
    watched = open_browser(maps=False)
    watched.excuse("WebSocket", "the test cuts this page's line")
    desk = DeskPage(watched, served.account("operator1"))
    loads: list[str] = []
    desk.page.on("framenavigated", lambda frame: loads.append(frame.url))
    meddler = FrameMeddler(seed)
    meddler.between(desk.page, "/ws/operator")
    desk.open()
    desk.page.evaluate("window.sameDocument = true")
    loaded = len(loads)
    meddler.on = True
    play(served, desk.page, random.Random(seed))
    assert meddler.lost > 0
    assert meddler.late + meddler.doubled > 0
    # still meddled with: the page has to get there by itself
    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []
    until(desk.page, lambda: agree(served, desk, seen), "the board is the server's")
    assert true_board(served)["incidents"], "there is something to show"
    meddler.on = False
    desk.live()
    assert agree(served, desk, seen), f"pages {loads[loaded:]}; shown, and the server's: {seen[-3:]}"
    assert desk.page.evaluate("window.sameDocument"), "the page was not loaded anew"
    assert len(loads) == loaded
    print(f"lost {meddler.lost}, late {meddler.late}, doubled {meddler.doubled}, cut {meddler.cuts}")
