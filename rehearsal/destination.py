"""Where a patient is taken: by colour, by road, and not to where no bed was."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rehearsal import shapes
from rehearsal.client import Client
from rehearsal.dice import chance
from rehearsal.findings import Mismatch

HOSPITAL = "hospital"
_TO_HOSPITAL = {"red": 1.0, "yellow": 0.65, "green": 0.15}


async def choose_facility(
    client: Client,
    place: shapes.Place,
    triage: str | None,
    throws: random.Random,
    refused: Sequence[str] = (),
) -> shapes.Facility:
    """Return the nearest facility of the kind a patient of this colour is taken to.

    One that may be proposed comes before one that may not (its position is a guess); where no hospital can
    be had, it is whatever is nearest. `refused` facilities (ids) are left out.

    Raises:
        Mismatch: no road leads to any.
    """
    wants_hospital = chance(throws, _TO_HOSPITAL.get(triage or "red", 1.0))
    found = [
        facility
        for facility in await client.facilities(place)
        if facility.total_s is not None and str(facility.id) not in refused
    ]
    if not found:
        raise Mismatch("facilities by road", "at least one that can be reached", "none")
    of_kind = [facility for facility in found if (facility.kind == HOSPITAL) == wants_hospital] or found
    return next((facility for facility in of_kind if facility.proposable), of_kind[0])
