"""E-mail addresses: check, compare, convert for a server, mask for logs."""

# pure
from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

import idna

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
#: Invisible characters around what was copied; ASCII by its full-width forms, dots by others.
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u2060\u2066\u2067\u2068\u2069\ufeff"
_FULL_WIDTH = {code + 0xFEE0: code for code in range(0x21, 0x7F)} | {
    0x3002: ord("."),
    0xFF61: ord("."),
}
#: A part before the @ in quotation marks that needs none (RFC 5321 section 4.1.2).
_NEEDLESSLY_QUOTED = re.compile(r'"([^"\\\s@]+)"(?=@)')
_WORD = re.compile(r"[^\s<>\"'(),:;]+")
#: An @ in a link.
_CODED_AT = "%40"
#: Characters of a part before the @ that tells somebody, alone in a text.
_MIN_TOLD = 3


def check_address(text: str) -> str:
    """Return an address trimmed, in NFC, with its domain in lower case.

    Raises ValueError that says what is wrong. Allowed are the dot-strings of RFC 5321 with letters
    of any language (RFC 6531), at a domain of two labels or more, or at ``localhost``. What input
    methods and copying leave is corrected: full-width ASCII, invisible characters around it, a dot
    at the end, quotation marks that mean nothing.
    """
    address = text.strip().strip(_INVISIBLE).strip().removesuffix(".").translate(_FULL_WIDTH)
    address = _NEEDLESSLY_QUOTED.sub(r"\1", unicodedata.normalize("NFC", address), count=1)
    if len(address) > MAX_ADDRESS:
        raise ValueError(f"an address has at most {MAX_ADDRESS} bytes")
    local, at, domain = address.partition("@")
    if not at or "@" in domain:
        raise ValueError("an address has one @")
    _check_local(local)
    domain = ".".join(map(str.lower, domain.split(".")))  # a final sigma is that of its label
    host = _ascii_domain(domain)
    if len(local.encode("utf-8")) + 1 + len(host) > MAX_ADDRESS:
        raise ValueError(f"an address has at most {MAX_ADDRESS} bytes")
    return f"{local}@{domain}"


def address_key(address: str) -> str:
    """Return the form in which addresses are compared: case folded, NFC, the domain in ASCII.

    Text that is no address is folded as a whole.
    """
    with suppress(ValueError):
        address = wire_address(address)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).casefold())


def same_mailbox(first: str, second: str) -> bool:
    """Return whether two addresses of one ``address_key`` differ in nothing but case.

    It takes ``ß`` and ``ss`` for the same, which may be two mailboxes of two persons.
    """
    with suppress(ValueError):
        first, second = wire_address(first), wire_address(second)
    return first.lower() == second.lower()


def ascii_address(address: str) -> str:
    """Return the address for a server without SMTPUTF8: its domain in IDNA form (RFC 5890).

    Raises DeliveryRefused if the local part is not ASCII, ValueError as ``check_address`` does.
    """
    converted = wire_address(address)
    if not converted.isascii():
        raise DeliveryRefused(
            None, "the part before the @ is not ASCII, which needs SMTPUTF8 (RFC 6531)"
        )
    return converted


def wire_address(address: str) -> str:
    """Return the address for a server: its domain in IDNA form (RFC 5890).

    If the local part is not ASCII, only a server with SMTPUTF8 takes it (RFC 6531). Raises
    ValueError as ``check_address`` does.
    """
    local, _, domain = check_address(address).partition("@")
    return f"{local}@{_ascii_domain(domain)}"


def masked(address: str) -> str:
    """Return an address for logs and pages: its first letter and its domain."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def without_addresses(text: str, recipient: str = "") -> str:
    """Return ``text`` with every address in it masked: servers repeat them in their replies.

    The part before the @ of ``recipient``, whose domain logs tell, is masked also where it stands
    alone.
    """
    local = recipient.rpartition("@")[0]
    text = _WORD.sub(_without_address, text)
    if len(local) < _MIN_TOLD:
        return text
    alone = rf"(?<![\w.+-]){re.escape(local)}(?![\w+-]|\.\w)"
    return re.sub(alone, f"{local[0]}…", text, flags=re.IGNORECASE)


def _without_address(word: re.Match[str]) -> str:
    plain = word[0].replace(_CODED_AT, "@")
    return masked(plain) if "@" in plain[1:-1] else word[0]


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
        allowed = char in _ATEXT or char == "."
        if not allowed and (char.isascii() or unicodedata.category(char)[0] not in "LMN"):
            raise ValueError(f"the part before the @ may not contain {char!r}")


@lru_cache(maxsize=4096)  # most subscribers share a few domains
def _ascii_domain(domain: str) -> str:
    """Return the domain in ASCII (IDNA 2008, else 2003); raise ValueError if it is no host."""
    if not domain:
        raise ValueError("there is nothing after the @")
    try:
        host = domain.lower() if domain.isascii() else _to_ascii(domain)
    except UnicodeError as error:
        raise ValueError(f"{domain!r} is not a domain") from error
    labels = host.split(".")
    if len(host) > MAX_DOMAIN or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{domain!r} is not a domain")
    if (len(labels) == 1 and host != "localhost") or labels[-1].isdigit():
        raise ValueError(f"{domain!r} is not a whole domain")
    return host


def _to_ascii(domain: str) -> str:
    """Return the A-labels of a domain; raise UnicodeError if it has none."""
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError:  # IDNA 2003 knows domains that 2008 forbids, such as those with symbols
        return domain.encode("idna").decode("ascii").lower()
