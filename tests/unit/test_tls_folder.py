"""The authority and its certificates: what they are good for, when they are replaced, and what is refused."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from dispatch.tls.authority import SERVER_DAYS, Authority, make_authority, names_in, sign_server
from dispatch.tls.errors import TlsError
from dispatch.tls.folder import TlsFolder
from dispatch.tls.given import check_given
from dispatch.tls.machine import Names, names_of_machine, read_names

NOW = datetime.now(UTC)
ADDRESS = ipaddress.ip_address("192.168.7.20")
LOOPBACK = ipaddress.ip_address("127.0.0.1")
NAMES = Names(("ambulans", "ambulans.local", "localhost"), (ADDRESS, LOOPBACK))
PEM_KEY = (Encoding.PEM, PrivateFormat.PKCS8)


@dataclass
class Machine:
    """A machine whose clock and addresses the test sets."""

    folder: Path
    now: datetime = NOW
    names: Names = NAMES

    def tls(self) -> TlsFolder:
        return TlsFolder(self.folder, machine=lambda: self.names, now=lambda: self.now)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "run")


def greets(folder: TlsFolder, host: str, authority: x509.Certificate | None = None) -> None:
    """One real handshake over loopback, checked as a browser checks it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder.server)
    trusted = authority or x509.load_pem_x509_certificate(folder.authority_certificate.read_bytes())
    client = ssl.create_default_context(cadata=trusted.public_bytes(Encoding.PEM).decode())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(incoming, outgoing, server_hostname=host)
    right = server.wrap_bio(outgoing, incoming, server_side=True)
    for _ in range(4):
        for side in (left, right):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert left.version() in ("TLSv1.2", "TLSv1.3")


def test_what_is_made(machine: Machine) -> None:
    folder = machine.tls()
    standing = folder.ensure()
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.path.iterdir()}
    assert modes["authority.key"] == modes["server.pem"] == 0o600
    assert {path.stat().st_mode & 0o777 for path in (folder.path, folder.path.parent)} == {0o700}
    server = standing.server
    assert names_in(server) == machine.names
    assert server.not_valid_after_utc - server.not_valid_before_utc == timedelta(days=SERVER_DAYS)
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert standing.authority.not_valid_after_utc - NOW > timedelta(days=3640)
    limits = standing.authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (limits.critical, limits.value) == (True, x509.BasicConstraints(ca=True, path_length=0))
    for host in ("192.168.7.20", "ambulans.local", "localhost", "127.0.0.1"):
        greets(folder, host)
    with pytest.raises(ssl.SSLCertVerificationError):
        greets(folder, "192.168.7.21")


def test_the_authority_cannot_speak_for_the_rest_of_the_world(machine: Machine) -> None:
    folder = machine.tls()
    standing = folder.ensure()
    key = load_pem_private_key(folder.authority_key.read_bytes(), None)
    for stolen in (Names(("bank.example",), ()), Names((), (ipaddress.ip_address("203.0.113.5"),))):
        leaf_key, leaf = sign_server(Authority(key, standing.authority), stolen, NOW)
        folder.server.write_bytes(
            leaf_key.private_bytes(*PEM_KEY, NoEncryption()) + leaf.public_bytes(Encoding.PEM)
        )
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
            greets(folder, stolen.hosts[0], standing.authority)


def test_a_second_time_changes_nothing(machine: Machine) -> None:
    first = machine.tls().ensure()
    before = {path: path.read_bytes() for path in machine.tls().path.iterdir()}
    again = machine.tls().ensure()
    assert (first.renewed, again.renewed) == (True, False)
    assert {path: path.read_bytes() for path in machine.tls().path.iterdir()} == before


@pytest.mark.parametrize("why", ["asked", "ends soon", "new address", "other authority's"])
def test_a_new_server_certificate_keeps_the_authority(machine: Machine, why: str) -> None:
    folder = machine.tls()
    first = folder.ensure()
    if why == "ends soon":
        machine.now = NOW + timedelta(days=SERVER_DAYS - 30)
    elif why == "new address":
        moved = ipaddress.ip_address("10.20.0.9")
        machine.names = Names(machine.names.dns, (moved, LOOPBACK))
    elif why == "other authority's":
        other = make_authority("other", machine.names, NOW)
        key, leaf = sign_server(other, machine.names, NOW)
        folder.server.write_bytes(
            key.private_bytes(*PEM_KEY, NoEncryption()) + leaf.public_bytes(Encoding.PEM)
        )
    second = folder.ensure(renew=why == "asked")
    assert second.renewed
    assert second.authority == first.authority
    assert second.server.public_key() != first.server.public_key()
    assert names_in(second.server) == machine.names
    if why != "ends soon":
        greets(folder, second.names.main, first.authority)
    assert not folder.ensure().renewed


def test_an_address_that_is_gone_is_no_reason(machine: Machine) -> None:
    machine.tls().ensure()
    machine.names = Names(("localhost",), (LOOPBACK,))
    standing = machine.tls().ensure()
    assert not standing.renewed
    assert standing.names == machine.names


