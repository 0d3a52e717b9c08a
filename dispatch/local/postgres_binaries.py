"""Finds the PostgreSQL server programs that have PostGIS beside them."""

from dataclasses import dataclass
from pathlib import Path

from dispatch.local.errors import LocalError

SERVERS = Path("/usr/lib/postgresql")
EXTENSIONS = Path("/usr/share/postgresql")
PACKAGES = "postgresql postgresql-postgis"


class PostgresMissing(LocalError):
    """No usable PostgreSQL is installed; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one major version of PostgreSQL."""

    version: int
    folder: Path


def find_binaries(
    data_version: int | None = None, *, servers: Path = SERVERS, extensions: Path = EXTENSIONS
) -> Binaries:
    """Return the highest version with PostGIS, or exactly `data_version` when a data folder already has one.

    Never looks at PATH: a link there may point at any version. Raises PostgresMissing.
    """
    usable = {
        int(folder.name): folder / "bin"
        for folder in servers.glob("[0-9]*")
        if folder.name.isdigit()
        and (folder / "bin" / "postgres").exists()
        and (extensions / folder.name / "extension" / "postgis.control").exists()
    }
    if not usable:
        raise PostgresMissing(f"PostgreSQL with PostGIS is not installed: apt-get install {PACKAGES}")
    if data_version is None:
        version = max(usable)
    elif data_version in usable:
        version = data_version
    else:
        present = ", ".join(str(v) for v in sorted(usable))
        raise PostgresMissing(
            f"the data was made by PostgreSQL {data_version}, but only PostgreSQL {present} with PostGIS is "
            f"installed: apt-get install postgresql-{data_version} postgresql-{data_version}-postgis-3, "
            f"or carry the data over with pg_upgrade"
        )
    return Binaries(version, usable[version])
