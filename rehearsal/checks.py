"""Checks on the system's answers that more than one act makes."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from http import HTTPStatus
from itertools import pairwise
from uuid import UUID

from rehearsal import shapes
from rehearsal.findings import Mismatch, Refused, demand, demand_equal


async def demand_refusal(what: str, status: HTTPStatus, code: str, request: Awaitable[object]) -> Refused:
    """See that a request is refused with this status and code, in both languages, and return the refusal.

    Raises:
        Mismatch: it was not refused, or otherwise.
    """
    try:
        answer = await request
    except Refused as refused:
        demand_equal(f"refusal of {what}", (refused.status, refused.code), (int(status), code))
        for member in ("detail", "detail_en"):
            demand(bool(refused.problem.get(member)), f"'{member}' of the refusal", "words", "none")
        return refused
    raise Mismatch(what, f"refused with {int(status)} {code}", answer)


def demand_sane_ranking(ranking: shapes.Ranking, unit_id: UUID) -> shapes.Candidate:
    """Return the candidate that is this unit, in a ranking for a red case whose order and words are sane.

    Raises:
        Mismatch: something is wrong with the ranking, or the unit is no candidate.
    """
    times = [candidate.total_s for candidate in ranking.candidates]
    demand(all(a <= b for a, b in pairwise(times)), "candidates by road time", "ascending seconds", times)
    ranks = [candidate.rank for candidate in ranking.candidates]
    demand_equal("ranks", ranks, list(range(1, len(ranks) + 1)))
    all_listed: list[shapes.Candidate | shapes.HeldBack] = [*ranking.candidates, *ranking.not_offered]
    for listed in all_listed:
        demand(
            bool(listed.why_id and listed.why_en), f"why for {listed.unit.call_sign}", "two sentences", "none"
        )
    for candidate in ranking.candidates:
        demand_equal(f"status of candidate {candidate.unit.call_sign}", candidate.unit.status, "available")
    listed_ids = [listed.unit.id for listed in all_listed]
    demand_equal("units listed twice", len(listed_ids) - len(set(listed_ids)), 0)
    own = next((candidate for candidate in ranking.candidates if candidate.unit.id == unit_id), None)
    if own is None:
        held = next((h.why_en for h in ranking.not_offered if h.unit.id == unit_id), "not listed at all")
        raise Mismatch("the own unit among the candidates", "listed", held)
    return own


def demand_no_gap(seqs: Sequence[int], after: int) -> None:
    """See that sequence numbers go on from `after` one by one.

    Raises:
        Mismatch: one is missing, repeated, or out of order.
    """
    expected = after
    for seq in seqs:
        expected += 1
        demand(seq == expected, "sequence of events", f"{expected} after {expected - 1}", seq)


def demand_stamps(case: shapes.CaseFile, run_id: UUID, recorded: dict[str, datetime]) -> None:
    """See that the case's own stamps, and those of this run, are those that were recorded: none more or less.

    Raises:
        Mismatch: a stamp differs.
    """
    runs = [run for run in case.incident.runs if run.id == run_id]
    demand_equal("runs with this id", len(runs), 1)
    kept = {stamp.name: stamp.occurred_at for stamp in (*case.incident.stamps, *runs[0].stamps)}
    demand_equal("names of the stamps", sorted(kept), sorted(recorded))
    for name, moment in recorded.items():
        demand_equal(name, kept[name].isoformat(), moment.isoformat())
