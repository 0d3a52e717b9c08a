"""The registry's HTTP client: one claim in, one verification out, never late and never an exception."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime

import httpx

from registry.form import Answer, BadAnswer, read_answer, request_body
from registry.nik import parse_nik
from registry.verification import Claim, Flag, Verification

logger = logging.getLogger(__name__)

LARGEST_ANSWER = 64 * 1024
# Shorter than what common servers keep an idle connection open for (uvicorn 5 s), so that we are the
# first to let go and do not write into a connection the other side is just closing.
_KEEP_ALIVE_S = 4.0


class RegistryClient:
    """Asks one registry service; safe for many tasks of one event loop at once.

    url: the whole address of the service's method. user, password: the agency's credentials.
    threshold: from which score (0 to 100) a name counts as the same. timeout_s: for everything together,
    connecting, sending and reading, on the monotonic clock.
    tls: for a service with a certificate of its own authority. Proxies named in the environment are not
    used and redirections not followed: a claim goes to the configured address or nowhere.

    Details of `unavailable`: timeout, connection_failed, protocol_error, http_<status>, bad_json, bad_answer,
    answer_too_large, login_failed, quota_used_up, address_not_allowed, refused_by_service.
    Details of `mismatch` and `not_found`: name_disagrees, record_deceased, record_duplicate,
    record_inactive, not_in_registry, nik_format.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        threshold: int = 90,
        timeout_s: float = 3.0,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Raises ValueError for an address that is not http(s), a threshold or a timeout out of range."""
        try:
            self._url = httpx.URL(url)
            # What a resolver could not spell would otherwise come up at the first claim.
            self._url.host.encode("idna")
        except (httpx.InvalidURL, UnicodeError):
            raise ValueError("the registry's address is not a URL") from None
        if self._url.scheme not in {"http", "https"} or not self._url.host:
            raise ValueError("the registry's address must start with http:// or https://")
        if self._url.userinfo:
            raise ValueError("the registry's address must not hold a password: it would be logged")
        if not 0 <= threshold <= 100:
            raise ValueError("the threshold must be between 0 and 100")
        if not timeout_s > 0:
            raise ValueError("the timeout must be above 0 s")
        self._user, self._password = user, password
        self._threshold, self._timeout_s = threshold, timeout_s
        self._http = httpx.AsyncClient(
            verify=tls if tls is not None else True,
            trust_env=False,
            follow_redirects=False,
            timeout=timeout_s,
            limits=httpx.Limits(
                max_connections=16, max_keepalive_connections=8, keepalive_expiry=_KEEP_ALIVE_S
            ),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )

    def __repr__(self) -> str:
        return f"RegistryClient({self._url.host})"

    async def verify(self, claim: Claim) -> Verification:
        """Ask about one claim; a service that is down, late or answers nonsense is `unavailable`."""
        answer = await self._ask(claim)
        if answer.outcome == "unavailable":
            logger.warning("resident registry unavailable: %s", answer.detail)
        return Verification(
            outcome=answer.outcome,
            elements=answer.elements,
            checked_at=datetime.now(UTC),
            flags=answer.flags + _flags_of_the_number(claim),
            detail=answer.detail,
        )

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        await self._http.aclose()

    async def _ask(self, claim: Claim) -> Answer:
        body = request_body(claim, self._user, self._password, self._threshold)
        try:
            # httpx bounds each read on its own; a server that drips bytes needs one bound over all.
            async with asyncio.timeout(self._timeout_s):
                status, content = await self._post(body)
            if status in {401, 403}:
                return Answer("unavailable", detail="login_failed")
            if status != 200:
                return Answer("unavailable", detail=f"http_{status}")
            return read_answer(content, self._threshold)
        except BadAnswer as error:
            return Answer("unavailable", detail=str(error))
        except (TimeoutError, httpx.TimeoutException):
            return Answer("unavailable", detail="timeout")
        except httpx.ConnectError:
            return Answer("unavailable", detail="connection_failed")
        except httpx.HTTPError:
            return Answer("unavailable", detail="protocol_error")

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        async with self._http.stream("POST", self._url, content=body) as response:
            content = bytearray()
            async for part in response.aiter_bytes():
                content += part
                if len(content) > LARGEST_ANSWER:
                    raise BadAnswer("answer_too_large")
            return response.status_code, bytes(content)


def _flags_of_the_number(claim: Claim) -> tuple[Flag, ...]:
    if claim.birth_date is None or parse_nik(claim.nik).agrees_with(claim.birth_date):
        return ()
    return ("birth_date_not_in_nik",)
