"""Messages as files: the default where no gateway is configured, and the only way of training tenants."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

from dispatch.notify.threads import aside
from dispatch.notify.transport import Message


class FileTransport:
    """Writes one JSON file per message into a folder per tenant, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made when the first message comes."""
        self._folder = folder

    async def deliver(self, message: Message) -> None:
        """Write `<folder>/<tenant>/<created>-<id>.json`; the same message again writes the same file."""
        await aside(partial(self._write, message))

    def _write(self, message: Message) -> None:
        folder = self._folder / message.tenant
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{message.created_at:%Y%m%dT%H%M%SZ}-{message.id}.json"
        content = {
            "id": str(message.id),
            "to": message.recipient,
            "text": message.words,
            "purpose": message.purpose,
            "created_at": message.created_at.isoformat(),
        }
        write_whole(folder / name, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def write_whole(path: Path, content: str) -> None:
    """Put a file in its place in one step: a reader of the folder sees all of it or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
