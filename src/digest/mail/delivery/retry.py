"""Retries: when a delivery or the server is tried again, and whom a refusal concerns."""

# pure
from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.editions.delivery import Delivery
from digest.errors import DeliveryError, DeliveryRefused, MessageBlocked, RecipientUnknown

#: Waits after the failures of one delivery, the last one repeated. RFC 5321 section 4.5.4.1: the
#: first retry after 30 minutes or more.
DELIVERY_WAITS = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6))
#: Waits after failures of the server in a row, the last one repeated.
SERVER_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 30))
#: So many recipients refused with the same answer in a row mean that the sender is refused.
GENERAL_AFTER = 3
#: So many that do not exist, with the same answer in a row: the server is wrong, or the list is.
UNKNOWN_RECIPIENTS = 20

#: What differs between answers that mean the same: addresses, host names, what is in brackets, all
#: with a digit, and identifiers that mix the cases.
_VARIABLE = re.compile(
    r"\S+://\S+|<[^>\s]*>|[\[({][^\s\])}]*[\])}]|\S+@\S+|\S*\d\S*|[\w-]+(?:\.[\w-]+)+"
    r"|\S*[a-z][A-Z]\S*",
    re.ASCII,
)


def next_attempt(
    attempts: int, expires_at: datetime, now: datetime, jitter: float
) -> datetime | None:
    """Return the time of the next attempt after ``attempts`` failures, or None to give up.

    ``jitter`` in 0…1 spreads the retries of one batch over a tenth of the wait.
    """
    wait = DELIVERY_WAITS[min(max(attempts, 1), len(DELIVERY_WAITS)) - 1]
    moment = now + wait * (1 + jitter / 10)
    return moment if moment <= expires_at else None


def server_wait(failures: int) -> timedelta:
    """Return the wait after a number of failures in a row (1 or more)."""
    return SERVER_WAITS[min(failures, len(SERVER_WAITS)) - 1]


@dataclass(slots=True)
class ServerBackoff:
    """How long nothing is sent after the server was unavailable."""

    failures: int = 0  #: in a row
    until: datetime | None = None  #: aware UTC; None while the server answers

    def failed(self, now: datetime) -> timedelta | None:
        """Count a failure; return the new wait, or None during a wait that goes on."""
        if self.until is not None and now < self.until:
            return None
        self.failures += 1
        wait = server_wait(self.failures)
        self.until = now + wait
        return wait

    def answered(self) -> None:
        """End the wait: the server answers."""
        self.failures, self.until = 0, None


def same_answer(error: DeliveryError, address: str) -> str:
    """Return an answer without what differs between recipients: addresses, hosts, numbers.

    All that refuse the sender are alike, however they say it.
    """
    if isinstance(error, MessageBlocked):
        return "sender"
    own = set(_words(address))
    words = _words(_VARIABLE.sub(" ", error.problem))
    return " ".join([str(error.code), *(word for word in words if word not in own)])


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A permanent refusal of one delivery's recipient or message."""

    delivery: Delivery
    digest: str
    error: DeliveryError


@dataclass(slots=True)
class RefusalStreak:
    """Refusals in a row with the same answer, held back until it is clear whom they concern.

    A refusal at RCPT, or of the message, concerns its recipient if another recipient is accepted
    next, and the sender if ``GENERAL_AFTER`` recipients are refused alike.
    """

    answer: str = ""  #: as ``same_answer`` returns it; empty: none is held
    held: list[Refusal] = field(default_factory=list)
    recipients: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)

    @staticmethod
    def concerns(error: DeliveryError) -> bool:
        """Return whether an answer leaves open whom it concerns."""
        unclear = isinstance(error, (DeliveryRefused, MessageBlocked))
        return unclear and error.code is not None and not isinstance(error, RecipientUnknown)

    def add(self, refusal: Refusal) -> list[Refusal]:
        """Hold a refusal; return those held with another answer, which concern recipients."""
        answer = same_answer(refusal.error, refusal.delivery.subscriber.address)
        others = [] if answer == self.answer else self.end()
        self.answer = answer
        self.held.append(refusal)
        self.recipients.add(refusal.delivery.subscriber.address.casefold())
        self.domains.add(refusal.delivery.domain)
        return others

    @property
    def long(self) -> bool:
        """Whether enough recipients were refused alike."""
        return len(self.recipients) >= GENERAL_AFTER

    def end(self) -> list[Refusal]:
        """Forget the streak; return what was held."""
        self.answer = ""
        self.recipients.clear()
        self.domains.clear()
        return self.release()

    def release(self) -> list[Refusal]:
        """Return the refusals held back, and hold none; the streak goes on."""
        held, self.held = self.held, []
        return held


@dataclass(slots=True)
class UnknownRecipientStreak:
    """Recipients in a row who do not exist, with the same answer."""

    answer: str = ""
    recipients: set[str] = field(default_factory=set)

    def add(self, refusal: Refusal) -> bool:
        """Count a recipient; return whether there are too many to be true, and begin anew.

        Whoever resumes the digest says that they are true: the next ones count from 1 again.
        """
        address = refusal.delivery.subscriber.address
        answer = same_answer(refusal.error, address)
        if answer != self.answer:
            self.answer = answer
            self.recipients.clear()
        self.recipients.add(address.casefold())
        if len(self.recipients) < UNKNOWN_RECIPIENTS:
            return False
        self.recipients.clear()
        return True
