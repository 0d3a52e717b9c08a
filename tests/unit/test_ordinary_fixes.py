"""What compiled code takes is to the bit what the steps would have made of it, and it takes what is usual."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.domain.position import Seen, Trail
from dispatch.live import frames
from dispatch.live.fix_steps import Phone, sift
from dispatch.live.ordinary_fixes import OrdinaryFixes
from dispatch.live.positions_text import FIELDS, LAT, LON, MADE_AT, read_frame
from dispatch.live.sender_cells import HELD_BACK, Row, SenderTable
from dispatch.services.crew_turns import Turn
from dispatch.services.save_positions import FIX, Fix, as_records

NOON = 1_795_150_800.0
BOARDED = datetime.fromtimestamp(NOON, UTC)
PHONE, UNIT = UUID(int=0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0), UUID(int=(1 << 127) + 77)
LONGITUDE, LATITUDE = 107.4434, -6.5567

table = SenderTable()
ordinary = OrdinaryFixes(table)
positions = msgspec.json.Decoder(frames.Positions)


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    """Compile before anything is timed."""
    ordinary.prepare()
    read(compact(a_fix()))


def read(text: str) -> tuple[int, float, list[float]]:
    """Return sequence, time of sending and fields of a frame, as compiled code reads it."""
    told, raw = np.empty(FIELDS), np.frombuffer(text.encode(), np.uint8)
    sequence, sent_at = read_frame(raw, 0, len(raw), told)
    return int(sequence), float(sent_at), told.tolist()


def compact(fix: dict[str, Any], **more: Any) -> str:
    return json.dumps({"t": "positions", "fixes": [fix], **more}, separators=(",", ":"))


def a_fix(**members: Any) -> dict[str, Any]:
    return {"seq": 1, "at": "2026-11-21T03:00:00Z", "lon": LONGITUDE, "lat": LATITUDE, **members}


USUAL = a_fix(accuracy_m=14.729000091552734, speed_ms=0, heading_deg=271.5, battery=85, replayed=False)


@given(st.floats(-180, 180), st.floats(-90, 90))
@example(107.44342130000001, -6.556712299999999)
@example(0.1, -0.30000000000000004)
@example(5e-324, 1e-05)
@example(-0.0, 9007199254740993.0)
def test_numbers_are_read_as_python_reads_them(lon: float, lat: float) -> None:
    sequence, _, told = read(compact(a_fix(lon=lon, lat=lat)))
    if any("e" in repr(each) for each in (lon, lat)):
        assert sequence == -1
    elif sequence >= 0:
        assert (told[LON], told[LAT]) == (lon, lat)


@given(st.integers(0, 10**17 - 1), st.integers(0, 22))
@example(9007199254740993, 0)
@example(45035996273704985, 1)
@example(72057594037927945, 3)
def test_every_decimal_is_the_nearest_real(mantissa: int, places: int) -> None:
    digits = str(mantissa).rjust(places + 1, "0")
    decimal = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    sequence, _, told = read(compact(a_fix()).replace(str(LONGITUDE), decimal))
    if sequence >= 0:
        assert told[LON] == float(decimal)


def test_what_phones_tell_is_read() -> None:
    """A browser tells 17 digits, and a metre's fraction as a float of 32 bits."""
    throws = np.random.default_rng(20261121)
    for lon, lat, accuracy in zip(
        throws.uniform(95, 141, 500), throws.uniform(-11, 6, 500), throws.uniform(1, 99, 500), strict=True
    ):
        metres = float(np.float32(accuracy))
        place = a_fix(lon=float(lon), lat=float(lat), accuracy_m=metres)
        text = compact(place, sent_at="2026-11-21T03:00:01.250Z")
        sequence, sent_at, told = read(text)
        if min(abs(lat), abs(lon)) > 1e-4:
            assert sequence == 1
            assert [told[LON], told[LAT], told[4]] == [lon, lat, metres]
            assert sent_at == datetime(2026, 11, 21, 3, 0, 1, 250_000, UTC).timestamp()


moments = st.integers(0, 7_289_654_399_999_999).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


@given(moments, st.sampled_from(["auto", "milliseconds", "microseconds"]), st.booleans())
@example(datetime(2000, 2, 29, 12, tzinfo=UTC), "auto", True)
@example(datetime(2100, 3, 1, tzinfo=UTC), "auto", False)
def test_moments_are_those_of_the_calendar(moment: datetime, form: str, zulu: bool) -> None:
    told = moment.isoformat(timespec=form)
    if zulu:
        told = told.replace("+00:00", "Z")
    sequence, _, fields = read(compact(a_fix(at=told)))
    assert sequence == 1
    assert fields[MADE_AT] == datetime.fromisoformat(told).timestamp()


