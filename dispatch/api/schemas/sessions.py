"""Bodies of signing in."""

from __future__ import annotations

from pydantic import ConfigDict

from dispatch.api.schemas.values import Device, Line, OpenRequest, Secret, Slug


class StaffSignIn(OpenRequest):
    """A staff user's name and password within one regency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "regency": "32.14-latihan",
                    "username": "operator1",
                    "password": "kx7m-p2hd-w9qa",
                    "device": "Konsol 1",
                }
            ]
        }
    )

    regency: Slug
    username: Line
    password: Secret
    device: Device = ""


class ResidentSignIn(OpenRequest):
    """A resident's phone number or e-mail address, and password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"regency": "32.14-latihan", "login": "0890-0001-0000", "password": "contoh-sandi-1"}
            ]
        }
    )

    regency: Slug
    login: Line
    password: Secret
    device: Device = ""
