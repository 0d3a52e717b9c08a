"""Staff accounts, passwords and demo accounts, on a real database."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loading_scene import HOSPITAL, Folder, HasUrls, Scene, open_scene, small_folder

from dispatch.domain.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn
from dispatch.domain.roles import SYSTEM, Role
from dispatch.services.demo_accounts import DRILL_DRIVER, make_demo_accounts
from dispatch.services.load_regency import load_regency
from dispatch.services.passwords import check_password, generate_password, hash_password
from dispatch.services.sessions import find_session
from dispatch.services.sign_in import sign_in_staff
from dispatch.services.staff_accounts import NewStaff, add_staff, list_staff, set_staff_password
from dispatch.services.tenants import TenantEntry

GOOD = "sandi yang panjang"
SLUG = "33.25-latihan"


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


@pytest.fixture
async def entry(scene: Scene, folder: Folder) -> TenantEntry:
    return (await load_regency(scene.centre, folder.path)).entry


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_password_opens_with_itself_only() -> None:
    hashed = await hash_password(GOOD)
    assert hashed.startswith("$argon2id$")
    assert await check_password(GOOD, hashed)
    assert not await check_password(GOOD + " ", hashed)
    assert not await check_password(GOOD, None)
    assert not await check_password(GOOD, "damaged")
    assert not await check_password("\x00\ud800", hashed)


def test_generated_passwords_differ_and_are_easy_to_type() -> None:
    made = {generate_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(p) == 14 and not set(p) & set("0O1lI") for p in made)


async def test_an_account_signs_in_and_the_log_has_no_hash(scene: Scene, entry: TenantEntry) -> None:
    new = NewStaff("siti.operator", Role.OPERATOR, "Siti Contoh", GOOD)
    view = await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    assert (view.role, view.demo, view.active) == (Role.OPERATOR, False, True)
    signed = await sign_in_staff(scene.centre, entry, "SITI.operator", GOOD, "test")
    assert signed.staff_id == view.id
    bodies = await scene.rows("SELECT body FROM event WHERE kind = 'staff_added'")
    assert len(bodies) == 1
    assert "argon2" not in bodies[0].body


async def test_a_name_is_given_once_in_any_spelling(scene: Scene, entry: TenantEntry) -> None:
    new = NewStaff("budi", Role.OPERATOR, "Budi Contoh", GOOD)
    await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    with pytest.raises(Conflict, match="budi is taken"):
        await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    assert len(await list_staff(scene.centre, entry)) == 1


@pytest.mark.parametrize(
    ("new", "fields"),
    [
        (NewStaff("Budi", Role.OPERATOR, "Budi", GOOD), {"username"}),
        (NewStaff("b u", Role.OPERATOR, " ", "pendek"), {"username", "display_name", "password"}),
        (NewStaff("budi", Role.OPERATOR, "Budi", "x" * 30), {"password"}),
        (NewStaff("budi", Role.OPERATOR, "Budi\x00", GOOD), {"display_name"}),
        (NewStaff("budi", Role.OPERATOR, "Budi\ud800", GOOD), {"display_name"}),
        (NewStaff("budi", Role.FACILITY, "Budi", GOOD), {"facility_code"}),
        (NewStaff("budi", Role.DRIVER, "Budi", GOOD, HOSPITAL), {"facility_code"}),
    ],
)
async def test_bad_accounts_are_refused_by_field(
    scene: Scene, entry: TenantEntry, new: NewStaff, fields: set[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    assert {problem.field for problem in refused.value.problems} == fields


async def test_a_facility_user_belongs_to_a_known_facility(scene: Scene, entry: TenantEntry) -> None:
    new = NewStaff("igd", Role.FACILITY, "Petugas IGD", GOOD, HOSPITAL)
    view = await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    assert view.facility_id == await scene.one("SELECT id FROM facility WHERE code = :c", c=HOSPITAL)
    lost = NewStaff("igd2", Role.FACILITY, "Petugas IGD", GOOD, "33.25-F999")
    with pytest.raises(NotFound):
        await add_staff(scene.centre, entry, SYSTEM, lost, cause="test")


async def test_a_new_password_ends_all_sessions(scene: Scene, entry: TenantEntry) -> None:
    new = NewStaff("budi", Role.OPERATOR, "Budi Contoh", GOOD)
    await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    signed = await sign_in_staff(scene.centre, entry, "budi", GOOD, "test")
    await set_staff_password(scene.centre, entry, SYSTEM, "budi", "sandi lain sama sekali", cause="test")
    with pytest.raises(NotSignedIn):
        await find_session(scene.centre, signed.session.token)
    with pytest.raises(NotSignedIn):
        await sign_in_staff(scene.centre, entry, "budi", GOOD, "test")
    await sign_in_staff(scene.centre, entry, "budi", "sandi lain sama sekali", "test")
    assert (await scene.kinds(SLUG))[-1] == "staff_changed"
    with pytest.raises(NotFound):
        await set_staff_password(scene.centre, entry, SYSTEM, "tono", GOOD, cause="test")


async def test_a_password_that_is_replaced_while_it_is_checked_opens_nothing(
    scene: Scene, entry: TenantEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = NewStaff("budi", Role.OPERATOR, "Budi Contoh", GOOD)
    await add_staff(scene.centre, entry, SYSTEM, new, cause="test")

    async def slowly(password: str, stored: str | None) -> bool:
        right = await check_password(password, stored)
        await set_staff_password(scene.centre, entry, SYSTEM, "budi", "sandi lain sama sekali", cause="test")
        return right

    monkeypatch.setattr("dispatch.services.sign_in.check_password", slowly)
    with pytest.raises(NotSignedIn):
        await sign_in_staff(scene.centre, entry, "budi", GOOD, "test")
    assert await scene.one("SELECT count(*) FROM session WHERE ended_at IS NULL") == 0


async def test_demo_accounts_are_for_training_only(scene: Scene, folder: Folder, tmp_path: Path) -> None:
    live = (await load_regency(scene.centre, folder.path, live=True)).entry
    demo = NewStaff("demo", Role.ADMIN, "Demo", GOOD, demo=True)
    with pytest.raises(Forbidden):
        await add_staff(scene.centre, live, SYSTEM, demo, cause="test")
    assert await make_demo_accounts(scene.centre, tmp_path / "accounts.json") == {}
    assert await scene.one("SELECT count(*) FROM staff_user") == 0


async def test_demo_accounts_are_made_once(scene: Scene, entry: TenantEntry, tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    made = await make_demo_accounts(scene.centre, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names_in(tmp_path) == {"33.25-kecil", "accounts.json"}  # no draft is left
    written = json.loads(path.read_text())[SLUG]
    people = [account for account in written if not account["username"].startswith("latihan-")]
    roles = [account["role"] for account in people]
    assert {role: roles.count(role) for role in set(roles)} == {
        "operator": 2,
        "driver": 4,
        "facility": 1,
        "health_office": 1,
        "admin": 1,
    }
    assert DRILL_DRIVER in {account["username"] for account in written}
    # the rehearsal's own: a driver for each of the two tracked units, a desk for each of both facilities
    played = [a["username"] for a in written if a not in people]
    assert played == [
        *("latihan-operator-1", "latihan-operator-2", "latihan-awak-01", "latihan-awak-02"),
        *("latihan-faskes-1", "latihan-faskes-2"),
    ]
    assert len({a["password"] for a in people}) == len(people)
    assert len({a["password"] for a in written}) == len(people) + 3  # one for each group
    assert set(written[0]) == {"username", "role", "password", "display_name"}
    for account in written:
        await sign_in_staff(scene.centre, entry, account["username"], account["password"], "test")
    events, before = await scene.kinds(SLUG), path.stat()
    assert await make_demo_accounts(scene.centre, path) == made
    assert await scene.kinds(SLUG) == events
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


async def test_a_lost_file_gives_new_passwords(scene: Scene, entry: TenantEntry, tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    old = (await make_demo_accounts(scene.centre, path))[SLUG][0]
    path.unlink()
    new = (await make_demo_accounts(scene.centre, path))[SLUG][0]
    assert new.username == old.username
    assert new.password != old.password
    await sign_in_staff(scene.centre, entry, new.username, new.password, "test")
    with pytest.raises(NotSignedIn):
        await sign_in_staff(scene.centre, entry, old.username, old.password, "test")


async def test_a_new_database_gets_the_passwords_of_the_file(
    scene: Scene, entry: TenantEntry, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.json"
    kept = {
        "username": "operator1",
        "role": "operator",
        "password": "lama-lama-lama",
        "display_name": "Operator Latihan 1",
    }
    other = {"32.14-latihan": [kept]}
    path.write_text(json.dumps({SLUG: [kept], **other}))
    await make_demo_accounts(scene.centre, path)
    await sign_in_staff(scene.centre, entry, "operator1", "lama-lama-lama", "test")
    assert json.loads(path.read_text())["32.14-latihan"] == [kept]


async def test_somebody_elses_account_is_left_alone(scene: Scene, entry: TenantEntry, tmp_path: Path) -> None:
    mine = NewStaff("operator1", Role.OPERATOR, "Operator Asli", GOOD)
    await add_staff(scene.centre, entry, SYSTEM, mine, cause="test")
    made = await make_demo_accounts(scene.centre, tmp_path / "accounts.json")
    assert "operator1" not in {account.username for account in made[SLUG]}
    await sign_in_staff(scene.centre, entry, "operator1", GOOD, "test")


@pytest.mark.parametrize("content", ["", "[]", '{"x": [{"username": 1}]}', '{"x": 3}'])
async def test_a_file_of_something_else_is_not_overwritten(
    scene: Scene, entry: TenantEntry, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(content)
    with pytest.raises(Conflict):
        await make_demo_accounts(scene.centre, path)
    assert path.read_text() == content
