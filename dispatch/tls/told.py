"""What people at the server's keyboard are told about HTTPS: addresses, QR code, fingerprint, cautions."""

from __future__ import annotations

import io

import segno

from dispatch.tls.authority import names_in
from dispatch.tls.folder import Standing
from dispatch.tls.machine import Names, in_url


def https_addresses(names: Names, port: int) -> list[str]:
    """Return the addresses under which the certificate is good, the main one first."""
    hosts = names.outward or (names.main,)
    end = "" if port == 443 else f":{port}"
    return [f"https://{in_url(host)}{end}" for host in hosts]


def enrolment_address(names: Names, port: int) -> str:
    """Return the address that phones scan."""
    return f"http://{in_url(names.main)}:{port}/"


def qr_lines(address: str) -> list[str]:
    """Draw an address for a terminal, two rows of the code in a line of text."""
    drawn = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n").splitlines()


def standing_lines(standing: Standing, folder: str) -> list[str]:
    """Describe authority and server certificate, both languages on a line."""
    authority_end = standing.authority.not_valid_after_utc
    lines = [
        f"CA: {standing.authority.subject.rfc4514_string()}, sampai / until {authority_end:%Y-%m-%d}",
        "Sidik jari / fingerprint (SHA-256):",
        f"  {standing.fingerprint[:47]}",
        f"  {standing.fingerprint[48:]}",
        f"Server: sampai / until {standing.server.not_valid_after_utc:%Y-%m-%d}"
        f" ({'baru / new' if standing.renewed else 'tidak berubah / unchanged'})",
        f"  {', '.join(names_in(standing.server).hosts)}",
    ]
    if standing.uncovered.hosts:
        lines.append(
            "Tidak tercakup, CA tidak boleh / not covered, beyond the authority: "
            f"{', '.join(standing.uncovered.hosts)}"
        )
    return [
        *lines,
        "",
        f"Jaga {folder}: siapa pun yang memegang authority.key dapat menyamar sebagai server ini terhadap "
        "ponsel "
        "yang terdaftar. Cadangkan bersama kunci lain; jangan salin ke tempat lain.",
        f"Guard {folder}: whoever holds authority.key can pose as this server towards enrolled phones. "
        "Back it up with the other keys; copy it nowhere else.",
        "Melepas / to undo: Android: Setelan/Settings -> Kredensial tepercaya/Trusted credentials -> "
        "Pengguna/User;",
        "  iPhone: Pengaturan/Settings -> Umum/General -> VPN & Manajemen Perangkat/Device Management;",
        f"  server: hapus / delete {folder}",
    ]
