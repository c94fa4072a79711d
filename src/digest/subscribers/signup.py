"""Requests to subscribe on the web: what was asked for, from where, and how many are allowed."""

# pure
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from digest.articles.model import CategoryPath
from digest.subscribers.address import wire_address
from digest.times import require_utc, rfc3339

#: How long the link in a confirmation mail is valid; the request is deleted afterwards.
CONFIRM_WITHIN = timedelta(days=3)
#: In this period an address is sent at most one mail, and the other limits are counted in it.
PERIOD = timedelta(days=1)
#: Domains that give an address to anybody for some minutes.
DISPOSABLE = frozenset(
    {
        *("10minutemail.com", "dispostable.com", "fakeinbox.com", "getnada.com", "grr.la"),
        *("guerrillamail.com", "guerrillamail.net", "guerrillamail.org", "maildrop.cc"),
        *("mailinator.com", "mailnesia.com", "mintemail.com", "mohmal.com", "sharklasers.com"),
        *("spamgourmet.com", "temp-mail.org", "tempmail.com", "throwawaymail.com"),
        *("trashmail.com", "yopmail.com", "yopmail.fr", "yopmail.net"),
    }
)

Network = IPv4Network | IPv6Network
#: Proxies in a row that are looked at.
_MAX_HOPS = 16
#: Characters of an address: 45 of IPv6 with IPv4 in it, a percent sign, and a name of an interface.
_MAX_ADDRESS = 45 + 1 + 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Signup:
    """A request that a link in a mail is to confirm: to subscribe, or to change the address.

    A notice is the request of whoever reads at a person's former address to have it back: the mail
    says that the address was changed.
    """

    identifier: str  #: of the form of a person's
    address: str  #: checked
    digests: tuple[str, ...]  #: names; none for a change of address
    categories: tuple[CategoryPath, ...]  #: of every digest; empty means all
    language: str  #: BCP 47: of the form, the mail and the subscription; empty: the digest's
    network: str  #: that the form was sent from, as ``network_of`` returns it
    wording: str  #: the words of consent beside the button
    requested_at: datetime  #: aware UTC; of a notice, when its mail may be sent
    confirmed_at: datetime | None = None  #: aware UTC
    timezone: str | None = None  #: IANA name; None: the site's
    person: str | None = None  #: whose address is to become this one; None: somebody subscribes
    notice: bool = False

    def __post_init__(self) -> None:
        require_utc("requested_at", self.requested_at)

    @property
    def expires_at(self) -> datetime:
        """When the link to confirm expires, aware UTC."""
        return self.requested_at + CONFIRM_WITHIN

    def consent(self, confirmed_at: datetime, network: str) -> str:
        """Return the record of consent: when, from where, and which words were shown."""
        return (
            f"on the web: asked {rfc3339(self.requested_at)} from {self.network}, "
            f"confirmed {rfc3339(confirmed_at)} from {network}; shown: {self.wording}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupLimits:
    """The limits on requests that cause a mail in a ``PERIOD``."""

    network: int  #: from one network
    total: int  #: from everywhere
    waiting: int = 200  #: mails that may wait to be sent at one time


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupPolicy:
    """The limits on requests, blocked domains, and trusted proxies."""

    limits: SignupLimits
    origin: str  #: of the site: scheme and authority (RFC 6454)
    proxies: tuple[Network, ...] = ()  #: whose X-Forwarded-For is believed
    blocked: tuple[str, ...] = ()  #: domains in ASCII that are not written to


class SignupDecision(Enum):
    """The decision on a request."""

    TAKEN = "a mail is sent"
    REPEATED = "a mail was sent to this address in the period"
    LIMITED = "too many requests from this network"
    FULL = "too many requests altogether"


def verdict(
    limits: SignupLimits, *, repeated: bool, network: int, total: int, waiting: int
) -> SignupDecision:
    """Decide on a request, given the numbers of requests in the period before it."""
    if repeated:
        return SignupDecision.REPEATED
    if network >= limits.network:
        return SignupDecision.LIMITED
    if total >= limits.total or waiting >= limits.waiting:
        return SignupDecision.FULL
    return SignupDecision.TAKEN


def is_disposable(address: str, blocked: Collection[str] = ()) -> bool:
    """Return whether the domain of a checked address, or one above it, is not to be written to.

    ``blocked`` are domains in ASCII and lower case beside ``DISPOSABLE``.
    """
    labels = wire_address(address).rpartition("@")[2].split(".")
    above = {".".join(labels[start:]) for start in range(len(labels))}
    return not above.isdisjoint(DISPOSABLE) or not above.isdisjoint(blocked)


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Return the address of the client of a request.

    ``peer`` is the other end of the connection, ``forwarded`` the value of X-Forwarded-For. That
    is trusted from right to left as long as the address before is that of a proxy.
    """
    address = peer
    for text in reversed(forwarded.rsplit(",", _MAX_HOPS)):
        hop = text.strip()
        # What is parsed stays in memory.
        if not _is_within(address, proxies) or len(hop) > _MAX_ADDRESS or _parsed(hop) is None:
            break
        address = hop
    return address


def client_network(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Return the network of a request's client; empty if only a proxy is known."""
    address = client_address(peer, forwarded, proxies)
    if _parsed(address) is None or _is_within(address, proxies):
        return ""
    return network_of(address)


@lru_cache(1024)
def network_of(address: str) -> str:
    """Return the network of an IP address: /24 or, of IPv6, /48; ``unknown`` for other text."""
    if _parsed(address) is None:
        return "unknown"
    ip = ip_address(address.partition("%")[0])
    if ip.version == 6 and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


@lru_cache(1024)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_within(address: str, networks: Sequence[Network]) -> bool:
    ip = _parsed(address)
    return ip is not None and any(ip in network for network in networks)
