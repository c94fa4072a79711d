"""Mails to the operator: an edition waits or has ended, or mail is paused; short plain text."""

# pure
from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from digest.articles.model import Article
from digest.editions.delivery import DeliveryState, Pause
from digest.editions.model import Digest, Edition, EditionState, contents, decided_at
from digest.editions.progress import EditionResult
from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.message import Envelope
from digest.mail.template_context import MAX_TITLE
from digest.mail.text_layout import cut, one_line, wrap
from digest.mail.transports.model import Sender
from digest.spelling import counted
from digest.subscribers.address import ascii_address
from digest.times import format_utc, format_zoned

#: Titles listed in an approval request; the page behind its link shows all.
MAX_TITLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """An edition that needs, or needed, the operator's approval, with what to judge it by."""

    edition: Edition
    digest: Digest  #: as configured now; only name and title where it no longer is
    configured: bool  #: False: the digest is gone, so the edition can only be dropped
    articles: Sequence[Article]  #: not withdrawn, in order of sequence
    readers: int  #: number of subscribers it would go to now, or went to

    @property
    def waits(self) -> bool:
        """Whether the decision is still open."""
        return self.edition.state is EditionState.DRAFT

    @property
    def decided_at(self) -> datetime | None:
        """The deadline, in the digest's time zone; None if there is none."""
        moment = decided_at(self.edition, self.digest if self.configured else None)
        return None if moment is None else moment.astimezone(ZoneInfo(self.digest.timezone))

    @property
    def sends(self) -> bool:
        """Whether the edition is sent at the deadline; otherwise it is dropped."""
        return self.digest.approval is not None and self.digest.approval.sends


def operator_message(
    sender: Sender, to: str, *, subject: str, text: str, reference: str, now: datetime
) -> Envelope:
    """Return a text as a message to the operator.

    ``reference`` is the left part of its Message-ID (atext and dots): the same for a repeated
    mail. ``subject`` may be any text; lines of ``text`` end in ``\\n``; ``now`` is aware UTC.
    Raises ValueError where ``to`` is no address, DeliveryRefused where it needs SMTPUTF8.
    """
    return text_message(
        sender, ascii_address(to), subject=subject, text=text, reference=reference, now=now
    )


