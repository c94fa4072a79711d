"""The feed plan: which feeds there are, and how each is written."""

# pure
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from digest.articles.model import CategoryPath, Facet, FacetKind, Scope
from digest.feeds.model import CategorySummary, FacetSummary, Feed
from digest.languages import primary
from digest.site import Site

#: A feed of the only language would be the feed of everything.
LANGUAGES_THAT_DIFFER = 2
#: How the feeds of facets are listed.
_ORDER = (FacetKind.LANGUAGE, FacetKind.CUSTOM, FacetKind.AUTHOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFeed:
    """How a feed of the operator's is written; the filter of the same name selects its articles.

    A field that is None has the value of all other feeds.
    """

    name: str
    title: str = ""  #: empty: the name, before the site's title
    full: bool | None = None
    formats: tuple[str, ...] | None = None
    limit: int | None = None

    @property
    def facet(self) -> Facet:
        """The facet of its articles."""
        return Facet(FacetKind.CUSTOM, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """Which feeds there are beside those of everything and of categories, and their format."""

    site: Site
    full: bool  #: whether entries hold whole bodies
    formats: tuple[str, ...]  #: names of files
    limit: int  #: entries of a feed at most
    ttl: timedelta  #: how long readers may wait between two looks
    authors: bool = False  #: whether every author has a feed
    languages: bool = False  #: whether every language has one, where there are two or more
    custom: tuple[CustomFeed, ...] = ()
    archives: bool  #: whether what a feed no longer holds is told by archives (RFC 5005)
    max_bytes: int  #: of a document: articles beyond it give their summaries
    max_feeds: int  #: that have files; what begins beyond them is not written

    @property
    def kinds(self) -> frozenset[FacetKind]:
        """The kinds of facets that may have feeds."""
        kept = {
            FacetKind.AUTHOR: self.authors,
            FacetKind.LANGUAGE: self.languages,
            FacetKind.CUSTOM: bool(self.custom),
        }
        return frozenset(kind for kind, wanted in kept.items() if wanted)

    def of_category(self, path: CategoryPath | None) -> Feed:
        """Return the feed of a category, or that of everything."""
        return Feed(
            site=self.site,
            category=path,
            full=self.full,
            formats=self.formats,
            limit=self.limit,
            ttl=self.ttl,
        )

    def feed(self, scope: Scope) -> Feed | None:
        """Return the feed of a scope; None if the plan has none for it."""
        facet = scope if isinstance(scope, Facet) else None
        if facet and facet.kind not in self.kinds:
            return None
        usual = self.of_category(None if isinstance(scope, Facet) else scope)
        site = self.site
        if facet and facet.kind is FacetKind.LANGUAGE and facet.name != primary(site.language):
            site = replace(site, language=facet.name)  # the feed is in that language
        usual = replace(usual, site=site, facet=facet)
        if facet is None or facet.kind is not FacetKind.CUSTOM:
            return usual
        own = next((custom for custom in self.custom if custom.facet == facet), None)
        if own is None:
            return None
        return replace(
            usual,
            full=self.full if own.full is None else own.full,
            formats=own.formats or self.formats,
            limit=own.limit or self.limit,
            called=own.title,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSummary:
    """A feed, and the number of its articles."""

    feed: Feed
    articles: int


def article_counts(
    plan: FeedPlan, categories: Iterable[CategorySummary], facets: Iterable[FacetSummary]
) -> dict[Scope, int]:
    """Return the scope and the number of articles of each feed but the one of everything.

    Categories come first, then languages, the operator's feeds, authors; the operator's in the
    order of the plan, all others as given. One of the operator's is there before its first
    article; those of languages, where there are two or more.
    """
    held: dict[FacetKind, dict[Facet, int]] = {kind: {} for kind in _ORDER if kind in plan.kinds}
    own = {custom.facet: 0 for custom in plan.custom}
    for summary in facets:
        if summary.facet.kind is FacetKind.CUSTOM:
            own |= {summary.facet: summary.articles} if summary.facet in own else {}
        elif summary.facet.kind in held:
            held[summary.facet.kind][summary.facet] = summary.articles
    if own:
        held[FacetKind.CUSTOM] = own
    if len(held.get(FacetKind.LANGUAGE, ())) < LANGUAGES_THAT_DIFFER:
        held.pop(FacetKind.LANGUAGE, None)
    counts: dict[Scope, int] = {category.path: category.articles for category in categories}
    counts |= {facet: count for of_kind in held.values() for facet, count in of_kind.items()}
    return counts
