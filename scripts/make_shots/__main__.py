"""Takes the pictures of a running system: python -m scripts.make_shots [--docs] [page ...]."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import TimeoutError as PageTimeout

from scripts.make_shots import states
from scripts.make_shots.camera import LOOKS, Camera, open_camera
from scripts.make_shots.scene import NotPossible, Scene, read_system

REPOSITORY = Path(__file__).resolve().parents[2]
CHOSEN = (
    "operator-units-desktop-light",
    "warga-following-phone-light",
    "pengemudi-run-phone-night",
    "faskes-desktop-night",
    "dinas-desktop-light",
)
PARTS = {
    "start": states.take_start,
    "dinas": states.take_office,
    "faskes": states.take_facility,
    "operator": states.take_operator,
    "gangguan": states.take_trouble,
    "warga": states.take_resident,
    "pengemudi": states.take_driver,
}


def main() -> int:
    """Return 1 when a page complained or a picture could not be taken."""
    run_dir = Path(os.environ.get("SEMAR_RUN_DIR", REPOSITORY / ".run"))
    parser = argparse.ArgumentParser(description="Gambar setiap halaman / pictures of every page.")
    parser.add_argument(
        "pages", nargs="*", choices=[*PARTS, "all"], default="all", help="halaman / pages (default: all)"
    )
    parser.add_argument("--address", help="alamat sistem / address (default: addresses.json)")
    parser.add_argument(
        "--docs", action="store_true", help="salin yang terpilih / copy the chosen ones to docs/pictures"
    )
    wishes = parser.parse_args()
    try:
        address, regency, accounts = read_system(run_dir)
        folder = run_dir / "shots"
        names = list(PARTS) if "all" in wishes.pages else wishes.pages
        with (
            Scene(wishes.address or address, regency, accounts) as scene,
            open_camera(scene.address, folder) as camera,
        ):
            for name in names:
                PARTS[name](camera, scene)
    except (NotPossible, PageTimeout) as reason:
        print(reason, file=sys.stderr)
        return 1
    return _tell(camera, folder, docs=wishes.docs)


def _tell(camera: Camera, folder: Path, *, docs: bool) -> int:
    print(f"{len(camera.taken)} gambar / pictures: {folder} ({', '.join(look.name for look in LOOKS)})")
    if docs:
        pictures = REPOSITORY / "docs" / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        for name in CHOSEN:
            source = folder / f"{name}.png"
            if source.is_file():
                shutil.copyfile(source, pictures / source.name)
    for complaint in camera.complaints:
        print(f"  {complaint}", file=sys.stderr)
    return 1 if camera.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
