"""The serving process: what it refuses to stand on, and one real start and stop."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api_scene import Prepared, Urls, open_centre

from dispatch.api.serve import prepare, serve
from dispatch.local.postgres import PrivatePostgres
from dispatch.services.open_roads import open_roads

REPOSITORY = Path(__file__).resolve().parents[2]


async def test_a_strong_login_is_refused(prepared: Prepared) -> None:
    owner = replace(prepared.database, app_url=prepared.database.owner_url)
    centre = open_centre(owner, prepared.stores)
    with pytest.raises(RuntimeError, match="row-level security"):
        await prepare(centre)
    await centre.close()


async def test_another_schema_is_refused(
    prepared: Prepared, postgres_server: PrivatePostgres, database_template: str
) -> None:
    name = "api_other_schema"
    postgres_server.create_database(name, database_template)
    postgres_server.execute("UPDATE alembic_version SET version_num = 'another'", name)
    urls = Urls(postgres_server.url("semar_owner", name), postgres_server.url("semar_app", name))
    centre = open_centre(urls, prepared.stores)
    with pytest.raises(RuntimeError, match="schema another, this program needs"):
        await prepare(centre)
    await centre.close()
    postgres_server.drop_database(name)


async def test_roads_are_opened_before_somebody_asks(
    prepared: Prepared, caplog: pytest.LogCaptureFixture
) -> None:
    centre = open_centre(prepared.database, prepared.stores)
    with caplog.at_level(logging.INFO):
        await open_roads(centre)
    assert re.search(r"32\.14-latihan: roads .*, \d+ vertices, opened in", caplog.text)
    assert re.search(r"33\.25-latihan: roads", caplog.text)
    await centre.close()


async def test_missing_roads_are_said_and_stop_nobody(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    centre = open_centre(prepared.database, tmp_path)
    await open_roads(centre)
    assert "run 'dispatch regency load'" in caplog.text
    await centre.close()


def test_a_database_that_is_away_is_said_in_one_line(prepared: Prepared, tmp_path: Path) -> None:
    _keys(tmp_path)
    nowhere = "postgresql://semar_app@/nothing?host=/nowhere"
    settings = open_centre(Urls(nowhere, nowhere), tmp_path).settings
    with pytest.raises(SystemExit, match="cannot be reached"):
        serve(settings, "127.0.0.1", 0)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(prepared: Prepared, sign: signal.Signals) -> None:
    with _running(prepared) as (process, address):
        answer = httpx.get(f"{address}/health", headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 200
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers
        process.send_signal(sign)
        rest = process.communicate(timeout=30)[0]
        assert process.returncode in (0, -sign)
        assert "Traceback" not in rest
        assert "/health" not in rest, "no access log"


@contextmanager
def _running(prepared: Prepared) -> Iterator[tuple[subprocess.Popen[str], str]]:
    _keys(prepared.stores)
    environment = os.environ | {
        "DATABASE_APP_URL": prepared.database.app_url,
        "SEMAR_RUN_DIR": str(prepared.stores),
        "SEMAR_HOST": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "dispatch", "serve", "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            seen = []
            for line in process.stdout:
                seen.append(line)
                if found := re.search(r"running on (http://\S+:\d+)", line):
                    yield process, found[1]
                    return
            pytest.fail("".join(seen))
        finally:
            process.kill()


def _keys(run_dir: Path) -> None:
    secrets = run_dir / "secrets"
    secrets.mkdir(exist_ok=True)
    for number, name in enumerate(("master.key", "lookup.key")):
        (secrets / name).write_text(bytes(range(32 * number, 32 * number + 32)).hex())
