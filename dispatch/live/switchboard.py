"""What the sockets of one process share."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.live.crew_readings import CrewReadings
from dispatch.live.fanout import Fanout
from dispatch.live.geofencing import Geofencing
from dispatch.live.hub import Hub
from dispatch.live.ingest import Ingest
from dispatch.live.session_checks import SessionChecks
from dispatch.live.tracker_intake import TrackerIntake
from dispatch.services.centre import Centre


@dataclass(frozen=True, slots=True)
class Switchboard:
    """The pump of events, the intake of positions, its fan-out, geofences; `name` tells processes apart."""

    centre: Centre
    name: str
    hub: Hub
    ingest: Ingest
    fanout: Fanout
    geofencing: Geofencing
    trackers: TrackerIntake
    sessions: SessionChecks
    crews: CrewReadings
