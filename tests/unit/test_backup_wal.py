"""The kept log of a backup folder: what is sealed, needed, missing, put aside and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.storage import backup_wal
from dispatch.storage.backup_folder import BackupFolder
from dispatch.storage.backup_inventory import BackupFault, Contents, write_inventory

SEGMENT = backup_wal.SEGMENT_BYTES


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


def arrive(wal: Path, whole: list[str], begun: str) -> None:
    """Have the receiver write these segments, of which the whole ones are sealed."""
    incoming = wal / backup_wal.INCOMING
    incoming.mkdir(parents=True, exist_ok=True)
    for one in (*whole, begun):
        (incoming / one).write_bytes(b"log")
    backup_wal.seal_arrived(wal)


def back_up(folder: BackupFolder, hour: int, timeline: int, number: int) -> None:
    """Make a base backup, of nothing, that begins in this segment."""
    at = datetime(2026, 11, 21, hour, tzinfo=UTC)
    start = backup_wal.position_of(number * SEGMENT + 40)
    with folder.writing(at) as draft:
        made = Contents("7", 15, timeline, start, str(at), str(at), ("m",), "l", False, "0.1.0", ())
        write_inventory(draft, made, bytes(range(32)))


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
    assert backup_wal.forget_unneeded(kept, {name(256), name(257)}) == 2
    assert sorted(backup_wal.segments(kept)) == [name(256), name(257), name(258)]


def test_what_follows_a_restore_stays_while_older_backups_of_the_timeline_it_left_do(tmp_path: Path) -> None:
    """Backups at 10 … 70, restored to a moment in 33, then three of the new timeline; the last seven stay."""
    folder = BackupFolder(tmp_path)
    arrive(folder.wal, [name(n) for n in range(10, 72)], f"{name(72)}.partial")
    backup_wal.leave_branch(folder.wal, 2, {1: 33 * SEGMENT + 5})
    arrive(folder.wal, [name(n, 2) for n in range(33, 40)], f"{name(40, 2)}.partial")
    starts = [(1, n) for n in range(10, 80, 10)] + [(2, 34), (2, 36), (2, 38)]
    for hour, (timeline, number) in enumerate(starts):
        back_up(folder, hour, timeline, number)
    assert folder.keep(7) == (3, 31)
    left = {name(n) for n in range(40, 73)} | {name(n, 2) for n in range(34, 41)}
    assert backup_wal.segments(folder.wal).keys() == left
    assert (folder.wal / backup_wal.INCOMING / f"{name(40, 2)}.partial").exists(), "it is being written"
    segments, fault = backup_wal.needed(backup_wal.segments(folder.wal), name(34, 2), set())
    assert (names(segments), fault) == ([name(n, 2) for n in range(34, 41)], None)
    assert folder.keep(3)[1] == 32
    assert backup_wal.segments(folder.wal).keys() == {name(n, 2) for n in range(34, 41)}, "the begun 72, too"


def test_what_is_being_written_stays_whatever_the_backups_are(kept: Path) -> None:
    assert backup_wal.forget_unneeded(kept, {name(300)}) == 0
    assert (kept / backup_wal.INCOMING / f"{name(258)}.partial").exists()


def test_the_way_to_the_newest_timeline_leads_over_the_moment_at_which_the_former_was_left(
    kept: Path,
) -> None:
    """256 and 257 of the former are none of it: what is missing of the new one is not made up for by them."""
    backup_wal.leave_branch(kept, 2, {1: 255 * SEGMENT + 5})
    incoming = kept / backup_wal.INCOMING
    left_at = backup_wal.position_of(255 * SEGMENT + 5)
    (incoming / "00000002.history").write_text(f"1\t{left_at}\tbefore a moment\n")
    arrive(kept, [name(255, 2), name(257, 2)], f"{name(258, 2)}.partial")
    segments, fault = backup_wal.needed(backup_wal.segments(kept), name(254), set())
    assert names(segments) == ["00000002.history", name(254), name(255), name(255, 2)]
    assert fault is not None
    assert name(256)[8:] in fault.message_en


def test_a_gap_is_said_and_what_arrived_before_it_stays_of_use(kept: Path) -> None:
    """The server went on from 260, or from 259: the begun 258 is used as far as it goes, and ends the way."""
    assert backup_wal.goes_on_at(kept) == 258 * SEGMENT
    assert backup_wal.leave_gap(kept) == [*(name(n) for n in range(254, 258)), f"{name(258)}.partial"]
    assert backup_wal.goes_on_at(kept) is None, "where the slot keeps the log from"
    for number in (260, 259):
        arrive(kept, [], f"{name(number)}.partial")
        segments, fault = backup_wal.needed(backup_wal.segments(kept), name(254), set())
        assert names(segments) == [name(n) for n in range(254, 259)]
        assert fault is not None
        assert name(258)[8:] in fault.message_en
        (kept / backup_wal.INCOMING / f"{name(number)}.partial").rename(
            kept / backup_wal.INCOMING / name(number)
        )


def test_the_receiver_goes_on_behind_a_whole_segment(kept: Path) -> None:
    (kept / backup_wal.INCOMING / f"{name(258)}.partial").unlink()
    assert backup_wal.goes_on_at(kept) == 258 * SEGMENT


def test_whether_the_log_has_arrived_past_a_position(kept: Path) -> None:
    def passed(segment: int, timeline: int = 1) -> bool:
        return backup_wal.has_passed(kept, timeline, backup_wal.position_of(segment * SEGMENT + 5))

    assert passed(256)
    assert passed(257)
    assert not passed(258), "it is only begun"
    assert not passed(256, timeline=2), "what came on a timeline that was left is not this one's"
    backup_wal.seal_arrived(kept)
    assert passed(257)


def test_where_a_position_lies() -> None:
    assert backup_wal.segment_at(1, "0/2000028") == "000000010000000000000002"
    assert backup_wal.segment_at(3, "A/FF000000") == "000000030000000A000000FF"


def test_how_far_a_segment_was_written(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"abc" + bytes(10))
    assert backup_wal.filled(tmp_path / "one") == 3
