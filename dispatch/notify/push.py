"""Push messages to crews' browsers: quick, by way of the browser maker's service, never the sole alarm."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from dispatch.notify.transport import Gone, Message, NotDelivered
from dispatch.notify.web_push import BadSubscription, Sender, Subscription, allowed, sealed_body

KEEP_S = 120  # a push service keeps it so long for a phone that it cannot reach; later it would be old news
_PATIENCE_S = 8.0
_NO_SUCH = frozenset({404, 410})


class PushTransport:
    """Hands messages to push services; the recipient is a subscription as JSON, the words are JSON, too."""

    def __init__(self, sender: Sender, origins: tuple[str, ...]) -> None:
        """Messages go to these origins alone."""
        self._sender = sender
        self._origins = origins
        # no redirect, no proxy of the environment: what is sealed for one address goes to that address
        self._http = httpx.AsyncClient(timeout=_PATIENCE_S, follow_redirects=False, trust_env=False)

    async def deliver(self, message: Message) -> None:
        """Hand the message to the browser's push service; the same one again replaces itself there.

        Raises:
            Gone: that browser takes no messages any more. NotDelivered: the push service did not take it.
        """
        subscription = Subscription.from_json(message.recipient)
        if not allowed(subscription.endpoint, self._origins):
            raise Gone("the address is not one of a known push service")
        try:
            body = sealed_body(subscription, message.words.encode())
        except BadSubscription as wrong:
            raise Gone(f"the subscription's keys are none: {wrong}") from wrong
        headers = {
            "Authorization": self._sender.authorization(subscription.endpoint, datetime.now(UTC)),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEEP_S),
            "Urgency": "high",
            "Topic": message.id.hex,
        }
        try:
            answer = await self._http.post(subscription.endpoint, content=body, headers=headers)
        except httpx.HTTPError as failure:
            raise NotDelivered(f"{type(failure).__name__}: {failure}") from failure
        if answer.status_code in _NO_SUCH:
            raise Gone(f"the push service answers {answer.status_code}")
        if not answer.is_success:
            raise NotDelivered(f"the push service answers {answer.status_code}: {answer.text[:200]}")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
