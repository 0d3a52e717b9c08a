"""Accounts to try the system with, in training tenants only; their passwords lie in one private file."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from dispatch.domain.errors import Conflict
from dispatch.domain.roles import SYSTEM, Role
from dispatch.domain.unit import Tracking
from dispatch.services.centre import Centre
from dispatch.services.passwords import generate_password, hash_password
from dispatch.services.staff_accounts import NewStaff, StaffView, add_staff, list_staff, set_staff_password
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.unit import Unit

DRILL_DRIVER = "pengemudi-uji"
REHEARSAL_OPERATORS, REHEARSAL_DRIVERS, REHEARSAL_DESKS = 2, 40, 6
"""Accounts of the rehearsal; of drivers no more than there are tracked units."""
_CAUSE = "demo accounts"
_AT_ONCE = 8  # far fewer than connections: on a busy machine the last of many would wait too long for one


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account as the file holds it."""

    username: str
    role: str
    password: str
    display_name: str


async def make_demo_accounts(centre: Centre, path: Path) -> dict[str, list[DemoAccount]]:
    """See that every training tenant has its demo accounts and that `path` holds their passwords.

    Accounts whose password is known and that exist are left alone; missing ones are made again, and those
    whose password was lost get a new one. An account of that name which is no demo account is not touched.

    Raises:
        Conflict: the file holds something else; it is not overwritten.
    """
    known = _read(path)
    made: dict[str, list[DemoAccount]] = {}
    for entry in await centre.tenants.all():
        if entry.tenant.training:
            made[entry.tenant.slug] = await _accounts_of(centre, entry, known.get(entry.tenant.slug, []))
    # the file comes last: a password it names is one that works
    if made != known:
        _write(path, known | made)
    return made


async def _accounts_of(centre: Centre, entry: TenantEntry, known: list[DemoAccount]) -> list[DemoAccount]:
    passwords = {account.username: account.password for account in known}
    standing = {view.username: view for view in await list_staff(centre, entry)}
    groups = _group_passwords(passwords)
    wanted = [
        NewStaff(
            username,
            role,
            display_name,
            passwords.get(username) or groups.get(_group(username)) or generate_password(),
            facility,
            demo=True,
        )
        for username, role, display_name, facility in await _wanted(centre, entry)
        if username not in standing or standing[username].demo
    ]
    to_hash = [n for n in wanted if n.username not in standing or n.username not in passwords]
    hashes = await _group_hashes(new.password for new in to_hash)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ensure(new: NewStaff) -> None:
        async with gate:
            await _ensure(centre, entry, new, standing.get(new.username), new.username in passwords, hashes)

    await asyncio.gather(*map(ensure, wanted))
    return [DemoAccount(new.username, new.role.value, new.password, new.display_name) for new in wanted]


def _group(username: str) -> str:
    """The group an account of the rehearsal belongs to, empty for those of people."""
    return username.rpartition("-")[0] if username.startswith("latihan-") else ""


def _group_passwords(known: dict[str, str]) -> dict[str, str]:
    """One password for each group of the rehearsal's accounts.

    A program uses them all, out of one file: forty passwords would be as safe as one, and cost forty
    times 0.14 s of hashing at the first start.
    """
    found = {_group(username): password for username, password in known.items() if _group(username)}
    fresh = {name: generate_password() for name in ("latihan-operator", "latihan-awak", "latihan-faskes")}
    return fresh | found


async def _group_hashes(passwords: Iterable[str]) -> dict[str, str]:
    """Hash, once, each password that several accounts are about to get."""
    shared = [password for password, n in Counter(passwords).items() if n > 1]
    return dict(zip(shared, await asyncio.gather(*map(hash_password, shared)), strict=True))


