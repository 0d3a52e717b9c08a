"""Makes the synthetic fleet of a bundle: the same villages and facilities always give the same units."""

import csv
from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import shapely

from scripts.make_bundles.facilities import Facility
from scripts.make_bundles.shapes import Area

CAPABILITIES = {
    "advanced": "stretcher;oxygen;suction;monitor;defibrillator;ventilator;infusion;obstetric_kit",
    "basic": "stretcher;oxygen;suction;aed;infusion",
    "transport": "stretcher;oxygen",
    "ambulans_desa": "stretcher",
}
LETTERS = {"advanced": "A", "basic": "B", "transport": "T", "ambulans_desa": "D"}


@dataclass(frozen=True)
class Unit:
    """One row of fleet.csv, in the order of its columns."""

    call_sign: str
    plate: str
    type: str
    tracking: str
    capabilities: str
    base_facility: str
    base_lon: str
    base_lat: str
    phone: str


@dataclass(frozen=True)
class Post:
    """A place for one unit: its type, its tracking, and a facility code or a point (lon, lat)."""

    type: str
    tracking: str
    base: str | tuple[float, float]


@dataclass(frozen=True)
class Numbering:
    """How a fleet's made-up names look. No real plate begins with 0; the phone block is plainly counted."""

    prefix: str
    plate_area: str
    phone_block: str


def purwakarta_posts(facilities: list[Facility], villages: list[Area]) -> list[Post]:
    """120 units: by app 4 advanced, 24 basic and 12 transport; by hand 20 transport and 60 village units."""
    hospital, puskesmas = _split(facilities)
    posts = [Post("advanced", "app", hospital[0])] * 4
    posts += [Post("basic", "app", hospital[0])] * 4
    posts += [Post("transport", "app", hospital[0])] * 2
    posts += [Post("basic", "app", code) for code in puskesmas]
    posts += [Post("transport", "app", code) for code in puskesmas[:10]]
    posts += [Post("transport", "manual", code) for code in puskesmas]
    return posts + _village_posts(villages, 60)


def batang_posts(facilities: list[Facility], villages: list[Area]) -> list[Post]:
    """36 units: by app 3 advanced and 9 basic; by hand 12 transport and 12 village units."""
    hospitals, puskesmas = _split(facilities)
    puskesmas.remove("33.25-F025")  # whether this facility exists is in doubt
    posts = [Post("advanced", "app", code) for code in hospitals]
    posts += [Post("basic", "app", code) for code in puskesmas[:18:2]]
    posts += [Post("transport", "manual", code) for code in puskesmas[1:18:2] + puskesmas[18:]]
    return posts + _village_posts(villages, 12)


def write_fleet(target: Path, posts: list[Post], numbering: Numbering) -> None:
    """Write fleet.csv, one unit for each post, numbered in their order."""
    counted: dict[str, int] = defaultdict(int)
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(field.name for field in fields(Unit))
        for number, post in enumerate(posts, 1):
            counted[post.type] += 1
            writer.writerow(astuple(_unit(post, number, counted[post.type], numbering)))


def _unit(post: Post, number: int, of_type: int, numbering: Numbering) -> Unit:
    facility, lon, lat = (
        (post.base, "", "") if isinstance(post.base, str) else ("", *map(_degrees, post.base))
    )
    return Unit(
        call_sign=f"{numbering.prefix}-{LETTERS[post.type]}{of_type:02d}",
        plate=f"{numbering.plate_area} {number:04d} LAT",
        type=post.type,
        tracking=post.tracking,
        capabilities=CAPABILITIES[post.type],
        base_facility=facility,
        base_lon=lon,
        base_lat=lat,
        phone=f"{numbering.phone_block}-{number:04d}",
    )


def _degrees(value: float) -> str:
    return f"{value:.6f}"


def _split(facilities: list[Facility]) -> tuple[list[str], list[str]]:
    """The codes of the hospitals and of the puskesmas."""
    return (
        [facility.code for facility in facilities if facility.kind == "hospital"],
        [facility.code for facility in facilities if facility.kind == "puskesmas"],
    )


def _village_posts(villages: list[Area], count: int) -> list[Post]:
    """Village ambulances, spread evenly over the villages in the order of their codes.

    The order of codes runs district by district, so districts get about their share. Each unit stands at the
    point of its village that is farthest from the border.
    """
    chosen = [villages[(2 * index + 1) * len(villages) // (2 * count)] for index in range(count)]
    posts = []
    for village in chosen:
        middle = shapely.maximum_inscribed_circle(village.geometry).coords[0]
        posts.append(Post("ambulans_desa", "manual", (middle[0], middle[1])))
    return posts
