"""Sockets that listen on every address of this machine, IPv4 and IPv6 apart: clients keep their addresses."""

from __future__ import annotations

import errno
import socket

_BACKLOG = 2048
_WITHOUT_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def listening(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on `host`, an IP address, or on every address when it is empty.

    Raises:
        OSError: the address is not this machine's, or the port is taken.
    """
    if host:
        return [_bound(socket.AF_INET6 if ":" in host else socket.AF_INET, host, port)]
    sockets = [_bound(socket.AF_INET, "", port)]
    try:
        sockets.append(_bound(socket.AF_INET6, "", sockets[0].getsockname()[1]))
    except OSError as without:
        if without.errno not in _WITHOUT_IPV6:
            sockets[0].close()
            raise
    return sockets


def free_port(host: str, wanted: int, tried: int = 50) -> int:
    """Return `wanted`, or the next port above it that is free on all these addresses; 0 asks the kernel.

    Raises:
        OSError: none of them is free, or the address is not this machine's.
    """
    for port in range(wanted, wanted + tried) if wanted else [0]:
        try:
            sockets = listening(host, port)
        except OSError as taken:
            if taken.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        found = int(sockets[0].getsockname()[1])
        for each in sockets:
            each.close()
        return found
    raise OSError(errno.EADDRINUSE, f"no free port from {wanted} to {wanted + tried - 1}")


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
