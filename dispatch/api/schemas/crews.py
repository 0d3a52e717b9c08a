"""Bodies of crews: the subscription of a browser to push messages."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from dispatch.api.schemas.values import OpenRequest
from dispatch.notify.web_push import Subscription

_Key = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_-]+={0,2}$")]


class PushKeys(OpenRequest):
    """The browser's keys, base64url."""

    p256dh: _Key
    auth: _Key


class PushAddress(OpenRequest):
    """A subscription as browsers give it (`PushSubscription.toJSON()`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint": "https://fcm.googleapis.com/fcm/send/contoh",
                    "keys": {
                        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZ"
                        "GH6SRpkNtoIAiw4",
                        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
                    },
                }
            ]
        }
    )

    endpoint: Annotated[str, Field(max_length=1000, pattern=r"^https?://[\x21-\x7e]+$")]
    keys: PushKeys

    def subscription(self) -> Subscription:
        """Return it as services take it."""
        return Subscription(self.endpoint, self.keys.p256dh, self.keys.auth)
