"""Triage colours and the question tree that suggests one; the answers are recorded, not just the colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Triage(StrEnum):
    """Colours in order of urgency; the interface says merah, kuning, hijau, hitam."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLACK = "black"


URGENCY: dict[Triage | None, int] = {
    Triage.RED: 0,
    None: 1,  # not yet judged: below red, above all that was judged less urgent
    Triage.YELLOW: 2,
    Triage.GREEN: 3,
    Triage.BLACK: 4,
}


@dataclass(frozen=True, slots=True)
class Question:
    """A yes/no question; an answer leads to another question's key or ends in a colour."""

    key: str
    text_id: str
    text_en: str
    yes: str | Triage
    no: str | Triage


@dataclass(frozen=True, slots=True)
class QuestionTree:
    """A versioned tree, approved by the health office; data, not code."""

    version: str
    first: str
    questions: Mapping[str, Question]

    def colour(self, answers: Mapping[str, bool]) -> Triage | None:
        """Follow `answers` (question key -> yes) from the first question; None while one is unanswered."""
        at: str | Triage = self.first
        for _ in range(len(self.questions)):
            if isinstance(at, Triage):
                break
            question = self.questions[at]
            if question.key not in answers:
                return None
            at = question.yes if answers[question.key] else question.no
        return at if isinstance(at, Triage) else None


def default_tree() -> QuestionTree:
    """The tree a new tenant starts with, until the health office approves its own."""
    questions = (
        Question("conscious", "Apakah pasien sadar?", "Is the patient awake?", "breathing_hard", Triage.RED),
        Question(
            "breathing_hard",
            "Apakah pasien sulit bernapas atau bibirnya biru?",
            "Is it hard to breathe, or are the lips blue?",
            Triage.RED,
            "bleeding",
        ),
        Question(
            "bleeding",
            "Apakah ada perdarahan yang tidak berhenti?",
            "Is there bleeding that does not stop?",
            Triage.RED,
            "chest_or_labour",
        ),
        Question(
            "chest_or_labour",
            "Apakah ada nyeri dada, kejang, kelumpuhan mendadak, atau akan melahirkan?",
            "Is there chest pain, a fit, sudden weakness, or labour?",
            Triage.RED,
            "walking",
        ),
        Question(
            "walking", "Apakah pasien bisa berjalan?", "Can the patient walk?", Triage.GREEN, Triage.YELLOW
        ),
    )
    return QuestionTree("1", "conscious", {q.key: q for q in questions})
