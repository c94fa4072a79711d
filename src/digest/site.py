"""The site: who publishes, and under which addresses."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urlsplit

#: Names of this machine beside those of RFC 6761, as hosts files have them.
_THIS_MACHINE = frozenset({"localhost", "localhost.localdomain", "localhost6", "ip6-localhost"})
#: RFC 6762, RFC 8375, ICANN resolution 2024.07.29.06, RFC 6762 appendix G.
_LOCAL_DOMAINS = (".local", ".home.arpa", ".internal", ".intranet", ".private", ".corp", ".lan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The publisher, as feeds, pages and mails name it."""

    title: str  #: plain text
    url: str  #: absolute http(s), ASCII, without a trailing slash
    language: str  #: BCP 47, such as ``zh-CN``
    timezone: str  #: IANA name, such as ``Asia/Shanghai``
    author: str  #: a name; empty where there is none
    email: str  #: an address; empty where there is none
    authority: str  #: of tag URIs: ``host,year`` (RFC 4151); never changes
    icon: str = ""  #: a small square picture's absolute address; empty where there is none
    logo: str = ""  #: a larger, wider one's
    copyright: str = ""  #: who holds the rights, in one line
    hubs: tuple[str, ...] = ()  #: addresses of the WebSub hubs that are told of changes

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or self.url.endswith("/"):
            raise ValueError(
                f"not an absolute http(s) address without trailing slash: {self.url!r}"
            )

    def link(self, path: str) -> str:
        """Return the absolute address of ``path``, percent-encoded (RFC 3986 section 2.1).

        ``path`` is relative to the site's root, plain Unicode, such as ``feeds/金融/rss.xml``.
        """
        return f"{self.url}/{quote(path)}"

    def tag(self, specific: str) -> str:
        """Return the tag URI of ``specific`` (RFC 4151); the same at every call, for ever."""
        return tag_uri(self.authority, specific)


def is_loopback(host: str) -> bool:
    """Return whether a host, a name or an address, is this machine (RFC 6761 section 6.3).

    So is the address that servers listen at to be reached at any of theirs (RFC 1122 section
    3.2.1.3).
    """
    address = _address(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    name = host.removesuffix(".")
    return name in _THIS_MACHINE or name.endswith(".localhost")


def is_local_network(host: str) -> bool:
    """Return whether a host is known only in its own network, by its private address or its name.

    That is a name of one label, or one below a domain that is kept for such networks.
    """
    address = _address(host)
    if address is not None:
        return address.is_private
    name = host.removesuffix(".")
    return "." not in name or name.endswith(_LOCAL_DOMAINS)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, the IPv4 address in one that maps it; None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def tag_uri(authority: str, specific: str) -> str:
    """Return a tag URI (RFC 4151); ``authority`` is ``host,year``, ``specific`` plain Unicode."""
    return f"tag:{authority}:{quote(specific)}"
