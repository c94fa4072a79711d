"""Tokens: the part of a link in a mail that only its recipient can know.

A token is 30 bytes in base32 (RFC 4648 section 6, lower case): a MAC of 128 bits, then 14 bytes of
content masked with a keystream made from that MAC (the idea of RFC 5297). It never changes for the
same content, and reveals nothing without the key.
"""

# pure
from __future__ import annotations

import hmac
import re
from base64 import b32decode, b32encode, urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from itertools import product

#: Characters of every token: a-z and 2-7, so that no mail program takes its end for punctuation.
TOKEN_LENGTH = 48
#: Bytes of a person's identifier, and its characters as text: base32 without padding.
PERSON_BYTES, PERSON_LENGTH = 10, 16

#: Whatever stands around a token: its MAC decides whether it is one.
_TOKEN = re.compile(rf"[\W_]*([A-Za-z2-7]{{{TOKEN_LENGTH}}})")
#: What breaks a token over lines leaves this in it: soft breaks of quoted-printable, hyphens.
_BREAKS = re.compile(r"=?\r?\n|[\s\u00ad\u200b\u2060\ufeff]+")
_PERSON = re.compile(rf"[a-z2-7]{{{PERSON_LENGTH}}}")
#: Tokens of the first kind: 24 bytes in base64url. A final ``-`` or ``_`` may have been cut off.
_OLD_LENGTH = 32
_OLD_TOKEN = re.compile(rf"([A-Za-z0-9_-]{{{_OLD_LENGTH - 2},{_OLD_LENGTH}}})(?![A-Za-z0-9_-])")
_MAC_BYTES = 16
_TAG_BYTES = 4
_EDITION_TAG_BYTES = 6


class Purpose(StrEnum):
    """What a token allows; a token made for one purpose is invalid for another.

    The values are signed: they never change, since mails hold the tokens.
    """

    UNSUBSCRIBE = "unsubscribe"
    APPROVE = "approve"
    CONFIRM = "confirm"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionLink:
    """The subscription that a link in a mail belongs to."""

    person: str  #: an identifier, or the number that links of the first kind hold
    digest_tag: bytes | None  #: of ``digest_tag``; None in links of the first kind

    def names(self, digest: str) -> bool:
        """Return whether the link may be one of this digest."""
        return self.digest_tag in (None, digest_tag(digest))


def is_person(text: str) -> bool:
    """Return whether a text has the form of a person's identifier."""
    return _PERSON.fullmatch(text) is not None


def digest_tag(digest: str) -> bytes:
    """Return the bytes for a digest's name in tokens."""
    return blake2b(digest.encode(), digest_size=_TAG_BYTES).digest()


def edition_tag(digest: str, due_at: datetime) -> bytes:
    """Return bytes that differ for an edition of the same number in another database."""
    text = f"{digest} {due_at.timestamp():.6f}"
    return blake2b(text.encode(), digest_size=_EDITION_TAG_BYTES).digest()


def unsubscribe_token(key: bytes, person: str, digest: str) -> str:
    """Return the token with which a person leaves a digest."""
    content = b32decode(person.upper()) + digest_tag(digest)
    return _make(key, Purpose.UNSUBSCRIBE, content)


def approval_token(key: bytes, edition_id: int, digest: str, due_at: datetime) -> str:
    """Return the token with which the operator decides on an edition."""
    content = edition_id.to_bytes(8, "big") + edition_tag(digest, due_at)
    return _make(key, Purpose.APPROVE, content)


def confirmation_token(key: bytes, identifier: str, expires_at: datetime) -> str:
    """Return the token that confirms a request to subscribe until a moment (aware UTC).

    ``identifier`` is that of the request, of the same form as a person's.
    """
    content = b32decode(identifier.upper()) + int(expires_at.timestamp()).to_bytes(4, "big")
    return _make(key, Purpose.CONFIRM, content)


def form_token(key: bytes, made_at: datetime) -> str:
    """Return the token that a form holds: when it was made (aware UTC), to the second."""
    content = bytes(PERSON_BYTES) + int(made_at.timestamp()).to_bytes(4, "big")
    return _make(key, Purpose.FORM, content)


