"""The profiles that come with the program; each is the TOML file of its name in this folder."""

from __future__ import annotations

from pathlib import Path

from routing.profile_file import read_profile

FOLDER = Path(__file__).parent

AMBULANCE = read_profile(FOLDER / "ambulance.toml")
AMBULANCE_SIREN = read_profile(FOLDER / "ambulance_siren.toml")
CAR = read_profile(FOLDER / "car.toml")
PROFILES = (AMBULANCE, AMBULANCE_SIREN, CAR)
