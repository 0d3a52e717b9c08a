"""Bodies of residents: registration, the request for help, and its place."""

from __future__ import annotations

from uuid import UUID

from pydantic import ConfigDict, Field

from dispatch.api.schemas.values import (
    Device,
    Line,
    Metres,
    OpenRequest,
    Place,
    Secret,
    Slug,
    SpeedFactor,
    Text,
    as_point,
)
from dispatch.domain.call import Channel
from dispatch.services.register_resident import Registration
from dispatch.services.request_help import HelpRequest


class NewResident(OpenRequest):
    """What a resident registers with. `password` is wanted only for signing in on another device."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "regency": "32.14-latihan",
                    "name": "Contoh Melati Elang",
                    "address": "Jalan Contoh 1, Nagri Kaler",
                    "email": "contoh.00001@example.org",
                    "phone": "+62890000100001",
                    "nik": "3214010101909001",
                    "home": {"lon": 107.4344, "lat": -6.5459},
                }
            ]
        }
    )

    regency: Slug
    name: Line
    address: Line
    email: Line
    phone: Line
    nik: Line
    password: Secret | None = None
    home: Place | None = None
    device: Device = ""

    def registration(self) -> Registration:
        """Return the request as the service takes it."""
        return Registration(
            name=self.name,
            address=self.address,
            email=self.email,
            phone=self.phone,
            nik=self.nik,
            password=self.password,
            home=as_point(self.home),
        )


class NewCall(OpenRequest):
    """A request for help. Only `id` is needed, a UUID made by the client: send first, locate second.

    Sending the same id with the same content again returns the first receipt, however often.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b10"},
                {
                    "id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b11",
                    "place": {"lon": 107.4344, "lat": -6.5459},
                    "place_accuracy_m": 12.5,
                    "note": "Depan masjid, rumah cat hijau",
                },
            ]
        }
    )

    id: UUID
    place: Place | None = None
    place_accuracy_m: Metres | None = None
    note: Text | None = None
    regency: Slug | None = Field(default=None, description="Regency lain; bawaan: asal / default: home")
    speed_factor: SpeedFactor | None = None

    def request(self) -> HelpRequest:
        """Return the request as the service takes it."""
        return HelpRequest(
            id=self.id,
            channel=Channel.APP,
            place=as_point(self.place),
            place_accuracy_m=self.place_accuracy_m,
            note=self.note,
            speed_factor=self.speed_factor,
        )


class CallPlace(Place):
    """Where a call comes from, later or corrected."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lon": 107.4344, "lat": -6.5459, "accuracy_m": 8.0}]}
    )

    accuracy_m: Metres | None = None
