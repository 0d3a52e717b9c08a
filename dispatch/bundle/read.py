"""Reads a regency folder into a Bundle, naming everything that cannot be read."""

import hashlib
from pathlib import Path
from typing import Final

import routing
from dispatch.bundle.findings import BundleError, Finding, Notebook
from dispatch.bundle.model import Bundle, DistrictShape, VillageShape
from dispatch.bundle.outlines import read_outlines
from dispatch.bundle.sheet import read_sheet
from dispatch.bundle.tables import read_facilities, read_fleet

ROADS: Final = "roads.osm.pbf"
CONTENT: Final = (
    "districts.geojson",
    "facilities.csv",
    "fleet.csv",
    "regency.toml",
    ROADS,
    "villages.geojson",
)
"""The files that make a bundle. A README beside them is for people and changes nothing."""
CALIBRATION: Final = "calibration.toml"
"""May be there: what the regency's recorded runs taught about the speeds of its roads."""


def read_bundle(folder: Path) -> Bundle:
    """Read a regency folder.

    Bad content never raises: it is left out and named in `Bundle.unread`, which `check_bundle` reports
    together with everything else, so that one run names every problem. Raises BundleError only when the
    folder does not exist or holds no file of a bundle at all.
    """
    notebook = Notebook()
    present = [name for name in CONTENT if (folder / name).is_file()]
    if not present:
        raise BundleError((_no_bundle(folder),))
    for name in CONTENT:
        if name not in present:
            notebook.note(
                "missing_file",
                name,
                f"berkas {name} tidak ada: letakkan di {folder.name}/",
                f"the file {name} is missing: put it into {folder.name}/",
            )
    calibration = folder / CALIBRATION if (folder / CALIBRATION).is_file() else None
    if calibration is not None:
        _check_calibration(calibration, notebook)
        present.append(CALIBRATION)
    sheet = read_sheet(folder, notebook)
    districts, refused_districts = read_outlines(folder / "districts.geojson", notebook)
    villages, refused_villages = read_outlines(folder / "villages.geojson", notebook)
    facilities, refused_facilities = read_facilities(folder / "facilities.csv", notebook)
    return Bundle(
        folder=folder,
        info=sheet.info,
        districts=tuple(DistrictShape(*outline) for outline in districts),
        villages=tuple(VillageShape(*outline) for outline in villages),
        facilities=tuple(facilities),
        units=tuple(read_fleet(folder / "fleet.csv", notebook)),
        roster=sheet.roster,
        roads=folder / ROADS,
        roads_exclude=sheet.roads_exclude,
        roads_date=sheet.roads_date,
        calibration=calibration,
        attribution=sheet.attribution,
        gaps=sheet.gaps,
        digest=_digest(folder, present),
        unread=tuple(notebook.entries),
        refused_codes=refused_districts | refused_villages | refused_facilities,
    )


def _check_calibration(path: Path, notebook: Notebook) -> None:
    try:
        routing.read_calibration(path)
    except routing.BadCalibration as wrong:
        notebook.note("bad_calibration", CALIBRATION, wrong.message_id, wrong.message_en)


def _digest(folder: Path, names: list[str]) -> str:
    """SHA-256 over name, length and bytes of every content file, in the order of their names."""
    digest = hashlib.sha256()
    for name in names:
        content = (folder / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _no_bundle(folder: Path) -> Finding:
    wanted = ", ".join(CONTENT)
    return Finding(
        "no_bundle",
        f"{folder} bukan folder kabupaten: berkas yang diperlukan adalah {wanted}",
        f"{folder} is not a regency folder: it needs the files {wanted}",
        str(folder),
    )
