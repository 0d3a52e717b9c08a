"""The rules hold in every order of commands, timers and faults; and a rule taken away is missed at once."""

from __future__ import annotations

import pytest

from proof.__main__ import PARTS, Part, explore
from proof.explore import Exploration, Size
from proof.invariants import PROVEN
from proof.mutations import MUTATIONS, SPARE, Mutation, hunt
from proof.report import summary, trace
from proof.rules import Rules
from proof.wire import WRONG, Wiring, interleave


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_state_keeps_what_is_promised(part: Part, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        found = explore(part, quiet=True)
    assert found.exhausted
    assert found.broken is None
    assert found.unfinishable == 0
    assert all(found.harmless.get(fault) for fault in ("crash", "retry", "duplicate", "reorder"))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_guard_that_is_gone_is_missed(mutation: Mutation) -> None:
    caught = hunt(mutation)
    assert caught.invariant == mutation.breaks, "\n".join(trace(caught.found.trace))
    if caught.found.broken:
        assert caught.found.trace  # by which way


@pytest.mark.parametrize("mutation", SPARE, ids=lambda mutation: mutation.name)
def test_either_guard_alone_keeps_a_unit_from_two_cases(mutation: Mutation) -> None:
    caught = hunt(mutation)
    assert caught.invariant is None
    assert caught.found.exhausted


def test_every_invariant_can_be_broken_by_some_mutation() -> None:
    assert {mutation.breaks for mutation in MUTATIONS} == set(PROVEN)


@pytest.mark.timeout(300)
def test_transactions_lock_by_lock() -> None:
    found = interleave()
    assert found.broken is None
    assert found.states > 1_000_000


@pytest.mark.parametrize("name", WRONG)
def test_wrong_wiring_is_found(name: str) -> None:
    wiring, breaks = WRONG[name]
    assert (interleave(wiring, at_once=2).broken or "").startswith(breaks)
    assert interleave(Wiring(), at_once=2).broken is None


def test_a_bounded_search_says_so() -> None:
    found = Exploration(Rules(), Size(2, 2)).run(most_states=2_000)
    assert not found.exhausted
    said = "\n".join(summary(found, "bounded"))
    assert "BOUNDED" in said
    assert "proven" not in said