def erasure_mark(key: bytes, folded: str) -> str:
    """Return a keyed hash that recognizes an erased address without revealing it.

    ``folded`` is the address as ``address_key`` returns it.
    """
    return hmac.digest(key, b"digest.erased.1\0" + folded.encode(), "sha256")[:16].hex()


def read_confirmation_token(keys: Sequence[bytes], text: str, now: datetime) -> str | None:
    """Return the identifier in a token made with one of the keys; None if it expired by ``now``."""
    content = _read(keys, Purpose.CONFIRM, text)
    if content is None or int.from_bytes(content[PERSON_BYTES:], "big") <= now.timestamp():
        return None
    return b32encode(content[:PERSON_BYTES]).decode("ascii").lower()


def read_form_token(keys: Sequence[bytes], text: str) -> datetime | None:
    """Return when a form was made (aware UTC), from its token; None if no key signed that."""
    content = _read(keys, Purpose.FORM, text)
    if content is None:
        return None
    return datetime.fromtimestamp(int.from_bytes(content[PERSON_BYTES:], "big"), UTC)


def read_unsubscribe_token(keys: Sequence[bytes], text: str) -> SubscriptionLink | None:
    """Return the subscription of a token made with one of the keys, else None.

    What mail programs add around it, or where they break it, is ignored.
    """
    content = _read(keys, Purpose.UNSUBSCRIBE, text)
    if content is not None:
        person = b32encode(content[:PERSON_BYTES]).decode("ascii").lower()
        return SubscriptionLink(person=person, digest_tag=content[PERSON_BYTES:])
    number = _read_old(keys, text)
    return None if number is None else SubscriptionLink(person=str(number), digest_tag=None)


def read_approval_token(keys: Sequence[bytes], text: str) -> tuple[int, bytes] | None:
    """Return the edition's id and ``edition_tag`` of a token made with one of the keys."""
    content = _read(keys, Purpose.APPROVE, text)
    return None if content is None else (int.from_bytes(content[:8], "big"), content[8:])


def _make(key: bytes, purpose: Purpose, content: bytes) -> str:
    mac = _mac(key, purpose, content, 2)
    return b32encode(mac + _masked(key, purpose, mac, content, 2)).decode("ascii").lower()


def _read(keys: Sequence[bytes], purpose: Purpose, text: str) -> bytes | None:
    match = _TOKEN.match(_BREAKS.sub("", text))
    return _verified(keys, purpose, b32decode(match[1].upper()), 2) if match else None


def _read_old(keys: Sequence[bytes], text: str) -> int | None:
    """Return the subscriber's number in a token of the first kind."""
    match = _OLD_TOKEN.match(text)
    if match is None:
        return None
    for end in product("-_", repeat=_OLD_LENGTH - len(match[1])):
        raw = urlsafe_b64decode(match[1] + "".join(end))
        content = _verified(keys, Purpose.UNSUBSCRIBE, raw, 1)
        if content is not None:
            return int.from_bytes(content, "big")
    return None


def _verified(keys: Sequence[bytes], purpose: Purpose, raw: bytes, version: int) -> bytes | None:
    """Return the content of a token's bytes if one of the keys signed it."""
    mac, hidden = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    for key in keys:
        content = _masked(key, purpose, mac, hidden, version)
        if hmac.compare_digest(_mac(key, purpose, content, version), mac):
            return content
    return None


def _mac(key: bytes, purpose: Purpose, content: bytes, version: int) -> bytes:
    return hmac.digest(key, _domain(purpose, "sign", version) + content, "sha256")[:_MAC_BYTES]


def _masked(key: bytes, purpose: Purpose, mac: bytes, data: bytes, version: int) -> bytes:
    mask = hmac.digest(key, _domain(purpose, "mask", version) + mac, "sha256")
    return bytes(left ^ right for left, right in zip(data, mask, strict=False))


def _domain(purpose: Purpose, step: str, version: int) -> bytes:
    """Return the prefix that separates MACs of different uses."""
    return f"digest.{purpose}.{step}.{version}\0".encode("ascii")
