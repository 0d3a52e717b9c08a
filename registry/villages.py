"""The villages of a regency folder, by code and name, with the district, regency and province they lie in."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.regions import region_name


class BundleError(ValueError):
    """A regency folder that cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class VillageRef:
    """A village by its dotted code (`32.14.01.1001`) and the names it goes by."""

    code: str
    name: str
    district_code: str
    district_name: str
    regency_name: str
    province_name: str

    @property
    def regency_code(self) -> str:
        return self.code[:5]


def read_villages(folder: Path) -> list[VillageRef]:
    """All villages of a regency folder, in the order of its file.

    The district is taken from the code, never from the shapes, which do not fit each other exactly.
    Raises BundleError when a file is missing or not in its form, or a code does not belong to the regency.
    """
    code, name = _regency(folder / "regency.toml")
    province = region_name(code[:2])
    if province is None:
        raise BundleError(f"{folder / 'regency.toml'}: {code} is in no known province")
    districts = dict(_features(folder / "districts.geojson"))
    villages = []
    for village, village_name in _features(folder / "villages.geojson"):
        district = village[:8]
        if not village.startswith(f"{code}."):
            raise BundleError(f"{folder / 'villages.geojson'}: village {village} is not in regency {code}")
        if district not in districts:
            raise BundleError(f"{folder / 'villages.geojson'}: village {village} has no district {district}")
        villages.append(VillageRef(village, village_name, district, districts[district], name, province))
    return villages


def _regency(path: Path) -> tuple[str, str]:
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("regency")
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: {error}") from error
    if not isinstance(table, dict):
        raise BundleError(f"{path}: the table [regency] is missing")
    code, name = table.get("code"), table.get("name")
    if not (isinstance(code, str) and isinstance(name, str)):
        raise BundleError(f"{path}: code and name of the regency are missing")
    return code, name


def _features(path: Path) -> list[tuple[str, str]]:
    """Code and name of every feature of a GeoJSON file."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        return [
            (str(feature["properties"]["code"]), str(feature["properties"]["name"]))
            for feature in document["features"]
        ]
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: {error}") from error
    except (KeyError, TypeError):
        raise BundleError(f"{path}: every feature needs the properties code and name") from None
