"""Ten thousand claims from eight connections at once on real PostgreSQL: none doubled, none lost."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from uuid import UUID

import pytest
from case_scene import CAUSE, Case

from dispatch.domain.errors import DispatchError, UnitTaken
from dispatch.domain.events import EventKind
from dispatch.services.send_unit import AssignmentView, Claim, claim_unit
from dispatch.services.stand_down import stand_down
from dispatch.storage.transaction import new_id
from dispatch.storage.verify_log import verify_log

CLAIMS, CONNECTIONS, INCIDENTS = 10_000, 8, 12
SEED = 8_10_000

_HELD = """
    SELECT unit_id, count(*) AS runs FROM assignment WHERE released_at IS NULL GROUP BY unit_id
"""
_IN_LOG = """
    SELECT subject_id FROM event WHERE kind = :kind ORDER BY seq
"""


class Racers:
    """What every connection was told: the runs it made, those it found made, and the reasons of refusals."""

    def __init__(self, case: Case, incidents: list[UUID]) -> None:
        self.case = case
        self.incidents = incidents
        self.left = CLAIMS
        self.made: list[UUID] = []
        self.repeated: list[UUID] = []
        self.refused: Counter[str] = Counter()
        self.overlapping = 0

    async def race(self, number: int) -> None:
        """Claim until the claims are used up; of what it got, give most back."""
        chance = random.Random(SEED + number)
        units = sorted(self.case.units.values())
        mine: list[UUID] = []
        while self.left > 0:
            self.left -= 1
            unit, incident = chance.choice(units), chance.choice(self.incidents)
            # the id is the sender's; now and then its answer is lost and it sends once more
            claim = Claim(incident, unit, None, None, "uji", id=new_id())
            view = await self._claimed(claim)
            if view is not None and not view.repeated:
                mine.append(view.id)
                if chance.random() < 0.1 and self.left > 0:
                    self.left -= 1
                    again = await self._claimed(claim)
                    assert again is not None
                    assert (again.id, again.repeated) == (view.id, True)
            if mine and chance.random() < 0.6:
                await stand_down(
                    self.case.centre, self.case.entry, self.case.operator, mine.pop(), "uji", cause=CAUSE
                )

    async def _claimed(self, claim: Claim) -> AssignmentView | None:
        try:
            view = await claim_unit(self.case.centre, self.case.entry, self.case.operator, claim, cause=CAUSE)
        except DispatchError as refusal:
            self.refused[self._reason(refusal)] += 1
            return None
        (self.repeated if view.repeated else self.made).append(view.id)
        return view

    @staticmethod
    def _reason(refusal: DispatchError) -> str:
        assert refusal.message_id
        assert refusal.message_en
        if isinstance(refusal, UnitTaken):
            assert refusal.extra["incident"].startswith("UJI-")
        return refusal.code


@pytest.mark.timeout(600)
async def test_ten_thousand_claims_over_eight_connections(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    incidents = [await case.incident() for _ in range(INCIDENTS)]
    await case.centre.database.engine.dispose()
    racers = Racers(case, incidents)
    await asyncio.gather(*(racers.race(n) for n in range(CONNECTIONS)))

    # every claim has its answer: a run, the run it was before, or a refusal with its reason
    refused = racers.refused.total()
    assert len(racers.made) + len(racers.repeated) + refused == CLAIMS
    # every run that was acknowledged is there, once, and there is no other
    runs = await case.rows("SELECT id, released_at FROM assignment")
    assert len(set(racers.made)) == len(racers.made)
    assert {row.id for row in runs} == set(racers.made)
    assert set(racers.repeated) <= set(racers.made)
    doubled = [row for row in await case.rows(_HELD) if row.runs > 1]
    assert doubled == []
    # and so says the log: one event a run, one a stand-down
    sent = [row.subject_id for row in await case.rows(_IN_LOG, kind=EventKind.UNIT_ASSIGNED.value)]
    ended = [row.subject_id for row in await case.rows(_IN_LOG, kind=EventKind.ASSIGNMENT_STOOD_DOWN.value)]
    assert Counter(sent) == Counter(map(str, racers.made))
    assert Counter(ended) == Counter(str(row.id) for row in runs if row.released_at is not None)
    async with case.centre.snapshot(case.entry.tenant) as tx:
        assert (await verify_log(tx)).fault is None
    with capsys.disabled():
        print(
            f"\n  {CLAIMS:,} claims over {CONNECTIONS} connections: {len(racers.made):,} runs, "
            f"{len(racers.repeated):,} answered as before, {refused:,} refused with their reason "
            f"({dict(racers.refused)}); doubled 0, lost 0, {len(sent) + len(ended):,} events agree"
        )
