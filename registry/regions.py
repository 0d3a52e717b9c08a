"""Names of provinces, regencies and districts by their Kemendagri code.

The table `data/wilayah.csv` holds the codes in force under the ministerial decree of 2025, down to the
district. Codes that were abolished or moved earlier are not in it.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@cache
def region_names() -> Mapping[str, str]:
    """All names by dotted code: `32` province, `32.14` regency or city, `32.14.01` district."""
    with files("registry").joinpath("data", "wilayah.csv").open(encoding="utf-8") as table:
        return MappingProxyType({row["code"]: row["name"] for row in csv.DictReader(table)})


def region_name(code: str) -> str | None:
    """The name of a region, or None when the code is not in force."""
    return region_names().get(code)
