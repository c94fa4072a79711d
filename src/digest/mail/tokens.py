"""Tokens: what stands in an unsubscribe link, so that only its receiver can use it."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

#: Where unsubscribe links point to, relative to the site; the token follows.
UNSUBSCRIBE_PATH = "unsubscribe/"
#: Length of every token: 24 bytes as base64url (RFC 4648 section 5), so without padding.
TOKEN_LENGTH = 32

#: 32 characters leave no bits over, so what has this shape has one spelling.
_SHAPE = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}")
_MAC_BYTES = 16
_ID_BYTES = 8
_SIGN = b"digest.unsubscribe.sign.1\0"
_MASK = b"digest.unsubscribe.mask.1\0"


def make_token(key: bytes, subscriber_id: int) -> str:
    """Return the subscriber's token: 32 characters of A-Z, a-z, 0-9, ``-`` and ``_``.

    It is the same for ever, and tells nobody without the key which subscriber it stands for: a
    MAC of 128 bits, then the id masked with a keystream made from that MAC (the idea of RFC 5297).
    Raises ValueError where the id is not in 1 … 2^63 - 1.
    """
    if not 0 < subscriber_id < 1 << 63:
        raise ValueError(f"not the id of a subscriber: {subscriber_id}")
    plain = subscriber_id.to_bytes(_ID_BYTES, "big")
    mac = _mac(key, plain)
    return urlsafe_b64encode(mac + _masked(key, mac, plain)).decode("ascii")


def read_token(key: bytes, token: str) -> int | None:
    """Return the id of the subscriber whose token this is; None where ``make_token`` made no such.

    Every subscriber has one token: no other spelling of it is taken. The MAC is compared in
    constant time.
    """
    if not _SHAPE.fullmatch(token):
        return None
    raw = urlsafe_b64decode(token)
    mac, hidden = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    plain = _masked(key, mac, hidden)
    if not hmac.compare_digest(_mac(key, plain), mac):
        return None
    return int.from_bytes(plain, "big")


def _mac(key: bytes, plain: bytes) -> bytes:
    return hmac.digest(key, _SIGN + plain, "sha256")[:_MAC_BYTES]


def _masked(key: bytes, mac: bytes, data: bytes) -> bytes:
    mask = hmac.digest(key, _MASK + mac, "sha256")
    return bytes(one ^ other for one, other in zip(data, mask, strict=False))
