"""Free ports, and whether something answers on them."""

import http.client
import ipaddress
import socket

from dispatch.local.errors import LocalError

PORTS_TRIED = 50


def free_port(host: str, wanted: int, *promised: int) -> int:
    """Return `wanted` or the next port above it that nobody listens on and that is not `promised`.

    0 asks the kernel for any.
    """
    for port in range(wanted, wanted + PORTS_TRIED) if wanted else [0] * PORTS_TRIED:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError:
                continue
            found = int(probe.getsockname()[1])
        if found not in promised:
            return found
    raise LocalError(f"no free port from {wanted} to {wanted + PORTS_TRIED - 1} on {host}: set SEMAR_PORT")


def reachable_host(host: str) -> str:
    """Return the address under which this machine reaches a server bound to `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "127.0.0.1"
    return host if not address.is_unspecified else "127.0.0.1" if address.version == 4 else "::1"


def base_url(host: str, port: int) -> str:
    """Return the http address of a server bound to `host`."""
    name = reachable_host(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def accepts(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((reachable_host(host), port), timeout=1.0).close()
    except OSError:
        return False
    return True


def healthy(host: str, port: int) -> bool:
    """Whether `GET /health` answers 200."""
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
