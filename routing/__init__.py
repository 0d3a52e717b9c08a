"""Road travel times and routes over an OpenStreetMap extract; this is the package's public face."""

from routing.answers import (
    DOUBTS,
    Coverage,
    Isochrone,
    Matrix,
    Route,
    Snap,
    Step,
    Times,
    Travel,
)
from routing.build import build_store
from routing.drawn import DrawnRoad, drawn_digest, read_drawn_roads
from routing.errors import (
    BadChange,
    BadExtract,
    BadPoint,
    BadQuestion,
    BadStore,
    BadTrack,
    NoUnits,
    OutsideNetwork,
    RoutingError,
    TooLarge,
    UnknownProfile,
    Unreachable,
)
from routing.live import ChangeReport, RoadChange, next_change_at
from routing.network import Network, open_store
from routing.profile import Profile
from routing.profile_file import BadProfile, read_profile
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR, PROFILES
from routing.report import BuildReport, Part

__all__ = [
    "AMBULANCE",
    "AMBULANCE_SIREN",
    "CAR",
    "DOUBTS",
    "PROFILES",
    "BadChange",
    "BadExtract",
    "BadPoint",
    "BadProfile",
    "BadQuestion",
    "BadStore",
    "BadTrack",
    "BuildReport",
    "ChangeReport",
    "Coverage",
    "DrawnRoad",
    "Isochrone",
    "Matrix",
    "Network",
    "NoUnits",
    "OutsideNetwork",
    "Part",
    "Profile",
    "RoadChange",
    "Route",
    "RoutingError",
    "Snap",
    "Step",
    "Times",
    "TooLarge",
    "Travel",
    "UnknownProfile",
    "Unreachable",
    "build_store",
    "drawn_digest",
    "next_change_at",
    "open_store",
    "read_drawn_roads",
    "read_profile",
]
