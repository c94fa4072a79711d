"""Addresses as options: URLs, hosts, mail addresses, databases.

Every check takes the value as it is written and returns it in its usual form, or raises ValueError.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from digest.articles.cleaning.images import check_proxy
from digest.articles.cleaning.uris import absolute
from digest.errors import DeliveryRefused
from digest.subscribers.address import ascii_address

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
)
#: RFC 4151 section 2.1: a host or an address, and a date on which it was the tagger's.
_AUTHORITY = re.compile(
    r"([A-Za-z0-9._-]+@)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?,[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?"
)

_DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")


def one_line(text: str) -> str:
    """Check a text that must not break a header field or a line of a log."""
    if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
        raise ValueError("must be one line, without control characters")
    return text.strip()


def host_name(text: str) -> str:
    """Check a host's name; return it in lower case ASCII (RFC 3492)."""
    try:
        host = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError("must be the name of a host, such as 'example.org'")
    return host


def helo_name(text: str) -> str:
    """Check a whole host name, as servers ask for in EHLO (RFC 5321 section 4.1.1.1)."""
    name = host_name(text)
    if "." not in name or name.endswith(".localhost"):
        raise ValueError("must be a whole host name, such as 'mail.example.org'")
    return name


def server(text: str) -> str:
    """Check the name or the IP address of a host."""
    try:
        return str(ip_address(text))
    except ValueError:
        return host_name(text)


def network(text: str) -> str:
    """Check an IP network, or a single address; return it with its prefix length."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an IP address or a network, such as '10.0.0.0/8'") from None


def database_url(url: SecretStr) -> SecretStr:
    """Check the URL of a database."""
    try:
        parsed = make_url(url.get_secret_value())
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in _DATABASES or not parsed.database:
        raise ValueError(
            "must be like 'sqlite:////srv/digest/digest.db' or 'postgresql://user:password@host/name'"
        )
    if parsed.drivername.startswith("sqlite") and not Path(parsed.database).is_absolute():
        raise ValueError("must name an absolute path: 'sqlite:///' and '/srv/digest/digest.db'")
    return url


def _http_address(text: str, *, example: str, without: Sequence[str]) -> SplitResult:
    """Return the parts of an http(s) address, its host in ASCII, its path and query quoted."""
    try:
        parts = urlsplit(one_line(text))
        port, host = parts.port, server(parts.hostname or "")
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError(f"must be an address such as {example}")
    if any(getattr(parts, name) for name in ("username", "password", *without)):
        names = ", ".join(("user", *without[:-1]))
        raise ValueError(f"must be an address without {names} and {without[-1]}")
    name = f"[{host}]" if ":" in host else host
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    netloc = name if port is None else f"{name}:{port}"
    return SplitResult(parts.scheme, netloc, path, query, parts.fragment)


def site_url(text: str) -> str:
    """Check the site's address; return it in ASCII, without a slash at its end."""
    parts = _http_address(
        text,
        example="'https://example.org' or 'https://example.org/news'",
        without=("query", "fragment"),
    )
    return urlunsplit(parts).rstrip("/")


def web_address(text: str, *, example: str = "https://example.org/feed.xml") -> str:
    """Check an http(s) address; return it in ASCII."""
    address = absolute(one_line(text))
    if address is None:
        raise ValueError(f"must be an address such as '{example}'")
    return address


def proxy_address(url: SecretStr) -> SecretStr:
    """Check the http(s) address of a proxy; it may hold a name and a password."""
    try:
        parts = urlsplit(url.get_secret_value())
        host, path = parts.port != 0 and parts.hostname, parts.path.strip("/") + parts.query
    except ValueError:
        host, path = None, ""
    if not host or path or parts.scheme not in ("http", "https"):
        raise ValueError("must be like 'http://proxy.example:3128' or 'http://user:password@host'")
    return url


def picture(text: str) -> str:
    """Check the http(s) address of a picture; return it in ASCII."""
    return web_address(text, example="https://example.org/icon.png")


def hub_url(text: str) -> str:
    """Check the address of a WebSub hub; every feed shows it, so it holds no password."""
    parts = _http_address(text, example="'https://hub.example/'", without=("fragment",))
    return urlunsplit(parts._replace(path=parts.path or "/"))


def tag_authority(text: str) -> str:
    """Check the authority of tag URIs (RFC 4151 section 2.1)."""
    if not _AUTHORITY.fullmatch(text):
        raise ValueError(
            "must be a host and a year in which it was yours, such as 'example.org,2026'"
        )
    return text


def address(text: str) -> str:
    """Check a mail address, which may be empty; return it with its domain in ASCII."""
    try:
        return ascii_address(text) if text else text
    except (ValueError, DeliveryRefused) as error:
        raise ValueError(f"must be a mail address, such as 'news@example.org': {error}") from None


def mailbox(text: str) -> tuple[str, str]:
    """Return the name, which may be empty, and the address of a sender. Raises ValueError."""
    name, address = parseaddr(one_line(text))
    try:
        return name, ascii_address(address)
    except (ValueError, DeliveryRefused):
        raise ValueError(
            "must be like 'news@example.org' or 'Our news <news@example.org>'"
        ) from None


def sender(text: str) -> str:
    """Check the text of a From field, and return it without spaces around it."""
    mailbox(text)
    return text.strip()


def address_template(example: str) -> AfterValidator:
    """Return a check for addresses with one ``{url}`` in them."""

    def check(text: str) -> str:
        try:
            check_proxy(text)
        except ValueError:
            raise ValueError(
                f"must be an http(s) address with one {{url}} in it, such as '{example}'"
            ) from None
        return text

    return AfterValidator(check)
