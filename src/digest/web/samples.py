"""Made-up people and states, with which pages are tried before they meet real ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from digest import __version__
from digest.articles.model import Problem
from digest.articles.samples import SAMPLED_AT, sample_articles
from digest.editions.delivery import DeliveryState
from digest.editions.model import Approval, Digest, Edition, EditionState
from digest.editions.progress import Progress
from digest.feeds.model import CategorySummary
from digest.mail.approval_request import Proposal
from digest.subscribers.model import Subscriber, SubscriberState
from digest.web.status import Status, Waiting


def categories() -> tuple[CategorySummary, ...]:
    """Return the categories of the first sample article, the upper one first."""
    paths = sample_articles()[0].categories[0].lineage()
    return tuple(CategorySummary(path=path, articles=1) for path in paths)


def subscriber(state: SubscriberState) -> Subscriber:
    """Return a subscriber in a state."""
    return Subscriber(
        id=1,
        address="reader@example.org",
        digest="daily",
        name="",
        categories=(),
        language=None,
        state=state,
        created_at=SAMPLED_AT,
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
    )


def progress() -> Progress:
    """Return how far it has come: 12 of 14 mails, two a second."""
    counts = {DeliveryState.SENT: 12, DeliveryState.QUEUED: 1, DeliveryState.DEFERRED: 1}
    return Progress(
        states={state: counts.get(state, 0) for state in DeliveryState},
        lately=12,
        since=timedelta(seconds=6),
    )


def proposals() -> tuple[Proposal, ...]:
    """Return an edition before and after the decisions that there can be."""
    approval = Approval(within=timedelta(hours=6), sends=True)
    draft = replace(edition(), state=EditionState.DRAFT)
    waiting = Proposal(
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


def status() -> Status:
    """Return the status of a daemon at work."""
    problem = Problem(path="trade/<odd>.md", line=3, cause="there is no title", seen_at=SAMPLED_AT)
    return Status(
        version=__version__,
        started_at=SAMPLED_AT,
        articles=2,
        categories=2,
        feeds=3,
        problems=(problem,),
        failed=1,
        salvaged=1,
        digests=(("daily", "The Daily", SAMPLED_AT), ("weekly", "The Weekly", None)),
        outbox={"queued": 1, "sent": 12},
        sending=((edition(), progress()),),
        pauses=(("", SAMPLED_AT, "535 5.7.8 no"), ("daily", SAMPLED_AT, "550 5.7.1 no")),
        drafts=(
            Waiting(edition_id=3, title="A", number=1, decided_at=SAMPLED_AT, sends=True),
            Waiting(edition_id=4, title="B", number=2, decided_at=SAMPLED_AT, sends=False),
            Waiting(edition_id=5, title="C", number=3, decided_at=None, sends=False),
        ),
        last_scan_at=SAMPLED_AT,
        fault="template web/feed.html:3: there is no 'articels'",
    )


def idle_status() -> Status:
    """Return the status of a daemon that has seen nothing yet."""
    return Status(
        version=__version__,
        started_at=SAMPLED_AT,
        articles=0,
        categories=0,
        feeds=1,
        problems=(),
        failed=0,
        salvaged=0,
        digests=(),
        outbox={},
        last_scan_at=None,
    )
