"""The disk that the fault trials fill: full to the last block, free again, and gone with whoever made it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.disk import small_disk, unmount_below
from chaos.places import file_system

OWNER = """
import sys, time
from pathlib import Path
from chaos.disk import small_disk
with small_disk(Path(sys.argv[1])) as disk:
    print("none" if disk is None else "mounted", flush=True)
    time.sleep(600)
"""


def mounted(folder: Path) -> bool:
    return str(folder) in Path("/proc/self/mountinfo").read_text()


def test_full_is_full_and_free_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with small_disk(folder) as disk:
        if disk is None:
            pytest.skip("nobody may mount here")
        assert file_system(folder) == "ext4"
        disk.fill()
        with pytest.raises(OSError, match="No space left") as full:
            (folder / "one").write_bytes(b"x" * 8192)
        assert full.value.errno == errno.ENOSPC
        disk.free()
        assert (folder / "one").write_bytes(b"x" * 8192) == 8192
    assert not mounted(folder)


def test_a_killed_owner_leaves_no_mount(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout is not None
            if owner.stdout.readline().strip() == "none":
                pytest.skip("nobody may mount here")
            assert mounted(folder)
            os.kill(owner.pid, signal.SIGKILL)
            until = time.monotonic() + 30
            while mounted(folder):
                assert time.monotonic() < until, "still mounted"
                time.sleep(0.05)
        finally:
            owner.kill()
            unmount_below(tmp_path)


def test_what_a_killed_run_left_mounted_is_undone(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("nobody may mount here")
        unmount_below(tmp_path)
        assert not mounted(tmp_path / "disk")
