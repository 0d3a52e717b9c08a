"""The parts of a backup: kept log segments, sealed keys, the signed inventory, the folder's habits."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.local.backup_recover import RestoreRefused, refuse_other_keys
from dispatch.storage import backup_wal
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
from dispatch.storage.backup_secrets import open_secrets, seal_secrets, trusted_files
from dispatch.storage.checkpoint_folder import begin_with, public_key_in
from dispatch.storage.checkpoints import Signer
from dispatch.storage.line_file import replace_lines

SEED = bytes(range(32))


def name(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{number // 256:08X}{number % 256:08X}"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Segments 254 to 258 have arrived, the last one is still being written."""
    incoming = tmp_path / "wal" / backup_wal.INCOMING
    incoming.mkdir(parents=True)
    for number in range(254, 258):
        (incoming / name(number)).write_bytes(bytes([number % 256]) * 1000)
    (incoming / f"{name(258)}.partial").write_bytes(b"begun" + bytes(995))
    return tmp_path / "wal"


def names(segments: list[backup_wal.Segment]) -> list[str]:
    return [segment.name for segment in segments]


def test_complete_segments_are_sealed_and_come_back_as_they_were(kept: Path, tmp_path: Path) -> None:
    assert backup_wal.seal_arrived(kept) == 4
    assert [p.name for p in (kept / backup_wal.INCOMING).iterdir()] == [f"{name(258)}.partial"]
    segments, fault = backup_wal.needed(backup_wal.segments(kept), name(254), set())
    assert names(segments) == [name(n) for n in range(254, 259)]
    assert fault is None
    assert [segment.partial for segment in segments] == [False] * 4 + [True]
    backup_wal.expand(segments[1], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"\xff" * 1000


def test_a_segment_that_is_missing_is_named_and_ends_what_can_be_used(kept: Path) -> None:
    backup_wal.seal_arrived(kept)
    (kept / f"{name(256)}.gz").unlink()
    segments, fault = backup_wal.needed(backup_wal.segments(kept), name(254), set())
    assert names(segments) == [name(254), name(255)]
    assert fault is not None
    assert "0000000100000000" in fault.message_en
    _, none = backup_wal.needed(backup_wal.segments(kept), name(254), {name(256)})
    assert none is None, "the base backup brings it along"


@pytest.mark.parametrize("where", [15, 30, -1])
def test_a_damaged_segment_is_named(kept: Path, tmp_path: Path, where: int) -> None:
    backup_wal.seal_arrived(kept)
    path = kept / f"{name(255)}.gz"
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BackupFault, match=name(255)):
        backup_wal.expand(backup_wal.segments(kept)[name(255)], tmp_path / "out")


def test_a_segment_that_was_swapped_for_a_whole_one_is_named(kept: Path, tmp_path: Path) -> None:
    backup_wal.seal_arrived(kept)
    (kept / f"{name(255)}.gz").write_bytes((kept / f"{name(254)}.gz").read_bytes())
    with pytest.raises(BackupFault, match=name(255)):
        backup_wal.expand(backup_wal.segments(kept)[name(255)], tmp_path / "out")


def test_what_came_after_the_moment_a_server_was_restored_to_is_put_aside(kept: Path) -> None:
    """A whole segment is sealed as ever; the begun one would have the receiver go on behind it."""
    incoming = kept / backup_wal.INCOMING
    segment = backup_wal.SEGMENT_BYTES
    assert backup_wal.leave_branch(kept, 1, {}) == []
    assert backup_wal.leave_branch(kept, 2, {1: 258 * segment + 5}) == [], "a standby was promoted"
    left = backup_wal.leave_branch(kept, 2, {1: 256 * segment + 5})
    assert left == [name(256), name(257), f"{name(258)}.partial"]
    assert sorted(path.name for path in incoming.iterdir()) == [name(254), name(255)]
    assert [path.name for path in (kept / backup_wal.LEFT).iterdir()] == [f"{name(258)}.partial"]
    assert {name(256), name(257)} <= backup_wal.segments(kept).keys()


def test_what_no_backup_needs_is_forgotten(kept: Path) -> None:
    backup_wal.seal_arrived(kept)
    assert backup_wal.forget_before(kept, name(256, timeline=2)) == 2
    assert sorted(backup_wal.segments(kept)) == [name(256), name(257), name(258)]


def test_where_a_position_lies() -> None:
    assert backup_wal.segment_at(1, "0/2000028") == "000000010000000000000002"
    assert backup_wal.segment_at(3, "A/FF000000") == "000000030000000A000000FF"


def test_how_far_a_segment_was_written(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"abc" + bytes(10))
    assert backup_wal.filled(tmp_path / "one") == 3


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
