"""Tokens: what stands in a link of a mail, so that only its receiver can use it."""

# pure
from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum

#: Where links to unsubscribe and to approve an edition point to, relative to the site; the token
#: follows.
UNSUBSCRIBE_PATH, APPROVE_PATH = "unsubscribe/", "approve/"
#: Length of every token: 24 bytes as base64url (RFC 4648 section 5), so without padding.
TOKEN_LENGTH = 32

#: 32 characters leave no bits over, so what has this shape has one spelling.
_SHAPE = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}")
_MAC_BYTES = 16
_ID_BYTES = 8


class Purpose(StrEnum):
    """What a token allows. One that is made for a purpose is of no use for another.

    The values are part of what is signed: they never change, since mails hold the tokens.
    """

    UNSUBSCRIBE = "unsubscribe"  #: the id is a subscriber's
    APPROVE = "approve"  #: the id is an edition's


def make_token(key: bytes, number: int, purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    """Return the token of an id for a purpose: 32 characters of A-Z, a-z, 0-9, ``-`` and ``_``.

    It is the same for ever, and tells nobody without the key which id it stands for: a MAC of
    128 bits, then the id masked with a keystream made from that MAC (the idea of RFC 5297).
    Raises ValueError where the id is not in 1 … 2^63 - 1.
    """
    if not 0 < number < 1 << 63:
        raise ValueError(f"not the id of anything: {number}")
    plain = number.to_bytes(_ID_BYTES, "big")
    mac = _mac(key, purpose, plain)
    return urlsafe_b64encode(mac + _masked(key, purpose, mac, plain)).decode("ascii")


def read_token(key: bytes, token: str, purpose: Purpose = Purpose.UNSUBSCRIBE) -> int | None:
    """Return the id that a token stands for; None where ``make_token`` made none such for this.

    Every id has one token for a purpose: no other spelling of it is taken. The MAC is compared in
    constant time.
    """
    if not _SHAPE.fullmatch(token):
        return None
    raw = urlsafe_b64decode(token)
    mac, hidden = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    plain = _masked(key, purpose, mac, hidden)
    if not hmac.compare_digest(_mac(key, purpose, plain), mac):
        return None
    return int.from_bytes(plain, "big")


def _mac(key: bytes, purpose: Purpose, plain: bytes) -> bytes:
    return hmac.digest(key, _domain(purpose, "sign") + plain, "sha256")[:_MAC_BYTES]


def _masked(key: bytes, purpose: Purpose, mac: bytes, data: bytes) -> bytes:
    mask = hmac.digest(key, _domain(purpose, "mask") + mac, "sha256")
    return bytes(one ^ other for one, other in zip(data, mask, strict=False))


def _domain(purpose: Purpose, step: str) -> bytes:
    """Return what keeps a MAC for one thing from being one for another."""
    return f"digest.{purpose}.{step}.1\0".encode("ascii")
