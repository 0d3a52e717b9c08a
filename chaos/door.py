"""The public door over HTTP, used as a careful client uses it: what was not acknowledged is asked again."""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import Any

import httpx

from chaos.ledger import Ledger

ATTEMPT_S = 4.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class Refused(Exception):
    """The system said no, for good; `repeated` tells that an earlier attempt may have got through."""

    def __init__(self, what: str, status: int, problem: dict[str, Any], *, repeated: bool) -> None:
        super().__init__(
            f"{what}: {status} {problem.get('code', '')} {problem.get('detail_en', '')}".rstrip()
        )
        self.what = what
        self.status = status
        self.problem = problem
        self.repeated = repeated

    @property
    def code(self) -> str:
        """The problem's stable code."""
        return str(self.problem.get("code", self.status))


class Door:
    """One client's way in; use as an async context manager. `address` may change while it is used."""

    def __init__(self, address: str, ledger: Ledger, token: str = "") -> None:
        self.address = address
        self.token = token
        self.ledger = ledger
        self._http = httpx.AsyncClient(timeout=ATTEMPT_S, trust_env=False)

    async def __aenter__(self) -> Door:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, what: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Ask below `/api/v1` until there is an answer, and return it.

        Raises:
            Refused: the answer is a refusal that no waiting changes.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        pause, repeated = _FIRST_PAUSE_S, False
        while True:
            try:
                with self.ledger.awaiting(what):
                    answer = await self._http.request(
                        method, f"{self.address}/api/v1{path}", headers=headers, json=body, params=query
                    )
            except httpx.HTTPError as failure:
                self.ledger.retries[type(failure).__name__] += 1
            else:
                if answer.is_success:
                    return answer.json() if answer.content else None
                if answer.status_code not in _PASSING:
                    self.ledger.refusals[f"{what}: {_code(answer)}"] += 1
                    raise Refused(what, answer.status_code, _problem(answer), repeated=repeated)
                self.ledger.retries[f"{answer.status_code} {_code(answer)}"] += 1
            repeated = True
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _code(answer: httpx.Response) -> str:
    return str(_problem(answer).get("code", answer.status_code))
