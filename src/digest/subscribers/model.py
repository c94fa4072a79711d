"""Persons and their subscriptions: who receives which digest, how, and since when."""

# pure
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from digest.articles.model import CategoryPath
from digest.errors import DigestError
from digest.times import require_utc


class SubscriberState(StrEnum):
    """Whether mail may be sent to a subscriber."""

    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"  #: by the person; only the person or the operator undoes it
    SUPPRESSED = "suppressed"  #: the address does not exist, or its owner complained


@dataclass(frozen=True, slots=True, kw_only=True)
class PastState:
    """A state that a subscription had before its present one."""

    state: SubscriberState
    since: datetime  #: aware UTC
    reason: str = ""  #: without addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One person's subscription to one digest."""

    id: int  #: the number of its row: never in a link
    person: str  #: the person's identifier, the same in all digests and after a move
    address: str  #: the person's, as given, checked; compared by ``address_key``
    digest: str  #: the digest's name in the configuration
    name: str  #: a person's name; empty if unknown
    categories: tuple[CategoryPath, ...]  #: only these and what is below; empty means all
    language: str | None  #: BCP 47 of the mail's own words; None means the digest's
    state: SubscriberState
    created_at: datetime  #: aware UTC
    #: Aware UTC: the last change of anything here. Two that differ in it alone are the same.
    changed_at: datetime | None = field(default=None, compare=False)
    since: datetime | None = field(default=None, compare=False)  #: of the state; aware UTC
    reason: str | None = None  #: of the state, without addresses
    timezone: str | None = None  #: IANA name; None means the site's
    consent: str = ""  #: how and when the person agreed, as far as known
    paused_until: datetime | None = None  #: aware UTC; until then nothing is sent

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscriber:
    """A subscription to be stored. What is None stays as it is, or is unknown in a new one."""

    address: str
    digest: str
    name: str | None = None
    categories: tuple[CategoryPath, ...] | None = None
    language: str | None = None  #: empty: the digest's
    timezone: str | None = None  #: empty: the site's
    consent: str | None = None
    paused_until: datetime | None = None
    # What only another installation, or another program, knows:
    state: SubscriberState = SubscriberState.ACTIVE
    since: datetime | None = None
    reason: str | None = None
    created_at: datetime | None = None
    person: str | None = None
    old_ids: tuple[str, ...] = ()  #: identifiers in links already sent
    history: tuple[PastState, ...] = ()


class Outcome(StrEnum):
    """The result of storing a ``NewSubscriber``."""

    ADDED = "added"
    ADDED_INACTIVE = "added as unsubscribed or suppressed"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    ENDED = "ended: unsubscribed or suppressed in the list"
    RESUBSCRIBED = "resubscribed"
    NOT_REVIVED = "not revived: unsubscribed or suppressed here"
    ERASED = "left out: erased at their own wish"


class AddressErased(DigestError):
    """A person had everything about an address erased; the operator may ask them."""

    def __str__(self) -> str:
        return "had everything erased, and is not added; --again adds it nevertheless"


def may_read(
    categories: tuple[CategoryPath, ...],
    selected: tuple[CategoryPath, ...],
    known: Collection[CategoryPath],
) -> bool:
    """Return whether a digest that selects categories may have something in a reader's.

    Empty categories are all; ``known`` are those that articles are in, with those above them.
    """
    return not categories or any(
        path in known
        and (not selected or any(path.within(taken) or taken.within(path) for taken in selected))
        for path in categories
    )
