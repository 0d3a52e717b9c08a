"""Goes on from the second seat's folder alone, when the run folder is gone with the primary's disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dispatch.local import places
from dispatch.local.standby_kept import (
    ACCOUNTS,
    CHECKPOINTS,
    FOLDER,
    SECRETS,
    Kept,
    put_private,
    read_kept,
    secret_paths,
    write_kept,
)
from dispatch.local.standby_pair import FILE, FIRST, SECOND, StandbyError, read_pair, write_pair
from dispatch.local.standby_servers import PrivatePair
from dispatch.local.tether import working_in
from dispatch.settings import Settings
from dispatch.storage.backup_outside import gather_outside


def take_up(deployment: Settings, folder: Path, *, accept_loss: bool) -> Kept:
    """Make the run folder, which holds nothing yet, that of the system whose copy lies in `folder`.

    The next start of the system makes the cluster in `folder` its primary. May be repeated after a crash. The
    former run folder, should it come back, is not started any more. Return what the copy said.

    Raises StandbyError: something runs in either folder, the run folder is another system's, or the cluster
    may lack what was acknowledged while it was away (`accept_loss`).
    """
    run_dir = deployment.run_dir.absolute()
    folder = folder.absolute()
    kept = read_kept(folder / FOLDER)
    if kept is None or not (folder / "pg" / "PG_VERSION").exists():
        raise StandbyError(f"{folder} is no standby that was kept with its keys")
    _require_gone(kept, run_dir, folder)
    _require_whole(kept, accept_loss=accept_loss)
    servers = PrivatePair(run_dir, say=lambda _: None)
    first = servers.seats[FIRST]
    first.locate()
    if read_pair(run_dir) is not None or (first.data / "PG_VERSION").exists():
        raise StandbyError(f"{run_dir} holds a system already: name an empty one in SEMAR_RUN_DIR")
    _put_secrets(deployment, folder / FOLDER)
    gather_outside([folder / FOLDER / CHECKPOINTS, deployment.checkpoints_dir], deployment.checkpoints_dir)
    pair = replace(
        kept.pair,
        places={FIRST: first.data.parent, SECOND: folder},
        primary=SECOND,
        standby=None,
        generation=kept.pair.generation + 1,
    )
    write_pair(run_dir, pair)
    # only now: before, a repeated command has to find the copy as it was
    write_kept(folder / FOLDER, replace(kept, run_dir=run_dir, pair=pair))
    return kept


def _require_gone(kept: Kept, run_dir: Path, folder: Path) -> None:
    """The system must not go on in two run folders, nor anything of it still be at work."""
    if kept.run_dir == run_dir and _is_there(run_dir / FILE):
        raise StandbyError(f"{run_dir} is there: 'dispatch standby promote', without --folder")
    if _is_there(kept.run_dir / FILE):
        raise StandbyError(
            f"the run folder {kept.run_dir} is there: SEMAR_RUN_DIR={kept.run_dir} dispatch standby promote. "
            "If its disk is failing, unmount it first"
        )
    for data in (folder / "pg", kept.pair.places[FIRST] / "pg"):
        # a folder that was removed under its processes is told with these words behind its name
        for place in (data, Path(f"{data} (deleted)")):
            if left := working_in(place, "postgres"):
                raise StandbyError(f"processes {left} still use {data}: stop the system first")


def _require_whole(kept: Kept, *, accept_loss: bool) -> None:
    """The second seat must be the primary, or a standby that was in step when it was last seen."""
    if kept.pair.primary == SECOND:
        return
    if kept.pair.standby is None:
        raise StandbyError("this cluster was replaced as primary or was being copied: it is no standby")
    if not accept_loss and (kept.note is None or not kept.note.synchronous):
        since = f"since {kept.note.since}" if kept.note else "at a time that is not known"
        raise StandbyError(
            f"the standby was not kept in step {since}: what was acknowledged from then on was on the other "
            "disk alone. If that cannot be read any more, say --accept-loss"
        )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a dead disk answers with errors
        return False


def _put_secrets(deployment: Settings, kept: Path) -> None:
    """Put all secrets and the list of demo accounts where the settings look for them; replace none."""
    source = kept / SECRETS
    own = deployment.run_dir.absolute() / SECRETS
    named = secret_paths(deployment)
    targets = {
        path: named.get(name, own / name)
        for path in sorted(source.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
        for name in [str(path.relative_to(source))]
    }
    if (kept / ACCOUNTS).is_file():
        targets[kept / ACCOUNTS] = deployment.accounts_path
    for path, target in targets.items():
        if target.exists() and target.read_bytes() != path.read_bytes():
            raise StandbyError(f"{target} is another system's: name an empty run folder in SEMAR_RUN_DIR")
    places.private_folder(own)
    for path, target in targets.items():
        put_private(target, path.read_bytes())
