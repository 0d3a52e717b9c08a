"""Road travel times and routes over an OpenStreetMap extract; this is the package's public face."""

from routing.answers import Route, Snap, Travel
from routing.build import build_store
from routing.drawn import DrawnRoad, drawn_digest, read_drawn_roads
from routing.errors import BadExtract, BadPoint, BadStore, RoutingError, Unreachable
from routing.network import Network, open_store
from routing.profile import AMBULANCE, Profile
from routing.report import BuildReport, Part

__all__ = [
    "AMBULANCE",
    "BadExtract",
    "BadPoint",
    "BadStore",
    "BuildReport",
    "DrawnRoad",
    "Network",
    "Part",
    "Profile",
    "Route",
    "RoutingError",
    "Snap",
    "Travel",
    "Unreachable",
    "build_store",
    "drawn_digest",
    "open_store",
    "read_drawn_roads",
]
