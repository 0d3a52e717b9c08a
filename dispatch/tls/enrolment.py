"""Plain HTTP for phones that do not trust us yet: one page, the authority's certificate, and nothing else.

As a program (`python -m dispatch.tls.enrolment`) it serves at SEMAR_TLS_HOST and SEMAR_ENROL_PORT.
"""

from __future__ import annotations

import io
import logging
import plistlib
from pathlib import Path
from uuid import UUID, uuid5

import segno
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dispatch.settings import Settings, settings
from dispatch.tls.authority import fingerprint
from dispatch.tls.enrolment_page import page
from dispatch.tls.folder import TlsFolder, folder_of
from dispatch.tls.machine import LOOPBACK_HOSTS, Names, in_url
from dispatch.tls.sockets import listening

_FILES = Path(__file__).with_name("page")
_PROFILE = UUID("6f0e5e0c-3a55-5a8e-9d3c-5e3a52000000")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Enrolment:
    """What the page needs to know, read anew with every request: certificates may be renewed meanwhile."""

    def __init__(self, folder: TlsFolder, https_port: int, own_port: int) -> None:
        """`own_port` is the one that this page is served at, `https_port` that of the system."""
        self.folder = folder
        self.https_port = https_port
        self.own_port = own_port

    def authority(self) -> x509.Certificate:
        """Return the certificate to be trusted."""
        return x509.load_pem_x509_certificate(self.folder.authority_certificate.read_bytes())

    def names(self) -> Names:
        """Return the names under which phones can be led to the system now."""
        return self.folder.wanted()

    def host_of(self, request: Request) -> str:
        """Return the host to lead the phone to: the one it came by when the certificate names it."""
        names = self.names()
        came_by = (request.url.hostname or "").strip("[]").lower()
        return came_by if came_by in names.hosts else names.main

    def https(self, request: Request) -> str:
        """Return the address of the system over HTTPS."""
        port = "" if self.https_port == 443 else f":{self.https_port}"
        return f"https://{in_url(self.host_of(request))}{port}"

    def own(self, request: Request) -> str:
        """Return the address of this page, for other phones: never a loopback one when there is another."""
        host = self.host_of(request)
        if host in LOOPBACK_HOSTS:
            host = self.names().main
        return f"http://{in_url(host)}:{self.own_port}/"


def create_app(enrolment: Enrolment) -> Starlette:
    """Make the application; every address that is not named here is refused."""

    def show(request: Request) -> Response:
        https = enrolment.https(request)
        authority = enrolment.authority()
        # the grammar of policies has no IPv6 addresses: by those the check finds nothing out
        checked = "'none'" if "[" in https else https
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src {checked}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        html = page(https, enrolment.own(request), fingerprint(authority), _name_of(authority))
        return _answer(html.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy})

    def der(_: Request) -> Response:
        content = enrolment.authority().public_bytes(Encoding.DER)
        return _answer(content, "application/x-x509-ca-cert", _saved_as("semar-ca.crt"))

    def pem(_: Request) -> Response:
        content = enrolment.authority().public_bytes(Encoding.PEM)
        return _answer(content, "application/x-pem-file", _saved_as("semar-ca.pem"))

    def profile(_: Request) -> Response:
        content = apple_profile(enrolment.authority())
        return _answer(content, "application/x-apple-aspen-config", _saved_as("semar.mobileconfig"))

    def qr(request: Request) -> Response:
        drawn = io.BytesIO()
        segno.make(enrolment.own(request), error="m", micro=False).save(drawn, kind="svg", scale=8, border=4)
        return _answer(drawn.getvalue(), "image/svg+xml")

    def style(_: Request) -> Response:
        return _answer((_FILES / "enrolment.css").read_bytes(), "text/css; charset=utf-8")

    def script(_: Request) -> Response:
        return _answer((_FILES / "enrolment.js").read_bytes(), "text/javascript; charset=utf-8")

    routes = {
        "/": show,
        "/semar-ca.crt": der,
        "/semar-ca.pem": pem,
        "/semar.mobileconfig": profile,
        "/qr.svg": qr,
        "/enrolment.css": style,
        "/enrolment.js": script,
    }
    app = Starlette(
        routes=[Route(path, answer, methods=["GET"]) for path, answer in routes.items()],
        exception_handlers={404: _refuse, 405: _refuse},
    )
    app.router.redirect_slashes = False
    return app


def apple_profile(authority: x509.Certificate) -> bytes:
    """Return a configuration profile with the authority as a root, always the same one."""
    mark = fingerprint(authority)
    name = _name_of(authority)
    root = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"semar.ca.{mark[:8].replace(':', '').lower()}",
        "PayloadUUID": str(uuid5(_PROFILE, f"root {mark}")).upper(),
        "PayloadDisplayName": name,
        "PayloadCertificateFileName": "semar-ca.crt",
        "PayloadContent": authority.public_bytes(Encoding.DER),
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"semar.{mark[:8].replace(':', '').lower()}",
            "PayloadUUID": str(uuid5(_PROFILE, mark)).upper(),
            "PayloadDisplayName": name,
            "PayloadDescription": "Sertifikat SEMAR untuk jaringan lokal / SEMAR certificate for the "
            "local network",
            "PayloadContent": [root],
        }
    )


def _name_of(authority: x509.Certificate) -> str:
    return str(authority.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def _answer(content: bytes, media_type: str, more: dict[str, str] | None = None) -> Response:
    return Response(
        content,
        headers={
            "Content-Type": media_type,
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            **_HEADERS,
            **(more or {}),
        },
    )


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _refuse(_: Request, refusal: Exception) -> Response:
    words = "Di sini hanya ada halaman pendaftaran ponsel. / Only the page that enrols phones is here.\n"
    return PlainTextResponse(words, status_code=getattr(refusal, "status_code", 404), headers=_HEADERS)


def main(deployment: Settings) -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    sockets = listening(deployment.tls_host, deployment.enrol_port)
    enrolment = Enrolment(folder_of(deployment), deployment.tls_port, int(sockets[0].getsockname()[1]))
    config = uvicorn.Config(
        create_app(enrolment),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets)


if __name__ == "__main__":
    main(settings())
