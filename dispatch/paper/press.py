"""The press as a process of its own: sheets come in as lines of JSON, PDFs go into folders, answers go out.

Apart from the worker, so that neither a heavy page, nor a share that hangs, nor a fault in the typesetter
ever holds up a timer. It ends with its input, however the worker ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import typst

from dispatch.paper import HANGS
from dispatch.paper.folders import put

TEMPLATE = Path(__file__).with_name("papan.typ")
FOLDER_WITHIN_S = 10.0


def printed(sheet: dict[str, Any]) -> bytes:
    """Return the PDF of a sheet. Only the fonts within the typesetter are used, nothing is fetched.

    Raises:
        RuntimeError: the sheet cannot be set.
    """
    pdf = typst.compile(
        TEMPLATE.read_bytes(), ignore_system_fonts=True, sys_inputs={"sheet": json.dumps(sheet)}
    )
    assert isinstance(pdf, bytes), "one document"
    return pdf


def work_off(job: dict[str, Any]) -> dict[str, Any]:
    """Print one job into its folders; return what became of each.

    A job is `{"sheet", "minute", "keep_s", "folders": [path, ...]}`, the answer
    `{"ms", "bytes", "troubles": {path: why}}`.
    """
    began = time.monotonic()
    pdf = printed(job["sheet"])
    ms = (time.monotonic() - began) * 1000
    troubles: dict[str, str] = {}
    for folder in job["folders"]:
        why = _put_in_time(Path(folder), job["minute"], pdf, job["keep_s"])
        if why is not None:
            troubles[folder] = why
    return {"ms": round(ms, 1), "bytes": len(pdf), "troubles": troubles}


def _put_in_time(folder: Path, minute: str, pdf: bytes, keep_s: float) -> str | None:
    """Put it there; return why not. A share that hangs is left behind with its thread."""
    came: list[str | None] = []

    def attempt() -> None:
        try:
            put(folder, minute, pdf, keep_s)
        except OSError as trouble:
            came.append(trouble.strerror or str(trouble))
        else:
            came.append(None)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(FOLDER_WITHIN_S)
    return came[0] if came else HANGS


def main() -> None:
    """Work off the lines of standard input until it ends."""
    os.nice(10)
    for line in sys.stdin.buffer:
        try:
            answer = work_off(json.loads(line))
        except RuntimeError as unset:  # what the typesetter raises
            answer = {"error": str(unset)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    # a thread that waits for a dead share would keep the process
    os._exit(0)


if __name__ == "__main__":
    main()
