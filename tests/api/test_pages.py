"""The built pages over HTTP: types, caching, compression and the policy that keeps everything inside."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from api_scene import Api, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = ("operator", "warga", "pengemudi", "faskes", "dinas")
SCRIPT = "index-DDC05oxV.js"


@pytest.fixture
def built(api: Api, tmp_path: Path) -> Path:
    """A folder as the build leaves it."""
    web = tmp_path / "dist"
    (web / "assets").mkdir(parents=True)
    for page in ("index", *PAGES):
        (web / f"{page}.html").write_text(f"<!doctype html><title>{page}</title>")
    (web / "assets" / SCRIPT).write_text("export {}" * 200)
    (web / "assets" / f"{SCRIPT}.gz").write_bytes(gzip.compress(b"export {}" * 200))
    (web / "assets" / "maplibre-gl-worker-CZtFQQIV.mjs").write_text("export {}")
    (web / "assets" / "inter-DDC05oxV.woff2").write_bytes(b"wOF2")
    (web / "assets" / "page-1.css").write_text("body {}")
    (web / "assets" / "secret.pem").write_text("no page's business")
    (web / "favicon.svg").write_text("<svg/>")
    (web / "warga.webmanifest").write_text("{}")
    (web / "sw.js").write_text("self")
    (web / "stamp").write_text("x")
    (tmp_path / "outside.js").write_text("not to be reached")
    api.centre.settings.web_dir = web
    return web


@pytest.mark.parametrize("page", ["", *PAGES])
async def test_pages_are_asked_for_anew_and_answered_briefly(api: Api, built: Path, page: str) -> None:
    answer = await api.client.get(f"/{page}")
    assert answer.status_code == 200
    assert f"<title>{page or 'index'}</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    same = await api.client.get(f"/{page}", headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    head = await api.client.head(f"/{page}")
    assert (head.status_code, head.content) == (200, b"")

    (built / f"{page or 'index'}.html").write_text("<!doctype html><title>new</title>")
    changed = await api.client.get(f"/{page}", headers={"If-None-Match": answer.headers["etag"]})
    assert changed.status_code == 200
    assert "new" in changed.text


async def test_the_policy_keeps_everything_inside(api: Api, built: Path) -> None:
    policy = (await api.client.get("/operator")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for name in ("script-src", "style-src", "font-src", "connect-src", "worker-src", "manifest-src"):
        assert rules[name] == "'self'"
    assert rules["img-src"] == "'self' data: blob:"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("address", "media_type", "caching"),
    [
        (f"/assets/{SCRIPT}", "text/javascript; charset=utf-8", "immutable"),
        ("/assets/maplibre-gl-worker-CZtFQQIV.mjs", "text/javascript; charset=utf-8", "immutable"),
        ("/assets/inter-DDC05oxV.woff2", "font/woff2", "immutable"),
        ("/assets/page-1.css", "text/css; charset=utf-8", "immutable"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/warga.webmanifest", "application/manifest+json", "no-cache"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
    ],
)
async def test_files_carry_their_type(
    api: Api, built: Path, address: str, media_type: str, caching: str
) -> None:
    answer = await api.client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert caching in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_files_go_out_compressed_where_they_lie_so(api: Api, built: Path) -> None:
    squeezed = await api.client.get(f"/assets/{SCRIPT}", headers={"Accept-Encoding": "gzip"})
    plain = await api.client.get(f"/assets/{SCRIPT}", headers={"Accept-Encoding": "identity"})
    assert squeezed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert squeezed.content == plain.content
    assert int(squeezed.headers["content-length"]) < int(plain.headers["content-length"])
    assert squeezed.headers["etag"] != plain.headers["etag"]


async def test_the_smallest_form_that_the_browser_takes_goes_out(api: Api, built: Path) -> None:
    (built / "assets" / f"{SCRIPT}.br").write_bytes(b"as brotli left it")
    both = {"Accept-Encoding": "gzip, deflate, br"}
    # read as it comes: whether the client can undo brotli is not the matter here
    async with api.client.stream("GET", f"/assets/{SCRIPT}", headers=both) as answer:
        assert answer.headers["content-encoding"] == "br"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert b"".join([part async for part in answer.aiter_raw()]) == b"as brotli left it"
    same = await api.client.get(f"/assets/{SCRIPT}", headers=both | {"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304
    refused = await api.client.get(f"/assets/{SCRIPT}", headers={"Accept-Encoding": "gzip, br;q=0"})
    assert refused.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "address",
    [
        "/assets/absent.js",
        "/assets/secret.pem",
        "/assets/..%2F..%2Foutside.js",
        "/..%2Foutside.js",
        "/%2e%2e/outside.js",
        "/assets/%00.js",
        "/assets/",
        "/stamp",
        f"/assets/{SCRIPT}.gz",
        "/absent.svg",
    ],
)
async def test_nothing_else_is_given_out(api: Api, built: Path, address: str) -> None:
    problem(await api.client.get(address), 404, "not_found")


async def test_without_built_pages_their_place_says_so(api: Api, tmp_path: Path) -> None:
    api.centre.settings.web_dir = tmp_path / "absent"
    for page in PAGES:
        answer = await api.client.get(f"/{page}")
        assert answer.status_code == 503
        assert "make web" in answer.text
        assert "119" in answer.text
    start = await api.client.get("/")
    assert start.status_code == 200
    assert "Kabupaten Purwakarta" in start.text
    problem(await api.client.get("/assets/x.js"), 404, "not_found")
