"""Secrets that a checkout makes once for itself and keeps in files only its owner can read.

As a program (`python -m dispatch.local.secret_files FOLDER`) it makes both keys in a folder, for containers.
"""

import os
import secrets
import sys
from pathlib import Path

KEY_BYTES = 32
MASTER_KEY = "master.key"
LOOKUP_KEY = "lookup.key"
CHECKPOINT_KEY = "checkpoint.key"
PUSH_KEY = "push.key"


def secret_file(path: Path, size: int = KEY_BYTES) -> Path:
    """Return `path`, made with `size` random bytes in hex (mode 0600) when it does not exist yet.

    The file appears complete or not at all, and an existing one is never replaced.
    """
    if path.exists():
        return path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(size) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another start was quicker: its secret is the one
    finally:
        draft.unlink()
    return path


def read_secret(path: Path, size: int = KEY_BYTES) -> str:
    """Return the text of the secret in `path`, making the file first when it is missing."""
    return secret_file(path, size).read_text().strip()


if __name__ == "__main__":
    for key in (MASTER_KEY, LOOKUP_KEY):
        print(secret_file(Path(sys.argv[1]) / key))
