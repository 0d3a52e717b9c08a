"""Lets a Python use this checkout where it stands: path file, metadata, the command `dispatch`.

What an editable install would leave, without a build that would have to download its tools. To be run with
that Python: .venv/bin/python scripts/link_project.py
"""

import os
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMAND = """#!/bin/sh
# Commands speak to the system that runs here, unless another database is named.
running="${{SEMAR_RUN_DIR:-{root}/.run}}/environment"
if [ -z "${{DATABASE_URL:-}}" ] && [ "${{1:-}}" != run ] && [ -r "$running" ]; then
    set -a
    . "$running"
    set +a
fi
exec "{python}" -m dispatch "$@"
"""


def main() -> None:
    """Write the files for the running Python, with the list by which installers can remove them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    site = Path(sysconfig.get_path("purelib"))
    command = Path(sysconfig.get_path("scripts")) / "dispatch"
    info = site / f"{name}-{version}.dist-info"
    files = {
        site / f"{name}.pth": f"{ROOT}\n",
        info / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        info / "INSTALLER": "semar\n",
        command: COMMAND.format(root=ROOT, python=sys.executable),
    }
    files[info / "RECORD"] = "".join(
        f"{os.path.relpath(path, site)},,\n" for path in [*files, info / "RECORD"]
    )
    info.mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
    command.chmod(0o755)


main()
