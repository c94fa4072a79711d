"""The report: a short mail to the operator when an edition has reached everybody it could."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from digest.mail.address import ascii_address
from digest.mail.delivery import DeliveryState
from digest.mail.edition import Edition
from digest.mail.headers import mailbox, unstructured, verbatim
from digest.mail.message import Envelope, Sender
from digest.mail.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an edition ended."""

    edition: Edition
    progress: Progress
    errors: Sequence[tuple[str, int]]  #: what servers said of those not sent, and how often


def report(outcome: Outcome, title: str, sender: Sender, to: str, now: datetime) -> Envelope:
    """Return the report of an edition of a digest called ``title``.

    Its Message-ID is the edition's, so that a report sent twice is the same. ``now`` is aware UTC.
    Raises ValueError where ``to`` is no address, DeliveryRefused where it needs SMTPUTF8.
    """
    edition, states = outcome.edition, outcome.progress.states
    origin, recipient = ascii_address(sender.address), ascii_address(to)
    unsent = sum(states[state] for state in (DeliveryState.FAILED, DeliveryState.EXPIRED))
    subject = f"{title} {edition.number}: {states[DeliveryState.SENT]:,} sent"
    fields = [
        mailbox("From", sender.name, origin),
        mailbox("To", "", recipient),
        unstructured("Subject", f"{subject}, {unsent:,} not" if unsent else subject),
        verbatim("Date", format_datetime(now)),
        verbatim("Message-ID", f"<{edition.digest}.{edition.id}.report@{sender.host}>"),
        verbatim("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5
        verbatim("MIME-Version", "1.0"),
        verbatim("Content-Type", "text/plain; charset=utf-8"),
        verbatim("Content-Transfer-Encoding", "base64"),
    ]
    text = "\n".join(_lines(outcome, title)) + "\n"
    body = encodebytes(text.encode("utf-8")).replace(b"\n", b"\r\n")
    message = "".join(fields).encode("ascii") + b"\r\n" + body
    return Envelope(sender=origin, recipient=recipient, message=message)


def _lines(outcome: Outcome, title: str) -> list[str]:
    edition, progress = outcome.edition, outcome.progress
    lines = [
        f"{title} ({edition.digest}), edition {edition.number}",
        f"due {edition.due_at:%Y-%m-%d %H:%M} UTC, made {edition.created_at:%Y-%m-%d %H:%M} UTC",
    ]
    if progress.ended_at is not None:
        took = str(progress.ended_at - edition.created_at).partition(".")[0]
        lines.append(f"done {progress.ended_at:%Y-%m-%d %H:%M} UTC, after {took}")
    lines.append("")
    lines += [
        f"{count:>9,}  {state}"
        for state, count in progress.states.items()
        if count or state is DeliveryState.SENT
    ]
    if outcome.errors:
        lines += ["", "What servers said:"]
        lines += [f"{count:>9,}  {error}" for error, count in outcome.errors]
    return lines
