"""A browser, and the application on a port of its own with the map's trial page built."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from dispatch.api.app import create_app
from dispatch.services.centre import Centre
from dispatch.services.load_regency import load_regency
from dispatch.services.roads import Roads
from dispatch.services.tenants import Tenants
from dispatch.settings import Settings
from dispatch.storage.database import Database
from dispatch.storage.vault import Vault

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
# a machine without a graphics card draws WebGL with its processor
SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window. Its event loop must be gone before other modules want one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_WEBGL)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def trial_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map's trial page, built as the pages are."""
    folder = tmp_path_factory.mktemp("trial") / "dist"
    subprocess.run([REPOSITORY / "scripts" / "web", "--trial", folder], check=True, timeout=100)
    return folder


@pytest.fixture(scope="module")
def map_address(
    module_database, trial_pages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Purwakarta served over HTTP on a port that the kernel chose."""
    settings = Settings(
        database_url=module_database.owner_url,
        database_app_url=module_database.app_url,
        run_dir=tmp_path_factory.mktemp("run"),
        web_dir=trial_pages,
    )

    def open_centre() -> Centre:
        database = Database(settings.database_app_url, name="test")
        return Centre(
            settings=settings,
            database=database,
            vault=Vault(bytes(32), bytes(range(32))),
            tenants=Tenants(database),
            roads=Roads(settings.stores_dir),
            registry=None,
        )

    async def prepare() -> None:
        centre = open_centre()
        await load_regency(centre, REPOSITORY / "regencies" / "32.14-purwakarta")
        await centre.close()

    with ThreadPoolExecutor(1) as aside:  # the browser's event loop may run in this thread
        aside.submit(asyncio.run, prepare()).result()
    config = uvicorn.Config(create_app(open_centre()), port=0, ws="websockets-sansio", log_config=None)
    server = uvicorn.Server(config)
    began = threading.Event()
    startup = server.startup

    async def say_when_started(sockets: list | None = None) -> None:
        await startup(sockets)
        began.set()

    server.startup = say_when_started
    thread = threading.Thread(target=server.run)
    thread.start()
    assert began.wait(30)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
