"""Checks the certificate that a deployment brings along (SEMAR_TLS_CERT, SEMAR_TLS_KEY) before it serves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from dispatch.tls.authority import names_in
from dispatch.tls.errors import TlsError

WARN_BEFORE = timedelta(days=14)


def check_given(certificate_file: Path | None, key_file: Path | None) -> x509.Certificate:
    """Return the server's certificate, the first of its file.

    Raises:
        TlsError: one of the two is missing, unreadable or no PEM, the key is locked or belongs to another
            certificate, the certificate has expired, is not valid yet, or names no host.
    """
    if certificate_file is None or key_file is None:
        raise TlsError(
            "SEMAR_TLS_CERT dan SEMAR_TLS_KEY harus diisi keduanya, atau kosong keduanya",
            "SEMAR_TLS_CERT and SEMAR_TLS_KEY must both be set, or neither",
        )
    certificate = _read_certificate(certificate_file)
    _check_key(key_file, certificate, certificate_file)
    now, begin = datetime.now(UTC), certificate.not_valid_before_utc
    if certificate.not_valid_after_utc <= now:
        raise TlsError(
            f"Sertifikat {certificate_file} sudah berakhir pada {certificate.not_valid_after_utc:%Y-%m-%d}: "
            "pasang yang baru",
            f"The certificate {certificate_file} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: "
            "put a new one there",
        )
    if begin > now:
        raise TlsError(
            f"Sertifikat {certificate_file} baru berlaku {begin:%Y-%m-%d %H:%M} UTC: periksa jam mesin ini",
            f"The certificate {certificate_file} is not valid before {begin:%Y-%m-%d %H:%M} UTC: "
            "check this machine's clock",
        )
    if not names_in(certificate).hosts:
        raise TlsError(
            f"Sertifikat {certificate_file} tidak menyebut nama host (SAN): peramban menolaknya",
            f"The certificate {certificate_file} names no host (SAN): browsers refuse it",
        )
    return certificate


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(_content(path))[0]
    except ValueError as unfit:
        raise TlsError(
            f"{path} bukan sertifikat PEM (-----BEGIN CERTIFICATE-----)",
            f"{path} is not a PEM certificate (-----BEGIN CERTIFICATE-----)",
        ) from unfit


def _check_key(path: Path, certificate: x509.Certificate, certificate_file: Path) -> None:
    try:
        key = load_pem_private_key(_content(path), None)
    except TypeError as locked:
        raise TlsError(
            f"Kunci {path} terkunci kata sandi: simpan tanpa kata sandi, mode 0600",
            f"The key {path} is locked with a password: store it without one, mode 0600",
        ) from locked
    except ValueError as unfit:
        raise TlsError(
            f"{path} bukan kunci PEM (-----BEGIN PRIVATE KEY-----)",
            f"{path} is not a PEM key (-----BEGIN PRIVATE KEY-----)",
        ) from unfit
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise TlsError(
            f"Kunci {path} bukan pasangan sertifikat pertama dalam {certificate_file}",
            f"The key {path} does not belong to the first certificate in {certificate_file}",
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as unreadable:
        raise TlsError(
            f"{path} tidak dapat dibaca ({unreadable.strerror})",
            f"{path} cannot be read ({unreadable.strerror})",
        ) from unreadable
