"""Sample pages: every page with sample data, to check templates and to show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from digest.articles.model import Article, Facet, FacetKind
from digest.articles.samples import SAMPLED_AT
from digest.articles.search_terms import search_query
from digest.editions.model import contents, edition_of
from digest.feeds.catalog import FeedSummary
from digest.subscribers.model import SubscriberState
from digest.urls import UNSUBSCRIBE_PATH
from digest.web import template_samples as samples
from digest.web.model import Turn

if TYPE_CHECKING:
    from digest.web.pages import WebPages

#: Facets of every kind, whose feeds have pages.
_FACETS = tuple(Facet(kind, "en") for kind in FacetKind)


def sample_pages(
    pages: WebPages, articles: tuple[Article, ...], languages: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield every page and its name, with these articles and sample readers and editions.

    Pages for persons are in the first of ``languages`` that has words. Raises TemplateError.
    """
    feed, categories = pages.plan.of_category(None), samples.categories()
    pages.style_sheet()
    pages.style()
    pages.favicon()
    for shown in (articles, ()):
        yield "index", pages.index(feed, shown, categories if shown else ())
        yield "feed", pages.feed(feed, shown, categories if shown else ())
    category = replace(feed, category=categories[0].path)
    yield "category", pages.feed(category, articles, categories[1:])
    others = [FeedSummary(feed=replace(feed, facet=facet), articles=1) for facet in _FACETS]
    yield "feed", pages.feed(feed, articles, categories, others)
    for other in others:
        yield "facet", pages.feed(other.feed, articles, ())
    for article in articles:
        yield "article", pages.article(article)
        yield "article", pages.article(article, previous=article, following=article)
    query, position = search_query(articles[0].title), articles[0].position
    for shown in (articles, ()):
        yield (
            "search",
            pages.search(query, shown, before=position, older=position, ready=bool(shown)),
        )
    yield "feed", pages.feed(feed, articles, (), turn=Turn(newer=position, older=position))
    digest = replace(samples.digest(), language=languages[0])
    edition = samples.edition()
    for state in SubscriberState:
        subscriber = samples.subscriber(state)
        again = state is SubscriberState.ACTIVE
        yield "unsubscribe", pages.unsubscribe(subscriber, digest, languages, again=again)
        yield "unsubscribed", pages.unsubscribed(subscriber, None, languages)
    for choices in samples.preferences(categories):
        yield "preferences", pages.preferences(choices, languages)
    yield "erased", pages.erased(languages)
    yield "not subscribed", pages.not_subscribed(digest, languages)
    for form in samples.forms(categories):
        yield "subscribe", pages.subscribe(form, languages)
    signup = samples.signup()
    for refused in True, False:
        yield "requested", pages.requested(languages, refused=refused)
        yield (
            "confirm",
            pages.confirm(signup, [digest], languages, done=refused, suppressed=refused),
        )
        moved = replace(signup, person="a")
        yield "confirm", pages.confirm(moved, [], languages, done=refused)
    path = f"{UNSUBSCRIBE_PATH}a"
    yield "confirm", pages.confirm(signup, [digest], languages, done=True, preferences=path)
    yield "confirm", pages.confirm(None, [], languages)
    held = contents(articles, (), len(articles) - 1)
    yield "edition", pages.edition(digest, edition, held, previous=edition, following=edition)
    sample = edition_of(digest.name, articles, SAMPLED_AT)
    yield "edition", pages.edition(digest, sample, held)
    yield "edition", pages.edition(digest, edition, contents((), (), 1), previous=edition)
    for proposal in samples.proposals():
        yield "approval", pages.approval(proposal)
    for listed in ((edition, 2, articles[0].title),), ():
        yield "editions", pages.editions(digest, listed, sample=bool(listed))
    yield "digests", pages.digests([(digest, edition, articles[0].title), (digest, None, "")])
    yield "digests", pages.digests([])
    yield "not found", pages.not_found()
    yield "gone", pages.gone()
    yield "busy", pages.busy()
