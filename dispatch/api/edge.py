"""What every HTTP exchange passes first and last: request id, size, security headers, and faults."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from dispatch.api.problems import fault, problem_response, too_large

MOST_BYTES = 65_536
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
API_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": API_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "Cache-Control": "no-store",
}


class Edge:
    """Wraps the application; sockets pass unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is what comes behind."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(self.app, scope, receive, send).run()


class _Exchange:
    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self.app = app
        self.scope = scope
        self._receive = receive
        self._send = send
        self.started = False
        self.received = 0
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        self.request_id = given if _GIVEN_ID.fullmatch(given) else str(uuid7())
        scope.setdefault("state", {})["request_id"] = self.request_id
        length = headers.get("content-length", "")
        self.announced = int(length) if length.isascii() and length.isdigit() else 0

    async def run(self) -> None:
        if self.announced > MOST_BYTES:
            await problem_response(too_large())(self.scope, self._receive, self.send)
            return
        try:
            await self.app(self.scope, self.receive, self.send)
        except Exception as error:
            response = fault(error)  # logged there with its reference
            if self.started:
                raise
            await response(self.scope, self._receive, self.send)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            if self.received > MOST_BYTES:
                raise HTTPException(413)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
