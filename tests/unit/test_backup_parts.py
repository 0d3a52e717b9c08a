"""The parts of a backup: sealed keys, the signed inventory, the folder's habits."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.local.backup_recover import RestoreRefused, refuse_other_keys
from dispatch.storage.backup_folder import BackupFolder
from dispatch.storage.backup_inventory import (
    BackupFault,
    Contents,
    Kept,
    check_files,
    inventory_of,
    read_inventory,
    write_inventory,
)
from dispatch.storage.backup_outside import ERASURES, copy_outside, gather_outside
from dispatch.storage.backup_secrets import joined_keys, open_secrets, seal_secrets, trusted_files
from dispatch.storage.checkpoint_folder import begin_with, public_key_in
from dispatch.storage.checkpoints import Signer
from dispatch.storage.line_file import replace_lines

SEED = bytes(range(32))


def test_keys_open_with_the_passphrase_alone(tmp_path: Path) -> None:
    keys = {"master.key": b"ab" * 32, "lookup.key": b"cd" * 32}
    sealed = tmp_path / "sealed"
    seal_secrets(sealed, keys, "sandi yang panjang")
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert b"abab" not in sealed.read_bytes()
    assert open_secrets(sealed, "sandi yang panjang") == keys
    with pytest.raises(BackupFault, match="does not open"):
        open_secrets(sealed, "sandi yang lain")
    content = sealed.read_bytes()
    sealed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BackupFault, match="does not open"):
        open_secrets(sealed, "sandi yang panjang")


def test_keys_from_two_places_are_all_there() -> None:
    new = {"master.key": b"cc\n", "lookup.key": b"dd\n"}
    old = {"master.key": b"aa\nbb", "lookup.key": b"dd\n", "push.key": b"push"}
    joined = joined_keys(new, old)
    assert joined == {"master.key": b"cc\naa\nbb\n", "lookup.key": b"dd\n", "push.key": b"push"}
    assert joined_keys(joined, old) == joined


def test_what_phones_trust_goes_with_the_keys_where_there_is_any(tmp_path: Path) -> None:
    assert trusted_files(tmp_path / "secrets") == {}
    tls = tmp_path / "secrets" / "tls"
    tls.mkdir(parents=True)
    (tmp_path / "elsewhere.key").write_bytes(b"push")
    for one in ("authority.key", "authority.crt", "names", "server.pem", "lock"):
        (tls / one).write_bytes(one.encode())
    kept = trusted_files(tmp_path / "secrets", push_key=tmp_path / "elsewhere.key")
    assert set(kept) == {"push.key", "tls/authority.key", "tls/authority.crt", "tls/names"}
    sealed = tmp_path / "sealed"
    seal_secrets(sealed, kept, "sandi yang panjang")
    assert open_secrets(sealed, "sandi yang panjang") == kept


def test_keys_of_another_system_are_not_written_over(tmp_path: Path) -> None:
    """Its database may lie elsewhere, or aside: without these very keys nobody in it has a name any more."""
    restored = {"master.key": b"aa\n", "lookup.key": b"bb\n", "tls/names": b"pusat"}
    refuse_other_keys(tmp_path / "run", restored)
    secrets = tmp_path / "run" / "secrets"
    (secrets / "tls").mkdir(parents=True)
    (secrets / "lookup.key").write_bytes(b"bb")  # the same one
    (secrets / "tls" / "names").write_bytes(b"pusat lain")  # made anew by any start
    refuse_other_keys(tmp_path / "run", restored)
    (secrets / "master.key").write_bytes(b"cc\naa\n")
    with pytest.raises(RestoreRefused, match=r"master\.key"):
        refuse_other_keys(tmp_path / "run", restored)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupFault, match="fewer than 12"):
        seal_secrets(tmp_path / "sealed", {}, "pendek")
    assert not (tmp_path / "sealed").exists()


def contents(files: tuple[Kept, ...], ended_at: str = "2026-11-21T03:00:00+00:00") -> Contents:
    return Contents("7", 15, 1, "0/2000028", ended_at, ended_at, ("m",), "l", False, "0.1.0", files)


def test_an_inventory_names_the_first_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for one in ("a", "b"):
        (tmp_path / "data" / one).write_text(one)
    files = inventory_of(tmp_path)
    write_inventory(tmp_path, contents(files), SEED)
    found = read_inventory(tmp_path)
    assert [one.path for one in found.files] == ["data/a", "data/b"]
    check_files(tmp_path, found.files, lambda done, total: None)
    (tmp_path / "data" / "b").write_text("c")
    with pytest.raises(BackupFault, match="data/b is damaged"):
        check_files(tmp_path, found.files, lambda done, total: None)


def test_an_inventory_of_another_key_is_not_believed(tmp_path: Path) -> None:
    write_inventory(tmp_path, contents(()), SEED)
    with pytest.raises(BackupFault, match="damaged or was changed"):
        read_inventory(tmp_path, bytes(32))


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path)
    folder.claim("7")

    def fail_halfway() -> None:
        with folder.writing(datetime.now(UTC)) as draft:
            (draft / "file").write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail_halfway()
    assert list(folder.base.iterdir()) == []


def test_a_folder_is_one_clusters_and_one_backups_at_a_time(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path / "backup")
    folder.claim("7")
    folder.claim("7")
    with pytest.raises(BackupFault, match="another database"):
        folder.claim("8")
    with folder.alone(), pytest.raises(BackupFault, match="wait for it"), folder.alone():
        pass
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").touch()
    with pytest.raises(BackupFault, match="not empty"):
        BackupFolder(tmp_path / "photos").claim("7")


def test_the_backup_of_a_moment_is_the_newest_before_it(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path)
    for hour in (1, 2, 3):
        at = datetime(2026, 11, 21, hour, tzinfo=UTC)
        with folder.writing(at) as draft:
            write_inventory(draft, contents((), at.isoformat()), SEED)
    path, _ = folder.newest_before(datetime(2026, 11, 21, 2, 30, tzinfo=UTC), None)
    assert path.name == "20261121T020000Z"
    with pytest.raises(BackupFault, match="no moment before that"):
        folder.newest_before(datetime(2026, 11, 21, 0, tzinfo=UTC), None)
    assert folder.keep(1)[0] == 2
    assert [path.name for path in folder.bases()] == ["20261121T030000Z"]


def test_a_damaged_backup_does_not_hold_up_those_before_it(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path)
    for hour in (1, 2, 3):
        at = datetime(2026, 11, 21, hour, tzinfo=UTC)
        with folder.writing(at) as draft:
            write_inventory(draft, contents((), at.isoformat()), SEED)
    (folder.bases()[-1] / "inventory.json").write_text("{")
    with pytest.raises(BackupFault, match="use another backup"):
        folder.newest_before(None, None)
    path, _ = folder.newest_before(datetime(2026, 11, 21, 2, 30, tzinfo=UTC), None)
    assert path.name == "20261121T020000Z"
    path, _ = folder.newest_before(None, None, "20261121T020000Z")
    assert path.name == "20261121T020000Z", "with all of the log behind it"
    with pytest.raises(BackupFault, match="no whole backup 20261121T040000Z"):
        folder.newest_before(None, None, "20261121T040000Z")


def test_a_folder_whose_disk_is_not_mounted_is_not_made_anew(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path / "mnt" / "backup")
    with pytest.raises(BackupFault, match="is its disk mounted"):
        folder.require_kept()
    assert not folder.path.exists()
    folder.path.mkdir(parents=True)  # the place where the disk should be
    with pytest.raises(BackupFault, match="is its disk mounted"):
        folder.require_kept()
    folder.claim("7")
    folder.require_kept()


def test_every_erasure_of_every_copy_counts(tmp_path: Path) -> None:
    for copy, lines in (("old", b"1\n"), ("new", b"1\n2\n3\n"), ("aside", b"1\n4\n")):
        (tmp_path / copy).mkdir()
        (tmp_path / copy / ERASURES).write_bytes(lines)
    target = tmp_path / "target"
    gather_outside([tmp_path / "old", tmp_path / "new", tmp_path / "aside", tmp_path / "none"], target)
    assert (target / ERASURES).read_bytes() == b"1\n2\n3\n4\n"


def test_what_was_signed_before_a_change_of_key_takes_no_later_line_away(tmp_path: Path) -> None:
    """The older copy has the longer file, under the name that is the new key's now."""
    slug, old_lines, new_lines = "32.14", b"1\n2\n3\n", b"4\n"
    run, base, outside = tmp_path / "run", tmp_path / "base", tmp_path / "outside"
    run.mkdir()
    replace_lines(run / "public.key", [Signer(SEED).public.hex().encode()])
    (run / f"{slug}.jsonl").write_bytes(old_lines)
    (run / "99.01.jsonl").write_bytes(old_lines)
    copy_outside(run, base)
    copy_outside(run, outside)
    aside = begin_with(run, Signer(SEED[::-1]).public, "20261121T120000Z")
    assert aside is not None
    (run / f"{slug}.jsonl").write_bytes(new_lines)
    copy_outside(run, outside)
    assert not (outside / "99.01.jsonl").exists(), "beside a key that has not signed it"
    forgetful = tmp_path / "erasures alone"
    forgetful.mkdir()
    (forgetful / ERASURES).write_bytes(b"1\n")
    for n, copies in enumerate(([base, outside], [outside, base], [base, outside, forgetful])):
        target = tmp_path / f"restored {n}"
        gather_outside(copies, target)
        kept = [path.read_bytes() for path in sorted(target.glob(f"{slug}.*"))]
        assert kept == [new_lines, old_lines]
        assert public_key_in(target / "public.key") == Signer(SEED[::-1]).public
        assert public_key_in(target / aside.name) == Signer(SEED).public
        assert [path.name for path in target.glob("99.01*")] == ["99.01.until-20261121T120000Z.jsonl"]
