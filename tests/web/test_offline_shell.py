"""Phones over HTTPS in a real browser: what is allowed there, a reload without signal, and a new build."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dispatch.local.addresses import accepts
from dispatch.local.program import Program
from dispatch.settings import Settings
from dispatch.tls.folder import folder_of
from dispatch.tls.sockets import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
PURWAKARTA = REPOSITORY / "regencies" / "32.14-purwakarta"
HOST = "127.0.0.2"  # to a browser no `localhost`, and yet this machine
PATIENCE_MS = 45_000
READY = "navigator.serviceWorker.getRegistration().then((found) => found?.active?.state === 'activated')"


@dataclass
class Phones:
    """A system that serves HTTPS: its address, its pages, its accounts and its authority."""

    address: str
    web: Path
    accounts: dict[str, str]
    authority: Path


@pytest.fixture(scope="module")
def phones(module_database, redis_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    run_dir = tmp_path_factory.mktemp("phones")
    for name in ("secrets", "log"):
        (run_dir / name).mkdir(mode=0o700)
    for name in ("master", "lookup"):
        (run_dir / "secrets" / f"{name}.key").write_text(os.urandom(32).hex())
    folder = folder_of(Settings(run_dir=run_dir, tls_host=HOST))
    folder.ensure()
    subprocess.run([REPOSITORY / "scripts" / "web"], check=True, timeout=100)
    web = run_dir / "web"
    shutil.copytree(REPOSITORY / "web" / "dist", web)
    port = free_port(HOST, 0)
    environment = os.environ | {
        "DATABASE_URL": module_database.owner_url,
        "DATABASE_APP_URL": module_database.app_url,
        "REDIS_URL": redis_server.url,
        "SEMAR_RUN_DIR": str(run_dir),
        "SEMAR_TLS_HOST": HOST,
        "SEMAR_TLS_PORT": str(port),
        "SEMAR_WEB_DIR": str(web),
        "PYTHONUNBUFFERED": "1",
    }

    def program(name: str, *arguments: str) -> Program:
        command = (sys.executable, "-m", "dispatch", *arguments)
        return Program(name, command, environment=environment, log_dir=run_dir / "log")

    prepare = program("prepare", "prepare", str(PURWAKARTA), "--demo-accounts")
    assert prepare.run(lambda: False) == 0, prepare.last_words()
    serve = program("serve", "serve", "--tls")
    serve.spawn()
    patience = time.monotonic() + 100
    while not accepts(HOST, port):
        assert serve.poll() is None, serve.last_words()
        assert time.monotonic() < patience, serve.last_words()
        time.sleep(0.1)
    made = json.loads((run_dir / "accounts.json").read_text())["32.14-latihan"]
    accounts = {one["username"]: one["password"] for one in made}
    yield Phones(f"https://{HOST}:{port}", web, accounts, folder.authority_certificate)
    serve.stop()


@pytest.fixture(scope="module")
def trusting(phones: Phones, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose owner has installed the authority, as on an enrolled phone."""
    home = tmp_path_factory.mktemp("home")
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "semar", "-i", phones.authority]):
        subprocess.run(
            ["certutil", "-d", f"sql:{store}", *arguments], check=True, stdin=subprocess.DEVNULL, timeout=30
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", env={**os.environ, "HOME": str(home)}
        )
        yield browser
        browser.close()


