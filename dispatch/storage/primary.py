"""Finds, among the servers of an address, the one that takes writes, and connects to it alone."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dispatch.storage.connection import KEEP_ALIVE, Connection

ALONE_S = 5.0
"""Seconds a connection may take when there is one server."""
AMONG_S = 2.0
"""Seconds for each of several: a machine that is switched off answers nothing at all."""
GLANCE_S = 0.3
"""Seconds that the others get to answer beside one that takes writes, when its timeline is no former one."""
LOOK_EVERY_S = 5.0
"""Seconds for which the last one found is taken at its word, without a look at the others."""
READ_ONLY = "25006"
"""SQLSTATE of a write to a server that takes none: it was the primary once."""

_STANDING = """
SELECT system_identifier,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline
FROM pg_control_system()
"""

_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class NoPrimary(ConnectionError):
    """None of the servers takes writes now; the message says what each of them said."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its name for people (`host:port`) and its own address."""

    name: str
    dsn: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A server that takes writes, and a connection to it. cluster: its identifier; timeline: in hex."""

    server: Server
    connection: asyncpg.Connection
    cluster: int
    timeline: str


class Primary:
    """The server that takes writes, wherever it is now.

    Among several servers a connection is kept only if its server is no standby, is not set read-only, and is
    not behind on a former timeline: a primary that was replaced and comes back is passed over.
    """

    def __init__(self, url: str, *, look_every_s: float = LOOK_EVERY_S, **arguments: Any) -> None:
        """Open nothing yet; `arguments` go to asyncpg with every connection. Raises ArgumentError."""
        self.servers = servers_of(url)
        self._look_every_s = look_every_s
        self._arguments = {
            **arguments,
            "server_settings": {**KEEP_ALIVE, **arguments.get("server_settings", {})},
        }
        self._last: Server | None = None
        self._looked_at = 0.0
        self._timelines: dict[int, str] = {}

    async def connect(self) -> asyncpg.Connection:
        """Return a connection to it.

        Raises:
            NoPrimary: none of several takes writes. With one server: whatever asyncpg raises.
        """
        if len(self.servers) == 1:
            return await self._open(self.servers[0], ALONE_S)
        if self._last is not None and time.monotonic() - self._looked_at < self._look_every_s:
            found = await self._asked(self._last)
            if isinstance(found, Standing):
                return self._taken(found)
        return await self._search()

    async def _search(self) -> asyncpg.Connection:
        """Look at all servers at once. Of two that take writes the later timeline is the promoted one's.

        The first time each is heard out, or given up: nothing is known yet that would tell a former primary.
        """
        looks = [asyncio.create_task(self._asked(server)) for server in self.servers]
        try:
            await asyncio.wait(looks, timeout=GLANCE_S if self._timelines else None)
            if not any(look.done() and isinstance(look.result(), Standing) for look in looks):
                await asyncio.wait(looks)
        except asyncio.CancelledError:
            for look in looks:
                look.add_done_callback(_let_go)
            raise
        finally:
            for look in looks:
                look.cancel()
        answers = [look.result() for look in await _ended(looks)]
        writing = sorted((a for a in answers if isinstance(a, Standing)), key=lambda a: a.timeline)
        if not writing:
            raise NoPrimary("; ".join(str(answer) for answer in answers))
        for passed_over in writing[:-1]:
            passed_over.connection.terminate()
        self._looked_at = time.monotonic()
        return self._taken(writing[-1])

    def _taken(self, found: Standing) -> asyncpg.Connection:
        self._last = found.server
        self._timelines[found.cluster] = found.timeline
        return found.connection

    async def _asked(self, server: Server) -> Standing | str:
        """Connect and ask; the reason, when this is not the server that takes writes."""
        try:
            connection = await self._open(server, AMONG_S)
        except _AWAY as away:
            return f"{server.name}: {_words(away)}"
        try:
            row = await connection.fetchrow(_STANDING, timeout=AMONG_S)
        except _AWAY as away:
            connection.terminate()
            return f"{server.name}: {_words(away)}"
        except asyncio.CancelledError:
            connection.terminate()
            raise
        assert row is not None
        if row["read_only"]:
            refusal = "takes no writes (standby)"
        elif row["timeline"] < self._timelines.get(row["system_identifier"], ""):
            refusal = f"was replaced as primary (timeline {row['timeline']})"
        else:
            return Standing(server, connection, row["system_identifier"], row["timeline"])
        connection.terminate()
        return f"{server.name}: {refusal}"

    async def _open(self, server: Server, timeout_s: float) -> asyncpg.Connection:
        connection: asyncpg.Connection = await asyncpg.connect(
            server.dsn, timeout=timeout_s, connection_class=Connection, **self._arguments
        )
        return connection


def open_engine(url: str, *, arguments: dict[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """Make an engine on the server of `url` that takes writes, whichever it is at each new connection.

    arguments: for asyncpg; options: for SQLAlchemy's engine. Raises ArgumentError for an unreadable address.
    """
    primary = Primary(url, **(arguments or {}))
    engine = create_async_engine("postgresql+asyncpg://", async_creator=primary.connect, **options)
    event.listen(engine.sync_engine, "handle_error", _leave_a_demoted_server)
    return engine


def servers_of(url: str) -> tuple[Server, ...]:
    """Take an address apart: `//user@a:5432,b:5432/name`, or `//user@/name?host=a,b&port=5432,5433`.

    A host may be the folder of a unix socket; any driver in the scheme is passed over, as is libpq's
    `target_session_attrs`. Raises ArgumentError.
    """
    if not re.match(r"^postgres(ql)?(\+\w+)?://", url):
        raise ArgumentError(f"not a postgresql:// address: {url.partition('://')[0]!r}")
    parts = urlsplit(url)
    user, at, places = parts.netloc.rpartition("@")
    asked = parse_qsl(parts.query, keep_blank_values=True)
    rest = [(name, value) for name, value in asked if name not in ("host", "port", "target_session_attrs")]
    hosts = _split(asked, "host")
    ports = _split(asked, "port")
    if hosts:
        pairs = list(zip(hosts, _one_each(ports, len(hosts)), strict=True))
    else:
        pairs = [_host_and_port(place, ports) for place in places.split(",")]
    return tuple(_server(f"{user}{at}", parts.path, host, port, rest) for host, port in pairs)


def _split(asked: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [part for key, value in asked if key == name and value for part in value.split(",")]


def _one_each(ports: list[str], hosts: int) -> list[str]:
    if len(ports) in (0, 1):
        return (ports or [""]) * hosts
    if len(ports) != hosts:
        raise ArgumentError(f"{hosts} hosts and {len(ports)} ports in the database address")
    return ports


def _host_and_port(place: str, ports: list[str]) -> tuple[str, str]:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^:\[\]]*)(?::(\d*))?", place)
    if found is None:
        raise ArgumentError("the host of the database address cannot be read")
    return found[1].strip("[]"), found[2] or (ports[0] if ports else "")


def _server(login: str, path: str, host: str, port: str, rest: list[tuple[str, str]]) -> Server:
    if port and not port.isdigit():
        raise ArgumentError(f"the port of the database address is no number: {port!r}")
    where = [(name, value) for name, value in (("host", host), ("port", port)) if value]
    query = urlencode([*where, *rest])
    dsn = f"postgresql://{login}{path}" + (f"?{query}" if query else "")
    return Server(f"{host or 'localhost'}:{port or 5432}", dsn)


async def _ended(looks: Sequence[asyncio.Task[Standing | str]]) -> list[asyncio.Task[Standing | str]]:
    """Return those that came to an answer; a late answer of one that was called off is among them."""
    await asyncio.wait(looks)
    return [look for look in looks if not look.cancelled()]


def _let_go(look: asyncio.Task[Standing | str]) -> None:
    """Close what a look opened when nobody waits for it any more."""
    if not look.cancelled() and isinstance(found := look.result(), Standing):
        found.connection.terminate()


def _words(failure: BaseException) -> str:
    return " ".join(str(failure).split()) or type(failure).__name__


def _leave_a_demoted_server(context: ExceptionContext) -> None:
    """A server that no longer takes writes is as good as gone: all its connections are given up."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True
