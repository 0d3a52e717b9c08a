"""The part of a run that phones use: HTTPS on the local network, and the page that enrols them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dispatch.settings import Settings
from dispatch.tls.authority import names_in
from dispatch.tls.folder import folder_of
from dispatch.tls.given import WARN_BEFORE, check_given
from dispatch.tls.machine import Names
from dispatch.tls.sockets import free_port
from dispatch.tls.told import enrolment_address, https_addresses, qr_lines

AUTHORITY_WARNING = timedelta(days=90)
"""Every phone has to enrol again when the authority ends: that takes planning."""


@dataclass(frozen=True, slots=True)
class Phones:
    """Where phones reach this run.

    enrol_port: 0 when phones trust the certificate without us. fingerprint: that of our authority.
    """

    names: Names
    https_port: int
    enrol_port: int
    fingerprint: str

    @property
    def https(self) -> list[str]:
        """The addresses of the system, the one for QR codes first."""
        return https_addresses(self.names, self.https_port)

    @property
    def enrolment(self) -> str:
        """The address of the page that enrols phones."""
        return enrolment_address(self.names, self.enrol_port)

    def lines(self, *, draw: bool) -> list[str]:
        """What to say about it; with `draw` the QR code, too."""
        told = [f"Ponsel / phones:  {self.https[0]}"]
        if self.enrol_port:
            told += [
                f"Daftarkan ponsel dulu di / enrol phones first at:  {self.enrolment}",
                *(f"  {line}" for line in (qr_lines(self.enrolment) if draw else ())),
                "Sidik jari CA / authority's fingerprint (SHA-256):",
                f"  {self.fingerprint[:47]}",
                f"  {self.fingerprint[48:]}",
            ]
        return told


def wanted(settings: Settings) -> bool:
    """Whether HTTPS is to be served: as asked for, else when certificates are given or were made."""
    if settings.tls is not None:
        return settings.tls
    return settings.tls_cert is not None or settings.tls_key is not None or folder_of(settings).made


def ready_phones(settings: Settings) -> tuple[Phones, list[str]]:
    """Make or check the certificates and find the ports; return also what is worth saying.

    Raises:
        TlsError: the certificates cannot be served.
        OSError: no port is free.
    """
    notes = []
    https_port = free_port(settings.tls_host, settings.tls_port)
    if settings.tls_port and https_port != settings.tls_port:
        notes.append(
            f"port {settings.tls_port} sedang dipakai / is in use: {https_port}; "
            "alamat yang disimpan ponsel tidak berlaku / what phones have kept as address is void"
        )
    if settings.tls_cert is not None or settings.tls_key is not None:
        certificate = check_given(settings.tls_cert, settings.tls_key)
        phones = Phones(names_in(certificate), https_port, 0, "")
        notes += _end_note("Sertifikat / the certificate", certificate.not_valid_after_utc, WARN_BEFORE)
    else:
        standing = folder_of(settings).ensure()
        enrol_port = free_port(settings.tls_host, settings.enrol_port)
        if settings.enrol_port and enrol_port != settings.enrol_port:
            notes.append(f"port {settings.enrol_port} sedang dipakai / is in use: {enrol_port}")
        phones = Phones(standing.names, https_port, enrol_port, standing.fingerprint)
        notes += _end_note("CA / the authority", standing.authority.not_valid_after_utc, AUTHORITY_WARNING)
    return phones, notes


def _end_note(what: str, end: datetime, before: timedelta) -> list[str]:
    return [f"{what}: berakhir / ends {end:%Y-%m-%d}"] if end - datetime.now(UTC) < before else []
