"""Loads a regency folder into a tenant: idempotent, finished by the next load when interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

import routing
from dispatch.bundle import Bundle, Finding, Findings, read_bundle
from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.domain.roster import Roster, ShiftRule
from dispatch.services.centre import Centre
from dispatch.services.draw_roads import draw_roads
from dispatch.services.load_places import CAUSE, PlaceChanges, load_facilities, load_units
from dispatch.services.open_due_shifts import ShiftPass, open_due_shifts
from dispatch.services.renew_rosters import RosterPass, renew_rosters
from dispatch.services.road_stores import check_with_roads, is_built, store_name
from dispatch.services.tenants import TenantEntry
from dispatch.storage.database import Tenant
from dispatch.storage.regency_loading import (
    AreaRow,
    LoadedRegency,
    RegencyRow,
    begin_load,
    find_regency,
    finish_load,
    loading,
    write_areas,
)

Progress = Callable[[str, float], None]


class BundleRefused(Exception):
    """A bundle with problems; nothing was written. `findings` names all of them, and the warnings."""

    def __init__(self, folder: Path, findings: Findings) -> None:
        super().__init__(f"{folder}: {len(findings.problems)} problems")
        self.folder = folder
        self.findings = findings


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did. `changed` is false when the tenant held exactly this bundle already."""

    entry: TenantEntry
    changed: bool
    created: bool
    roster: RosterPass
    shifts: ShiftPass
    facilities: PlaceChanges = field(default_factory=PlaceChanges)
    units: PlaceChanges = field(default_factory=PlaceChanges)
    warnings: tuple[Finding, ...] = ()


async def load_regency(
    centre: Centre,
    folder: Path,
    *,
    live: bool = False,
    create: bool = True,
    progress: Progress | None = None,
) -> LoadReport:
    """Bring the folder's training (or `live`) tenant to what the folder says, and its rosters to today.

    Facilities and units get one event each; those that vanished become inactive, never deleted. Needs the
    owner's connection (`DATABASE_URL`). An unchanged bundle costs one look at the folder and the directory.
    `progress` is called with a stage and 0..1 while the roads are built.

    Raises:
        BundleError: the folder is no bundle.
        BundleRefused: the bundle has problems; the database is as it was.
        Conflict: the tenant does not exist and `create` is false.
    """
    bundle = await asyncio.to_thread(read_bundle, folder)
    stores = centre.settings.stores_dir
    realm = "live" if live else "training"
    slug = bundle.info.code if live else f"{bundle.info.code}-latihan"
    async with loading(centre.settings.database_url, slug) as connection:
        standing = await find_regency(connection, slug)
        await connection.rollback()  # no transaction stays open while roads are built
        if standing is not None and await asyncio.to_thread(_unchanged, standing, bundle, stores):
            tenant = _tenant(standing.id, bundle, realm, slug)
            entry = TenantEntry(tenant, standing.settings, standing.roads_store, standing.bundle_digest)
            roster = await renew_rosters(centre, entry)
            shifts = await open_due_shifts(centre, entry, sign_off=False)  # at every start; the worker does
            return LoadReport(entry, False, False, roster, shifts)
        if standing is None and not create:
            raise Conflict(
                f"Regency {slug} belum ada; buat dengan 'dispatch tenant create {folder}'",
                f"There is no tenant {slug} yet; make it with 'dispatch tenant create {folder}'",
            )
        findings = await asyncio.to_thread(check_with_roads, bundle, stores, progress)
        if not findings.ok:
            raise BundleRefused(folder, findings)
        return await _load(centre, connection, bundle, _row(bundle, realm, slug), standing, findings)


def _unchanged(standing: LoadedRegency, bundle: Bundle, stores: Path) -> bool:
    return (
        standing.bundle_digest == bundle.digest
        and standing.roads_store == store_name(bundle)
        and standing.roads_drawn == routing.drawn_digest(bundle.roads)
        and is_built(stores, standing.roads_store)
    )


