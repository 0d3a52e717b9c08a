"""When commits wait for the standby, and when they stop waiting."""

from pathlib import Path

from dispatch.local.standby_note import NOTE_FILE, Note, read_note, write_note
from dispatch.local.standby_watch import Judge, Sight

STANDBY = ("semar_standby_b",)


def seen(
    *, synchronous: bool, keeps_up: bool, expected: tuple[str, ...] = STANDBY, started: str = "first"
) -> Sight:
    return Sight("0/1", synchronous, expected, keeps_up, started)


def test_a_standby_is_waited_for_once_it_has_kept_up_for_a_while() -> None:
    judge = Judge(5.0, 3.0)
    assert not judge.verdict(seen(synchronous=False, keeps_up=True), 0.0)
    assert not judge.verdict(seen(synchronous=False, keeps_up=True), 2.9)
    assert judge.verdict(seen(synchronous=False, keeps_up=True), 3.0)


def test_a_stumble_begins_the_count_anew() -> None:
    judge = Judge(5.0, 3.0)
    assert not judge.verdict(seen(synchronous=False, keeps_up=True), 0.0)
    assert not judge.verdict(seen(synchronous=False, keeps_up=False), 2.0)
    assert not judge.verdict(seen(synchronous=False, keeps_up=True), 2.5)
    assert not judge.verdict(seen(synchronous=False, keeps_up=True), 5.0)
    assert judge.verdict(seen(synchronous=False, keeps_up=True), 5.5)


def test_a_standby_that_is_away_is_given_up_after_the_patience() -> None:
    judge = Judge(5.0)
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 10.0)
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 14.9)
    assert not judge.verdict(seen(synchronous=True, keeps_up=False), 15.0)


def test_a_primary_that_was_away_says_nothing_of_the_standby() -> None:
    judge = Judge(5.0)
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 0.0)
    judge.after_absence()
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 100.0)


def test_where_no_standby_is_expected_none_is_waited_for() -> None:
    assert not Judge(5.0).verdict(seen(synchronous=True, keeps_up=True, expected=()), 0.0)


def test_where_nothing_fences_a_replaced_primary_only_a_standby_that_was_seen_is_given_up() -> None:
    judge = Judge(5.0, fenced=False)
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 0.0)
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 1000.0), "the other may be the primary"
    assert judge.away
    assert judge.verdict(seen(synchronous=True, keeps_up=True), 1001.0)
    assert judge.verdict(seen(synchronous=True, keeps_up=False), 1002.0)
    assert not judge.verdict(seen(synchronous=True, keeps_up=False), 1007.0)


def test_what_was_seen_before_the_primary_was_started_again_does_not_count() -> None:
    judge = Judge(5.0, fenced=False)
    assert judge.verdict(seen(synchronous=True, keeps_up=True), 0.0)
    judge.after_absence()
    assert judge.verdict(seen(synchronous=True, keeps_up=False, started="again"), 1000.0)
    assert judge.verdict(seen(synchronous=True, keeps_up=False, started="again"), 2000.0)


def test_it_is_in_step_when_it_keeps_up_and_commits_have_waited_for_a_while() -> None:
    judge = Judge(5.0, 3.0)
    away, there = seen(synchronous=True, keeps_up=False), seen(synchronous=True, keeps_up=True)
    told = []
    for sight, now in ((away, 0.0), (there, 2.9), (there, 3.0), (away, 4.0)):
        judge.verdict(sight, now)
        told.append(judge.in_step(sight, now))
    assert told == [False, False, True, False]
    judge.after_absence()
    judge.verdict(there, 5.0)
    assert not judge.in_step(there, 5.0), "who set what commits wait for meanwhile is not known"


def test_a_note_that_cannot_be_replaced_is_not_believed_any_more(
    tmp_path: Path,
) -> None:
    """A promotion believes it: without one it refuses, with the old one it would lose without a word."""
    write_note(tmp_path, Note(True, "2026-11-21T03:00:00.000+00:00", "0/1"))
    (tmp_path / f".{NOTE_FILE}").mkdir()  # nothing can be written there, as on a full disk
    write_note(tmp_path, Note(False, "2026-11-21T04:00:00.000+00:00", "0/2"))
    assert read_note(tmp_path) is None
