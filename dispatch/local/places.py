"""Where the files of one checkout live, who may reach them, and short folders for unix sockets."""

import hashlib
import os
import pwd
import stat
import subprocess
import tempfile
from pathlib import Path

from dispatch.local.errors import LocalError

SOCKET_PATH_LIMIT = 107
"""Bytes a unix socket path may have: `sun_path` of unix(7) holds 108 with its closing zero."""


class PlaceError(LocalError):
    """A folder cannot be used; the message says which and what to do."""


def server_user() -> str | None:
    """Return the user that the private PostgreSQL runs as: `postgres` under root, else None (oneself)."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise PlaceError(
            "root needs the system user 'postgres' (package postgresql) to run PostgreSQL"
        ) from None
    return "postgres"


def prepare_run_dir(folder: Path, user: str | None) -> None:
    """Make the run folder, closed to everyone but its owner and, under root, the group of the server user.

    That group may pass through (to its own subfolder) and not look around.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if user is None:
        folder.chmod(0o700)
    else:
        os.chown(folder, 0, pwd.getpwnam(user).pw_gid)
        folder.chmod(0o710)


def private_folder(folder: Path, user: str | None = None) -> Path:
    """Make `folder` with mode 0700, owned by `user` (or oneself); refuse one that somebody else made."""
    uid = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    gid = pwd.getpwnam(user).pw_gid if user else os.getegid()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
            raise PlaceError(f"{folder} belongs to somebody else: remove it") from None
    if folder.lstat().st_uid != uid:
        os.chown(folder, uid, gid, follow_symlinks=False)
    folder.chmod(0o700)
    return folder


def give(path: Path, user: str | None) -> None:
    """Make `user` (or oneself, with None) the owner of what lies at `path`."""
    if user is not None:
        found = pwd.getpwnam(user)
        os.chown(path, found.pw_uid, found.pw_gid, follow_symlinks=False)


def reaches(user: str | None, folder: Path) -> bool:
    """Whether `user` can pass through every folder above and into `folder`."""
    if user is None:
        return os.access(folder, os.X_OK)
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return subprocess.run([*become, "test", "-x", str(folder)], cwd="/", check=False).returncode == 0


def fingerprint(folder: Path) -> str:
    """A short name for a folder, the same at every start: 12 hex digits of the SHA-256 of its path."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]


def socket_folder(wanted: Path, file_name: str, user: str | None = None) -> Path:
    """Make a private folder in which a socket called `file_name` fits: `wanted`, else a short one."""
    if len(os.fsencode(wanted / file_name)) <= SOCKET_PATH_LIMIT:
        return private_folder(wanted, user)
    short = f"semar-{os.geteuid()}-{fingerprint(wanted)}"
    roots = [Path("/run")] if os.geteuid() == 0 else [Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))]
    for root in [*roots, Path(tempfile.gettempdir()), Path("/", "tmp")]:
        fits = len(os.fsencode(root / short / file_name)) <= SOCKET_PATH_LIMIT
        if fits and root.is_dir() and os.access(root, os.W_OK) and (user is None or reaches(user, root)):
            return private_folder(root / short, user)
    raise PlaceError(f"no folder short enough for the socket {file_name} of {wanted}")
