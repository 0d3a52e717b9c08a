"""The names and addresses under which phones on the local network can reach this machine."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import ifaddr

from dispatch.tls.errors import TlsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOPBACK: tuple[Address, ...] = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
# bridges of containers and virtual machines: no phone is there
_INSIDE = re.compile(r"docker|br-|veth|virbr|vmnet|vboxnet|lxc|lxd|cni|flannel|podman")
_ROUTES = Path("/proc/net/route")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class Names:
    """What a server certificate is made out to.

    dns: lower-case host names. addresses: IP addresses, the one that phones should use first.
    """

    dns: tuple[str, ...]
    addresses: tuple[Address, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """All of them as they stand in a URL, IPv6 without brackets."""
        return (*(str(address) for address in self.addresses), *self.dns)

    @property
    def main(self) -> str:
        """The host to show to people."""
        return self.outward[0] if self.outward else LOOPBACK_HOSTS[0]

    @property
    def outward(self) -> tuple[str, ...]:
        """The hosts under which other machines can come, addresses first."""
        return tuple(host for host in self.hosts if host not in LOOPBACK_HOSTS)

    def joined(self, more: Names) -> Names:
        """Return these and `more`, each once."""
        return Names(
            tuple(dict.fromkeys((*self.dns, *more.dns))),
            tuple(dict.fromkeys((*self.addresses, *more.addresses))),
        )


def names_of_machine(host: str = "") -> Names:
    """Return host name, host name under `.local`, localhost, and all lasting addresses, the best known first.

    host: the one address that is served, when not all are. Link-local IPv6 addresses are left out: browsers
    cannot be given their zone.
    """
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    dns = (name, f"{short}.local") if short and short != "localhost" and _is_name(name) else ()
    outward = (ipaddress.ip_address(host),) if host else _outward_addresses()
    return Names(tuple(dict.fromkeys((*dns, "localhost"))), tuple(dict.fromkeys((*outward, *LOOPBACK))))


def _outward_addresses() -> tuple[Address, ...]:
    first = _default_interface()
    found: list[tuple[bool, bool, Address]] = []
    for adapter in ifaddr.get_adapters():
        if _INSIDE.match(adapter.name):
            continue
        for entry in adapter.ips:
            address = ipaddress.ip_address(entry.ip if isinstance(entry.ip, str) else entry.ip[0])
            if not address.is_loopback and not address.is_link_local:
                found.append((adapter.name != first, address.version == 6, address))
    return tuple(address for *_, address in sorted(found, key=lambda one: one[:2]))


def read_names(given: list[str]) -> Names:
    """Read names and addresses as a person wrote them.

    Raises:
        TlsError: one is neither a host name nor an IP address.
    """
    dns: list[str] = []
    addresses: list[Address] = []
    for text in given:
        name = text.strip().lower().rstrip(".")
        try:
            addresses.append(ipaddress.ip_address(name.strip("[]")))
            continue
        except ValueError:
            pass
        if not _is_name(name):
            raise TlsError(
                f"{text!r} bukan nama host atau alamat IP; tulis seperti ambulans.contoh.go.id",
                f"{text!r} is neither a host name nor an IP address; write it like ambulance.example.org",
            )
        dns.append(name)
    return Names(tuple(dict.fromkeys(dns)), tuple(dict.fromkeys(addresses)))


def in_url(host: str) -> str:
    """Return a host as it stands in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _is_name(name: str) -> bool:
    labels = name.split(".")
    # all digits at the end would be read as an IPv4 address
    return len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def _default_interface() -> str | None:
    """The interface that leads outward: its address is the one that others on the network know."""
    try:
        lines = _ROUTES.read_text().splitlines()[1:]
    except OSError:
        return None
    defaults = [(int(parts[6]), parts[0]) for parts in map(str.split, lines) if parts[1] == "00000000"]
    return min(defaults)[1] if defaults else None
