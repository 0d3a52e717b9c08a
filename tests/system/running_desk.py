"""An operator at a running system, who writes calls down and remembers which were acknowledged."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from uuid import uuid4

import httpx
from running_system import System

SLUG = "32.14-latihan"
CALLS = "/api/v1/operator/calls"
FOLLOW_S = 30.0
"""Seconds within which services follow a promoted standby."""


def wait_until(condition: Callable[[], bool], timeout_s: float = FOLLOW_S) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "condition not met in time"
        time.sleep(0.02)


class Desk:
    """An operator at the running server, who writes calls down."""

    def __init__(self, system: System) -> None:
        address = json.loads((system.run_dir / "addresses.json").read_text())["serve"]
        accounts = json.loads((system.run_dir / "accounts.json").read_text())[SLUG]
        operator = next(account for account in accounts if account["role"] == "operator")
        self.client = httpx.Client(base_url=address, timeout=20)
        body = {"regency": SLUG, "username": operator["username"], "password": operator["password"]}
        signed_in = self.client.post("/api/v1/sessions/staff", json=body).raise_for_status().json()
        self.client.headers["Authorization"] = f"Bearer {signed_in['session']['token']}"
        self.acknowledged: list[str] = []

    @property
    def standby(self) -> str:
        """What /health says of the standby."""
        return str(self.client.get("/health").json()["standby"])

    def write_call(self) -> bool:
        """Store a call, and remember it only when the server said that it is stored."""
        call_id = str(uuid4())
        try:
            answer = self.client.post(CALLS, json={"id": call_id, "channel": "phone"})
        except httpx.TransportError:
            return False
        if answer.status_code == 201:
            self.acknowledged.append(call_id)
        return answer.status_code == 201

    def missing(self) -> list[str]:
        """The acknowledged calls that the server does not know."""
        return [one for one in self.acknowledged if self.client.get(f"{CALLS}/{one}").status_code != 200]
