"""A person takes a case over: only a step that was theirs tells the rehearsal so."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from rehearsal import shapes, takeover


class Desk:
    """A desk with one unit under way, whose crew is quicker than the person for the first `lost` steps."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.asked: list[str] = []
        self.run = SimpleNamespace(id=uuid4(), call_sign="PWK-A01", tracking="app")
        self.run.state, self.run.released_at = "accepted", None

    async def board(self) -> Any:
        case = SimpleNamespace(id=uuid4(), number="PWK-L-1", place=shapes.Place(107.44, -6.55))
        return SimpleNamespace(incidents=[SimpleNamespace(**vars(case), runs=[self.run])])

    async def step(self, run_id: Any, to: str, **fields: str) -> shapes.StepTaken:
        repeated = len(self.asked) < self.lost
        self.asked.append(to)
        self.run.state = to
        return shapes.StepTaken(run_id, to, [], datetime.now(UTC), reported=False, repeated=repeated)


async def test_a_step_that_the_crew_took_first_takes_nothing_over() -> None:
    desk = Desk(lost=2)
    person: Any = SimpleNamespace(operator=desk)
    taken, first = await takeover._take(person, time.monotonic() + 10.0)
    assert desk.asked == ["en_route", "on_scene", "at_patient"]
    assert (taken.run.id, first.state, first.repeated) == (desk.run.id, "at_patient", False)
