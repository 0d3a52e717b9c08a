"""Who may do what, for every route there is: no session 401, the wrong role 403, another's things hidden."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from api_scene import TOWN, Api, Client, problem

from dispatch.domain.roles import Role

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED: dict[str, set[Role]] = {
    "operators": {Role.OPERATOR, Role.ADMIN},
    "replay": {Role.OPERATOR, Role.ADMIN, Role.AUDITOR, Role.HEALTH_OFFICE},
    "facilities": {Role.FACILITY, Role.OPERATOR},
    "health office": {Role.HEALTH_OFFICE, Role.AUDITOR, Role.ADMIN},
    "residents": set(),
    "crews": {Role.DRIVER},
}
USERS = {
    "operator1": Role.OPERATOR,
    "admin1": Role.ADMIN,
    "dinkes1": Role.HEALTH_OFFICE,
    "auditor1": Role.AUDITOR,
    "pengemudi1": Role.DRIVER,
    "faskes1": Role.FACILITY,
}


def guarded(api: Api) -> list[tuple[str, str, str]]:
    """Return method, path and tag of every route that needs a session."""
    found = []
    for path, operations in api.app.openapi()["paths"].items():
        for method, operation in operations.items():
            if "security" in operation:
                filled = path.removeprefix("/api/v1")
                for name in (p["name"] for p in operation.get("parameters", []) if p["in"] == "path"):
                    filled = filled.replace(f"{{{name}}}", str(uuid4()))
                found.append((method.upper(), filled, operation["tags"][0]))
    assert len(found) > 40
    return found


async def ask(client: Client, method: str, path: str) -> Any:
    return await client._ask(method, path)


async def test_every_guarded_route_wants_a_session(api: Api) -> None:
    for token in (None, "", "not-a-token"):
        for method, path, _ in guarded(api):
            answer = await ask(api.signed_in(token or ""), method, path)
            problem(answer, 401, "not_signed_in")
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("username", USERS)
async def test_staff_are_kept_to_their_role(api: Api, username: str) -> None:
    client = api.staff(username)
    for method, path, tag in guarded(api):
        if tag in ALLOWED and USERS[username] not in ALLOWED[tag]:
            problem(await ask(client, method, path), 403, "forbidden")


async def test_residents_are_kept_to_their_own(api: Api) -> None:
    client = await api.resident(11)
    for method, path, tag in guarded(api):
        if tag in ALLOWED and tag != "residents":
            problem(await ask(client, method, path), 403, "forbidden")


async def test_a_resident_cannot_touch_another_s_call(api: Api) -> None:
    owner, other = await api.resident(12), await api.resident(13)
    call_id = str(uuid4())
    assert (await owner.post("/calls", {"id": call_id, "place": TOWN})).status_code == 201
    problem(await other.get(f"/calls/{call_id}"), 403, "forbidden")
    problem(await other.put(f"/calls/{call_id}/place", TOWN), 403, "forbidden")
    problem(await other.post(f"/calls/{call_id}/cancellation"), 403, "forbidden")
    assert (await other.get("/calls")).json() == []
    assert (await owner.get(f"/calls/{call_id}")).json()["state"] == "ringing"


async def test_the_session_of_another_kind_of_scheme_is_none(api: Api) -> None:
    answer = await api.client.get("/api/v1/calls", headers={"Authorization": "Basic dXNlcjpwYXNz"})
    problem(answer, 401, "not_signed_in")
