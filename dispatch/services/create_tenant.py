"""Makes a live tenant of a regency folder, with its first administrator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dispatch.bundle import read_bundle
from dispatch.domain.errors import Conflict, NotFound
from dispatch.domain.roles import SYSTEM, Role
from dispatch.services.centre import Centre
from dispatch.services.load_regency import LoadReport, Progress, load_regency
from dispatch.services.staff_accounts import NewStaff, StaffView, add_staff, list_staff, refuse_bad_account

_CAUSE = "tenant create"


@dataclass(frozen=True, slots=True)
class CreatedTenant:
    """A new live tenant: how it was loaded, and who may add all other accounts."""

    report: LoadReport
    admin: StaffView


async def create_tenant(
    centre: Centre, folder: Path, admin: NewStaff, *, progress: Progress | None = None
) -> CreatedTenant:
    """Load the folder as a live tenant and add its first administrator.

    One that was interrupted before it had an administrator is finished.

    Raises:
        Conflict: the live tenant exists and has an administrator.
        InvalidInput: the administrator's user name or password cannot be accepted; nothing was written.
        BundleError, BundleRefused: as `load_regency`.
    """
    assert admin.role is Role.ADMIN
    assert not admin.demo
    refuse_bad_account(admin)
    await _refuse_existing(centre, read_bundle(folder).info.code)
    report = await load_regency(centre, folder, live=True, progress=progress)
    return CreatedTenant(report, await add_staff(centre, report.entry, SYSTEM, admin, cause=_CAUSE))


async def _refuse_existing(centre: Centre, slug: str) -> None:
    try:
        entry = await centre.tenants.by_slug(slug)
    except NotFound:
        return
    if any(view.role is Role.ADMIN for view in await list_staff(centre, entry)):
        raise Conflict(
            f"Regency {slug} sudah ada; perbarui dengan 'dispatch regency load FOLDER --live'",
            f"The tenant {slug} exists already; renew it with 'dispatch regency load FOLDER --live'",
        )
