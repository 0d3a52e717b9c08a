"""Who takes part: residents who register, and the training accounts of operators and drivers."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from chaos.door import Door
from chaos.ledger import Ledger
from chaos.resident import TOWN
from chaos.stage import REGENCY, Stage

OPERATORS, RESIDENTS, CREWS = 3, 4, 6


@dataclass(frozen=True, slots=True)
class Player:
    """Somebody who is signed in."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, and the units that the drivers board and their phones' installations, in the drivers' order.

    A phone is the same in all trials: a second one aboard would have to wait for the marker.
    """

    operators: list[Player]
    drivers: list[Player]
    residents: list[Player]
    units: list[dict[str, Any]]
    phones: list[str]


async def sign_in(stage: Stage) -> Cast:
    """Sign everybody in. Sessions outlive whatever happens to the system."""
    async with Door(stage.address(), Ledger()) as door:

        async def staff(account: dict[str, str]) -> Player:
            body = {"regency": REGENCY, "username": account["username"], "password": account["password"]}
            signed_in = await door.ask("sign in", "POST", "/sessions/staff", body)
            return Player(account["username"], signed_in["session"]["token"])

        async def resident(number: int) -> Player:
            registered = await door.ask("register", "POST", "/residents", _made_up(number))
            return Player(f"warga {number}", registered["session"]["token"])

        first = random.randrange(10_000)
        operators = await asyncio.gather(*map(staff, stage.accounts("operator")[:OPERATORS]))
        drivers = await asyncio.gather(*map(staff, stage.accounts("driver")[-CREWS:]))
        residents = await asyncio.gather(*map(resident, range(first, first + RESIDENTS)))
        door.token = operators[0].token
        units = await door.ask("units", "GET", "/operator/units")
    tracked = sorted((unit for unit in units if unit["tracking"] == "app"), key=_from_town)
    return Cast(operators, drivers, residents, tracked[:CREWS], [str(uuid4()) for _ in range(CREWS)])


def _from_town(unit: dict[str, Any]) -> float:
    return float((unit["lon"] - TOWN[0]) ** 2 + (unit["lat"] - TOWN[1]) ** 2)


def _made_up(number: int) -> dict[str, str]:
    return {
        "regency": REGENCY,
        "name": f"Warga Uji {number}",
        "address": "Jl. Contoh 1",
        "email": f"warga{number}@example.com",
        "phone": f"0812000{number:05d}",
        "nik": f"321401010190{number:04d}",
    }
