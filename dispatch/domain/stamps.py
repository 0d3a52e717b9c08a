"""The stamps of a case: the moments that every report is made of, and where each came from."""

from __future__ import annotations

from enum import StrEnum


class Stamp(StrEnum):
    """Moments of a case (NEMSIS v3.5 eTimes where one exists). A stamp that was not made stays missing."""

    CALLED = "called_at"  # eTimes.01
    TAKEN = "taken_at"
    CONFIRMED = "confirmed_at"
    ASSIGNED = "assigned_at"
    OFFERED = "offered_at"  # eTimes.03
    ACCEPTED = "accepted_at"  # eTimes.04
    EN_ROUTE = "en_route_at"  # eTimes.05
    STAGED = "staged_at"  # eTimes.17
    ON_SCENE = "on_scene_at"  # eTimes.06
    AT_PATIENT = "at_patient_at"  # eTimes.07
    LEFT_SCENE = "left_scene_at"  # eTimes.09
    AT_FACILITY = "at_facility_at"  # eTimes.11
    HANDED_OVER = "handed_over_at"  # eTimes.12
    AVAILABLE = "available_at"  # eTimes.13
    STOOD_DOWN = "stood_down_at"  # eTimes.14


IN_ORDER: dict[str, int] = {stamp.value: place for place, stamp in enumerate(Stamp)}
"""Their places in the course of a case, which decide where several bear the same minute, as on paper."""


class StampSource(StrEnum):
    """Who or what says so."""

    CREW = "crew"
    GEOFENCE_CONFIRMED = "geofence_confirmed"
    OPERATOR = "operator"
    SMS = "sms"
    SYSTEM = "system"
    PAPER = "paper"  # written by hand while the system was away, entered afterwards


INCIDENT_STAMPS = (Stamp.CALLED, Stamp.TAKEN, Stamp.CONFIRMED)
ASSIGNMENT_STAMPS = tuple(s for s in Stamp if s not in INCIDENT_STAMPS)
