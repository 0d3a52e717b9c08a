"""Bodies of trackers' registration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dispatch.api.schemas.values import Request, Text


class NewTrackerForm(Request):
    """A tracker to be registered. Without an identifier one is made; what a device is built with is given."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    identifier: Annotated[Text, Field(max_length=64)] | None = None
