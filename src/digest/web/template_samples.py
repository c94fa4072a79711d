"""Sample persons and states, with which templates are checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digest.articles.samples import SAMPLED_AT, sample_articles
from digest.editions.model import Approval, Digest, Edition, EditionState
from digest.feeds.model import CategorySummary
from digest.mail.operator_mail import ApprovalRequest
from digest.subscribers.model import Subscriber, SubscriberState
from digest.subscribers.signup import Signup
from digest.web.subscribe_form import Choice, PreferencesForm, SubscribeForm, category_id


def categories() -> tuple[CategorySummary, ...]:
    """Return the categories of the first sample article, the upper one first."""
    paths = sample_articles()[0].categories[0].lineage()
    return tuple(CategorySummary(path=path, articles=1) for path in paths)


def subscriber(state: SubscriberState) -> Subscriber:
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


def forms(categories: tuple[CategorySummary, ...]) -> tuple[SubscribeForm, ...]:
    """Return the form to subscribe, empty and filled in."""
    empty = SubscribeForm(
        token="a" * 48,
        address="",
        digests=(digest(),),
        chosen=frozenset(),
        categories=(),
        checked=frozenset(),
        problem=None,
    )
    filled = replace(
        empty,
        address='"<reader>',
        digests=(digest(), replace(digest(), name="weekly")),
        chosen=frozenset({"daily"}),
        categories=categories,
        checked=frozenset({category_id(categories[0].path)}),
        problem="subscribe_bad_address",
        zones=("Asia/Tokyo", "Europe/Berlin"),
        zone="Asia/Tokyo",
    )
    return empty, filled


def preferences(categories: tuple[CategorySummary, ...]) -> tuple[PreferencesForm, ...]:
    """Return the page of a person, with every state, plain and filled in."""
    states = tuple(
        Choice(subscriber=subscriber(state), digest=None if number else digest())
        for number, state in enumerate(SubscriberState)
    )
    chosen = replace(
        states[0],
        subscriber=replace(subscriber(SubscriberState.ACTIVE), paused_until=SAMPLED_AT),
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


def signup() -> Signup:
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


def digest() -> Digest:
    """Return a digest of everything."""
    return Digest(name="daily", title="The <Daily>")


def edition() -> Edition:
    """Return one of its editions."""
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


def proposals() -> tuple[ApprovalRequest, ...]:
    """Return an edition before and after the decisions that there can be."""
    approval = Approval(within=timedelta(hours=6), sends=True)
    draft = replace(edition(), state=EditionState.DRAFT)
    waiting = ApprovalRequest(
        edition=draft,
        digest=replace(digest(), approval=approval),
        configured=True,
        articles=sample_articles(),
        readers=12,
    )
    dropping = replace(digest(), approval=replace(approval, sends=False))
    return (
        waiting,
        replace(waiting, digest=dropping),
        replace(waiting, digest=digest(), configured=False),
        replace(waiting, edition=edition()),
        replace(waiting, edition=replace(edition(), cancelled=True)),
    )
