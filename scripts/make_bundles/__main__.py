"""Makes the data files of the regency folders from the source data: python -m scripts.make_bundles SOURCE."""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.make_bundles.batang import batang_facilities
from scripts.make_bundles.facilities import Facility, write_facilities
from scripts.make_bundles.fleet import Numbering, Post, batang_posts, purwakarta_posts, write_fleet
from scripts.make_bundles.purwakarta import purwakarta_facilities
from scripts.make_bundles.shapes import Area, read_areas, write_areas


@dataclass(frozen=True)
class Recipe:
    """Which source files make one folder."""

    folder: str
    code: str
    roads: str
    districts: str
    villages: str
    facilities: Callable[[Path, list[Area]], list[Facility]]
    posts: Callable[[list[Facility], list[Area]], list[Post]]
    numbering: Numbering


RECIPES = (
    Recipe(
        folder="32.14-purwakarta",
        code="32.14",
        roads="roads/kabupaten-purwakarta-rbi25k-joined.osm.pbf",
        districts="admin/purwakarta_kecamatan_big.geojson",
        villages="admin/purwakarta_desa.geojson",
        facilities=purwakarta_facilities,
        posts=purwakarta_posts,
        numbering=Numbering("PWK", "T", "0812-0000"),
    ),
    Recipe(
        folder="33.25-batang",
        code="33.25",
        roads="roads/kabupaten-batang-rbi25k.osm.pbf",
        districts="admin/target_regencies_kecamatan.geojson",
        villages="admin/target_regencies_desa.geojson",
        facilities=batang_facilities,
        posts=batang_posts,
        numbering=Numbering("BTG", "G", "0812-0001"),
    ),
)


def make(recipe: Recipe, source: Path, regencies: Path) -> None:
    """Write the data files of one folder; regency.toml and README.md are written by hand and stay."""
    target = regencies / recipe.folder
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / recipe.roads, target / "roads.osm.pbf")
    write_areas(target / "districts.geojson", read_areas(source / recipe.districts, recipe.code))
    villages = read_areas(source / recipe.villages, recipe.code)
    write_areas(target / "villages.geojson", villages)
    facilities = recipe.facilities(source, villages)
    write_facilities(target / "facilities.csv", facilities)
    posts = recipe.posts(facilities, villages)
    write_fleet(target / "fleet.csv", posts, recipe.numbering)
    print(f"{target}: {len(villages)} villages, {len(facilities)} facilities, {len(posts)} units")


def main() -> None:
    """Read the arguments and make every folder."""
    parser = argparse.ArgumentParser(prog="python -m scripts.make_bundles", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with roads/, admin/ and facilities/")
    parser.add_argument("--into", type=Path, default=Path("regencies"), help="folder of the regency folders")
    arguments = parser.parse_args()
    for recipe in RECIPES:
        make(recipe, arguments.source, arguments.into)


if __name__ == "__main__":
    main()
