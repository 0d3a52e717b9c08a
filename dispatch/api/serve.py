"""The serving process: looks at what it stands on, then takes connections, and opens the roads meanwhile."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import suppress

import uvicorn
import uvloop

from dispatch.api.app import create_app
from dispatch.live import SERVER_OPTIONS
from dispatch.services.centre import Centre, open_centre
from dispatch.services.open_roads import open_roads
from dispatch.settings import Settings
from dispatch.storage.migrate import revision
from dispatch.storage.outages import DatabaseAway, database_needed
from dispatch.tls.errors import TlsError
from dispatch.tls.live import LiveCertificate, source_of
from dispatch.tls.sockets import listening

log = logging.getLogger(__name__)

# an exchange in progress is over in a blink; sockets are told to come back (1012) rather than waited for
_GRACE_S = 1
# a page that asks once a minute keeps its connection: a new one costs a slow network seconds
_KEEP_ALIVE_S = 75
_OF_SOCKETS = ('%s - "WebSocket ', "connection open", "connection closed")
"""How the lines begin that the server library writes for each socket, whatever `access_log` says."""


def serve(settings: Settings, host: str, port: int, *, tls: bool = False) -> None:
    """Serve HTTP and WebSocket until told to stop; with `tls` HTTPS alone, where no `host` means all.

    Raises:
        SystemExit: the database is away, its login too strong, or its schema another one, or the certificate
            cannot be served; said in one line.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn.error").addFilter(_worth_a_line)
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, host, port, tls))


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Whether a log entry is more than that some socket was opened: thousands of those cost too much."""
    return record.levelno > logging.INFO or not str(record.msg).startswith(_OF_SOCKETS)


async def _serve(settings: Settings, host: str, port: int, tls: bool) -> None:
    try:
        certificate = LiveCertificate(source_of(settings)) if tls else None
    except (TlsError, OSError) as unfit:
        raise SystemExit(str(unfit)) from unfit
    centre = open_centre(settings, name="semar serve")
    try:
        with database_needed():
            await prepare(centre)
    except (RuntimeError, DatabaseAway) as unfit:
        await centre.close()
        raise SystemExit(str(unfit)) from unfit
    roads = asyncio.create_task(open_roads(centre), name="roads")
    # what stands now lives as long as the process, and so do a thousand sockets: looking through all of them
    # again and again took the collector a fifth of the time under load
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    gc.enable()  # off while the program was read in, see `dispatch serve`
    config = uvicorn.Config(
        create_app(centre),
        host=host,
        port=port,
        loop="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=["127.0.0.1", "::1"],
        timeout_graceful_shutdown=_GRACE_S,
        # Strict-Transport-Security is never sent: it would close this host's plain HTTP, too
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
        timeout_keep_alive=_KEEP_ALIVE_S,
        **SERVER_OPTIONS,
    )
    server = uvicorn.Server(config)
    try:
        if certificate is None:
            await server.serve()
        else:
            await _serve_tls(server, certificate, host, port)
    finally:
        roads.cancel()


async def _serve_tls(server: uvicorn.Server, certificate: LiveCertificate, host: str, port: int) -> None:
    following = asyncio.create_task(certificate.follow(), name="certificate")
    sockets = listening(host, port)
    log.info("HTTPS at %s", ", ".join(str(each.getsockname()[:2]) for each in sockets))
    try:
        await server.serve(sockets)
    finally:
        following.cancel()


async def prepare(centre: Centre) -> None:
    """Refuse what must not be served.

    Raises:
        RuntimeError: the login could step around row-level security, or the schema is not this program's.
    """
    await centre.database.refuse_a_strong_role()
    present, wanted = await revision(centre.settings.database_app_url)
    if present != wanted:
        raise RuntimeError(
            f"Skema basis data {present}, program memerlukan {wanted}: jalankan 'dispatch migrate' / "
            f"the database has schema {present}, this program needs {wanted}: run 'dispatch migrate'"
        )
