"""Keeps the authority and the server certificate of one deployment in its secrets, and fresh."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from dispatch.settings import Settings
from dispatch.tls.authority import (
    Authority,
    fingerprint,
    make_authority,
    names_in,
    sign_server,
    split_by_right,
)
from dispatch.tls.errors import TlsError
from dispatch.tls.machine import Names, names_of_machine, read_names

RENEW_BEFORE = timedelta(days=30)
"""A server certificate with less than this left is replaced."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there now.

    names: those of this machine now; the certificate may hold older ones, too. uncovered: names that the
    authority may not sign for. renewed: the server certificate is a new one.
    """

    authority: x509.Certificate
    server: x509.Certificate
    names: Names
    uncovered: Names
    renewed: bool

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate."""
        return fingerprint(self.authority)


class TlsFolder:
    """The folder `secrets/tls` of a run folder.

    authority.key and authority.crt stay what they are: phones trust them. server.pem (key and certificate in
    one file, so that they change together) is replaced when it is about to expire, or does not name every
    address of this machine.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        machine: Callable[[], Names] = names_of_machine,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Touch nothing yet; `machine` says the names of this machine, `now` the time."""
        self.path = run_dir.absolute() / "secrets" / "tls"
        self.authority_key = self.path / "authority.key"
        self.authority_certificate = self.path / "authority.crt"
        self.server = self.path / "server.pem"
        self._names = self.path / "names"
        self._machine = machine
        self._now = now

    @property
    def made(self) -> bool:
        """Whether there is an authority."""
        return self.authority_certificate.exists()

    def ensure(
        self, more: list[str] | None = None, *, renew: bool = False, new_authority: bool = False
    ) -> Standing:
        """Make what is missing, replace a server certificate that is stale, and tell what is there.

        more: further names to be kept from now on. renew: replace the server certificate in any case.
        new_authority: replace the authority, too; no phone trusts us then until it has enrolled again.

        Raises:
            TlsError: a name cannot be signed for, or the authority is damaged, half there or has expired.
        """
        for folder in (*reversed(self.path.parents[:2]), self.path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            given = read_names([*self._kept_names(), *(more or [])])
            machine = self._machine()
            known = self.made and not new_authority
            authority = self._authority() if known else self._make_authority(given.joined(machine))
            refused = split_by_right(authority.certificate, given)[1].hosts
            if refused:
                raise TlsError(
                    f"CA ini tidak boleh menandatangani {', '.join(refused)}. Buat CA baru dengan "
                    "--new-authority; semua ponsel harus mendaftar lagi",
                    f"this authority may not sign for {', '.join(refused)}. Make a new one with "
                    "--new-authority; every phone has to enrol again",
                )
            if more:
                _write(self._names, "".join(f"{host}\n" for host in given.hosts).encode(), 0o600)
            wanted, uncovered = split_by_right(authority.certificate, machine.joined(given))
            renewed = renew or self._is_stale(authority, wanted)
            if renewed:
                self._write_server(authority, wanted)
            return Standing(authority.certificate, _certificate(self.server), wanted, uncovered, renewed)

    def wanted(self) -> Names:
        """Return the names of this machine now, and the kept ones, where the authority may sign for them."""
        names = self._machine().joined(read_names(self._kept_names()))
        return split_by_right(_certificate(self.authority_certificate), names)[0]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.path / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _kept_names(self) -> list[str]:
        return self._names.read_text().split() if self._names.exists() else []

    def _make_authority(self, names: Names) -> Authority:
        authority = make_authority(socket.gethostname().partition(".")[0].lower(), names, self._now())
        _write(self.authority_key, _pem(authority.key), 0o600)
        _write(self.authority_certificate, authority.certificate.public_bytes(Encoding.PEM), 0o644)
        return authority

    def _authority(self) -> Authority:
        certificate = _certificate(self.authority_certificate)
        try:
            key = load_pem_private_key(self.authority_key.read_bytes(), None)
        except (FileNotFoundError, ValueError, TypeError) as damaged:
            raise _damaged(self.authority_key) from damaged
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise _damaged(self.authority_key)
        if certificate.not_valid_after_utc <= self._now():
            raise TlsError(
                f"CA sudah berakhir ({certificate.not_valid_after_utc:%Y-%m-%d}). Buat yang baru dengan "
                "'dispatch tls make --new-authority'; semua ponsel harus mendaftar lagi",
                f"the authority has expired ({certificate.not_valid_after_utc:%Y-%m-%d}). Make a new one "
                "with "
                "'dispatch tls make --new-authority'; every phone has to enrol again",
            )
        return Authority(key, certificate)

    def _is_stale(self, authority: Authority, wanted: Names) -> bool:
        if not self.server.exists():
            return True
        server = _certificate(self.server)
        # one that was cut short by the authority's own end cannot be made longer
        ends = server.not_valid_after_utc
        ends_soon = ends - self._now() < RENEW_BEFORE and ends < authority.certificate.not_valid_after_utc
        return (
            ends_soon
            or not _signed_by(authority.certificate, server)
            or bool(set(wanted.hosts) - set(names_in(server).hosts))
        )

    def _write_server(self, authority: Authority, names: Names) -> None:
        key, certificate = sign_server(authority, names, self._now())
        _write(self.server, _pem(key) + certificate.public_bytes(Encoding.PEM), 0o600)


def folder_of(settings: Settings) -> TlsFolder:
    """Return the folder of a deployment."""
    return TlsFolder(settings.run_dir, machine=partial(names_of_machine, settings.tls_host))


def _damaged(path: Path) -> TlsError:
    return TlsError(
        f"{path} hilang, rusak atau bukan pasangan sertifikatnya: kembalikan dari cadangan, atau buat CA "
        "baru "
        "dengan 'dispatch tls make --new-authority'",
        f"{path} is missing, damaged or does not belong to its certificate: restore it from your backup, or "
        "make a new authority with 'dispatch tls make --new-authority'",
    )


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (FileNotFoundError, ValueError) as damaged:
        raise _damaged(path) from damaged


def _signed_by(authority: x509.Certificate, server: x509.Certificate) -> bool:
    try:
        server.verify_directly_issued_by(authority)
    except (ValueError, InvalidSignature):
        return False
    return True


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that is there whole or not at all, with its mode from the first byte on."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
