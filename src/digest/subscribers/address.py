"""E-mail addresses: checked when they come in, in ASCII when they go out, masked in between."""

# pure
from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from digest.errors import DeliveryRefused

#: Octets, RFC 5321 section 4.5.3.1.1.
MAX_LOCAL = 64
#: Octets, RFC 5321 section 4.5.3.1.2.
MAX_DOMAIN = 255
#: Octets: a path is 256 with its angle brackets (RFC 5321 section 4.5.3.1.3).
MAX_ADDRESS = 254

_ATEXT = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"
)  # RFC 5322 section 3.2.3
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")  # RFC 1123 section 2.1
_WORD = re.compile(r"[^\s<>\"'(),:;]+")


def check_address(text: str) -> str:
    """Return an address as it is kept: trimmed, in NFC, its domain in lower case.

    Raises ValueError saying what is wrong. Taken is what RFC 5321 calls a dot-string, with the
    letters of any language (RFC 6531), at a domain of two labels or more, or at ``localhost``.
    """
    address = unicodedata.normalize("NFC", text.strip())
    if len(address) > MAX_ADDRESS:
        raise ValueError(f"an address has at most {MAX_ADDRESS} bytes")
    local, at, domain = address.partition("@")
    if not at or "@" in domain:
        raise ValueError("an address has one @")
    _check_local(local)
    domain = domain.lower()
    host = _ascii_domain(domain)
    if len(local.encode("utf-8")) + 1 + len(host) > MAX_ADDRESS:
        raise ValueError(f"an address has at most {MAX_ADDRESS} bytes")
    return f"{local}@{domain}"


def ascii_address(address: str) -> str:
    """Return the address for a server without SMTPUTF8: its domain in IDNA form (RFC 5890).

    Raises DeliveryRefused where the part before the @ has other letters, ValueError where
    ``check_address`` does.
    """
    found = wire_address(address)
    if not found.isascii():
        raise DeliveryRefused(
            None, "the part before the @ is not ASCII, which needs SMTPUTF8 (RFC 6531)"
        )
    return found


def wire_address(address: str) -> str:
    """Return the address for a server: its domain in IDNA form (RFC 5890).

    Where it is not ASCII then, only a server with SMTPUTF8 takes it (RFC 6531). Raises ValueError
    where ``check_address`` does.
    """
    local, _, domain = check_address(address).partition("@")
    return f"{local}@{_ascii_domain(domain)}"


def masked(address: str) -> str:
    """Return an address as logs and pages show it: its first letter and its domain."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def without_addresses(text: str) -> str:
    """Return ``text`` with every address in it masked: servers repeat them in their replies."""
    return _WORD.sub(lambda word: masked(word[0]) if "@" in word[0][1:-1] else word[0], text)


def _check_local(local: str) -> None:
    if not local:
        raise ValueError("there is nothing before the @")
    try:
        size = len(local.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise ValueError("the part before the @ is not text") from error
    if size > MAX_LOCAL:
        raise ValueError(f"the part before the @ has at most {MAX_LOCAL} bytes")
    if not all(local.split(".")):
        raise ValueError("the part before the @ has a dot at its start or end, or two in a row")
    for char in local:
        known = char in _ATEXT or char == "."
        if not known and (char.isascii() or unicodedata.category(char)[0] not in "LMN"):
            raise ValueError(f"the part before the @ may not contain {char!r}")


@lru_cache(maxsize=4096)  # most subscribers share a few domains
def _ascii_domain(domain: str) -> str:
    """Return the domain in ASCII; raises ValueError where there can be no such host."""
    if not domain:
        raise ValueError("there is nothing after the @")
    try:
        host = domain.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError(f"{domain!r} is not a domain") from error
    labels = host.split(".")
    if len(host) > MAX_DOMAIN or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{domain!r} is not a domain")
    if (len(labels) == 1 and host != "localhost") or labels[-1].isdigit():
        raise ValueError(f"{domain!r} is not a whole domain")
    return host
