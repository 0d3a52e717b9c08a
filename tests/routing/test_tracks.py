"""Track files are read whole, and what is wrong with one is said with its line."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from routing.errors import BadTrack
from routing.tracks import Track, read_tracks

AT = 1_795_150_800_000  # 2026-11-20 05:00 UTC
GPX = """<?xml version="1.0"?>
<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><name>A-1</name>
<trkseg><trkpt lat="-6.5" lon="107.4"><ele>90</ele><time>2026-11-20T05:00:00Z</time></trkpt>
<trkpt lat="-6.51" lon="107.4"><time>2026-11-20T12:00:05.5+07:00</time></trkpt></trkseg>
<trkseg><trkpt lat="-6.52" lon="107.4"><time>2026-11-20T05:10:00Z</time></trkpt></trkseg>
</trk></gpx>"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_csv(tmp_path: Path) -> None:
    path = written(
        tmp_path / "run.csv",
        "vehicle,time,lon,lat,accuracy\n"
        "A-1,2026-11-20T12:00:00+07:00,107.4,-6.5,8\n"
        f"B-2,{AT // 1000 + 2},107.5,-6.6,\n"
        f"A-1,{AT + 5000},107.41,-6.5,12.5\n",
    )
    first, second = read_tracks(path)
    assert (first.vehicle, second.vehicle) == ("A-1", "B-2")
    assert first.at.tolist() == [AT, AT + 5000]
    assert second.at.tolist() == [AT + 2000]
    assert first.accuracy_m.tolist() == [8.0, 12.5]
    assert math.isnan(second.accuracy_m[0])


def test_json_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path / "run.jsonl",
        f'{{"vehicle": "A-1", "at": {AT}, "lon": 107.4, "lat": -6.5, "accuracy_m": 8}}\n\n'
        '{"vehicle": "A-1", "time": "2026-11-20T05:00:05Z", "lon": 107.41, "lat": -6.5}\n',
    )
    (track,) = read_tracks(path)
    assert track.at.tolist() == [AT, AT + 5000]
    assert track.lon.tolist() == [107.4, 107.41]


def test_gpx(tmp_path: Path) -> None:
    first, second = read_tracks(written(tmp_path / "run.gpx", GPX))
    assert (first.vehicle, second.vehicle) == ("A-1/1", "A-1/2")
    assert first.at.tolist() == [AT, AT + 5500]
    assert first.lat.tolist() == [-6.5, -6.51]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "vehicle,lon,lat\nA,1,2\n", "time"),
        ("a.csv", "vehicle,time,lon,lat\n", "no fix"),
        ("a.csv", "vehicle,time,lon,lat\nA,2026-11-20T05:00:00Z,x,2\n", "line 2.*'x'"),
        ("a.csv", "vehicle,time,lon,lat\nA,2026-11-20T05:00:00Z,nan,2\n", "line 2"),
        ("a.csv", "vehicle,time,lon,lat\nA,2026-11-20T05:00:00,1,2\n", "line 2.*without an offset"),
        ("a.csv", "vehicle,time,lon,lat\nA,kemarin,1,2\n", "line 2.*no time"),
        ("a.csv", "vehicle,time,lon,lat\nA,10,1,2\nB,5,1,2\nA,9,1,2\n", "line 4.*backwards"),
        ("a.csv", "vehicle,time,lon,lat,accuracy\nA,10,1,2,-5\n", "line 2.*negative"),
        ("a.jsonl", '{"at": 1, "lon": 1, "lat": 2}\n[1]\n', "line 2"),
        ("a.jsonl", '{"at": 1, "lon": true, "lat": 2}\n', "line 1"),
        ("a.jsonl", "not json\n", "line 1"),
        ("a.gpx", "<gpx><trk>", "cannot be read"),
        ("a.gpx", '<!DOCTYPE gpx [<!ENTITY a "b">]><gpx/>', "DOCTYPE"),
        ("a.gpx", GPX.replace("<time>2026-11-20T05:00:00Z</time>", ""), "no time"),
        ("a.txt", "", "gpx"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = written(tmp_path / name, text)
    with pytest.raises(BadTrack, match=says) as caught:
        read_tracks(path)
    assert name in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadTrack, match="cannot be read"):
        read_tracks(tmp_path / "nowhere.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadTrack, match="cannot be read"):
        read_tracks(tmp_path / "bytes.csv")


def test_times_of_every_kind() -> None:
    moments = [datetime(2026, 11, 20, 5, tzinfo=UTC), datetime(2026, 11, 20, 5, 0, 1, tzinfo=UTC)]
    for at in (moments, [AT, AT + 1000], np.array([AT, AT + 1000])):
        assert Track.of([107.4, 107.5], [-6.5, -6.5], at).at.tolist() == [AT, AT + 1000]
    with pytest.raises(BadTrack, match="row 0"):
        Track.of([107.4], [-6.5], [datetime(2026, 11, 20, 5, tzinfo=UTC).replace(tzinfo=None)])
