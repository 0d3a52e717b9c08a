"""Push messages are sealed as RFC 8291 says, and sent to known push services alone."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dispatch.notify import web_push
from dispatch.notify.web_push import (
    BadSubscription,
    Sender,
    Subscription,
    allowed,
    padded,
    sealed_body,
    unpadded,
)
from dispatch.settings import PUSH_SERVICES

# The example of RFC 8291, section 5 and appendix A.
RECEIVER = Subscription(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
SENDER = unpadded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
SALT = unpadded("DGv6ra1nlYgDCS1FRnbzlw")
WORDS = b"When I grow up, I want to be a watermelon"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ec.derive_private_key(int.from_bytes(SENDER, "big"), ec.SECP256R1())
    monkeypatch.setattr(web_push.ec, "generate_private_key", lambda _: own)
    monkeypatch.setattr(web_push.secrets, "token_bytes", lambda _: SALT)
    assert padded(sealed_body(RECEIVER, WORDS)) == BODY


def test_no_two_bodies_are_alike() -> None:
    assert sealed_body(RECEIVER, WORDS) != sealed_body(RECEIVER, WORDS)


def test_a_message_that_does_not_fit_is_refused() -> None:
    assert len(sealed_body(RECEIVER, b"x" * web_push.MOST_BYTES)) <= 4096
    with pytest.raises(ValueError, match="at most 3000"):
        sealed_body(RECEIVER, b"x" * (web_push.MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", ""),
        (RECEIVER.p256dh[:-4], RECEIVER.auth),
        (RECEIVER.p256dh, RECEIVER.auth[:-2]),
        (padded(b"\x04" + b"\x01" * 64), RECEIVER.auth),  # not on the curve
        ("!", RECEIVER.auth),
    ],
)
def test_keys_that_are_none(p256dh: str, auth: str) -> None:
    with pytest.raises(BadSubscription):
        Subscription(RECEIVER.endpoint, p256dh, auth).check()


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", True),
        ("https://web.push.apple.com/abc", True),
        ("https://wns2-sg2p.notify.windows.com/w/?token=abc", True),
        ("http://fcm.googleapis.com/fcm/send/abc", False),
        ("https://fcm.googleapis.com:8443/fcm/send/abc", False),
        ("https://fcm.googleapis.com@127.0.0.1/", False),
        ("https://push.services.mozilla.com.example.org/", False),
        ("https://evilpush.apple.com/", False),
        ("https://127.0.0.1/", False),
        ("https://[::1/", False),
        ("https:///path", False),
        ("https://fcm.googleapis.com:port/", False),
    ],
)
def test_messages_go_to_known_push_services_alone(endpoint: str, known: bool) -> None:
    assert allowed(endpoint, PUSH_SERVICES) is known


def test_the_senders_key_is_its_secrets_and_every_secret_makes_one() -> None:
    one, again, other = Sender(b"\x01" * 32), Sender(b"\x01" * 32), Sender(b"\xff" * 32)
    assert one.public_key == again.public_key != other.public_key
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpadded(other.public_key))
    assert key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[0] == 4
