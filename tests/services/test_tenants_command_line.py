"""The `dispatch` command as people use it: its words and its exit status."""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from loading_scene import Folder, HasUrls, open_scene, small_folder
from typer.testing import CliRunner

from dispatch.cli import app
from dispatch.settings import settings

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """What a finished command said."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "secrets").mkdir()
    for name in ("master.key", "lookup.key"):
        (folder / "secrets" / name).write_text(secrets.token_hex(32) + "\n")
    return folder


@pytest.fixture
def dispatch(module_database: HasUrls, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run the command on the module's database; further variables may replace the settings."""
    urls = {"DATABASE_URL": module_database.owner_url, "DATABASE_APP_URL": module_database.app_url}

    def run(*arguments: str, **variables: str) -> Done:
        with monkeypatch.context() as environment:
            for name, value in ({"SEMAR_RUN_DIR": str(run_dir)} | urls | variables).items():
                environment.setenv(name, value)
            settings.cache_clear()
            result = CliRunner().invoke(app, arguments, prog_name="dispatch", catch_exceptions=False)
        return Done(result.exit_code, result.stdout, result.stderr)

    yield run
    settings.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return small_folder(tmp_path / "33.25-kecil")


def refused(done: Done, *words: str) -> None:
    """The command failed with one line in two languages that names all of `words`."""
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert " / " in last
    for word in words:
        assert word in last


def test_the_program_lists_its_commands() -> None:
    command = [sys.executable, "-m", "dispatch", "--help"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    for name in ("migrate", "regency", "tenant", "staff", "demo-accounts", "run", "serve", "worker", "drill"):
        assert name in done.stdout


def test_load_list_accounts_and_live_tenant(dispatch: Run, folder: Folder, run_dir: Path) -> None:
    """One deployment from an empty database to a live tenant with its staff."""
    loaded = dispatch("regency", "load", str(folder.path))
    assert loaded.returncode == 0, loaded.stderr
    assert "33.25-latihan unit: 5 baru" in loaded.stdout
    again = dispatch("regency", "load", str(folder.path))
    assert "tidak berubah / unchanged" in again.stdout
    refused(dispatch("regency", "load", str(folder.path), "--live"), "33.25", "dispatch tenant create")
    refused(dispatch("demo-accounts", SEMAR_EXTERNAL_DATABASE="1"), "dispatch staff add")
    assert not (run_dir / "accounts.json").exists()
    assert dispatch("demo-accounts").returncode == 0
    accounts = json.loads((run_dir / "accounts.json").read_text())["33.25-latihan"]
    assert len([a for a in accounts if not a["username"].startswith("latihan-")]) == 9

    created = dispatch("tenant", "create", str(folder.path), "--admin-username", "kepala")
    assert created.returncode == 0, created.stderr
    assert "Akun kepala di 33.25, kata sandi (hanya ditampilkan sekali): " in created.stdout
    refused(dispatch("tenant", "create", str(folder.path)), "33.25", "--live")
    listed = dispatch("regency", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["33.25", "33.25-latihan"]

    password = run_dir / "password"
    password.write_text("sandi dari berkas\n")
    added = dispatch("staff", "add", "33.25", "siti", "operator", "--password-file", str(password))
    assert added.returncode == 0, added.stderr
    assert "sandi dari berkas" not in added.stdout
    refused(dispatch("staff", "add", "33.25", "SITI", "operator"), "'SITI'")
    refused(dispatch("staff", "add", "33.25", "siti", "operator"), "siti")
    refused(dispatch("staff", "add", "99.99", "siti", "operator"), "99.99")
    refused(dispatch("staff", "set-password", "33.25", "tono"), "tono")
    assert dispatch("staff", "set-password", "33.25", "siti").returncode == 0
    names = [line.split()[1] for line in dispatch("staff", "list", "33.25").stdout.splitlines()]
    assert names == ["kepala", "siti"]


def test_a_bad_folder_is_refused_with_every_problem_and_warning(dispatch: Run, folder: Folder) -> None:
    folder.edit("facilities.csv", lambda row: row | {"kind": "hotel", "lon": "10"})
    for command in ("check", "load"):
        done = dispatch("regency", command, str(folder.path))
        words = done.stdout + done.stderr
        assert done.returncode == 1
        assert words.count("hotel") >= 2
        assert "Peringatan / Warnings" in words
        assert "Masalah / Problems" in words


def test_a_good_folder_passes_the_check(dispatch: Run, folder: Folder) -> None:
    done = dispatch("regency", "check", str(folder.path))
    assert done.returncode == 0, done.stderr
    assert "can be loaded" in done.stdout


def test_what_is_no_folder_is_named(dispatch: Run, tmp_path: Path) -> None:
    refused(dispatch("regency", "check", "12.34"), "'12.34'", "32.14")
    done = dispatch("regency", "load", str(tmp_path))
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr


def test_the_schema_is_brought_up_to_date_once(dispatch: Run) -> None:
    done = dispatch("migrate")
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout


def test_a_schema_of_a_newer_program_is_left_alone(dispatch: Run, database: HasUrls, tmp_path: Path) -> None:
    async def from_the_future() -> None:
        async with open_scene(database, tmp_path) as scene:
            await scene.execute("UPDATE alembic_version SET version_num = '9999'")

    asyncio.run(from_the_future())
    refused(dispatch("migrate", DATABASE_URL=database.owner_url), "9999", "newer")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DATABASE_APP_URL": ""}, ("DATABASE_APP_URL", "make run")),
        ({"DATABASE_APP_URL": "nonsense"}, ("postgresql://",)),
        ({"DATABASE_APP_URL": "postgresql://semar_app:rahasia@127.0.0.1:1/semar"}, ("DATABASE_APP_URL",)),
    ],
)
def test_a_database_out_of_reach_is_said_in_one_line(
    dispatch: Run, variables: dict[str, str], words: tuple[str, ...]
) -> None:
    done = dispatch("regency", "list", **variables)
    refused(done, *words)
    assert "rahasia" not in done.stderr


@pytest.mark.parametrize("process", ["serve", "worker"])
def test_a_process_that_cannot_begin_says_why(
    dispatch: Run, module_database: HasUrls, tmp_path: Path, process: str
) -> None:
    nowhere = f"postgresql://semar_app@/semar?host={tmp_path}"
    refused(dispatch(process, DATABASE_APP_URL=nowhere), "DATABASE_APP_URL")
    refused(dispatch(process, DATABASE_APP_URL=module_database.owner_url), "semar_app")
    refused(dispatch(process, SEMAR_RUN_DIR=str(tmp_path)), "master.key")


def test_missing_and_damaged_keys_are_named(dispatch: Run, tmp_path: Path) -> None:
    refused(dispatch("staff", "list", "33.25", SEMAR_RUN_DIR=str(tmp_path)), "master.key", "make run")
    damaged = tmp_path / "key"
    damaged.write_text("abc")
    refused(dispatch("staff", "list", "33.25", SEMAR_MASTER_KEY_FILE=str(damaged)), str(damaged))