async def _ensure(
    centre: Centre,
    entry: TenantEntry,
    new: NewStaff,
    standing: StaffView | None,
    password_known: bool,
    hashes: dict[str, str],
) -> None:
    password_hash = hashes.get(new.password)
    if standing is None:
        await add_staff(centre, entry, SYSTEM, new, cause=_CAUSE, password_hash=password_hash)
    elif not password_known:
        await set_staff_password(
            centre, entry, SYSTEM, new.username, new.password, cause=_CAUSE, password_hash=password_hash
        )


async def _wanted(centre: Centre, entry: TenantEntry) -> list[tuple[str, Role, str, str | None]]:
    accounts: list[tuple[str, Role, str, str | None]] = [
        ("operator1", Role.OPERATOR, "Operator Latihan 1", None),
        ("operator2", Role.OPERATOR, "Operator Latihan 2", None),
        ("pengemudi1", Role.DRIVER, "Pengemudi Latihan 1", None),
        ("pengemudi2", Role.DRIVER, "Pengemudi Latihan 2", None),
        ("pengemudi3", Role.DRIVER, "Pengemudi Latihan 3", None),
        (DRILL_DRIVER, Role.DRIVER, "Pengemudi Uji Coba", None),
        ("dinkes1", Role.HEALTH_OFFICE, "Petugas Dinkes Latihan 1", None),
        ("admin1", Role.ADMIN, "Admin Latihan 1", None),
    ]
    hospital = await _main_hospital(centre, entry)
    if hospital is not None:
        accounts.append(("faskes1", Role.FACILITY, "Petugas Faskes Latihan 1", hospital))
    return [*accounts, *await _of_the_rehearsal(centre, entry)]


async def _of_the_rehearsal(centre: Centre, entry: TenantEntry) -> list[tuple[str, Role, str, str | None]]:
    """The accounts that the rehearsal plays; people have their own, so that it is seen who acted."""
    tracked = select(func.count()).where(
        Unit.regency_id == entry.tenant.id, Unit.active, Unit.tracking == Tracking.APP.value
    )
    async with centre.read(entry.tenant) as tx:
        crews = min((await tx.session.execute(tracked)).scalar_one(), REHEARSAL_DRIVERS)
    desks = await _receiving(centre, entry, REHEARSAL_DESKS)
    return [
        *(
            (f"latihan-operator-{n}", Role.OPERATOR, f"Operator Gladi {n}", None)
            for n in range(1, REHEARSAL_OPERATORS + 1)
        ),
        *((f"latihan-awak-{n:02d}", Role.DRIVER, f"Awak Gladi {n:02d}", None) for n in range(1, crews + 1)),
        *(
            (f"latihan-faskes-{n}", Role.FACILITY, f"Faskes Gladi {n}", code)
            for n, code in enumerate(desks, start=1)
        ),
    ]


async def _main_hospital(centre: Centre, entry: TenantEntry) -> str | None:
    """The regency's own hospital (RSUD), else the first facility by code."""
    return next(iter(await _receiving(centre, entry, 1)), None)


async def _receiving(centre: Centre, entry: TenantEntry, many: int) -> list[str]:
    """The facilities that receive most, by code: the regency's own hospital (RSUD), others, the rest."""
    query = (
        select(Facility.code)
        .where(Facility.regency_id == entry.tenant.id, Facility.active)
        .order_by(Facility.name.ilike("RSUD%").desc(), (Facility.kind == "hospital").desc(), Facility.code)
        .limit(many)
    )
    async with centre.read(entry.tenant) as tx:
        return list((await tx.session.execute(query)).scalars())


def _read(path: Path) -> dict[str, list[DemoAccount]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {slug: [DemoAccount(**row) for row in rows] for slug, rows in content.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as broken:
        raise Conflict(
            f"Berkas {path} tidak berisi akun latihan; pindahkan atau hapus, lalu ulangi",
            f"The file {path} does not hold training accounts; move or delete it, then try again",
        ) from broken


def _write(path: Path, accounts: dict[str, list[DemoAccount]]) -> None:
    """Replace the file in one step; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    text = json.dumps({slug: [asdict(a) for a in rows] for slug, rows in accounts.items()}, indent=2)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
