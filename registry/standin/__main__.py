"""Runs the stand-in (`python -m registry.standin`) and says its address in one JSON line when ready."""

import argparse
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from registry.population import DEFAULT_SEED, DEFAULT_SIZE, BundleError, from_bundle
from registry.standin.app import LABEL, Credentials, create_app

_GRACE_S = 1


class _Server(uvicorn.Server):
    """A server that tells its address once it takes connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if sockets[0].family == socket.AF_INET6 else host
            print(json.dumps({"address": f"http://{shown}:{port}"}), flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0, or 2 when it cannot start (the reason is on stderr)."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        # uvicorn puts its own handlers over these while it serves and hands the signal back to them after
        # it has stopped in order; before and after, the signal ends the process at once.
        signal.signal(signum, _leave)
    options = _options(arguments)
    user = options.user or os.environ.get("SEMAR_REGISTRY_USER", "")
    password = options.password or os.environ.get("SEMAR_REGISTRY_PASSWORD", "")
    if not user or not password:
        return _refuse("credentials are missing: --user and --password, or SEMAR_REGISTRY_USER/_PASSWORD")
    try:
        population = from_bundle(options.bundle, options.seed, options.size)
        listener = _listen(options.host, options.port)
    except (BundleError, OSError) as error:
        return _refuse(str(error))
    config = uvicorn.Config(
        create_app(population, Credentials(user, password)),
        log_level="warning",
        access_log=False,
        server_header=False,
        # At the server, so that its own refusals are labelled as well.
        headers=[LABEL],
        timeout_graceful_shutdown=_GRACE_S,
    )
    with listener:
        _Server(config).run(sockets=[listener])
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m registry.standin",
        description="Stand-in for the Dukcapil service with a made-up population. Never for live use.",
    )
    parser.add_argument(
        "--bundle", type=Path, action="append", required=True, help="regency folder; repeatable"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=0, help="0: the kernel picks one (default)")
    parser.add_argument("--user", help="default: SEMAR_REGISTRY_USER")
    parser.add_argument("--password", help="default: SEMAR_REGISTRY_PASSWORD (not shown in the process list)")
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE, help="persons per regency (%(default)s)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="of the population (%(default)s)")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    """A port number; checked here because the resolver would quietly wrap a larger one around."""
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


def _refuse(reason: str) -> int:
    print(f"registry stand-in: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
