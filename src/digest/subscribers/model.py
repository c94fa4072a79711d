"""A subscriber: an address with its digest, categories, language and state."""

# pure
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from digest.articles.model import CategoryPath
from digest.times import require_utc


class SubscriberState(StrEnum):
    """Whether mail may be sent to a subscriber."""

    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"  #: by the person; only the person or the operator undoes it
    SUPPRESSED = "suppressed"  #: the address does not exist, or its owner complained


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One address's subscription to one digest."""

    id: int
    address: str  #: as given, checked; compared without regard to case
    digest: str  #: the digest's name in the configuration
    name: str  #: a person's name; empty where unknown
    categories: tuple[CategoryPath, ...]  #: only these and what is below; empty means all
    language: str | None  #: BCP 47 of the mail's own words; None means the digest's
    state: SubscriberState
    created_at: datetime  #: aware UTC
    #: Aware UTC: the last change of anything here. Two that differ in it alone are the same.
    changed_at: datetime | None = field(default=None, compare=False)
    reason: str | None = None  #: why it is suppressed, without addresses
    timezone: str | None = None  #: IANA name; None means the site's

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscriber:
    """A subscription to be stored."""

    address: str
    digest: str
    name: str = ""
    categories: tuple[CategoryPath, ...] = ()
    language: str | None = None
    timezone: str | None = None
