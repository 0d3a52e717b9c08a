"""Which regency folder a person means: a path, or the code of one of those that ship."""

from __future__ import annotations

from pathlib import Path

from dispatch.commands.plainly import fail

SHIPPED = Path(__file__).resolve().parents[2] / "regencies"


def regency_folder(named: str) -> Path:
    """Return the folder; a code such as `32.14` means the one of `regencies/` of that code."""
    found = [Path(named)] if named and Path(named).is_dir() else []
    for root in (Path("regencies"), SHIPPED):
        found = found or [path for path in sorted(root.glob("*-*")) if _code(path) == named]
    if not found:
        shipped = ", ".join(sorted(_code(path) for path in SHIPPED.glob("*-*"))) or "-"
        fail(
            f"Tidak ada folder kabupaten {named!r}; beri folder, atau kode: {shipped}",
            f"There is no regency folder {named!r}; give a folder, or a code: {shipped}",
        )
    return found[0]


def _code(folder: Path) -> str:
    return folder.name.partition("-")[0]
