"""A proposal: a draft as the operator is asked about it, and the mail that asks."""

# pure
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.articles.model import Article
from digest.editions.model import Digest, Edition, EditionState, contents, decided_at
from digest.mail.message import Envelope
from digest.mail.operator_mail import memo
from digest.mail.template_context import MAX_TITLE
from digest.mail.text_layout import cut, one_line, wrap
from digest.mail.transports.model import Sender

#: Titles that the mail names; the page behind its link shows all.
MAX_TITLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An edition that waits for the operator, or waited once, with what there is to judge by."""

    edition: Edition
    digest: Digest  #: as configured now; its name alone where it is not any more
    configured: bool  #: whether it is: otherwise the edition can only be dropped
    articles: Sequence[Article]  #: those not withdrawn, in order of sequence
    readers: int  #: to whom it would go now, or went

    @property
    def waits(self) -> bool:
        """Whether there still is something to decide."""
        return self.edition.state is EditionState.DRAFT

    @property
    def decided_at(self) -> datetime | None:
        """When it is sent or dropped by itself, in the digest's zone; None: it is not."""
        moment = decided_at(self.edition, self.digest if self.configured else None)
        return None if moment is None else moment.astimezone(ZoneInfo(self.digest.timezone))

    @property
    def sends(self) -> bool:
        """Whether it is sent then, not dropped."""
        return self.digest.approval is not None and self.digest.approval.sends


def told_at(moment: datetime) -> str:
    """Return a moment with the zone that it is in, such as ``Mon 23 Nov 2026 13:00 Asia/Tokyo``."""
    return f"{moment:%a %d %b %Y %H:%M} {moment.tzinfo}"


def request(
    proposal: Proposal, sender: Sender, to: str, now: datetime, *, link: str | None
) -> Envelope:
    """Return the mail that asks the operator to approve an edition.

    Its Message-ID is the edition's, so that one sent twice is the same. ``link`` leads to the page
    that approves it, None where there is none; ``now`` is aware UTC. Raises ValueError where
    ``to`` is no address, DeliveryRefused where it needs SMTPUTF8.
    """
    edition = proposal.edition
    title = cut(one_line(proposal.digest.title), MAX_TITLE)
    return memo(
        sender,
        to,
        subject=f"{title} {edition.number} waits for your approval",
        text="\n".join(_lines(proposal, title, link)) + "\n",
        reference=f"{edition.digest}.{edition.id}.request",
        now=now,
    )


def _lines(proposal: Proposal, title: str, link: str | None) -> list[str]:
    edition, articles = proposal.edition, proposal.articles
    zone = ZoneInfo(proposal.digest.timezone)
    lines = [
        f"{title} ({edition.digest}), edition {edition.number}, waits for your approval.",
        "",
        f"{_counted(len(articles), 'article')} for {_counted(proposal.readers, 'reader')}",
        f"due {told_at(edition.due_at.astimezone(zone))}",
    ]
    if proposal.decided_at is not None:
        fate = "sent" if proposal.sends else "dropped"
        lines.append(f"{fate} without you {told_at(proposal.decided_at)}")
    lines.append("")
    if link is not None:
        lines += ["Look at it, approve or cancel it:", link, ""]
    lines += [
        "On the machine:" if link is None else "Or on the machine:",
        f"digest editions approve {edition.id}",
        f"digest editions cancel {edition.id}",
        "",
        "What is in it:",
        "",
    ]
    told = contents(articles, (), MAX_TITLES)  # in the order of the mail
    for article in told.articles:
        shown = cut(one_line(article.title), MAX_TITLE)
        lines.append(wrap(shown, first="  - ", rest="    "))
    if told.more:
        lines.append(f"  and {told.more:,} more")
    return lines


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
