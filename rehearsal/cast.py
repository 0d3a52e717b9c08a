"""Who plays: the training accounts, a driver nobody else plays, and a resident whom the registry knows."""

from __future__ import annotations

import fcntl
import json
import random
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from registry.population import Population, SyntheticResident
from rehearsal.findings import NotPossible

OWN = "latihan-"
"""How the names of accounts begin that the rehearsal plays, and nobody else."""
DRILL_DRIVER = "pengemudi-uji"
"""The account kept for rehearsals; further drivers are borrowed when several run at once."""
_ADULT_YEARS = 18


@dataclass(frozen=True, slots=True)
class Account:
    """One training account."""

    username: str
    role: str
    password: str
    display_name: str


class Accounts:
    """The training accounts of one tenant, from the private file that the system keeps."""

    def __init__(self, path: Path, regency: str) -> None:
        """Raises NotPossible when the file cannot be read or holds no account of this tenant."""
        self.path = path
        self.regency = regency
        try:
            rows = json.loads(path.read_text(encoding="utf-8")).get(regency)
            self._accounts = [Account(**row) for row in rows or []]
        except (OSError, ValueError, TypeError, AttributeError) as broken:
            raise NotPossible(
                f"berkas akun {path} tidak terbaca: jalankan 'make run', atau pakai --accounts",
                f"{path} cannot be read: start with 'make run', or use --accounts ({broken})",
            ) from broken
        if not self._accounts:
            raise NotPossible(
                f"{path} tidak memuat akun latihan {regency}: jalankan 'dispatch demo-accounts'",
                f"{path} holds no training account of {regency}: run 'dispatch demo-accounts'",
            )

    def of_role(self, role: str) -> list[Account]:
        """Return the accounts of one role, in the file's order."""
        return [account for account in self._accounts if account.role == role]

    def one(self, role: str) -> Account:
        """Return the first account of one role.

        Raises:
            NotPossible: there is none.
        """
        found = self.of_role(role)
        if not found:
            raise NotPossible(
                f"{self.path} tidak memuat akun {role}", f"{self.path} holds no account of role {role}"
            )
        return found[0]

    def drivers(self) -> Iterator[tuple[Account, DriverClaim]]:
        """Yield the drivers that no other rehearsal on this machine plays, the one kept for rehearsals first.

        Each comes claimed; who does not want it releases the claim.
        """
        drivers = [account for account in self.of_role("driver") if not account.username.startswith(OWN)]
        for account in sorted(drivers, key=lambda a: (a.username != DRILL_DRIVER, a.username)):
            claim = DriverClaim(self.path.with_name(f".drill-{self.regency}-{account.username}.lock"))
            if claim.held:
                yield account, claim


class DriverClaim:
    """A driver for us alone as long as this process lives: the kernel lets go when it dies."""

    def __init__(self, path: Path) -> None:
        self._file: IO[Any] | None = path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()

    @property
    def held(self) -> bool:
        """Whether the driver is ours."""
        return self._file is not None

    def release(self) -> None:
        """Let go. Twice is harmless."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None


def adults(people: Population, dice: random.Random) -> Iterator[SyntheticResident]:
    """Yield grown-up people in a random order that the dice decide, each once."""
    today = datetime.now(UTC).date()
    grown_up_since = today.replace(year=today.year - _ADULT_YEARS, day=1)
    for number in dice.sample(range(len(people)), len(people)):
        person = people.person(number)
        if person.birth_date < grown_up_since:
            yield person


def registration(person: SyntheticResident, regency: str, password: str) -> dict[str, Any]:
    """Return what the person gives to register."""
    return {
        "regency": regency,
        "name": person.name,
        "address": f"{person.address}, RT {person.rt} RW {person.rw}, {person.village}, {person.district}",
        "email": person.email,
        "phone": person.phone,
        "nik": person.nik,
        "password": password,
    }


def new_password() -> str:
    """Return a password for the resident; nobody needs it after the rehearsal."""
    return secrets.token_urlsafe(18)
