"""Serves the built pages: one address per user, their hashed files, and a plain word when none are built."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from dispatch.api.compressed import accepts
from dispatch.api.landing import landing
from dispatch.api.routes import routes
from dispatch.api.signed_in import TheCentre

router = routes()

PAGES = ("operator", "warga", "pengemudi", "faskes", "dinas")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

_NOT_BUILT = """<!doctype html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SEMAR</title>
</head>
<body>
<h1>SEMAR</h1>
<p>Halaman belum dibangun. Jalankan <code>make web</code>, lalu muat ulang halaman ini.</p>
<p lang="en">The pages are not built yet. Run <code>make web</code>, then reload this page.</p>
<p><strong>Keadaan darurat: telepon 119.</strong> <span lang="en">In an emergency phone 119.</span></p>
</body>
</html>
"""


@router.api_route("/", methods=["GET", "HEAD"])
async def start(request: Request, centre: TheCentre) -> Response:
    """Return the page that leads to the others; without built ones the page that only says what runs here."""
    page = centre.settings.web_dir / "index.html"
    if not await asyncio.to_thread(page.is_file):
        return await landing(centre)
    return await _file(request, page, _ASK_AGAIN)


async def show_page(request: Request, centre: TheCentre) -> Response:
    """Return a user's page."""
    page = centre.settings.web_dir / f"{request.url.path.strip('/')}.html"
    if not await asyncio.to_thread(page.is_file):
        return HTMLResponse(_NOT_BUILT, status_code=503, headers={"Content-Security-Policy": POLICY})
    return await _file(request, page, _ASK_AGAIN)


for _page in PAGES:
    router.add_api_route(f"/{_page}", show_page, methods=["GET", "HEAD"], name=_page)


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def asset(request: Request, name: str, centre: TheCentre) -> Response:
    """Return a file whose name carries the hash of its content."""
    return await _named(request, centre.settings.web_dir / "assets", name, _FOR_EVER)


@router.get("/tls-check")
async def tls_check() -> Response:
    """Say nothing: the page that enrols phones sees whether this phone gets here, which is all it asks."""
    return Response(status_code=204, headers={"Cross-Origin-Resource-Policy": "cross-origin"})


async def show_file(request: Request, centre: TheCentre) -> Response:
    """Return a file beside the pages: icons, manifests, service workers."""
    return await _named(request, centre.settings.web_dir, request.url.path.strip("/"), _ASK_AGAIN)


for _ending in (".ico", ".js", ".png", ".svg", ".txt", ".webmanifest"):
    router.add_api_route(f"/{{name}}{_ending}", show_file, methods=["GET", "HEAD"], name=f"file{_ending}")


def policy(request: Request) -> str:
    """Return the policy; over HTTPS it names the sockets' own address, too.

    'self' covers them, but in Safari only from 16 on, and iPhones up to the 7 end with iOS 15.
    """
    host = request.headers.get("host", "")
    if request.url.scheme != "https" or not _HOST.fullmatch(host):
        return POLICY
    return POLICY.replace("connect-src 'self'", f"connect-src 'self' wss://{host}")


async def _named(request: Request, folder: Path, name: str, caching: str) -> Response:
    path = folder / name
    if not _NAME.fullmatch(name) or path.suffix not in TYPES or not await asyncio.to_thread(path.is_file):
        raise HTTPException(404)
    return await _file(request, path, caching)


async def _file(request: Request, path: Path, caching: str) -> Response:
    """Answer with the file, compressed as it lies there; 304 when the client has exactly this one."""
    accepted = request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": caching,
        "Vary": "Accept-Encoding",
        "Content-Type": TYPES[path.suffix],
        "Content-Security-Policy": policy(request),
    }
    source = path
    for coding, ending in _CODINGS:
        beside = path.with_name(path.name + ending)
        if accepts(accepted, coding) and await asyncio.to_thread(beside.is_file):
            source = beside
            headers["Content-Encoding"] = coding
            break
    content = await asyncio.to_thread(source.read_bytes)
    headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers)
