"""The tables, one file per noun. Importing this package registers all of them."""

from dispatch.storage.tables import (
    assignment,
    call,
    event,
    facility,
    incident,
    jobs,
    notice,
    person,
    position,
    regency,
    road_change,
    session,
    shift,
    staff,
    stamp,
    tracker,
    unit,
)
from dispatch.storage.tables.base import Base

__all__ = [
    "Base",
    "assignment",
    "call",
    "event",
    "facility",
    "incident",
    "jobs",
    "notice",
    "person",
    "position",
    "regency",
    "road_change",
    "session",
    "shift",
    "staff",
    "stamp",
    "tracker",
    "unit",
]