def text_message(
    sender: Sender, recipient: str, *, subject: str, text: str, reference: str, now: datetime
) -> Envelope:
    """Return a text as a message that is not of a list and that no program is to answer.

    ``recipient`` is an address for a server (``wire_address``); the rest as ``operator_message``.
    """
    origin = ascii_address(sender.address)
    fields = [
        mailbox("From", sender.name, origin),
        mailbox("To", "", recipient),
        unstructured("Subject", subject),
        verbatim("Date", format_datetime(now)),
        verbatim("Message-ID", f"<{reference}@{sender.host}>"),
        verbatim("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5
        verbatim("MIME-Version", "1.0"),
        verbatim("Content-Type", "text/plain; charset=utf-8"),
        verbatim("Content-Transfer-Encoding", "base64"),
    ]
    body = encodebytes(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    message = "".join(fields).encode("utf-8") + b"\r\n" + body
    return Envelope(sender=origin, recipient=recipient, message=message)


def approval_message(
    request: ApprovalRequest, sender: Sender, to: str, now: datetime, *, link: str | None
) -> Envelope:
    """Return the mail that asks the operator to approve an edition.

    Its Message-ID is derived from the edition. ``link`` leads to the page that approves it, None
    where there is no such page. Raises as ``operator_message``.
    """
    edition = request.edition
    title = cut(one_line(request.digest.title), MAX_TITLE)
    return operator_message(
        sender,
        to,
        subject=f"{title} {edition.number} waits for your approval",
        text="\n".join(_approval_lines(request, title, link)) + "\n",
        reference=f"{edition.digest}.{edition.id}.request",
        now=now,
    )


def report_message(
    result: EditionResult, title: str, sender: Sender, to: str, now: datetime
) -> Envelope:
    """Return the report of an edition that is done, of a digest called ``title``.

    Its Message-ID is derived from the edition and when it ended, so that an edition that is sent
    again has a report of its own. Raises as ``operator_message``.
    """
    edition, states = result.edition, result.progress.states
    unsent = sum(states[state] for state in (DeliveryState.FAILED, DeliveryState.EXPIRED))
    subject = f"{title} {edition.number}: {states[DeliveryState.SENT]:,} sent"
    ended_at = result.progress.ended_at or edition.created_at
    return operator_message(
        sender,
        to,
        subject=f"{subject}, {unsent:,} not" if unsent else subject,
        text="\n".join(_report_lines(result, title)) + "\n",
        reference=f"{edition.digest}.{edition.id}.{int(ended_at.timestamp())}.report",
        now=now,
    )


def pause_message(
    pause: Pause, title: str | None, sender: Sender, to: str, now: datetime
) -> Envelope:
    """Return the mail about a pause, of the digest called ``title`` or (None) of all mail.

    Its Message-ID is derived from the pause. Raises as ``operator_message``.
    """
    what = f"{title} ({pause.digest})" if title else "All mail"
    lines = [
        wrap(
            f"{what} is paused since {format_utc(pause.since)}: several recipients in a row "
            "were refused with the same answer, so that it is not about them. Nothing is lost: "
            "what is not sent waits, until it expires."
            if title
            else f"{what} is paused since {format_utc(pause.since)}: the server refuses it "
            "whoever it is for. Nothing is lost: what is not sent waits, until it expires."
        ),
        "",
        "What the server said:",
        wrap(one_line(pause.reason), first="  ", rest="  "),
        "",
        wrap(
            "A single message is tried about once an hour; when it is accepted, the others follow "
            "by themselves. Once the cause is fixed, you need not wait for that:"
        ),
        f"digest resume {pause.digest}" if pause.digest else "digest resume",
    ]
    return operator_message(
        sender,
        to,
        subject=f"{cut(one_line(title), MAX_TITLE)} is paused" if title else "All mail is paused",
        text="\n".join(lines) + "\n",
        reference=f"{pause.digest or 'all'}.{int(pause.since.timestamp())}.pause",
        now=now,
    )


def _approval_lines(request: ApprovalRequest, title: str, link: str | None) -> list[str]:
    edition, articles = request.edition, request.articles
    zone = ZoneInfo(request.digest.timezone)
    lines = [
        f"{title} ({edition.digest}), edition {edition.number}, waits for your approval.",
        "",
        f"{counted(len(articles), 'article')} for {counted(request.readers, 'reader')}",
        f"due {format_zoned(edition.due_at.astimezone(zone))}",
    ]
    if request.decided_at is not None:
        fate = "sent" if request.sends else "dropped"
        lines.append(f"{fate} without you {format_zoned(request.decided_at)}")
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
    listed = contents(articles, (), MAX_TITLES)  # in the order of the mail
    for article in listed.articles:
        shown = cut(one_line(article.title), MAX_TITLE)
        lines.append(wrap(shown, first="  - ", rest="    "))
    if listed.more:
        lines.append(f"  and {listed.more:,} more")
    return lines


def _report_lines(result: EditionResult, title: str) -> list[str]:
    edition, progress = result.edition, result.progress
    lines = [
        f"{title} ({edition.digest}), edition {edition.number}",
        f"due {format_utc(edition.due_at)}, made {format_utc(edition.created_at)}",
    ]
    if progress.ended_at is not None:
        took = str(progress.ended_at - edition.created_at).partition(".")[0]
        lines.append(f"done {format_utc(progress.ended_at)}, after {took}")
    lines.append("")
    lines += [
        f"{count:>9,}  {state}"
        for state, count in progress.states.items()
        if count or state is DeliveryState.SENT
    ]
    if result.errors:
        lines += ["", "What servers said:"]
        lines += [f"{count:>9,}  {error}" for error, count in result.errors]
    return lines
