"""Connections to PostgreSQL, and the tenant every transaction is bound to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from dispatch.storage.primary import open_engine

REALMS = frozenset({"live", "training"})
LOCK_WITHIN_MS = 10_000
"""How long a statement of the application waits for a lock, longer than any of its transactions takes.

It fails as passing then: whoever asked is told to ask again. The owner's long pieces of work (migrations,
loads, keys) have connections of their own, without this.
"""
RANDOM_PAGE_COST = 1.1
"""What the planner counts for a page out of order; its default of 4 is for disks that turn.

What the application asks for is in memory. With the default a plan made while a table was small reads the
whole of it, and stays in use while it grows, until the table is analysed.
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A regency in one realm: what a transaction is bound to. Settings left out have their defaults."""

    id: int
    slug: str
    code: str
    realm: str
    name: str
    number_prefix: str
    timezone: str
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def training(self) -> bool:
        """Whether this is a training tenant: every page shows LATIHAN, messages go to files."""
        return self.realm == "training"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of all its days and hours."""
        return ZoneInfo(self.timezone)


def asyncpg_url(url: str) -> URL:
    """Turn a `postgresql://` URL (also `postgres://`, with any driver) into SQLAlchemy's asyncpg form."""
    return make_url(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url))


class Database:
    """A pool of connections of the application's role."""

    def __init__(self, url: str, *, pool_size: int = 10, name: str = "semar") -> None:
        """Open nothing yet; `name` is shown in pg_stat_activity.

        url: a `postgresql://` URL. It may name several servers; the one that takes writes is followed.
        """
        self.engine: AsyncEngine = open_engine(
            url,
            arguments={
                "server_settings": {
                    "application_name": name,
                    "timezone": "UTC",
                    "lock_timeout": str(LOCK_WITHIN_MS),
                    "random_page_cost": str(RANDOM_PAGE_COST),
                }
            },
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_pre_ping=False,
        )
        self.sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
        # a transport says goodbye in the loop's next turn: a loop that ends before it leaves sockets open
        await asyncio.sleep(0)

    async def refuse_a_strong_role(self) -> None:
        """Stop a process whose login could step around row-level security.

        Raises:
            RuntimeError: the login is superuser, may bypass row security, or owns the tables.
        """
        async with self.engine.connect() as connection:
            row = (
                await connection.execute(
                    text(
                        "SELECT current_user AS name, rolsuper OR rolbypassrls AS strong, "
                        "EXISTS (SELECT 1 FROM pg_class "
                        "WHERE relname = 'event' AND relowner = r.oid) AS owner "
                        "FROM pg_roles r WHERE rolname = current_user"
                    )
                )
            ).one()
        if row.strong or row.owner:
            raise RuntimeError(
                f"DATABASE_APP_URL logs in as '{row.name}', which can step around row-level security; "
                "use the login role semar_app"
            )
