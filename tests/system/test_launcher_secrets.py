"""Secrets are made once, whole, and for their owner alone."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dispatch.local.secret_files import read_secret


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "master.key"
    first = read_secret(path)
    assert len(bytes.fromhex(first)) == 32
    assert read_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_makers_at_the_same_time_agree(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from dispatch.local.secret_files import read_secret; "
    command = [
        sys.executable,
        "-c",
        script + "print(read_secret(Path(sys.argv[1])))",
        str(tmp_path / "s" / "key"),
    ]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: subprocess.check_output(command), range(8)))
    assert len(set(found)) == 1
    assert [entry.name for entry in (tmp_path / "s").iterdir()] == ["key"]


def test_the_keys_of_a_container(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dispatch.local.secret_files", str(tmp_path)]
    assert subprocess.check_output(command, text=True).split() == [
        str(tmp_path / "master.key"),
        str(tmp_path / "lookup.key"),
    ]
