"""A tethered process never outlives its starter, not even one that died before the tether was tied."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dispatch.local.tether import tethered, working_in


def test_a_starter_that_is_gone_already_is_noticed() -> None:
    # the shell in between is the parent, as init would be after the death of the starter
    command = tethered(["echo", "alive"], signal.SIGTERM)
    done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (125, b"")
    assert subprocess.check_output(command) == b"alive\n"


def test_the_signal_comes_when_the_starter_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    child = f'trap "echo told >{told}; exit" TERM; echo $$; while :; do sleep 0.01; done'
    starter = (
        "import signal, subprocess, sys; from dispatch.local.tether import tethered; "
        "subprocess.Popen(tethered(['sh', '-c', sys.argv[1]], signal.SIGTERM)); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", starter, child], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.kill()
    until = time.monotonic() + 20
    while not told.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_processes_are_found_by_folder_and_name(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as process:
        try:
            until = time.monotonic() + 20
            while working_in(tmp_path, "sleep") != [process.pid]:  # until the fork has become `sleep`
                assert time.monotonic() < until
            assert working_in(tmp_path, "postgres") == []
            assert working_in(tmp_path / "elsewhere", "sleep") == []
        finally:
            os.kill(process.pid, signal.SIGKILL)
