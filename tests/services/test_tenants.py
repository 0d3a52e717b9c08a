"""Live tenants with their first administrator, on a real database."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from loading_scene import Folder, HasUrls, Scene, open_scene, small_folder

from dispatch.domain.errors import Conflict, InvalidInput, NotFound
from dispatch.domain.roles import Role
from dispatch.services.create_tenant import create_tenant
from dispatch.services.load_regency import load_regency
from dispatch.services.sign_in import sign_in_staff
from dispatch.services.staff_accounts import NewStaff, list_staff

ADMIN = NewStaff("admin", Role.ADMIN, "Administrator", "sandi yang panjang")


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture
async def scene(database: HasUrls, run_dir: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, run_dir) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return small_folder(tmp_path / "33.25-kecil")


async def test_a_live_tenant_begins_with_its_administrator(scene: Scene, folder: Folder) -> None:
    created = await create_tenant(scene.centre, folder.path, ADMIN)
    entry = created.report.entry
    assert (entry.tenant.slug, entry.tenant.realm) == ("33.25", "live")
    signed = await sign_in_staff(scene.centre, entry, "admin", ADMIN.password, "test")
    assert (signed.role, signed.training) == (Role.ADMIN, False)
    assert await list_staff(scene.centre, entry) == [created.admin]


async def test_it_is_made_once(scene: Scene, folder: Folder) -> None:
    await create_tenant(scene.centre, folder.path, ADMIN)
    scene.centre.tenants = type(scene.centre.tenants)(scene.centre.database)
    with pytest.raises(Conflict, match="--live"):
        await create_tenant(scene.centre, folder.path, ADMIN)
    assert not (await load_regency(scene.centre, folder.path, live=True, create=False)).changed


async def test_a_weak_password_writes_nothing(scene: Scene, folder: Folder) -> None:
    with pytest.raises(InvalidInput):
        await create_tenant(scene.centre, folder.path, NewStaff("admin", Role.ADMIN, "Admin", "pendek"))
    assert await scene.one("SELECT count(*) FROM regency") == 0


async def test_one_that_was_interrupted_is_finished(scene: Scene, folder: Folder) -> None:
    whole = scene.centre.clock
    calls = iter(range(5))

    def dying() -> datetime:
        next(calls)
        return whole()

    scene.centre.clock = dying
    with pytest.raises(RuntimeError):  # what a coroutine makes of StopIteration
        await create_tenant(scene.centre, folder.path, ADMIN)
    scene.centre.clock = whole
    created = await create_tenant(scene.centre, folder.path, ADMIN)
    assert created.admin.username == "admin"
    assert await scene.one("SELECT bundle_digest <> '' FROM regency WHERE slug = '33.25'")


async def test_training_and_live_do_not_see_each_others_accounts(scene: Scene, folder: Folder) -> None:
    training = (await load_regency(scene.centre, folder.path)).entry
    await create_tenant(scene.centre, folder.path, ADMIN)
    assert await list_staff(scene.centre, training) == []


async def test_a_tenant_made_meanwhile_is_found(scene: Scene, folder: Folder) -> None:
    with pytest.raises(NotFound):
        await scene.centre.tenants.by_slug("33.25")
    await create_tenant(scene.centre, folder.path, ADMIN)
    fresh = type(scene.centre.tenants)(scene.centre.database)
    assert (await fresh.by_slug("33.25")).tenant.name == "Kabupaten Batang"
