"""The public HTTP API as each of its users calls it, with typed answers."""

from __future__ import annotations

from datetime import date
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

import httpx
import msgspec

from rehearsal import desks, shapes
from rehearsal.findings import Mismatch, Refused

Shape = TypeVar("Shape")
_TIMEOUT_S = 20.0


class Connection:
    """One connection pool to a running system; use as an async context manager."""

    def __init__(self, address: str) -> None:
        """`address` is the server's base address, like `http://127.0.0.1:8000`."""
        self.address = address.rstrip("/")
        # the system under rehearsal is reached directly, whatever proxies this machine has
        self._http = httpx.AsyncClient(base_url=self.address, timeout=_TIMEOUT_S, trust_env=False)

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @property
    def sockets(self) -> str:
        """The base address of the WebSockets."""
        return f"ws{self.address.removeprefix('http')}"

    async def send(
        self,
        method: str,
        path: str,
        token: str | None,
        body: Any = None,
        params: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """Send one request and return the answer.

        Raises:
            Refused: the answer is no success.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        answer = await self._http.request(method, path, headers=headers, content=content, params=params)
        if not answer.is_success:
            raise Refused(f"{method} {path}", answer.status_code, _problem(answer))
        return answer


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {"detail": answer.text[:300]}
    return document if isinstance(document, dict) else {"detail": str(document)[:300]}


class Client:
    """One user of the API; without a token, the public part of it."""

    def __init__(self, connection: Connection, token: str | None = None) -> None:
        self.connection = connection
        self.token = token

    async def ask(
        self,
        shape: type[Shape],
        method: str,
        path: str,
        body: Any = None,
        *,
        params: dict[str, Any] | None = None,
        status: int | None = None,
    ) -> Shape:
        """Send a request below `/api/v1` and read the answer in its shape; `status` demands this very one."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        answer = await self.connection.send(method, f"/api/v1{path}", self.token, body, given)
        if status is not None and answer.status_code != status:
            raise Mismatch(f"status of {method} {path}", status, answer.status_code)
        return msgspec.json.decode(answer.content, type=shape)

    async def tell(self, method: str, path: str, body: Any = None) -> None:
        """Send a request below `/api/v1` whose answer does not matter."""
        await self.connection.send(method, f"/api/v1{path}", self.token, body)

    async def health(self) -> dict[str, Any]:
        """Return what the system says of its own state."""
        return msgspec.json.decode((await self.connection.send("GET", "/health", None)).content, type=dict)

    async def tenants(self) -> list[shapes.Tenant]:
        """Return the regencies of the deployment."""
        return await self.ask(list[shapes.Tenant], "GET", "/tenants")

    async def sign_in_staff(self, regency: str, username: str, password: str) -> shapes.SignedIn:
        """Sign a staff user in."""
        body = {"regency": regency, "username": username, "password": password, "device": "rehearsal"}
        return await self.ask(shapes.SignedIn, "POST", "/sessions/staff", body, status=201)

    async def sign_in_resident(self, regency: str, login: str, password: str) -> shapes.SignedIn:
        """Sign a resident in by phone number or e-mail address."""
        body = {"regency": regency, "login": login, "password": password, "device": "rehearsal"}
        return await self.ask(shapes.SignedIn, "POST", "/sessions/residents", body, status=201)

    async def register(self, person: dict[str, Any]) -> shapes.Registered:
        """Register a resident."""
        return await self.ask(shapes.Registered, "POST", "/residents", person, status=201)

    async def sign_out(self) -> None:
        """End this session."""
        await self.tell("DELETE", "/sessions/current")

    async def facilities(
        self, place: shapes.Place, kind: str | None = None, capability: str | None = None
    ) -> list[shapes.Facility]:
        """Return facilities by road minutes from a place."""
        query = {"lon": place.lon, "lat": place.lat, "kind": kind, "capability": capability}
        return (await self.ask(shapes.Facilities, "GET", "/facilities", params=query)).facilities

    async def route(self, origin: shapes.Place, target: shapes.Place) -> shapes.Route:
        """Return the fastest way by road."""
        query = {
            "from_lon": origin.lon,
            "from_lat": origin.lat,
            "to_lon": target.lon,
            "to_lat": target.lat,
        }
        return await self.ask(shapes.Route, "GET", "/route", params=query)


class ResidentClient(Client):
    """A resident's page."""

    async def call(self, request: dict[str, Any], *, repeated: bool = False) -> shapes.Receipt:
        """Ask for help; a repeat of the same request answers 200 in place of 201."""
        return await self.ask(shapes.Receipt, "POST", "/calls", request, status=200 if repeated else 201)

    async def place(self, call_id: UUID, place: shapes.Place, accuracy_m: float) -> shapes.Placement:
        """Say where help is needed."""
        body = {"lon": place.lon, "lat": place.lat, "accuracy_m": accuracy_m}
        return await self.ask(shapes.Placement, "PUT", f"/calls/{call_id}/place", body)

    async def status(self, call_id: UUID) -> shapes.CallStatus:
        """Return how the call stands."""
        return await self.ask(shapes.CallStatus, "GET", f"/calls/{call_id}")

    async def cancel(self, call_id: UUID) -> None:
        """Take the call back."""
        await self.tell("POST", f"/calls/{call_id}/cancellation")


class OperatorClient(Client):
    """The operator's console."""

    async def board(self) -> shapes.Board:
        """Return everything open."""
        return await self.ask(shapes.Board, "GET", "/operator/board")

    async def units(self) -> list[shapes.Unit]:
        """Return all units."""
        return await self.ask(list[shapes.Unit], "GET", "/operator/units")

    async def unit(self, unit_id: UUID) -> shapes.Unit:
        """Return one unit of the list.

        Raises:
            Mismatch: it is not there.
        """
        found = [unit for unit in await self.units() if unit.id == unit_id]
        if not found:
            raise Mismatch("the list of units", f"unit {unit_id}", "not listed")
        return found[0]

    async def enter_call(self, request: dict[str, Any]) -> shapes.Receipt:
        """Enter the call of somebody without an account."""
        return await self.ask(shapes.Receipt, "POST", "/operator/calls", request, status=201)

    async def call_file(self, call_id: UUID, reason: str) -> shapes.CallFile:
        """Open a call with its caller."""
        return await self.ask(shapes.CallFile, "GET", f"/operator/calls/{call_id}", params={"reason": reason})

    async def take(self, call_id: UUID) -> None:
        """Take a ringing call."""
        await self.tell("POST", f"/operator/calls/{call_id}/take")

    async def call_back(self, call_id: UUID, outcome: str, note: str) -> None:
        """Record an attempt to call back."""
        await self.tell("POST", f"/operator/calls/{call_id}/callbacks", {"outcome": outcome, "note": note})

    async def locate(self, call_id: UUID, place: shapes.Place) -> shapes.Placement:
        """Put a call where its caller says to be."""
        body = {"lon": place.lon, "lat": place.lat}
        return await self.ask(shapes.Placement, "PUT", f"/operator/calls/{call_id}/place", body)

    async def link(self, call_id: UUID, incident_id: UUID) -> None:
        """Link a further call to its incident."""
        await self.tell("POST", f"/operator/calls/{call_id}/link", {"incident_id": incident_id})

    async def dispose(self, call_id: UUID, disposal: str) -> None:
        """End a call that leads to no incident."""
        await self.tell("POST", f"/operator/calls/{call_id}/disposal", {"disposal": disposal})

    async def open_incident(self, call_id: UUID, judgement: dict[str, Any]) -> shapes.IncidentOpened:
        """Make the call's incident."""
        path = f"/operator/calls/{call_id}/incident"
        return await self.ask(shapes.IncidentOpened, "POST", path, judgement, status=201)

    async def case(self, incident_id: UUID, reason: str) -> shapes.CaseFile:
        """Open a case in full."""
        path = f"/operator/incidents/{incident_id}"
        return await self.ask(shapes.CaseFile, "GET", path, params={"reason": reason})

    async def candidates(self, incident_id: UUID) -> shapes.Ranking:
        """Rank all units for an incident."""
        return await self.ask(shapes.Ranking, "GET", f"/operator/incidents/{incident_id}/candidates")

    async def candidates_for(self, place: shapes.Place, triage: str) -> shapes.Ranking:
        """Rank all units for a place."""
        query = {"lon": place.lon, "lat": place.lat, "triage": triage}
        return await self.ask(shapes.Ranking, "GET", "/operator/candidates", params=query)

    async def send(self, incident_id: UUID, unit_id: UUID, reason: str | None) -> shapes.Assignment:
        """Send a unit."""
        path = f"/operator/incidents/{incident_id}/assignments"
        body = {"unit_id": unit_id, "reason": reason}
        return await self.ask(shapes.Assignment, "POST", path, body)

    async def send_if_free(
        self, incident_id: UUID, unit_id: UUID, reason: str | None
    ) -> shapes.Assignment | None:
        """Send a unit; None when another case has taken it meanwhile, or it went off shift."""
        try:
            return await self.send(incident_id, unit_id, reason)
        except Refused as refused:
            if refused.code in ("unit_taken", "unit_not_available"):
                return None
            raise

    async def step(self, assignment_id: UUID, to: str, **fields: Any) -> shapes.StepTaken:
        """Step a run for its crew."""
        path = f"/operator/assignments/{assignment_id}/steps"
        return await self.ask(shapes.StepTaken, "POST", path, {"to": to, **fields})

    async def stand_down(self, assignment_id: UUID, reason: str) -> None:
        """Stand a unit down."""
        await self.tell("POST", f"/operator/assignments/{assignment_id}/stand-down", {"reason": reason})

    async def close(self, incident_id: UUID) -> shapes.IncidentEnded:
        """Close an incident."""
        return await self.ask(shapes.IncidentEnded, "POST", f"/operator/incidents/{incident_id}/closure")

    async def cancel(self, incident_id: UUID, reason: str) -> shapes.IncidentEnded:
        """Cancel an incident."""
        path = f"/operator/incidents/{incident_id}/cancellation"
        return await self.ask(shapes.IncidentEnded, "POST", path, {"reason": reason})

    async def events(self, after: int, limit: int = 500) -> list[shapes.Event]:
        """Return the events that follow a sequence number."""
        query = {"after": after, "limit": limit}
        return await self.ask(list[shapes.Event], "GET", "/operator/events", params=query)


class FacilityClient(Client):
    """The desk of a receiving facility."""

    async def desk(self, facility_id: UUID | None = None) -> desks.FacilityDesk:
        """Return who is coming, and what waits for a countersignature; an operator names the facility."""
        query = {"facility_id": facility_id}
        return await self.ask(desks.FacilityDesk, "GET", "/facility/incoming", params=query)

    async def accept(self, leg_id: UUID, bed: str) -> desks.LegAnswer:
        """Take the patients and name a bed."""
        path = f"/facility/legs/{leg_id}/acceptance"
        return await self.ask(desks.LegAnswer, "POST", path, {"bed": bed})

    async def refuse(self, leg_id: UUID, reason: str) -> desks.LegAnswer:
        """Say that the patients cannot be taken."""
        path = f"/facility/legs/{leg_id}/refusal"
        return await self.ask(desks.LegAnswer, "POST", path, {"reason": reason})

    async def countersign(self, leg_id: UUID) -> desks.LegAnswer:
        """Confirm the handover."""
        return await self.ask(desks.LegAnswer, "POST", f"/facility/legs/{leg_id}/countersignature")


class OfficeClient(Client):
    """The health office."""

    async def report(self, day: date, until: date | None = None) -> desks.Report:
        """Return the report on response times of one local day, or of all days until another one."""
        query = {"from": day.isoformat(), "to": (until or day).isoformat()}
        return await self.ask(desks.Report, "GET", "/reports/response-times", params=query)

    async def report_csv(self, day: date) -> str:
        """Return the same report as CSV."""
        query = {"from": day.isoformat(), "to": day.isoformat(), "format": "csv"}
        answer = await self.connection.send("GET", "/api/v1/reports/response-times", self.token, params=query)
        return answer.text
