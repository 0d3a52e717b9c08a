"""Makes the certificate authority of one deployment, and the server certificates that it signs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dispatch.tls.machine import Address, Names

AUTHORITY_DAYS = 3652
SERVER_DAYS = 397
"""Phones refuse longer ones: Apple allows a private authority 825 days, a public one 398."""
_CLOCKS_DIFFER = timedelta(days=1)

# Who holds the authority's key can speak for these and for nobody else: no bank, no mail server.
_LOCAL_NETWORKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
    *("fc00::/7", "::1/128"),
)
_LOCAL_ZONES = ("localhost", "local", "lan", "internal", "home.arpa")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: its key, and the certificate that phones are asked to trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def make_authority(label: str, names: Names, now: datetime) -> Authority:
    """Make an authority that can sign for local networks, and beyond them for `names` alone.

    label: tells it apart from others in a phone's list.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SEMAR"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"SEMAR {label} {now:%Y-%m-%d}"[:64]),
        ]
    )
    begin = now - _CLOCKS_DIFFER
    certificate = (
        _builder(name, name, key, begin, begin + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.NameConstraints(list(_permitted(names)), None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def sign_server(
    authority: Authority, names: Names, now: datetime
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Make a new key and its certificate for `names`, which must be ones that the authority may sign for."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    begin = max(now - _CLOCKS_DIFFER, issuer.not_valid_before_utc)
    end = min(begin + timedelta(days=SERVER_DAYS), issuer.not_valid_after_utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"SEMAR, {names.main}"[:64])])
    general = [*(x509.DNSName(name) for name in names.dns), *map(x509.IPAddress, names.addresses)]
    signed_by = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(subject, issuer.subject, key, begin, end)
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signed_by), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return key, certificate


def names_in(certificate: x509.Certificate) -> Names:
    """Return what a server certificate is made out to."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names((), ())
    addresses = [a for a in found.get_values_for_type(x509.IPAddress) if isinstance(a, Address)]
    return Names(tuple(found.get_values_for_type(x509.DNSName)), tuple(addresses))


def split_by_right(authority: x509.Certificate, names: Names) -> tuple[Names, Names]:
    """Return those of `names` that the authority may sign for, and those it may not."""
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    zones = [tree.value for tree in permitted or () if isinstance(tree, x509.DNSName)]
    networks = [tree.value for tree in permitted or () if isinstance(tree, x509.IPAddress)]

    def named(name: str) -> bool:
        return any(name == zone or name.endswith(f".{zone}") for zone in zones)

    def within(address: Address) -> bool:
        return any(
            not isinstance(n, Address) and n.version == address.version and address in n for n in networks
        )

    return (
        Names(tuple(filter(named, names.dns)), tuple(filter(within, names.addresses))),
        Names(
            tuple(n for n in names.dns if not named(n)), tuple(a for a in names.addresses if not within(a))
        ),
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint as phones show it: upper-case hex in pairs."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _permitted(names: Names) -> Iterable[x509.GeneralName]:
    yield from (x509.DNSName(zone) for zone in dict.fromkeys((*_LOCAL_ZONES, *names.dns)))
    networks = [ipaddress.ip_network(network) for network in _LOCAL_NETWORKS]
    yield from map(x509.IPAddress, networks)
    for address in names.addresses:
        if not any(network.version == address.version and address in network for network in networks):
            yield x509.IPAddress(ipaddress.ip_network(str(address)))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
