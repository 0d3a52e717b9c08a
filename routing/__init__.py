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
from routing.calibration import BadCalibration, Calibration, read_calibration
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
from routing.follow import Fixes, Followed, nowhere
from routing.live import ChangeReport, RoadChange, next_change_at
from routing.match import Match
from routing.network import Network, open_store
from routing.profile import Profile
from routing.profile_file import BadProfile, read_profile
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR, PROFILES
from routing.quality import DoubtfulPlace, Facility, Finding, QualityReport
from routing.report import BuildReport, Part
from routing.store import SCHEMA as STORE_SCHEMA
from routing.tracks import Track, read_tracks

__all__ = [
    "AMBULANCE",
    "AMBULANCE_SIREN",
    "CAR",
    "DOUBTS",
    "PROFILES",
    "STORE_SCHEMA",
    "BadCalibration",
    "BadChange",
    "BadExtract",
    "BadPoint",
    "BadProfile",
    "BadQuestion",
    "BadStore",
    "BadTrack",
    "BuildReport",
    "Calibration",
    "ChangeReport",
    "Coverage",
    "DoubtfulPlace",
    "DrawnRoad",
    "Facility",
    "Finding",
    "Fixes",
    "Followed",
    "Isochrone",
    "Match",
    "Matrix",
    "Network",
    "NoUnits",
    "OutsideNetwork",
    "Part",
    "Profile",
    "QualityReport",
    "RoadChange",
    "Route",
    "RoutingError",
    "Snap",
    "Step",
    "Times",
    "TooLarge",
    "Track",
    "Travel",
    "UnknownProfile",
    "Unreachable",
    "build_store",
    "drawn_digest",
    "next_change_at",
    "nowhere",
    "open_store",
    "read_calibration",
    "read_drawn_roads",
    "read_profile",
    "read_tracks",
]
