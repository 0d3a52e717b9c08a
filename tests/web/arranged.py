"""What a test needs to be there before its people sit down at their pages: calls and residents."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import httpx
from served import PURWAKARTA, SLUG, Served

from registry.population import SyntheticResident, from_bundle
from rehearsal.cast import adults, registration

# Nagri Kidul in the town
TOWN = {"lon": 107.4440, "lat": -6.5600}
PASSWORD = "sandi-contoh-9"


def people(seed: int) -> SyntheticResident:
    """A grown-up whom the registry knows; another one for every seed."""
    return next(adults(from_bundle([PURWAKARTA]), random.Random(seed)))


def ringing_call(served: Served, name: str) -> str:
    """A call that rings at every desk; its id."""
    call_id = str(uuid4())
    caller = {"caller_name": name, "caller_phone": "0812-0000-0900"}
    served.post("/operator/calls", "admin1", id=call_id, channel="phone", place=TOWN, **caller)
    return call_id


def open_incident(served: Served, name: str, triage: str = "yellow") -> str:
    """A confirmed incident without a unit; its id."""
    call_id = ringing_call(served, name)
    served.post(f"/operator/calls/{call_id}/take", "admin1")
    verdict = {"confirmed": True, "kind": "emergency", "triage": triage, "patients": 1}
    opened: dict[str, Any] = served.post(f"/operator/calls/{call_id}/incident", "admin1", **verdict)
    return str(opened["incident_id"])


def registered(served: Served, person: SyntheticResident) -> None:
    """An account for a resident, with a password to sign in by."""
    body = registration(person, SLUG, PASSWORD)
    httpx.post(f"{served.address}/api/v1/residents", json=body, timeout=20).raise_for_status()
