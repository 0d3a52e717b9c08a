"""Before a rehearsal: the tenant is a training one, the accounts are there, and everybody has a part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from registry.population import from_bundle
from rehearsal import shapes
from rehearsal.casebook import CallNote, Casebook
from rehearsal.cast import OWN, Accounts
from rehearsal.client import Client, Connection
from rehearsal.ensemble import Ensemble, PlayWishes, all_facilities
from rehearsal.findings import NotPossible
from rehearsal.logbook import Logbook, persist
from rehearsal.outline import read_outlines
from rehearsal.pace import Pace
from rehearsal.patrol import Patrol
from rehearsal.player import Player
from rehearsal.roster import read_roster
from rehearsal.scenario import Script

OPERATORS, DRIVERS, DESKS = f"{OWN}operator-", f"{OWN}awak-", f"{OWN}faskes-"
"""How the user names of the rehearsal's own accounts begin."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, and the board as it was when they came. `listener` follows the event feed."""

    ensemble: Ensemble
    script: Script
    operators: list[Player]
    listener: Player
    desks: dict[str, Player]
    patrols: list[Patrol]
    board: shapes.Board


async def training_tenant(connection: Connection, regency: str) -> shapes.Tenant:
    """Return the training tenant of this name.

    Raises:
        NotPossible: there is none, or it is a live one.
    """
    tenants = {tenant.slug: tenant for tenant in await persist(Client(connection).tenants)}
    if regency not in tenants:
        raise NotPossible(
            f"tidak ada regency {regency}: jalankan 'dispatch regency load', lalu 'dispatch demo-accounts'",
            f"there is no tenant {regency}: run 'dispatch regency load', then 'dispatch demo-accounts'",
        )
    if not tenants[regency].training:
        raise NotPossible(
            f"{regency} adalah regency nyata: gladi hanya di regency latihan ({regency}-latihan)",
            f"{regency} is a live tenant: rehearsals are for training tenants ({regency}-latihan)",
        )
    return tenants[regency]


def own_accounts(accounts: Accounts, role: str, prefix: str) -> list[str]:
    """Return the user names of one part, in order.

    Raises:
        NotPossible: there are none.
    """
    found = sorted(a.username for a in accounts.of_role(role) if a.username.startswith(prefix))
    if not found:
        raise NotPossible(
            f"{accounts.path} tidak memuat akun {prefix}*: jalankan 'dispatch demo-accounts'",
            f"{accounts.path} holds no account {prefix}*: run 'dispatch demo-accounts'",
        )
    return found


async def gather(connection: Connection, wishes: PlayWishes, folder: Path) -> Cast:
    """Sign everybody in who is there from the beginning, and hand out the parts.

    Raises:
        NotPossible: the rehearsal cannot be played here.
    """
    tenant = await training_tenant(connection, wishes.regency)
    accounts = Accounts(wishes.accounts, wishes.regency)
    by_name = {a.username: a for role in ("operator", "driver", "facility") for a in accounts.of_role(role)}

    def players(role: str, prefix: str) -> list[Player]:
        return [
            Player(connection, wishes.regency, by_name[name]) for name in own_accounts(accounts, role, prefix)
        ]

    operators, drivers = players("operator", OPERATORS), players("driver", DRIVERS)
    desks = players("facility", DESKS)
    for player in (*operators, *desks):
        await persist(player.sign_in)
    listener = operators[0]
    board = await persist(listener.operator.board)
    villages = read_outlines(wishes.bundle)
    anywhere = next(iter(villages.values())).middle
    log = Logbook(folder)
    ensemble = Ensemble(
        wishes=wishes,
        connection=connection,
        pace=Pace(wishes.speed, ZoneInfo(tenant.timezone)),
        log=log,
        casebook=_casebook(board, [*operators, *desks]),
        villages=villages,
        facilities=await persist(lambda: all_facilities(listener.client, anywhere)),
    )
    script = Script(wishes.seed, wishes.rate, wishes.curve, from_bundle([wishes.bundle]), villages)
    tracked = sorted((u for u in board.units if u.tracking == "app"), key=lambda u: u.call_sign)
    many = min(wishes.crews, len(drivers), len(tracked))
    roster = read_roster(wishes.bundle, wishes.seed, many, len(tracked))
    patrols = [
        Patrol(ensemble, driver, number, unit, roster)
        for number, (driver, unit) in enumerate(zip(drivers[:many], tracked, strict=False))
    ]
    by_facility = {str((await persist(p.facility.desk)).facility_id): p for p in desks}
    return Cast(ensemble, script, operators[: wishes.operators], listener, by_facility, patrols, board)


def _casebook(board: shapes.Board, players: list[Player]) -> Casebook:
    """A casebook that begins with the calls on the board; cases found there are not ours to play."""
    book = Casebook(player.by for player in players)
    book.seq = board.seq
    for call in board.calls:
        book.calls[str(call.id)] = CallNote(str(call.id), "", call.state, call.place)
    return book
