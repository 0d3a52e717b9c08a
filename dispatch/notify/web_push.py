"""Web Push by hand: a message sealed for one browser (RFC 8291, RFC 8188), and who sends it (RFC 8292)."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256, FIPS 186-4
_POINT_BYTES, _AUTH_BYTES = 65, 16
_RECORD_BYTES = 4096
MOST_BYTES = 3000  # one record with its overhead, within the 4,096 bytes that every push service takes
_TOKEN_LIFE = timedelta(hours=12)  # RFC 8292 allows a day


class BadSubscription(Exception):
    """What a browser gave as its subscription cannot be one."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser's push service takes messages for it, and the browser's keys, base64url."""

    endpoint: str
    p256dh: str
    auth: str

    def check(self) -> None:
        """Raise BadSubscription unless the keys can be used."""
        self.keys()

    def keys(self) -> tuple[ec.EllipticCurvePublicKey, bytes]:
        """Return the browser's public key and its authentication secret.

        Raises:
            BadSubscription: they are none.
        """
        try:
            point, auth = unpadded(self.p256dh), unpadded(self.auth)
            if len(point) != _POINT_BYTES or len(auth) != _AUTH_BYTES:
                raise BadSubscription(f"{len(point)} and {len(auth)} bytes instead of 65 and 16")
            return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point), auth
        except ValueError as wrong:
            raise BadSubscription(str(wrong)) from wrong

    def to_json(self) -> str:
        """Return the form in which it is kept, sealed."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, kept: str) -> Subscription:
        """Read what `to_json` wrote."""
        return cls(**json.loads(kept))


def allowed(endpoint: str, origins: Iterable[str]) -> bool:
    """Tell whether an address belongs to one of these origins; `https://*.example.org` takes all hosts below.

    The server sends to addresses that browsers name: it must not be led to any other.
    """
    try:
        given = urlsplit(endpoint)
        port = given.port
    except ValueError:
        return False
    host = given.hostname or ""
    if given.username is not None or given.password is not None or not host:
        return False
    for origin in origins:
        known = urlsplit(origin)
        name = known.hostname or ""
        same = host.endswith(name[1:]) if name.startswith("*.") else host == name
        if same and (given.scheme, port) == (known.scheme, known.port):
            return True
    return False


def padded(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unpadded(text: str) -> bytes:
    """Read base64url with or without padding.

    Raises:
        ValueError: it is none.
    """
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def sealed_body(subscription: Subscription, words: bytes) -> bytes:
    """Return the body of a push message that only this browser can open.

    Raises:
        BadSubscription: its keys cannot be used. ValueError: the message is longer than `MOST_BYTES`.
    """
    if len(words) > MOST_BYTES:
        raise ValueError(f"{len(words)} bytes, at most {MOST_BYTES} fit")
    theirs, auth = subscription.keys()
    own = ec.generate_private_key(_CURVE)
    own_point = _point(own.public_key())
    shared = own.exchange(ec.ECDH(), theirs)
    secret = _derive(shared, auth, b"WebPush: info\0" + _point(theirs) + own_point, 32)
    salt = secrets.token_bytes(16)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(own_point)]) + own_point
    # 2 ends the last record
    return head + AESGCM(key).encrypt(nonce, words + b"\x02", None)


class Sender:
    """Who sends, known to push services by its key (VAPID); browsers subscribe to this very key."""

    def __init__(self, secret: bytes, contact: str = "") -> None:
        """`secret` is 32 random bytes; `contact` a `mailto:` or `https:` address for the push services."""
        self._key = ec.derive_private_key(int.from_bytes(secret, "big") % (_ORDER - 1) + 1, _CURVE)
        self._contact = contact

    @property
    def public_key(self) -> str:
        """The public key as browsers take it (`applicationServerKey`)."""
        return padded(_point(self._key.public_key()))

    def authorization(self, endpoint: str, now: datetime) -> str:
        """Return the `Authorization` header of one message: a token for this push service, for 12 hours."""
        origin = urlsplit(endpoint)
        claims: dict[str, object] = {
            "aud": f"{origin.scheme}://{origin.netloc}",
            "exp": int((now + _TOKEN_LIFE).timestamp()),
        }
        if self._contact:
            claims["sub"] = self._contact
        head = padded(json.dumps({"typ": "JWT", "alg": "ES256"}).encode())
        signed = f"{head}.{padded(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = padded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={signed}.{signature}, k={self.public_key}"
