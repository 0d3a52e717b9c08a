"""A browser, the map's trial page on a port of its own, and the system as processes with all its pages."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, expect, sync_playwright
from redis import Redis
from served import Served
from watched import PATIENCE_S, Watched, watching

from dispatch.api.app import create_app
from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres
from dispatch.local.redis import PrivateRedis
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
# WebGL aside, the processor draws a page itself with a quarter less work than as that card
PLAINLY_DRAWN = ["--disable-gpu-compositing", "--disable-gpu-rasterization"]
# names lead nowhere: what a page or the browser itself might ask of elsewhere ends here, whoever asks
NO_WAY_OUT = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
PAGES_DATABASE = "semar_pages"
Open = Callable[..., Watched]

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """How the browser puts its pages together, as flags; a module may have its own."""
    return PLAINLY_DRAWN


@pytest.fixture(scope="module")
def browser(drawn: list[str]) -> Iterator[Browser]:
    """Debian's Chromium, without a window. Its event loop must be gone before other modules want one."""
    flags = [*SOFTWARE_WEBGL, *drawn, *NO_WAY_OUT]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
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


@pytest.fixture(scope="session")
def served(
    postgres_server: PrivatePostgres,
    database_template: str,
    redis_server: PrivateRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Purwakarta's training tenant at work, with the built pages; every module plays in it."""
    subprocess.run([REPOSITORY / "scripts" / "web"], check=True, timeout=100)
    postgres_server.create_database(PAGES_DATABASE, database_template)
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    served = Served(
        tmp_path_factory.mktemp("pages") / "run",
        database_url=postgres_server.url(OWNER_ROLE, PAGES_DATABASE),
        database_app_url=postgres_server.url(APP_ROLE, PAGES_DATABASE),
        redis_url=redis_server.url,
        ask=lambda sql: postgres_server.execute(sql, PAGES_DATABASE),
    )
    try:
        served.start()
        yield served
    finally:
        served.stop()
        postgres_server.drop_database(PAGES_DATABASE)


@pytest.fixture
def open_browser(browser: Browser, served: Served) -> Iterator[Open]:
    """Open a browser for one more person; at the end of the test each of them must have been clean."""
    with ExitStack() as people:

        def open_one(**options: Any) -> Watched:
            return people.enter_context(watching(browser, served.address, **options))

        yield open_one
        served.leave_nothing_open()