@pytest.fixture
def phone(trusting: Browser, phones: Phones) -> Iterator[BrowserContext]:
    place = {"longitude": 107.4434, "latitude": -6.5567, "accuracy": 8}
    context = trusting.new_context(
        viewport={"width": 390, "height": 844},
        base_url=phones.address,
        geolocation=place,
        permissions=["geolocation"],
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def opened(phone: BrowserContext, path: str) -> Page:
    """Open a page, and wait until it would open without signal, too."""
    page = phone.new_page()
    page.goto(path)
    kept(page)
    return page


def kept(page: Page) -> None:
    """Wait until the service worker has the whole shell and answers for this page."""
    for _ in range(300):
        if page.evaluate(READY) and page.evaluate("navigator.serviceWorker.controller !== null"):
            return
        page.wait_for_timeout(100)
    pytest.fail("the service worker did not get ready")


def sign_on(page: Page, phones: Phones, call_sign: str) -> None:
    page.get_by_label("Nama pengguna").fill("pengemudi1")
    page.get_by_label("Kata sandi").fill(phones.accounts["pengemudi1"])
    page.get_by_role("button", name="Masuk", exact=True).click()
    page.get_by_label("Tanda panggil unit").fill(call_sign)
    page.locator("form button.primary").click()
    expect(page.locator(".sign")).to_have_text(call_sign, timeout=PATIENCE_MS)


def test_a_trusted_address_is_a_secure_context(phone: BrowserContext, phones: Phones) -> None:
    page = opened(phone, "/warga")
    assert page.evaluate("isSecureContext")
    found = page.evaluate(
        "new Promise((yes, no) => "
        "navigator.geolocation.getCurrentPosition((fix) => yes(fix.coords.latitude), no))"
    )
    assert found == pytest.approx(-6.5567)
    assert page.evaluate("navigator.wakeLock.request('screen').then(() => true, (e) => e.name)") in (
        True,
        "NotAllowedError",  # a browser without a window may not hold one, and says so
    )
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((r) => r.json())")
    assert manifest["name"] == "SEMAR Warga"
    for icon in manifest["icons"]:
        kind = page.evaluate("(src) => fetch(src).then((r) => r.headers.get('content-type'))", icon["src"])
        assert kind == "image/png"
    cached = page.evaluate(
        "caches.keys().then((names) => Promise.all(names.map(async (n) => "
        "(await (await caches.open(n)).keys()).map((r) => new URL(r.url).pathname))))"
        ".then((all) => all.flat())"
    )
    assert "/warga" in cached
    assert not [path for path in cached if re.match(r"/(api|tiles|ws|health|sw-)", path)]


def test_a_resident_without_signal_has_the_page_and_119(phone: BrowserContext) -> None:
    page = opened(phone, "/warga")
    phone.set_offline(True)
    page.reload()
    expect(page.get_by_role("link", name=re.compile("119")).first).to_be_visible()
    assert page.title() == "SEMAR · Panggil Ambulans"


def test_a_crew_without_signal_keeps_unit_and_queue(phone: BrowserContext, phones: Phones) -> None:
    page = opened(phone, "/pengemudi")
    sign_on(page, phones, "PWK-A01")
    phone.set_offline(True)
    page.reload()
    expect(page.locator(".sign")).to_have_text("PWK-A01", timeout=PATIENCE_MS)
    expect(page.get_by_role("alert")).to_contain_text("TIDAK TERLACAK", timeout=PATIENCE_MS)
    expect(page.get_by_text("Tidak ada sambungan")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ posisi menunggu terkirim"))).to_be_visible(timeout=PATIENCE_MS)
    phone.set_offline(False)
    expect(page.get_by_text("Langsung")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Akhiri dinas").click()
    page.get_by_role("button", name="Ya, akhiri dinas").click()
    page.get_by_label("Tanda panggil unit").wait_for()
    phone.set_offline(True)
    page.reload()
    expect(page.get_by_text("TIDAK ADA SINYAL")).to_be_visible(timeout=PATIENCE_MS)


def rebuild(web: Path, page: str, version: str) -> None:
    """Put another build of a page there, as `scripts/web` leaves it."""
    html = web / f"{page}.html"
    old = re.search(r'name="build" content="(\w+)"', html.read_text())
    assert old is not None
    for file in (html, web / f"sw-{page}.js"):
        file.write_text(file.read_text().replace(old[1], version))
        for ending in (".br", ".gz"):  # served in place of the file itself where they lie beside it
            file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


def build_of(page: Page) -> str:
    return str(page.evaluate("document.querySelector('meta[name=build]').content"))


def test_a_new_build_is_offered_and_replaces_the_old_one_whole(phone: BrowserContext, phones: Phones) -> None:
    page = opened(phone, "/warga")
    old = build_of(page)
    rebuild(phones.web, "warga", "0123456789abcdef")
    page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update())")
    expect(page.get_by_text("Ada versi baru")).to_be_visible(timeout=PATIENCE_MS)
    assert build_of(page) == old, "nothing happens before the person agrees"
    page.get_by_role("button", name="Perbarui").click()
    expect(page.locator("meta[name=build]")).to_have_attribute("content", "0123456789abcdef")
    kept(page)
    expect(page.get_by_text("Ada versi baru")).to_have_count(0)
    names = page.evaluate("caches.keys()")
    assert names == ["semar-warga-0123456789abcdef"]


def test_a_page_that_came_fresh_is_not_asked(phone: BrowserContext, phones: Phones) -> None:
    page = opened(phone, "/warga")
    rebuild(phones.web, "warga", "fedcba9876543210")
    page.reload()
    assert build_of(page) == "fedcba9876543210"
    for _ in range(300):
        if page.evaluate("caches.keys()") == ["semar-warga-fedcba9876543210"]:
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("the worker of the new build did not take over")
    expect(page.get_by_text("Ada versi baru")).to_have_count(0)
