"""Addresses as absolute URIs."""

# pure
from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

#: Longer ones are data, not addresses.
MAX_LENGTH = 8_192
#: RFC 3986: an http(s) URI in its final form.
_PLAIN = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,4})?(?:[/?#][\w!$&'()*+,;=:@%/?#.~-]*+)?",
    re.ASCII,
)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\]")
#: WHATWG URL section 4.4: dropped at both ends; tabs and line ends drop everywhere.
_EDGES = "".join(map(chr, range(0x21)))
_BREAKS = str.maketrans("", "", "\t\n\r")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: RFC 3986 section 2: reserved and unreserved characters, and the percent sign as it stands.
_SAFE = "!$&'()*+,;=:@%/?-._~"
_MAIL = re.compile(
    r"mailto:[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9.-]+(?:\?[\w!$&'()*+,;=:@%/?.~-]*)?",
    re.ASCII | re.IGNORECASE,
)


def absolute(address: str, base: str | None = None) -> str | None:
    """Return ``address`` as an absolute http(s) URI in ASCII (RFC 3986), or None.

    ``base``, itself absolute, resolves relative ones. ``//host/…`` means https. Hosts come in
    punycode, paths percent-encoded; a user name or password is dropped.
    """
    text = address.strip(_EDGES).translate(_BREAKS)
    if text.startswith("//"):
        text = "https:" + text
    if not text or len(text) > MAX_LENGTH:
        return None
    if _PLAIN.fullmatch(text):
        return text
    if _CONTROL.search(text):
        return None
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            host = f"[{host}]"
        elif not host.isascii():
            host = host.encode("idna").decode("ascii").lower()
        if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
            return None
        return urlunsplit(
            (
                parts.scheme,
                host if port is None else f"{host}:{port}",
                quote(parts.path, _SAFE),
                quote(parts.query, _SAFE),
                quote(parts.fragment, _SAFE),
            )
        )
    except ValueError:  # a bad port, bracket, label or lone surrogate
        return None


def mail(address: str) -> str | None:
    """Return ``address`` where it is a mailto URI (RFC 6068) in ASCII, else None."""
    text = address.strip(_EDGES).translate(_BREAKS)
    return text if len(text) <= MAX_LENGTH and _MAIL.fullmatch(text) else None


def on_host(address: str, hosts: Collection[str]) -> bool:
    """Return whether an absolute address is on one of ``hosts`` or below it."""
    if not hosts:
        return False
    host = urlsplit(address).hostname or ""
    return any(host == wanted or host.endswith("." + wanted) for wanted in hosts)