@pytest.mark.parametrize(
    "at",
    [
        "2026-02-29T03:00:00Z", "2100-02-29T03:00:00Z", "2026-04-31T03:00:00Z", "2026-13-01T03:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T03:60:00Z", "2026-11-21T03:00:60Z", "2026-11-21T03:00:00",
        "2026-11-21T10:00:00+07:00", "2026-11-21T03:00:00.Z", "2026-11-21T03:00:00.1234567Z",
        "1969-12-31T23:59:59Z", "2026-11-21 03:00:00Z", "2026-11-21t03:00:00z", "2026-1-21T03:00:00Z", "",
    ],
)  # fmt: skip
def test_other_moments_are_left_to_others(at: str) -> None:
    assert read(compact(a_fix(at=at)))[0] == -1


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ('"seq":1', '"seq":01'), ('"seq":1', '"seq":1.0'), ('"seq":1', '"seq":-1'),
        ('"seq":1', '"seq":true'),
        ('"seq":1', '"seq":1,"seq":2'), ('"seq":1,', ""), ('"lon":107.4434', '"lon":107.4434e0'),
        ('"lon":107.4434', '"lon":0107.4'), ('"lon":107.4434', '"lon":107.'), ('"lon":107.4434', '"lon":.5'),
        ('"lon":107.4434', '"lon":-'), ('"lon":107.4434', '"lon":+1'), ('"lon":107.4434', '"lon":null'),
        ('"lon":107.4434', '"lon":"107"'), ('"lon":107.4434', '"lon":1-1'), ('"lon":107.4434', '"lon":1.1.1'),
        ('"lon"', '"l\\u006fn"'), ('"lon"', '"unknown"'), ('"fixes"', ' "fixes"'), ("}]", "},{}]"),
        ("}]", "}]]"), ("}]", "]"), ('"positions"', '"position"'), ('"battery":85', '"battery":85,'),
        ('"replayed":false', '"replayed":0'), ('"speed_ms":0', '"speed_ms":Infinity'),
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_left_to_others(written: str, otherwise: str) -> None:
    text = compact(USUAL, sent_at="2026-11-21T03:00:01Z")
    assert read(text)[0] == 1
    assert written in text
    assert read(text.replace(written, otherwise, 1))[0] == -1


