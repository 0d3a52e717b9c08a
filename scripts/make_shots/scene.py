"""Training cases in every main state, played through the public API, and ended after the pictures."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

PACE = 1.0  # marks the cases as simulated: they are in no figure of service
NURSE = "Contoh Perawat Melati"
TOWN = (107.4434, -6.5567)  # Purwakarta
_HOMEWARD = ("cleared", "handed_over", "at_facility", "left_scene")


class NotPossible(Exception):
    """The running system cannot be used for pictures."""


@dataclass(frozen=True)
class Account:
    """One demo account."""

    username: str
    role: str
    password: str


def read_system(run_dir: Path) -> tuple[str, str, dict[str, list[Account]]]:
    """Return the address, the training regency's slug, and the demo accounts of each role.

    Raises:
        NotPossible: no system runs with this folder, or it has no demo accounts.
    """
    try:
        address = str(json.loads((run_dir / "addresses.json").read_text("utf-8"))["serve"])
        regency, listed = next(iter(json.loads((run_dir / "accounts.json").read_text("utf-8")).items()))
    except (OSError, ValueError, KeyError, StopIteration) as missing:
        raise NotPossible(f"{run_dir}: jalankan 'make run' dulu / start with 'make run'") from missing
    accounts: dict[str, list[Account]] = {}
    for one in listed:
        account = Account(one["username"], one["role"], one["password"])
        accounts.setdefault(one["role"], []).append(account)
    return address, regency, accounts


@dataclass
class Desk:
    """Somebody signed in. `session` is what the pages keep of it on a device."""

    client: httpx.Client
    session: dict[str, Any]

    def ask(self, method: str, path: str, body: object | None = None) -> Any:
        """Return the answer's JSON.

        Raises:
            NotPossible: the system refused.
        """
        answer = self.client.request(
            method,
            f"/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.session['token']}"},
        )
        if answer.is_error:
            raise NotPossible(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None


@dataclass
class Scene:
    """The cases that stand open for the pictures."""

    address: str
    regency: str
    accounts: dict[str, list[Account]]
    client: httpx.Client = field(init=False)
    operator: Desk = field(init=False)
    facility: Desk = field(init=False)
    _calls: list[str] = field(default_factory=list)
    _cases: list[str] = field(default_factory=list)
    _unready: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.client = httpx.Client(base_url=self.address, timeout=30)
        self.operator = self.sign_in("operator")
        self.facility = self.sign_in("facility")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self.client.close()

    def sign_in(self, role: str, number: int = 0) -> Desk:
        """Sign in with one of the role's demo accounts."""
        listed = self.accounts.get(role, [])
        if number >= len(listed):
            raise NotPossible(f"tidak ada akun latihan '{role}' / no demo account '{role}'")
        account = listed[number]
        answer = self.client.post(
            "/api/v1/sessions/staff",
            json={"regency": self.regency, "username": account.username, "password": account.password},
        )
        if answer.is_error:
            raise NotPossible(f"{account.username}: {answer.status_code} {answer.text[:200]}")
        found = answer.json()
        return Desk(
            self.client,
            {
                "token": found["session"]["token"],
                "id": found["staff_id"],
                "regency": found["regency"],
                "training": found["training"],
                "name": found["display_name"],
                "role": found["role"],
                "timezone": found["timezone"],
            },
        )

    def resident(self) -> Desk:
        """Register a made-up resident whom the registry does not know."""
        number = random.randrange(10**8)  # noqa: S311 - a made-up person's number, no secret
        name = "Contoh Mawar Merpati"
        answer = self.client.post(
            "/api/v1/residents",
            json={
                "regency": self.regency,
                "name": name,
                "address": "Jalan Contoh 1, Nagri Kaler",
                "email": f"contoh.{number:08d}@example.org",
                "phone": f"+62890{number:08d}",
                "nik": f"321401010190{number % 9999 + 1:04d}",
                "home": {"lon": TOWN[0], "lat": TOWN[1]},
            },
        )
        if answer.is_error:
            raise NotPossible(f"pendaftaran / registration: {answer.status_code} {answer.text[:200]}")
        found = answer.json()
        session = {"regency": self.regency, "training": True, "name": name, "role": "resident"}
        return Desk(self.client, {"token": found["session"]["token"], "id": found["resident_id"]} | session)

    def app_call(self, resident: Desk) -> str:
        """Call as the resident does, with a place; return the call's id."""
        call_id = str(uuid4())
        place = {"lon": TOWN[0] + 0.004, "lat": TOWN[1] - 0.003}
        resident.ask("POST", "/calls", {"id": call_id, "place": place, "speed_factor": PACE})
        self._calls.append(call_id)
        return call_id

    def call(self, caller: str, note: str, east: float = 0.0, north: float = 0.0) -> str:
        """Enter a caller by phone, so many degrees from the town's middle; return the call's id."""
        call_id = str(uuid4())
        self.operator.ask(
            "POST",
            "/operator/calls",
            {
                "id": call_id,
                "channel": "phone",
                "caller_name": f"Contoh {caller}",
                "caller_phone": "+62890000000002",
                "place": {"lon": TOWN[0] + east, "lat": TOWN[1] + north},
                "note": f"Latihan: {note}",
                "speed_factor": PACE,
            },
        )
        self._calls.append(call_id)
        return call_id

    def case(self, call_id: str, triage: str, patients: int = 1) -> str:
        """Take the call and confirm it; return the incident's id."""
        self.operator.ask("POST", f"/operator/calls/{call_id}/take")
        opened = self.operator.ask(
            "POST", f"/operator/calls/{call_id}/incident", {"triage": triage, "patients": patients}
        )
        self._calls.remove(call_id)
        self._cases.append(opened["incident_id"])
        return str(opened["incident_id"])

    def run(self, incident_id: str, *steps: str, call_sign: str | None = None) -> str:
        """Send a unit, the nearest without an app unless one is named, and step it; return the run's id."""
        found = self.operator.ask("GET", f"/operator/incidents/{incident_id}/candidates")
        units = [candidate["unit"] for candidate in found["candidates"]]
        fits = [u for u in units if (u["call_sign"] == call_sign if call_sign else u["tracking"] == "manual")]
        if not fits:
            raise NotPossible(f"unit tidak siap / unit is not free: {call_sign or 'manual'}")
        sent = self.operator.ask(
            "POST",
            f"/operator/incidents/{incident_id}/assignments",
            {"unit_id": fits[0]["id"], "reason": "Latihan: gambar halaman"},
        )
        for step in steps:
            self.step(str(sent["id"]), step)
        return str(sent["id"])

    def free_app_unit(self) -> str:
        """Return the call sign of a unit with the app that nobody uses."""
        for unit in self.operator.ask("GET", "/operator/units"):
            if (
                unit["tracking"] == "app"
                and unit["status"] in ("available", "off_shift")
                and not unit["fix_age_s"]
            ):
                return str(unit["call_sign"])
        raise NotPossible("semua unit beraplikasi dipakai / every unit with the app is in use")

    def stand_down(self, run_id: str) -> None:
        """Call a unit off its run; its crew is not told by anybody here."""
        self.operator.ask("POST", f"/operator/assignments/{run_id}/stand-down", {"reason": "Latihan usai"})

    def unready(self) -> None:
        """Take a unit out of service that is to be back in a moment, and is not."""
        units = self.operator.ask("GET", "/operator/units")
        free = [u for u in units if u["tracking"] == "manual" and u["status"] == "available"]
        if not free:
            raise NotPossible("tidak ada unit siap / no unit is available")
        unit_id = str(free[-1]["id"])
        back = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
        self.operator.ask(
            "POST", f"/operator/units/{unit_id}/unavailability", {"reason": "fuel", "expected_until": back}
        )
        self._unready.append(unit_id)

    def step(self, run_id: str, to: str) -> None:
        """Move a run; its patients go to the demo account's facility, where a made-up nurse receives them."""
        body: dict[str, Any] = {"to": to}
        if to == "left_scene":
            body["facility_id"] = self.facility.ask("GET", "/facility/incoming")["facility_id"]
        if to == "handed_over":
            body |= {"receiver": NURSE, "room": "IGD 3"}
        self.operator.ask("POST", f"/operator/assignments/{run_id}/steps", body)

    def legs(self) -> dict[str, str]:
        """Return the leg of each run on its way to the facility, by run."""
        desk = self.facility.ask("GET", "/facility/incoming")
        return {run["assignment_id"]: run["leg_id"] for run in desk["incoming"]}

    def end(self) -> None:
        """Bring everything that was opened to its end."""
        for call_id in self._calls:
            self.operator.ask("POST", f"/operator/calls/{call_id}/take")
            self.operator.ask("POST", f"/operator/calls/{call_id}/disposal", {"disposal": "information"})
        for incident_id in self._cases:
            self._end_case(incident_id)
        for leg in self.facility.ask("GET", "/facility/incoming")["to_countersign"]:
            if leg["receiver_name"] == NURSE:
                self.facility.ask("POST", f"/facility/legs/{leg['leg_id']}/countersignature")
        for unit_id in self._unready:
            self.operator.ask("DELETE", f"/operator/units/{unit_id}/unavailability")
        self._calls, self._cases, self._unready = [], [], []

    def _case(self, incident_id: str) -> dict[str, Any]:
        file = self.operator.ask("GET", f"/operator/incidents/{incident_id}?reason=latihan")
        incident = file["incident"]
        assert isinstance(incident, dict)
        return incident

    def _end_case(self, incident_id: str) -> None:
        incident = self._case(incident_id)
        for first in incident["runs"]:
            run = first
            # an offer that nobody answered may have brought further units
            while run["released_at"] is None:
                step = next((to for to in _HOMEWARD if to in run["moves"]), None)
                if step is None or not run["legs"]:
                    self.stand_down(str(run["id"]))
                else:
                    self.step(run["id"], step)
                run = next(r for r in self._case(incident_id)["runs"] if r["id"] == run["id"])
        self._tell_crews(incident_id)
        if any(run["legs"] for run in incident["runs"]):
            self.operator.ask("POST", f"/operator/incidents/{incident_id}/closure")
        else:
            cancel = f"/operator/incidents/{incident_id}/cancellation"
            self.operator.ask("POST", cancel, {"reason": "not_needed"})

    def _tell_crews(self, incident_id: str) -> None:
        """Answer what crews were not told yet: the desk would be asked to phone them after the pictures."""
        for run in self._case(incident_id)["runs"]:
            for notice in run["notices"]:
                if notice["ended_at"] is None:
                    told = f"/operator/crew-calls/{notice['id']}"
                    self.operator.ask("POST", told, {"outcome": "reached"})