async def _load(
    centre: Centre,
    connection: AsyncConnection,
    bundle: Bundle,
    row: RegencyRow,
    standing: LoadedRegency | None,
    findings: Findings,
) -> LoadReport:
    regency_id = await begin_load(connection, row, centre.clock())
    kept = await write_areas(connection, regency_id, _districts(bundle), _villages(bundle))
    await draw_roads(connection, regency_id, bundle, standing.roads_drawn if standing else "")
    await connection.commit()
    tenant = _tenant(regency_id, bundle, row.realm, row.slug)
    facilities = await load_facilities(centre, tenant, bundle)
    units = await load_units(centre, tenant, bundle)
    digest = ""
    if not units.on_run:  # else the next load takes them out
        digest = bundle.digest
        async with centre.begin(tenant, SYSTEM, CAUSE) as tx:
            data = {
                "digest": digest,
                "roads_store": row.roads_store,
                "facilities": len(bundle.facilities),
                "units": len(bundle.units),
            }
            await tx.record(EventKind.TENANT_LOADED, ("regency", row.slug), data=data)
    entry = TenantEntry(tenant, row.settings, row.roads_store, digest)
    roster = await renew_rosters(centre, entry, thorough=True)
    shifts = await open_due_shifts(centre, entry)
    await finish_load(connection, regency_id, digest, centre.clock())
    await connection.commit()
    warnings = (*findings.warnings, *_leftovers(kept, units.on_run))
    return LoadReport(entry, True, standing is None, roster, shifts, facilities, units, warnings)


def _tenant(regency_id: int, bundle: Bundle, realm: str, slug: str) -> Tenant:
    info = bundle.info
    return Tenant(regency_id, slug, info.code, realm, info.name, info.number_prefix, info.timezone)


def _row(bundle: Bundle, realm: str, slug: str) -> RegencyRow:
    info = bundle.info
    return RegencyRow(
        code=info.code,
        realm=realm,
        slug=slug,
        name=info.name,
        number_prefix=info.number_prefix,
        timezone=info.timezone,
        boundary=bundle.boundary,
        settings=_settings(bundle),
        roads_store=store_name(bundle),
    )


def _settings(bundle: Bundle) -> dict[str, Any]:
    """The bundle's settings, and what the worker and the pages need of it when the folder is not there."""
    spec = bundle.roster
    shifts = tuple(ShiftRule(s.code, s.starts, s.ends, s.staffed_share) for s in spec.shifts)
    return {
        **{section: dict(values) for section, values in bundle.info.settings.items()},
        "roster": Roster(spec.seed, spec.days_ahead, shifts).as_settings(),
        "province_name": bundle.info.province_name,
        "map": {"attribution": list(bundle.attribution)},
        "roads": {"data_date": bundle.roads_date, "exclude": sorted(bundle.roads_exclude)},
        "gaps": [{"id": gap.text_id, "en": gap.text_en} for gap in bundle.gaps],
    }


def _districts(bundle: Bundle) -> list[AreaRow]:
    return [AreaRow(d.code, d.name, None, d.geometry) for d in bundle.districts]


def _villages(bundle: Bundle) -> list[AreaRow]:
    return [AreaRow(v.code, v.name, v.district_code, v.geometry) for v in bundle.villages]


def _leftovers(villages: list[str], on_run: list[str]) -> list[Finding]:
    left = [
        Finding(
            "village_kept",
            f"desa {code} tidak ada lagi tetapi disebut dalam kejadian: disimpan tanpa wilayah",
            f"village {code} is gone but named by cases: kept without ground",
            "villages.geojson",
        )
        for code in villages
    ]
    return left + [
        Finding(
            "unit_on_run",
            f"unit {call_sign} tidak ada lagi tetapi sedang bertugas: muat ulang setelah tugasnya selesai",
            f"unit {call_sign} is gone but on a run: load again when it is released",
            "fleet.csv",
        )
        for call_sign in on_run
    ]
