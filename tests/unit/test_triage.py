"""The question tree ends in a colour for every way through it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.triage import URGENCY, Question, QuestionTree, Triage, default_tree

TREE = default_tree()
KEYS = list(TREE.questions)


def test_every_full_set_of_answers_ends_in_a_colour() -> None:
    colours = {
        TREE.colour(dict(zip(KEYS, answers, strict=True)))
        for answers in product([True, False], repeat=len(KEYS))
    }
    assert colours == {Triage.RED, Triage.YELLOW, Triage.GREEN}


def test_every_question_is_asked_on_some_way_and_leads_somewhere() -> None:
    assert TREE.first in TREE.questions
    leads = {to for q in TREE.questions.values() for to in (q.yes, q.no)}
    assert {to for to in leads if not isinstance(to, Triage)} | {TREE.first} == set(KEYS)
    for key, question in TREE.questions.items():
        assert question.key == key
        assert question.text_id.endswith("?")
        assert question.text_en.endswith("?")


@given(st.dictionaries(st.sampled_from(KEYS), st.booleans()))
def test_a_colour_stands_as_soon_as_it_follows_and_more_answers_do_not_change_it(
    answers: dict[str, bool],
) -> None:
    colour = TREE.colour(answers)
    if colour is not None:
        for more in product([True, False], repeat=len(KEYS)):
            assert TREE.colour(dict(zip(KEYS, more, strict=True)) | answers) is colour


@pytest.mark.parametrize(
    ("answers", "colour"),
    [
        ({}, None),
        ({"conscious": False}, Triage.RED),
        ({"conscious": True, "breathing_hard": True}, Triage.RED),
        ({"conscious": True, "breathing_hard": False}, None),
        (dict.fromkeys(KEYS, False) | {"conscious": True, "walking": True}, Triage.GREEN),
        (dict.fromkeys(KEYS, False) | {"conscious": True}, Triage.YELLOW),
    ],
)
def test_some_ways(answers: dict[str, bool], colour: Triage | None) -> None:
    assert TREE.colour(answers) is colour


def test_a_tree_that_runs_in_a_circle_gives_no_colour() -> None:
    circle = QuestionTree("x", "a", {"a": Question("a", "A?", "A?", "a", "a")})
    assert circle.colour({"a": True}) is None


def test_what_is_not_judged_comes_right_after_red() -> None:
    assert sorted(URGENCY, key=lambda c: URGENCY[c])[:2] == [Triage.RED, None]
    assert set(URGENCY) == {None, *Triage}
