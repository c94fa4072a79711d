"""Sample pages: every page with sample persons and states, to check and to show templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.articles.model import Article, Facet, FacetKind
from digest.articles.samples import SAMPLED_AT, sample_articles
from digest.articles.search_terms import search_query
from digest.editions.model import (
    Approval,
    Digest,
    Edition,
    EditionState,
    contents,
    edition_of,
)
from digest.feeds.catalog import FeedSummary
from digest.feeds.model import CategorySummary
from digest.mail.operator_mail import ApprovalRequest
from digest.subscribers.model import Subscriber, SubscriberState
from digest.subscribers.signup import Signup
from digest.urls import UNSUBSCRIBE_PATH
from digest.web.model import Turn
from digest.web.subscribe_form import Choice, PreferencesForm, SubscribeForm, category_id

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
    feed, categories = pages.plan.of_category(None), sample_categories()
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
    digest = replace(sample_digest(), language=languages[0])
    edition = sample_edition()
    for state in SubscriberState:
        subscriber = sample_subscriber(state)
        again = state is SubscriberState.ACTIVE
        yield "unsubscribe", pages.unsubscribe(subscriber, digest, languages, again=again)
        yield "unsubscribed", pages.unsubscribed(subscriber, None, languages)
    for choices in sample_preferences(categories):
        yield "preferences", pages.preferences(choices, languages)
    yield "erased", pages.erased(languages)
    yield "not subscribed", pages.not_subscribed(digest, languages)
    for form in sample_forms(categories):
        yield "subscribe", pages.subscribe(form, languages)
    signup = sample_signup()
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
    for proposal in sample_proposals():
        yield "approval", pages.approval(proposal)
    for listed in ((edition, 2, articles[0].title),), ():
        yield "editions", pages.editions(digest, listed, sample=bool(listed))
    yield "digests", pages.digests([(digest, edition, articles[0].title), (digest, None, "")])
    yield "digests", pages.digests([])
    yield "not found", pages.not_found()
    yield "gone", pages.gone()
    yield "busy", pages.busy()


def sample_categories() -> tuple[CategorySummary, ...]:
    """Return the categories of the first sample article, the upper one first."""
    paths = sample_articles()[0].categories[0].lineage()
    return tuple(CategorySummary(path=path, articles=1) for path in paths)


def sample_subscriber(state: SubscriberState) -> Subscriber:
    """Return a subscriber in a state."""
    return Subscriber(
        id=1,
        person="a" * 16,
        address="reader@example.org",
        digest="daily",
        name="",
        categories=(),
        language=None,
        state=state,
        created_at=SAMPLED_AT,
    )


def sample_forms(categories: tuple[CategorySummary, ...]) -> tuple[SubscribeForm, ...]:
    """Return the form to subscribe, empty and filled in."""
    empty = SubscribeForm(
        token="a" * 48,
        address="",
        digests=(sample_digest(),),
        chosen=frozenset(),
        categories=(),
        checked=frozenset(),
        problem=None,
    )
    filled = replace(
        empty,
        address='"<reader>',
        digests=(sample_digest(), replace(sample_digest(), name="weekly")),
        chosen=frozenset({"daily"}),
        categories=categories,
        checked=frozenset({category_id(categories[0].path)}),
        problem="subscribe_bad_address",
        zones=("Asia/Tokyo", "Europe/Berlin"),
        zone="Asia/Tokyo",
    )
    return empty, filled


def sample_preferences(categories: tuple[CategorySummary, ...]) -> tuple[PreferencesForm, ...]:
    """Return the page of a person, with every state, plain and filled in."""
    states = tuple(
        Choice(subscriber=sample_subscriber(state), digest=None if number else sample_digest())
        for number, state in enumerate(SubscriberState)
    )
    chosen = replace(
        states[0],
        subscriber=replace(sample_subscriber(SubscriberState.ACTIVE), paused_until=SAMPLED_AT),
        categories=categories,
        checked=frozenset({category_id(categories[0].path)}),
        zones=("Asia/Tokyo", "Europe/Berlin"),
        zone="Asia/Tokyo",
        paused_until=SAMPLED_AT.date(),
        earliest=SAMPLED_AT.date(),
    )
    plain = PreferencesForm(choices=states, moves=False, saved=True)
    wrong = PreferencesForm(
        choices=(chosen,) * 2, moves=True, address='"<a', problem="subscribe_bad_address"
    )
    return plain, wrong


def sample_signup() -> Signup:
    """Return a request to subscribe."""
    return Signup(
        identifier="a" * 16,
        address="reader@example.org",
        digests=("daily",),
        categories=(),
        language="en",
        network="192.0.2.0/24",
        wording="I want it.",
        requested_at=SAMPLED_AT,
    )


def sample_digest() -> Digest:
    """Return a digest of everything."""
    return Digest(name="daily", title="The <Daily>")


def sample_edition() -> Edition:
    """Return an edition of that digest."""
    return Edition(
        id=1,
        digest="daily",
        number=2,
        due_at=SAMPLED_AT,
        created_at=SAMPLED_AT,
        after=0,
        upto=3,
        state=EditionState.DONE,
        note="A word before.",
    )


def sample_proposals() -> tuple[ApprovalRequest, ...]:
    """Return an edition before and after the decisions that there can be."""
    approval = Approval(within=timedelta(hours=6), sends=True)
    draft = replace(sample_edition(), state=EditionState.DRAFT)
    waiting = ApprovalRequest(
        edition=draft,
        digest=replace(sample_digest(), approval=approval),
        configured=True,
        articles=sample_articles(),
        readers=12,
    )
    dropping = replace(sample_digest(), approval=replace(approval, sends=False))
    return (
        waiting,
        replace(waiting, digest=dropping),
        replace(waiting, digest=sample_digest(), configured=False),
        replace(waiting, edition=sample_edition()),
        replace(waiting, edition=replace(sample_edition(), cancelled=True)),
    )
