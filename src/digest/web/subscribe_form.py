"""The values of the forms to subscribe and of preferences, and how they name a category."""

# pure
from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

from digest.articles.model import CategoryPath
from digest.editions.model import Digest
from digest.feeds.model import CategorySummary
from digest.subscribers.model import Subscriber

#: Categories that a form offers at most; what lies deepest is left out first.
MAX_CATEGORIES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeForm:
    """The form to subscribe, with what was filled in so far."""

    token: str  #: to be sent back
    address: str
    digests: tuple[Digest, ...]
    chosen: frozenset[str]  #: names of digests
    categories: tuple[CategorySummary, ...]  #: with each, all above it
    checked: frozenset[str]  #: of ``category_id``
    problem: str | None  #: the key of the words that tell what is wrong
    zones: tuple[str, ...] = ()  #: IANA names; empty where they make no difference
    zone: str = ""  #: chosen; empty: the site's


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A subscription in the form of preferences."""

    subscriber: Subscriber
    digest: Digest | None  #: None where it is not configured any more
    categories: tuple[CategorySummary, ...] = ()  #: with each, all above it
    checked: frozenset[str] = frozenset()  #: of ``category_id``
    language: str = ""  #: of the mails, as the form offers it
    zones: tuple[str, ...] = ()  #: IANA names; empty where they make no difference
    zone: str = ""  #: that of the clock that the mail comes by
    paused_until: date | None = None  #: in that zone
    earliest: date | None = None  #: that a pause may end on
    latest: date | None = None

    @property
    def title(self) -> str:
        """The digest's title, or its name if it is no longer configured."""
        return self.digest.title if self.digest else self.subscriber.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesForm:
    """The form of preferences, with the result of the last button."""

    choices: tuple[Choice, ...]  #: at least one
    moves: bool  #: whether the address may be changed here
    address: str = ""  #: as typed
    problem: str | None = None  #: the key of the words that tell what is wrong
    saved: bool = False


def offered(
    listed: Iterable[CategorySummary],
    digests: Collection[Digest],
    chosen: Iterable[CategoryPath] = (),
) -> list[CategorySummary]:
    """Return the categories that a form offers, parents first.

    These are the digests' categories among ``listed``, those with a visible article, and all that
    were ``chosen`` before.
    """
    wanted = [path for digest in digests for path in digest.categories]
    everything = not all(digest.categories for digest in digests)
    taken = [
        summary
        for summary in listed
        if everything
        or any(summary.path.within(path) or path.within(summary.path) for path in wanted)
    ]
    taken.sort(key=lambda summary: (len(summary.path.names), summary.path))
    shown = taken[:MAX_CATEGORIES]
    known = {summary.path for summary in shown}
    missing = {path for leaf in chosen for path in leaf.lineage()} - known
    return [*shown, *(CategorySummary(path=path, articles=0) for path in sorted(missing))]


def uppermost(paths: Iterable[CategoryPath]) -> tuple[CategoryPath, ...]:
    """Return the paths in order, without those below another one."""
    kept: list[CategoryPath] = []
    for path in sorted(set(paths)):
        if not any(path.within(above) for above in kept):
            kept.append(path)
    return tuple(kept)


def category_id(path: CategoryPath) -> str:
    """Return the value that stands for a category in forms."""
    return blake2b("\0".join(path.names).encode(), digest_size=5).hexdigest()
