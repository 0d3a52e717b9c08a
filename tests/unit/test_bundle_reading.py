"""What counts as a regency folder, and what its digest covers."""

import shutil
from pathlib import Path

import pytest

from dispatch.bundle import BundleError, read_bundle

SHIPPED = Path(__file__).resolve().parents[2] / "regencies" / "33.25-batang"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(SHIPPED, tmp_path / SHIPPED.name)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BundleError, match=r"regency\.toml") as refusal:
            read_bundle(folder)
        assert refusal.value.problems[0].code == "no_bundle"


def test_the_digest_follows_the_content_and_not_the_readme(folder: Path) -> None:
    before = read_bundle(folder).digest
    assert before == read_bundle(SHIPPED).digest
    (folder / "README.md").write_text("other words", encoding="utf-8")
    assert read_bundle(folder).digest == before
    for file in sorted(path for path in folder.iterdir() if path.name != "README.md"):
        content = file.read_bytes()
        file.write_bytes(content + b"\n")
        assert read_bundle(folder).digest != before, file.name
        file.write_bytes(content)