def test_names_given_once_are_kept(machine: Machine) -> None:
    machine.tls().ensure(["Ambulans.Contoh.go.id.", "203.0.113.9"])
    standing = machine.tls().ensure(renew=True)
    assert "ambulans.contoh.go.id" in names_in(standing.server).dns
    assert ipaddress.ip_address("203.0.113.9") in names_in(standing.server).addresses
    greets(machine.tls(), "ambulans.contoh.go.id")


def test_a_name_beyond_the_authority_is_refused_and_not_kept(machine: Machine) -> None:
    first = machine.tls().ensure()
    with pytest.raises(TlsError, match=r"may not sign for baru\.contoh\.go\.id"):
        machine.tls().ensure(["baru.contoh.go.id"])
    assert machine.tls().ensure().server == first.server
    fresh = machine.tls().ensure(["baru.contoh.go.id"], new_authority=True)
    assert fresh.fingerprint != first.fingerprint
    assert fresh.renewed
    greets(machine.tls(), "baru.contoh.go.id")


def test_a_public_address_that_comes_later_is_said(machine: Machine) -> None:
    machine.tls().ensure()
    public = ipaddress.ip_address("203.0.113.77")
    machine.names = Names(machine.names.dns, (*machine.names.addresses, public))
    standing = machine.tls().ensure()
    assert standing.uncovered.hosts == ("203.0.113.77",)
    assert not standing.renewed


def test_an_authority_without_its_key_is_never_replaced_in_silence(machine: Machine) -> None:
    folder = machine.tls()
    first = folder.ensure()
    folder.authority_key.unlink()
    with pytest.raises(TlsError, match="restore it from your backup"):
        folder.ensure()
    folder.authority_key.write_text("damaged")
    with pytest.raises(TlsError, match="restore it from your backup"):
        folder.ensure()
    assert folder.ensure(new_authority=True).fingerprint != first.fingerprint


def test_the_end_of_the_authority(machine: Machine) -> None:
    machine.tls().ensure()
    machine.now = NOW + timedelta(days=3640)
    late = machine.tls().ensure()
    assert late.server.not_valid_after_utc == late.authority.not_valid_after_utc
    assert not machine.tls().ensure().renewed, "it cannot last longer than the authority"
    machine.now = NOW + timedelta(days=3660)
    with pytest.raises(TlsError, match="every phone has to enrol again"):
        machine.tls().ensure()


@pytest.mark.parametrize("name", ["", "a b", "-x", "*.contoh.id", "http://contoh.id", "1.2.3", "a" * 64])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(TlsError, match="neither a host name nor an IP address"):
        read_names([name])


def test_this_machine_has_names() -> None:
    names = names_of_machine()
    assert "localhost" in names.dns
    assert LOOPBACK in names.addresses
    assert not any(address.is_link_local for address in names.addresses)
    assert names_of_machine("127.0.0.2").main == "127.0.0.2"
    if socket.gethostname() != "localhost":
        assert socket.gethostname().lower() in names.dns


@dataclass
class Given:
    """A certificate from elsewhere, as files."""

    certificate: Path
    key: Path


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return put(tmp_path, NOW)


def put(folder: Path, now: datetime, names: Names | None = None) -> Given:
    names = names or Names(("ambulans.contoh.go.id",), ())
    key, leaf = sign_server(make_authority("elsewhere", names, now), names, now)
    (folder / "cert.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*PEM_KEY, NoEncryption()))
    return Given(folder / "cert.pem", folder / "key.pem")


def test_a_given_certificate_that_fits(given: Given) -> None:
    assert names_in(check_given(given.certificate, given.key)).dns == ("ambulans.contoh.go.id",)


def test_given_files_that_do_not_fit(given: Given, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    foreign = put(other, NOW)
    key = load_pem_private_key(given.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(*PEM_KEY, BestAvailableEncryption(b"rahasia")))
    for certificate, key_file, words in (
        (given.certificate, None, "must both be set"),
        (tmp_path / "absent.pem", given.key, "cannot be read"),
        (given.certificate, tmp_path, "cannot be read"),
        (given.key, given.key, "not a PEM certificate"),
        (given.certificate, given.certificate, "not a PEM key"),
        (given.certificate, locked, "locked with a password"),
        (given.certificate, foreign.key, "does not belong"),
    ):
        with pytest.raises(TlsError, match=words) as refused:
            check_given(certificate, key_file)
        assert " / " in str(refused.value)


@pytest.mark.parametrize(
    ("begin", "names", "words"),
    [
        (NOW - timedelta(days=SERVER_DAYS + 3), None, "expired on"),
        (NOW + timedelta(days=5), None, "is not valid before"),
        (NOW, Names((), ()), "names no host"),
    ],
)
def test_given_certificates_that_browsers_refuse(
    tmp_path: Path, begin: datetime, names: Names | None, words: str
) -> None:
    files = put(tmp_path, begin, names)
    with pytest.raises(TlsError, match=words):
        check_given(files.certificate, files.key)
