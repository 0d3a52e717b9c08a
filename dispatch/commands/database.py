"""`dispatch migrate`: brings the database to this program's schema."""

from __future__ import annotations

from dispatch.commands.plainly import fail, require_urls, run_plainly, say


def migrate() -> None:
    """Perbarui skema basis data / update the schema."""
    from dispatch.settings import settings

    require_urls(settings(), owner=True, app=False)
    before, after = run_plainly(lambda: _migrate(settings().database_url))
    if before == after:
        say(f"Skema basis data {after}, tidak berubah", f"Database schema {after}, unchanged")
    else:
        say(f"Skema basis data {before or '-'} -> {after}", f"Database schema {before or '-'} -> {after}")


async def _migrate(owner_url: str) -> tuple[str | None, str]:
    from alembic.script import ScriptDirectory

    from dispatch.storage import migrate as migrations

    current, newest = await migrations.revision(owner_url)
    known = {script.revision for script in ScriptDirectory(str(migrations.SCRIPTS)).walk_revisions()}
    if current is not None and current not in known:
        fail(
            f"Skema basis data {current} lebih baru daripada program ini ({newest}): pasang yang baru",
            f"The database's schema {current} is newer than this program ({newest}): install a newer one",
        )
    return current, await migrations.upgrade(owner_url)
