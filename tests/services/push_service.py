"""A push service and its browsers: takes messages over HTTP, checks who sends them, and opens them."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dispatch.notify.web_push import Subscription, padded, unpadded

_CURVE = ec.SECP256R1()


@dataclass
class Browser:
    """One browser: its keys, and what it was told. `answer` is what its push service says to a message."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(_CURVE))
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    answer: int = 201
    slow: asyncio.Event | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, body: bytes) -> bytes:
        """Open a message as RFC 8291 and RFC 8188 say, from the browser's side."""
        salt, length = body[:16], body[20]
        theirs = body[21 : 21 + length]
        own = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, theirs))
        secret = HKDF(SHA256(), 32, self.auth, b"WebPush: info\0" + own + theirs).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        clear = AESGCM(key).decrypt(nonce, body[21 + length :], None)
        return clear[: clear.rindex(b"\x02")]


class PushService:
    """Serves browsers over real HTTP on a port of the kernel's choice."""

    def __init__(self) -> None:
        self.browsers: dict[str, Browser] = {}
        self.sender = ""  # the only key that may send here, as browsers subscribed to it
        self.origin = ""

    def browser(self, name: str, **given: Any) -> tuple[Browser, Subscription]:
        """A browser that has subscribed."""
        made = self.browsers[name] = Browser(name, **given)
        point = made.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return made, Subscription(f"{self.origin}/push/{name}", padded(point), padded(made.auth))

    def _identify(self, authorization: str) -> None:
        scheme, rest = authorization.split(" ", 1)
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert (scheme, parts["k"]) == ("vapid", self.sender)
        signed, _, signature = parts["t"].rpartition(".")
        raw = unpadded(signature)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, unpadded(parts["k"]))
        key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(SHA256()))
        head, claims = (json.loads(unpadded(part)) for part in signed.split("."))
        assert head == {"typ": "JWT", "alg": "ES256"}
        assert claims["aud"] == self.origin
        assert time.time() < claims["exp"] <= time.time() + 86_400

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split(" ", 2)
                headers = {}
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status = await self._receive(method, path, headers, body)
                writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _receive(self, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        browser = self.browsers.get(path.rpartition("/")[2])
        if method != "POST" or browser is None:
            return 404
        browser.asked += 1
        if browser.slow is not None:
            await browser.slow.wait()
        try:
            self._identify(headers["authorization"])
        except (AssertionError, InvalidSignature, KeyError, ValueError):
            return 403
        if browser.answer >= 300:
            return browser.answer
        assert headers["content-encoding"] == "aes128gcm"
        assert int(headers["ttl"]) > 0
        browser.told.append({**json.loads(browser.open(body)), "topic": headers["topic"]})
        browser.heard.set()
        return browser.answer


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """Run one for as long as the test needs it."""
    service = PushService()
    server = await asyncio.start_server(service.take, "127.0.0.1", 0)
    service.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        for browser in service.browsers.values():
            if browser.slow is not None:
                browser.slow.set()
        server.close()
        await server.wait_closed()
