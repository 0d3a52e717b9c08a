"""How a crew does one run: how quick it is at each step, and what becomes of the patient."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rehearsal.dice import chance, delay

_OUTCOMES = ("treated_on_scene", "refused", "not_found", "died")
_SHARES = (0.55, 0.2, 0.15, 0.1)


@dataclass(frozen=True, slots=True)
class Manner:
    """Seconds of each step, and choices. `ends_as` is what a run without transport ends with."""

    reacts_s: float
    accepts_s: float
    declines: bool
    turnout_s: float
    to_patient_s: float
    treats_s: float
    transports: bool
    ends_as: str
    hands_over_s: float
    cleans_s: float

    @staticmethod
    def of(throws: random.Random) -> Manner:
        """Draw one."""
        return Manner(
            reacts_s=delay(throws, 5.0),
            accepts_s=delay(throws, 9.0),
            declines=chance(throws, 0.03),
            turnout_s=delay(throws, 45.0),
            to_patient_s=delay(throws, 60.0),
            treats_s=delay(throws, 720.0),
            transports=chance(throws, 0.84),
            ends_as=throws.choices(_OUTCOMES, _SHARES)[0],
            hands_over_s=delay(throws, 420.0),
            cleans_s=delay(throws, 300.0),
        )

    def outcome(self, triage: str | None) -> str:
        """Return how care without transport ended; nobody in danger of life refuses."""
        return "treated_on_scene" if triage == "red" and self.ends_as == "refused" else self.ends_as
