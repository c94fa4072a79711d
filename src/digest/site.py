"""The site: who publishes, and under which addresses."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urlsplit


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
    """Tell whether a host, a name or an address, is this machine (RFC 6761 section 6.3)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def tag_uri(authority: str, specific: str) -> str:
    """Return a tag URI (RFC 4151); ``authority`` is ``host,year``, ``specific`` plain Unicode."""
    return f"tag:{authority}:{quote(specific)}"
