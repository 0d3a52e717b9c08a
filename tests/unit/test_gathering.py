"""Questions of many are answered together, in their order of rank, and nobody's trouble becomes another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from asyncpg import InterfaceError

from dispatch.live.gathering import AT_ONCE, Gathering, Queue


class Desk:
    """Notes what is read together, and answers once it is open."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []
        self.open = asyncio.Event()
        self._begun = asyncio.Semaphore(0)
        self.fault: Exception = ValueError("cannot be read")

    async def answer(self, asked: Sequence[str]) -> Sequence[str]:
        self.read.append(list(asked))
        self._begun.release()
        await self.open.wait()
        if any("bad" in each for each in asked):
            raise self.fault
        return [each.upper() for each in asked]

    async def busy(self) -> None:
        """Wait until one more reading is under way."""
        async with asyncio.timeout(10):
            await self._begun.acquire()


def ask(queue: Queue[str, str], *asked: str) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(queue.ask(each)) for each in asked]


async def told(asking: Sequence[asyncio.Task[str]]) -> list[str | BaseException]:
    async with asyncio.timeout(10):
        return await asyncio.gather(*asking, return_exceptions=True)


async def test_one_waits_for_nothing_and_all_that_come_meanwhile_are_read_together() -> None:
    desk = Desk()
    queue = Gathering(1).queue(desk.answer)
    first = ask(queue, "a")
    await desk.busy()
    others = ask(queue, *"bcb")
    await asyncio.sleep(0)
    desk.open.set()
    assert await told([*first, *others]) == ["A", "B", "C", "B"]
    assert desk.read == [["a"], ["b", "c", "b"]]


async def test_who_has_an_answer_may_ask_again_at_once() -> None:
    desk = Desk()
    desk.open.set()
    queue = Gathering(1).queue(desk.answer)
    async with asyncio.timeout(10):
        assert [await queue.ask(each) for each in "abc"] == ["A", "B", "C"]


async def test_no_more_than_so_many_at_once_and_side_by_side() -> None:
    desk = Desk()
    queue = Gathering(2).queue(desk.answer)
    asking = ask(queue, *(str(n) for n in range(3 * AT_ONCE + 1)))
    await desk.busy()
    await desk.busy()
    await asyncio.sleep(0)
    assert len(desk.read) == 2
    desk.open.set()
    assert await told(asking) == [str(n) for n in range(3 * AT_ONCE + 1)]
    assert sum(len(each) for each in desk.read) == 3 * AT_ONCE + 1
    assert max(len(each) for each in desk.read) == AT_ONCE


async def test_the_first_queue_goes_first_whenever_a_reading_ends() -> None:
    desk = Desk()
    gathering = Gathering(1)
    first, last = gathering.queue(desk.answer), gathering.queue(desk.answer)
    asking = ask(last, "x")
    await desk.busy()
    asking += [*ask(last, "y"), *ask(first, "a")]
    await asyncio.sleep(0)
    desk.open.set()
    await told(asking)
    assert desk.read == [["x"], ["a"], ["y"]]


async def test_parties_take_turns_and_are_never_read_together() -> None:
    desk = Desk()
    queue = Gathering(1).queue(desk.answer, lambda asked: asked[0])
    asking = ask(queue, "k0")
    await desk.busy()
    asking += ask(queue, *(f"k{n}" for n in range(1, 2 * AT_ONCE)), "m1")
    await asyncio.sleep(0)
    desk.open.set()
    await told(asking)
    assert [each[0][0] for each in desk.read] == ["k", "k", "m", "k"]


async def test_one_that_cannot_be_answered_is_told_so_alone() -> None:
    desk = Desk()
    queue = Gathering(1).queue(desk.answer)
    asking = ask(queue, "a", "bad", "c")
    desk.open.set()
    answers = await told(asking)
    assert answers == ["A", desk.fault, "C"]
    assert await told(ask(queue, "d")) == ["D"]


async def test_when_the_database_hangs_up_those_who_were_read_are_told_and_the_others_go_on() -> None:
    desk = Desk()
    desk.fault = InterfaceError("connection is closed")
    queue = Gathering(1).queue(desk.answer, lambda asked: asked[0])
    asking = ask(queue, "bad", "b", "a")
    desk.open.set()
    assert await told(asking) == [desk.fault, desk.fault, "A"]
    assert desk.read == [["bad", "b"], ["a"]]


async def test_when_no_connection_can_be_had_all_who_wait_are_told_at_once() -> None:
    desk = Desk()
    desk.fault = ConnectionRefusedError()
    gathering = Gathering(1)
    queue, other = gathering.queue(desk.answer, lambda asked: asked[0]), gathering.queue(desk.answer)
    asking = ask(queue, "bad")
    await desk.busy()
    asking += [*ask(queue, "a", "z"), *ask(other, "o")]
    await asyncio.sleep(0)
    desk.open.set()
    assert await told(asking) == [desk.fault] * 4
    assert desk.read == [["bad"]]
    assert await told(ask(other, "o")) == ["O"]


async def test_who_has_left_is_not_read() -> None:
    desk = Desk()
    queue = Gathering(1).queue(desk.answer)
    first = ask(queue, "a")
    await desk.busy()
    second = ask(queue, "b", "c")
    await asyncio.sleep(0)
    first[0].cancel()
    second[0].cancel()
    await asyncio.sleep(0)
    desk.open.set()
    answers = await told([*first, *second])
    assert answers[2] == "C"
    assert all(isinstance(each, asyncio.CancelledError) for each in answers[:2])
    assert desk.read[1:] == [["c"]]


@pytest.mark.parametrize("count", [1, AT_ONCE])
async def test_a_reading_that_ends_for_good_leaves_the_gathering_ready(count: int) -> None:
    desk = Desk()
    desk.open.set()
    queue = Gathering(1).queue(desk.answer)
    for _ in range(3):
        assert await told(ask(queue, *["a"] * count)) == ["A"] * count
