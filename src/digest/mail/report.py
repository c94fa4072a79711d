"""The report: a short mail to the operator when an edition has reached everybody it could."""

# pure
from __future__ import annotations

from datetime import datetime

from digest.editions.delivery import DeliveryState
from digest.editions.progress import Outcome
from digest.mail.message import Envelope
from digest.mail.operator_mail import memo
from digest.mail.transports.model import Sender


def report(outcome: Outcome, title: str, sender: Sender, to: str, now: datetime) -> Envelope:
    """Return the report of an edition of a digest called ``title``.

    Its Message-ID tells the edition and when it ended, so that a report sent twice is the same, but
    not that of an edition that was sent again. ``now`` is aware UTC.
    Raises ValueError where ``to`` is no address, DeliveryRefused where it needs SMTPUTF8.
    """
    edition, states = outcome.edition, outcome.progress.states
    unsent = sum(states[state] for state in (DeliveryState.FAILED, DeliveryState.EXPIRED))
    subject = f"{title} {edition.number}: {states[DeliveryState.SENT]:,} sent"
    ended_at = outcome.progress.ended_at or edition.created_at
    return memo(
        sender,
        to,
        subject=f"{subject}, {unsent:,} not" if unsent else subject,
        text="\n".join(_lines(outcome, title)) + "\n",
        reference=f"{edition.digest}.{edition.id}.{int(ended_at.timestamp())}.report",
        now=now,
    )


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
