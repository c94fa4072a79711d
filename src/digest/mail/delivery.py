"""A delivery: one edition for one subscriber, a row of the outbox with a state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.mail.subscriber import Subscriber


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"  #: waits for its first attempt
    SENDING = "sending"  #: claimed, with a lease
    DEFERRED = "deferred"  #: an attempt failed for now; waits for ``next_attempt_at``
    SENT = "sent"  #: a server took it
    FAILED = "failed"  #: a server refused it for good, or the attempts ran out
    SUPPRESSED = "suppressed"  #: its subscriber left before it was sent


#: Which state may follow which. SENDING may return to SENDING: a lease that ran out.
TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.SENDING, DeliveryState.SUPPRESSED}),
    DeliveryState.SENDING: frozenset(
        {
            DeliveryState.SENDING,
            DeliveryState.QUEUED,
            DeliveryState.DEFERRED,
            DeliveryState.SENT,
            DeliveryState.FAILED,
            DeliveryState.SUPPRESSED,
        }
    ),
    DeliveryState.DEFERRED: frozenset({DeliveryState.SENDING, DeliveryState.SUPPRESSED}),
    DeliveryState.SENT: frozenset(),
    DeliveryState.FAILED: frozenset(),
    DeliveryState.SUPPRESSED: frozenset(),
}
#: States that nothing follows.
FINAL = frozenset(state for state, after in TRANSITIONS.items() if not after)

#: RFC 5321 section 4.5.4.1: the first retry after 30 minutes or more.
RETRY_AFTER = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6))
#: A daily digest is stale by then.
GIVE_UP_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A claimed row of the outbox, with what is needed to send it."""

    id: int
    edition_id: int
    subscriber: Subscriber
    attempts: int  #: ended ones, so 0 at the first
    created_at: datetime  #: aware UTC


def next_attempt(
    attempts: int, created_at: datetime, now: datetime, jitter: float
) -> datetime | None:
    """Return when to try again after ``attempts`` failures, or None to give up.

    ``jitter`` in 0…1 spreads the retries of one batch over a tenth of the wait.
    """
    wait = RETRY_AFTER[min(max(attempts, 1), len(RETRY_AFTER)) - 1]
    moment = now + wait * (1 + jitter / 10)
    return moment if moment <= created_at + GIVE_UP_AFTER else None
