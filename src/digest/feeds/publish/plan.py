"""The plan of a publication: which feeds are written, and which are removed."""

# pure
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from digest.articles.model import CategoryPath, Facet, FacetKind, Scope
from digest.feeds.catalog import LANGUAGES_THAT_DIFFER, FeedPlan
from digest.feeds.model import EntryBytes, Feed

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleFeeds:
    """The changes in the store since a content revision."""

    revision: int  #: the content revision that this leads up to
    selections: Mapping[Scope, int]  #: that changed, each with the revision of its last change
    articles: frozenset[int] | None  #: sequences that changed; None: any article may have
    holding: frozenset[Scope]  #: those of the selections that hold a visible article
    languages: frozenset[Facet]  #: every language that holds one


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPlan:
    """The feeds that one publication writes and removes."""

    written: tuple[Feed, ...]  #: in this order
    begun: frozenset[Feed]  #: those of them that had no files until now
    ended: tuple[Feed, ...]  #: hold nothing any more, or are of the only language: files go

    @property
    def changes_lists(self) -> bool:
        """Whether other feeds exist than before."""
        return bool(self.begun or self.ended)

    def limited(self, room: int) -> PublishPlan:
        """Return the plan with at most ``room`` new feeds; the other new ones are not written."""
        kept = [feed for feed in self.written if feed in self.begun][: max(room, 0)]
        left_out = self.begun.difference(kept)
        return replace(
            self,
            written=tuple(feed for feed in self.written if feed not in left_out),
            begun=frozenset(kept),
        )


def candidates(feed_plan: FeedPlan, stale: StaleFeeds) -> list[Feed]:
    """Return the feeds that the plan may write or remove, each once."""
    scopes = dict.fromkeys((*stale.selections, *sorted(stale.languages)))
    if stale.articles is None:
        scopes |= dict.fromkeys(custom.facet for custom in feed_plan.custom)
    return [feed for scope in scopes if (feed := feed_plan.feed(scope))]


def listed(feed_plan: FeedPlan, everything: StaleFeeds) -> tuple[list[CategoryPath], list[Feed]]:
    """Return the categories that have feeds, and the feeds of facets, in the order of lists.

    The operator's feeds are in the order of the configuration, all others by name.
    """
    feeds = plan(feed_plan, everything, ()).written
    categories = sorted(feed.category for feed in feeds if feed.category)
    order = {custom.facet: number for number, custom in enumerate(feed_plan.custom)}
    facets = [feed for feed in feeds if feed.facet]
    facets.sort(key=lambda feed: order.get(feed.facet, -1) if feed.facet else -1)
    return categories, facets


def plan(feed_plan: FeedPlan, stale: StaleFeeds, present: Collection[Feed]) -> PublishPlan:
    """Return the feeds to write and to remove; ``present`` are the candidates that have files.

    A feed is written if its selection changed. The feed of everything and those of the operator
    exist without articles, too. Feeds of languages exist if there are two languages or more: the
    second language adds the feed of the first, and with one language left its feed is removed.
    """
    several = len(stale.languages) >= LANGUAGES_THAT_DIFFER
    written, ended = [], []
    for feed in candidates(feed_plan, stale):
        changed = stale.articles is None or feed.scope in stale.selections
        if not _exists(feed, stale, several=several):
            if feed in present:
                ended.append(feed)
        elif changed or feed not in present:
            written.append(feed)
    return PublishPlan(
        written=tuple(sorted(written, key=_urgency)),
        begun=frozenset(written).difference(present),
        ended=tuple(ended),
    )


def _exists(feed: Feed, stale: StaleFeeds, *, several: bool) -> bool:
    scope = feed.scope
    if isinstance(scope, Facet):
        if scope.kind is FacetKind.LANGUAGE:
            return several and scope in stale.languages
        if scope.kind is FacetKind.CUSTOM:
            return True
    return scope is None or scope in stale.holding


def _urgency(feed: Feed) -> tuple[int, tuple[str, ...], int]:
    """Return a feed's sort key: everything, then categories below their parents, then facets.

    A parent comes right after its children: it has the same articles, whose entries are cached.
    """
    if feed.scope is None:
        return (0, (), 0)
    if isinstance(feed.scope, CategoryPath):
        names = feed.scope.names
        return (1, (*names, "\U0010ffff"), 0)
    return (2, (feed.scope.kind, feed.scope.name), 0)


def batches(feeds: Collection[Feed], size: int) -> Iterator[tuple[Feed, ...]]:
    """Yield the feeds in runs of at most ``size``."""
    whole = tuple(feeds)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def within(
    room: int, full: Mapping[T, EntryBytes], short: Mapping[T, EntryBytes]
) -> dict[T, EntryBytes]:
    """Return the entries of a document that take at most ``room`` bytes, in their order.

    The first entries are full as far as there is room beside the ``short`` forms of all others. An
    entry is left out only if there is no room for its short form.
    """
    kept: dict[T, EntryBytes] = {}
    for key, entry in full.items():
        smallest = min(entry, short.get(key, entry), key=len)
        if len(smallest) <= room:
            kept[key] = smallest
            room -= len(smallest)
    for key, smallest in kept.items():
        more = len(full[key]) - len(smallest)
        if more <= room:
            kept[key] = full[key]
            room -= more
    return kept
