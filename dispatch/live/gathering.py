"""Answers like questions of many sockets together: what is asked while one reading runs goes into the next.

Alone a question waits for nothing. When thousands come at once, as after a restart, they are read by the
dozen over a connection or two: each costs a fraction, and whoever else needs the database finds it free.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dispatch.storage.outages import is_passing, out_of_reach

AT_ONCE = 40
"""So many questions are read together: their answers hold up the loop for some milliseconds."""

Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(slots=True)
class _Question:
    asked: Any
    answer: asyncio.Future[Any]


class Gathering:
    """Serves its queues by few readings at a time, the first queue first."""

    def __init__(self, readings: int) -> None:
        """readings: how many run side by side, each over a connection of its own."""
        self._free = readings
        self._queues: list[Queue[Any, Any]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def queue(
        self,
        read: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]],
        party: Callable[[Asked], Hashable] = lambda _: None,
    ) -> Queue[Asked, Told]:
        """Return a queue behind those there are.

        read: answers questions in their order. Only questions of one `party` are read together.
        """
        made = Queue(read, party, self._look)
        self._queues.append(made)
        return made

    def _look(self) -> None:
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        try:
            while (queue := next((each for each in self._queues if each.waits), None)) is not None:
                failure = await queue.answer_some()
                if failure is not None and out_of_reach(failure):
                    # nobody queues for a server that is not there: they all come again
                    for each in self._queues:
                        each.refuse_all(failure)
        finally:
            # in the same step as the last look: whoever asks from now on begins another
            self._free += 1


class Queue(Generic[Asked, Told]):
    """Questions of one kind. Parties take turns, so that none waits for all of another."""

    def __init__(
        self,
        read: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]],
        party: Callable[[Asked], Hashable],
        look: Callable[[], None],
    ) -> None:
        """Made by `Gathering.queue`."""
        self._read = read
        self._party = party
        self._look = look
        self._waiting: dict[Hashable, deque[_Question]] = {}

    @property
    def waits(self) -> bool:
        """Whether anything is to be read."""
        return bool(self._waiting)

    async def ask(self, asked: Asked) -> Told:
        """Return the answer; raises whatever its reading raises."""
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(self._party(asked), deque()).append(_Question(asked, answer))
        self._look()
        return await answer

    async def answer_some(self) -> BaseException | None:
        """Read what waits of the party whose turn it is; return what went wrong with all of it."""
        questions = self._take()
        if not questions:
            return None
        failure = await self._answer(questions)
        if failure is None:
            return None
        if len(questions) == 1 or is_passing(failure):  # the database's trouble is nobody's own
            _refuse(questions, failure)
            return failure
        for question in questions:  # one that cannot be answered holds up no other
            alone = await self._answer([question])
            if alone is not None:
                _refuse([question], alone)
        return None

    def refuse_all(self, failure: BaseException) -> None:
        """Raise this to everybody who waits."""
        waiting, self._waiting = self._waiting, {}
        for questions in waiting.values():
            _refuse(questions, failure)

    def _take(self) -> list[_Question]:
        party = next(iter(self._waiting))
        waiting = self._waiting.pop(party)
        taken: list[_Question] = []
        while waiting and len(taken) < AT_ONCE:
            question = waiting.popleft()
            if not question.answer.done():  # else it was taken back: the client has left
                taken.append(question)
        if waiting:
            self._waiting[party] = waiting  # behind the others
        return taken

    async def _answer(self, questions: Sequence[_Question]) -> BaseException | None:
        reading = asyncio.ensure_future(self._told(questions))
        try:
            await asyncio.wait((reading,))
        finally:
            reading.cancel()
        failure = reading.exception()
        if failure is not None:
            return failure
        for question, answer in reading.result():
            if not question.answer.done():
                question.answer.set_result(answer)
        return None

    async def _told(self, questions: Sequence[_Question]) -> list[tuple[_Question, Told]]:
        told = await self._read([question.asked for question in questions])
        return list(zip(questions, told, strict=True))


def _refuse(questions: Sequence[_Question] | deque[_Question], failure: BaseException) -> None:
    for question in questions:
        if not question.answer.done():
            question.answer.set_exception(failure)
