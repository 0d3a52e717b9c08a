"""The resident registry (e-KTP): reads a NIK and asks the registry service about its holder."""

from registry import population
from registry.client import RegistryClient
from registry.nik import Nik, NikError, NikWarning, mask_nik, parse_nik
from registry.verification import Claim, ElementAnswer, Flag, Outcome, Verdict, Verification

__all__ = [
    "Claim",
    "ElementAnswer",
    "Flag",
    "Nik",
    "NikError",
    "NikWarning",
    "Outcome",
    "RegistryClient",
    "Verdict",
    "Verification",
    "mask_nik",
    "parse_nik",
    "population",
]
