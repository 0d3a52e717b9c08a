"""A patient's outcome, and the closing code of an incident derived from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Outcome(StrEnum):
    """How the care of one patient by the service ended."""

    HANDED_OVER = "handed_over"
    TREATED_ON_SCENE = "treated_on_scene"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    DIED = "died"
    REFERRED = "referred"


# The gravest outcome names the case; the order is the order of gravity for the health office's register.
_GRAVITY = (
    Outcome.DIED,
    Outcome.HANDED_OVER,
    Outcome.REFERRED,
    Outcome.TREATED_ON_SCENE,
    Outcome.REFUSED,
    Outcome.NOT_FOUND,
)


def closing_code(outcomes: Sequence[Outcome]) -> str:
    """Return the incident's closing code: the gravest outcome, or `no_patient` when there is none."""
    return next((o.value for o in _GRAVITY if o in outcomes), "no_patient")
