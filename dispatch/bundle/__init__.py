"""Regency folders: what one holds, how it is read, and whether it may be loaded."""

from dispatch.bundle.check import RoadNetwork, check_bundle
from dispatch.bundle.findings import BundleError, Finding, Findings
from dispatch.bundle.model import (
    Bundle,
    DistrictShape,
    FacilitySpec,
    RegencyInfo,
    RosterSpec,
    ShiftSpec,
    UnitSpec,
    VillageShape,
)
from dispatch.bundle.read import read_bundle
from dispatch.bundle.territory import Territory

__all__ = [
    "Bundle",
    "BundleError",
    "DistrictShape",
    "FacilitySpec",
    "Finding",
    "Findings",
    "RegencyInfo",
    "RoadNetwork",
    "RosterSpec",
    "ShiftSpec",
    "Territory",
    "UnitSpec",
    "VillageShape",
    "check_bundle",
    "read_bundle",
]