@given(st.data())
def test_a_frame_that_is_cut_or_changed_is_read_alike_or_not_at_all(data: st.DataObject) -> None:
    text = bytearray(compact(USUAL, sent_at="2026-11-21T03:00:01.5Z").encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        match data.draw(st.sampled_from(["cut", "change", "double"])):
            case "cut":
                del text[at : at + data.draw(st.integers(1, 4))]
            case "change":
                text[at] = data.draw(st.sampled_from(list(b'0123456789.-+eE"{}[],:tZ \\n\x00\xff')))
            case _:
                text[at:at] = text[at : at + 8]
    told = np.empty(FIELDS)
    sequence, sent_at = read_frame(np.frombuffer(bytes(text), np.uint8), 0, len(text), told)
    if sequence >= 0:
        frame = positions.decode(bytes(text))
        (fix,) = frame.fixes
        assert (fix.seq, fix.at.timestamp(), fix.lon, fix.lat) == (sequence, *told[[MADE_AT, LON, LAT]])
        assert np.isnan(sent_at) if frame.sent_at is None else sent_at == frame.sent_at.timestamp()


# --- the steps -----------------------------------------------------------------------------------


class Sent(msgspec.Struct):
    """A frame, and when it came."""

    text: str
    received_at: float


def phone(row: Row) -> Phone:
    made = Phone(
        PHONE,
        turns=[Turn(UNIT, BOARDED, None)],
        trail=Trail(Seen(LONGITUDE, LATITUDE, 10.0, NOON), 0),
        row=row,
    )
    made.clock.measure(NOON, NOON)
    return made


def by_steps(sender: Phone, sent: Sent) -> list[Fix]:
    """Take a frame as `_Cab.read` does."""
    frame = positions.decode(sent.text)
    if frame.sent_at is not None and frames.plausible(frame.sent_at):
        sender.clock.measure(sent.received_at, frame.sent_at.timestamp())
    return sift(frame.fixes, sender, sent.received_at)[0]


def both_ways(batches: Sequence[Sequence[Sent]]) -> tuple[int, Any, Any, Any, Any]:
    """How many frames compiled code took; the records, and the sender's cells, with it and without it."""
    steps_alone = phone(Row())
    plain = [fix for batch in batches for sent in batch for fix in by_steps(steps_alone, sent)]
    found: list[Any] = [as_records([])]
    count = 0
    with table.row() as row:
        sender = phone(row)
        for batch in batches:
            taken, records = ordinary.take(
                [sent.text.encode() for sent in batch],
                [row.number] * len(batch),
                np.array([sent.received_at for sent in batch]),
            )
            count += int(taken.sum())
            left = [sent for sent, gone in zip(batch, taken, strict=True) if not gone]
            found += [records, *(as_records(by_steps(sender, sent)) for sent in left)]
        cells = table.ints[row.number].copy()
    cells[HELD_BACK] = 0
    return count, np.concatenate(found), as_records(plain), cells, np.array(steps_alone.row.clock.ints)


def alike(batches: Sequence[Sequence[Sent]]) -> int:
    count, found, plain, cells, cells_alone = both_ways(batches)
    for name in FIX.names or ():
        assert found[name].tolist() == plain[name].tolist() or np.array_equal(
            found[name].astype("f8"), plain[name].astype("f8"), equal_nan=True
        ), name
    assert cells.tolist() == cells_alone.tolist()
    return count


def drive(count: int, **members: Any) -> list[Sent]:
    """A usual drive: a fix every five seconds, half a second on its way."""
    found = []
    for n in range(1, count + 1):
        at = datetime.fromtimestamp(NOON + 5 * n, UTC)
        fix = a_fix(
            seq=n,
            at=at.isoformat(),
            lon=LONGITUDE + n * 4e-4,
            lat=LATITUDE + n * 3e-4,
            accuracy_m=8.25,
            **members,
        )
        found.append(Sent(compact(fix, sent_at=at.isoformat()), NOON + 5 * n + 0.5))
    return found


def test_a_usual_drive_is_taken_whole() -> None:
    assert alike([[sent] for sent in drive(50, speed_ms=12.5, heading_deg=45.0, battery=80)]) == 50
    assert alike([drive(50)]) == 50


def test_a_clock_that_is_off_is_corrected_alike() -> None:
    off = [
        msgspec.structs.replace(sent, received_at=sent.received_at + 600 + n % 7)
        for n, sent in enumerate(drive(60))
    ]
    assert alike([off]) == 60


def test_what_follows_a_frame_that_was_left_waits_its_turn() -> None:
    """The second frame has two fixes; the third one is ordinary, and newer than they are."""
    usual = drive(4)
    pair = json.loads(usual[1].text)
    pair["fixes"].append({**pair["fixes"][0], "seq": 1_000})
    usual[1].text = json.dumps(pair, separators=(",", ":"))
    assert alike([usual]) == 1


fix_seconds = st.one_of(st.integers(1, 40), st.sampled_from([-3, 0, 200, 100_000, 700_000]))


@st.composite
def odd_frames(draw: st.DrawFn) -> list[list[Sent]]:
    """Frames as phones send them, and every kind of trouble."""
    at, seq, lon, lat, skew = NOON, 0, LONGITUDE, LATITUDE, draw(st.sampled_from([0.0, 3.0, 90.0, -4000.0]))
    batches: list[list[Sent]] = []
    for _ in range(draw(st.integers(1, 5))):
        batch: list[Sent] = []
        for _ in range(draw(st.integers(1, 6))):
            at += draw(fix_seconds)
            seq += draw(st.sampled_from([1, 1, 1, 1, 0, -1, 5]))
            lon += draw(st.sampled_from([0.0, 1e-4, 1e-4, -1e-3, 0.5, 300.0]))
            lat += draw(st.sampled_from([0.0, 1e-4, -1e-4, 1e-3, -0.2]))
            zone = draw(st.sampled_from([UTC, UTC, UTC, timezone(timedelta(hours=7))]))
            fix = a_fix(
                seq=max(seq, 0), at=datetime.fromtimestamp(at + skew, zone).isoformat(), lon=lon, lat=lat
            )
            for name, values in {
                "accuracy_m": [None, 0, 8, 149.9, 150, 150.5, -1, 1e9],
                "speed_ms": [None, 0, 11.25, -1, 151],
                "heading_deg": [None, 0, 359.9, 361],
                "battery": [None, 55, 100.5],
                "replayed": [False, True],
            }.items():
                if draw(st.integers(0, 2)) == 0:
                    fix[name] = draw(st.sampled_from(values))
            late_s = draw(st.sampled_from([0.2, 0.2, 1.0, 30.0, 45.0, -2.0]))
            more = (
                {"sent_at": datetime.fromtimestamp(at + skew, UTC).isoformat()} if draw(st.booleans()) else {}
            )
            batch.append(Sent(compact(fix, **more), at + late_s))
        batches.append(batch)
    return batches


@given(odd_frames())
def test_whatever_comes_the_outcome_is_that_of_the_steps(batches: list[list[Sent]]) -> None:
    alike(batches)


def test_who_is_aboard_no_unit_or_beyond_the_table_has_nothing_taken() -> None:
    (sent,) = drive(1)
    with table.row() as row:
        sender = phone(row)
        sender.turned([])
        assert not ordinary.take([sent.text.encode()], [row.number], np.array([sent.received_at]))[0].any()
        assert not ordinary.take([sent.text.encode()], [-1], np.array([sent.received_at]))[0].any()
        number = row.number
    assert not ordinary.take([sent.text.encode()], [number], np.array([sent.received_at]))[0].any()


def test_a_row_that_is_lent_again_knows_nothing_of_before() -> None:
    with table.row() as first:
        phone(first)
        number = first.number
    with table.row() as second:
        assert second.number == number
        sender = Phone(PHONE, row=second)
        assert (sender.trail.believed, sender.trail.newest, sender.clock.offset_s) == (None, -1, 0.0)
        assert sender.aboard is None
