"""The paper board on disk: a reader finds a whole file at any moment, old ones go, errors change nothing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dispatch.paper.folders import LATEST, put, write_whole

# writes boards without end, each of one letter repeated; says so once the first is there
_WRITER = """
import sys, pathlib
from dispatch.paper.folders import put
folder = pathlib.Path(sys.argv[1])
for n in range(10**9):
    put(folder, f"{n % 24:02d}{n % 60:02d}", bytes([65 + n % 26]) * 400_000, 3600)
    if n == 0:
        print("writing", flush=True)
"""


def whole(content: bytes) -> bool:
    return len(content) == 400_000 and len(set(content)) == 1


def test_a_reader_finds_whole_files_while_one_writes_and_after_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "32.14"
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
            for _ in range(50):
                assert whole((folder / LATEST).read_bytes())
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
            if writer.stdout:
                writer.stdout.close()
        assert all(whole(path.read_bytes()) for path in folder.glob("papan*.pdf"))
    for part in folder.glob(".papan-*.part"):
        os.utime(part, (0, 0))
    put(folder, "1403", b"%PDF", 3600)
    assert list(folder.glob(".papan-*.part")) == [], "what a killed writer left is thrown away later"


def test_only_the_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "32.14"
    put(folder, "1403", b"%PDF", 3600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_old_boards_go_and_other_files_stay(tmp_path: Path) -> None:
    put(tmp_path, "1300", b"old", 3600)
    (tmp_path / "catatan.txt").write_text("tangan")
    (tmp_path / "papan-cadangan.pdf").write_bytes(b"x")
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 7200,) * 2)
    put(tmp_path, "1403", b"new", 3600)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"papan-1403.pdf", LATEST, "catatan.txt", "papan-cadangan.pdf"}
    assert (tmp_path / LATEST).read_bytes() == b"new"


def test_a_clock_that_was_set_back_keeps_no_board_for_ever(tmp_path: Path) -> None:
    put(tmp_path, "1300", b"tomorrow", 3600)
    os.utime(tmp_path / "papan-1300.pdf", (time.time() + 7200,) * 2)
    put(tmp_path, "1403", b"new", 3600)
    assert not (tmp_path / "papan-1300.pdf").exists()


def test_when_nothing_can_be_written_the_last_board_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "1300", b"last", 3600)
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 7200,) * 2)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dispatch.paper.folders.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(tmp_path, "1403", b"half", 3600)
    assert {path.name for path in tmp_path.iterdir()} == {"papan-1300.pdf", LATEST}
    assert (tmp_path / LATEST).read_bytes() == b"last"


def test_a_link_laid_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("mine")
    folder = tmp_path / "paper"
    folder.mkdir()
    (folder / LATEST).symlink_to(other)
    write_whole(folder / LATEST, b"%PDF")
    assert other.read_text() == "mine"
    assert (folder / LATEST).read_bytes() == b"%PDF"
