"""Builds the road store of a bundle when there is none for exactly these roads and rules yet."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import routing
from dispatch.bundle import Bundle, Finding, Findings, check_bundle

Progress = Callable[[str, float], None]


def store_name(bundle: Bundle) -> str:
    """Return the folder name of the bundle's store: its code, and a hash of all that goes into it.

    The rules of every profile and the form of stores are part of it, so a program that has other ones builds
    a store of its own at the next load and leaves the old one alone.
    """
    made_of = hashlib.sha256()
    for part in (
        str(routing.STORE_SCHEMA),
        *(f"{profile.name} {profile.digest}" for profile in routing.PROFILES),
        ",".join(sorted(bundle.roads_exclude)),
        bundle.roads_date or "",
        hashlib.sha256(bundle.roads.read_bytes()).hexdigest(),
        *([hashlib.sha256(bundle.calibration.read_bytes()).hexdigest()] if bundle.calibration else ()),
    ):
        made_of.update(f"{part}\0".encode())
    return f"{bundle.info.code}-{made_of.hexdigest()[:12]}"


def calibration_of(stores: Path, name: str) -> Path:
    """Return the file with the calibration that belongs to a store; there is none without recorded runs."""
    return stores / f"{name}.calibration.toml"


def _keep_calibration(bundle: Bundle, stores: Path, name: str) -> None:
    """Lay the bundle's calibration beside its store, whole or not at all."""
    if bundle.calibration is None:
        return
    stores.mkdir(parents=True, exist_ok=True)
    beside = calibration_of(stores, f".{name}")
    shutil.copyfile(bundle.calibration, beside)
    beside.replace(calibration_of(stores, name))


def is_built(stores: Path, name: str) -> bool:
    """Return whether the folder of stores holds a readable one of this name."""
    try:
        routing.open_store(stores / name)
    except routing.BadStore:
        return False
    return True


def check_with_roads(bundle: Bundle, stores: Path, progress: Progress | None = None) -> Findings:
    """Check a bundle over its own roads, building their store first when it is missing.

    Takes seconds when it builds; `progress` is called with a stage and 0..1 of it. Roads of which no store
    can be made are a problem among the others.
    """
    reasons: tuple[Finding, ...] = ()
    network = None
    if bundle.roads.is_file():
        name = store_name(bundle)
        try:
            if not is_built(stores, name):
                _keep_calibration(bundle, stores, name)  # first: a store that is there is complete
                routing.build_store(
                    bundle.roads,
                    stores / name,
                    exclude_highway=bundle.roads_exclude,
                    data_date=bundle.roads_date,
                    progress=progress,
                )
            network = routing.open_store(stores / name)
        except routing.RoutingError as refused:
            why = Finding("bad_roads", refused.message_id, refused.message_en, bundle.roads.name)
            reasons = (why,)
    findings = check_bundle(bundle, network)
    return Findings((*findings.problems, *reasons), findings.warnings)
