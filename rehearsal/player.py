"""One staff account of the rehearsal, that stays signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from rehearsal.cast import Account
from rehearsal.client import Client, Connection, FacilityClient, OperatorClient
from rehearsal.findings import Refused

Result = TypeVar("Result")
_NOT_SIGNED_IN = 401


class Player:
    """An account with its clients; `by` is how the system's event log names it."""

    def __init__(self, connection: Connection, regency: str, account: Account) -> None:
        self.connection = connection
        self.regency = regency
        self.account = account
        self.staff_id: UUID | None = None
        self.operator = OperatorClient(connection)
        self.facility = FacilityClient(connection)
        self.client = Client(connection)

    @property
    def name(self) -> str:
        """The user name."""
        return self.account.username

    @property
    def token(self) -> str | None:
        """The token of the present session."""
        return self.client.token

    @property
    def by(self) -> str:
        """The actor as events name it."""
        return f"staff:{self.account.role}:{self.staff_id}"

    async def sign_in(self) -> None:
        """Begin a session; all clients use it from now on."""
        signed_in = await Client(self.connection).sign_in_staff(
            self.regency, self.account.username, self.account.password
        )
        self.staff_id = signed_in.staff_id
        for client in (self.operator, self.facility, self.client):
            client.token = signed_in.session.token

    async def sign_out(self) -> None:
        """End the session, when there is one."""
        if self.client.token is not None:
            await self.client.sign_out()

    def again(self, work: Callable[[], Awaitable[Result]]) -> Callable[[], Awaitable[Result]]:
        """Return the work so that it signs in anew, once, when the session has run out."""

        async def tried() -> Result:
            try:
                return await work()
            except Refused as refused:
                if refused.status != _NOT_SIGNED_IN:
                    raise
            await self.sign_in()
            return await work()

        return tried
