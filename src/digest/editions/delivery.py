"""A delivery: one edition for one subscriber, a row of the queue with a state."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.subscribers.model import Subscriber


class DeliveryState(StrEnum):
    """The state of a delivery."""

    QUEUED = "queued"  #: waits for an attempt: the first, or one that counts as not made
    SENDING = "sending"  #: claimed, with a lease
    DEFERRED = "deferred"  #: an attempt failed for now; waits for ``next_attempt_at``
    SENT = "sent"  #: a server took it
    FAILED = "failed"  #: a server refused it for good
    EXPIRED = "expired"  #: its edition was too old before a server took it
    SUPPRESSED = "suppressed"  #: its subscriber left, or its edition was cancelled, before that


_ENDS_UNSENT = frozenset({DeliveryState.EXPIRED, DeliveryState.SUPPRESSED})
#: The states that may follow each state. SENDING follows SENDING when a lease runs out.
TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.SENDING}) | _ENDS_UNSENT,
    DeliveryState.SENDING: frozenset(DeliveryState),
    DeliveryState.DEFERRED: frozenset({DeliveryState.SENDING}) | _ENDS_UNSENT,
    DeliveryState.SENT: frozenset(),
    DeliveryState.FAILED: frozenset(),
    DeliveryState.EXPIRED: frozenset(),
    DeliveryState.SUPPRESSED: frozenset(),
}
#: States that nothing follows.
FINAL = frozenset(state for state, after in TRANSITIONS.items() if not after)
#: States from which the operator may have a delivery queued again.
REOPENS = frozenset({DeliveryState.FAILED, DeliveryState.EXPIRED})

#: Age after which a delivery is not sent any more, unless its digest says otherwise.
EXPIRES = timedelta(hours=24)
#: Days of refusals, without an accepted mail between them, after which an address is suppressed.
REFUSED_DAYS = 3
#: Interval of probes while a digest or all mail is paused.
PROBE_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A claimed row of the queue, with its subscriber."""

    id: int
    edition_id: int
    subscriber: Subscriber
    attempts: int  #: ended ones, so 0 at the first
    created_at: datetime  #: aware UTC
    probe: bool = False  #: sent to find out whether a pause can end

    @property
    def domain(self) -> str:
        """The domain of the subscriber's address, in lower case."""
        return self.subscriber.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """The result of an attempt, to be recorded. Raises ValueError."""

    delivery_id: int
    state: DeliveryState  #: every one but ``queued`` counts as an attempt
    next_attempt_at: datetime | None = None  #: ``deferred`` needs it; ``queued`` may go at once
    error: str | None = None  #: without addresses
    bounced: bool = False  #: the address does not exist: suppress it, with ``error`` as reason
    refused: bool = False  #: the recipient was refused, which counts against the address

    def __post_init__(self) -> None:
        if self.state is DeliveryState.SENDING:
            raise ValueError("an attempt does not end in sending")
        if self.state is DeliveryState.DEFERRED and self.next_attempt_at is None:
            raise ValueError("a deferred delivery needs its next attempt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause of a digest or of all mail, until the operator acts or a probe is accepted.

    That of a reader, who wants no mail until a day, is ``Subscriber.paused_until``.
    """

    digest: str | None  #: its name; None pauses all mail
    since: datetime  #: aware UTC
    probe_at: datetime  #: aware UTC: when one message is tried
    reason: str  #: what the server said, without addresses
