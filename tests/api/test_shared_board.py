"""One reading of the board answers many screens, and none is shown a board of before it asked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from api_scene import TOWN, Api, Client
from pydantic import TypeAdapter

from dispatch.api import shared_board
from dispatch.api.shared_board import SharedBoard, WrittenBoard
from dispatch.services.board import Board, read_board
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE, THERE = "32.14-latihan", "33.25-latihan"


class Readings:
    """Reads boards; those of one regency are kept back between the reading and the answer."""

    def __init__(self, held: str) -> None:
        self._held = held
        self.begun: list[str] = []
        self.asked = asyncio.Semaphore(0)
        self.read = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, centre: Centre, entry: TenantEntry) -> Board:
        self.begun.append(entry.tenant.slug)
        board = await read_board(centre, entry)
        if entry.tenant.slug == self._held:
            self.read.set()
            await self.go_on.wait()
        return board


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    made = Readings(HERE)
    ask_for = SharedBoard.of

    async def of(board: SharedBoard, entry: TenantEntry) -> WrittenBoard:
        made.asked.release()
        return await ask_for(board, entry)

    monkeypatch.setattr(shared_board, "read_board", made)
    monkeypatch.setattr(SharedBoard, "of", of)
    return made


def ask(desk: Client) -> asyncio.Task[Board]:
    async def answer() -> Board:
        async with asyncio.timeout(20):
            given = await desk.get("/operator/board")
        assert given.status_code == 200, given.text
        assert given.headers["Content-Type"] == "application/json"
        return TypeAdapter(Board).validate_json(given.content)

    return asyncio.create_task(answer())


async def test_who_asks_while_a_board_is_read_gets_the_next_and_all_of_them_the_same(
    api: Api, readings: Readings
) -> None:
    desk = api.staff("operator1", HERE)
    first = ask(desk)
    await readings.read.wait()
    call = str(uuid4())
    assert (
        await desk.post("/operator/calls", {"id": call, "channel": "phone", "place": TOWN})
    ).status_code == 201
    others = [ask(desk) for _ in range(20)]
    async with asyncio.timeout(20):
        for _ in (first, *others):
            await readings.asked.acquire()
    readings.go_on.set()
    before = await first
    assert call not in {str(c.id) for c in before.calls}
    for board in await asyncio.gather(*others):
        assert call in {str(c.id) for c in board.calls}
        assert board.seq > before.seq
    assert readings.begun == [HERE, HERE], "twenty screens are answered by one reading"


async def test_a_regency_does_not_wait_for_another_one_s_board_nor_see_it(
    api: Api, readings: Readings
) -> None:
    held = ask(api.staff("operator1", HERE))
    await readings.read.wait()
    theirs = await ask(api.staff("operator1", THERE))
    assert theirs.regency == THERE
    assert not held.done()
    readings.go_on.set()
    assert (await held).regency == HERE
    assert readings.begun == [HERE, THERE]


async def test_a_board_that_cannot_be_read_is_said_to_all_and_read_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = api.staff("operator1", HERE)

    async def away(centre: Centre, entry: TenantEntry) -> Board:
        raise ConnectionRefusedError(f"no database for {entry.tenant.slug}")

    monkeypatch.setattr(shared_board, "read_board", away)
    answers = await asyncio.gather(*(desk.get("/operator/board") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {503}
    monkeypatch.undo()
    board = await ask(desk)
    assert api.centre.clock() - board.at < timedelta(minutes=1)


async def test_who_takes_no_compression_gets_the_same_board_plain(api: Api) -> None:
    desk = api.staff("operator1", HERE)
    packed = await desk.get("/operator/board")
    plain = await api.client.get(
        "/api/v1/operator/board", headers={"Authorization": f"Bearer {desk.token}", "Accept-Encoding": "br"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    changing = {"at", "units"}  # a fix grows older
    assert {k: v for k, v in packed.json().items() if k not in changing} == {
        k: v for k, v in plain.json().items() if k not in changing
    }
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3
