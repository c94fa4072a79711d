"""Approval of editions: ask the operator about drafts, and carry out what they decide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from digest.articles.model import Article
from digest.backoff import Backoff
from digest.editions.model import Digest, Edition, decided_at
from digest.errors import DeliveryDeferred, DeliveryError, DigestError
from digest.mail.message import Envelope
from digest.mail.operator_mail import ApprovalRequest, approval_message
from digest.mail.transports.model import Sender
from digest.times import Clock
from digest.wakeup import WakeUp

#: Seconds between two looks at the drafts.
LOOK_EVERY = 30.0
#: How long after a mail to the operator was not taken it is tried again, at first and at most;
#: seconds.
RETRY_FIRST, RETRY_LAST = 30.0, 1_800.0

_log = structlog.get_logger(__name__)


class ApprovalStore(Protocol):
    """Reads editions and stores decisions on them. Called in threads; raises StoreError."""

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        """Return an edition and its articles, by sequence; raise LookupError if unknown."""

    def drafts(self) -> list[tuple[Edition, bool]]:
        """Return the drafts, oldest first, each with whether the operator was asked."""

    def readers(self, edition_id: int, digest: str) -> int:
        """Return the number of subscribers that an edition of a digest would go to now."""

    def mark_announced(self, edition_id: int, now: datetime) -> None:
        """Record that the operator was asked to approve an edition."""

    def approve(self, edition_id: int, digest: Digest, now: datetime) -> bool:
        """Open a draft of a digest to its readers; return False if it is no draft."""

    def drop(self, edition_id: int, now: datetime) -> bool:
        """Cancel a draft; return False if it is no draft."""

    def cancel(self, edition_id: int, now: datetime) -> bool:
        """Drop a draft, or end the deliveries not sent yet; return False if there are none."""

    def resend(self, edition_id: int, now: datetime) -> int:
        """Queue failed and expired deliveries again; return their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorMail:
    """How the operator is written to."""

    to: str  #: an address
    sender: Sender
    send: Callable[[Envelope], Awaitable[None]]  #: sends a mail, or raises DeliveryError
    link: Callable[[Edition], str] | None = None  #: returns the address of the page to approve


class ApprovalService:
    """Asks the operator to approve drafts, and carries out decisions and expired deadlines."""

    def __init__(
        self,
        *,
        store: ApprovalStore,
        digests: Mapping[str, Digest],
        clock: Clock,
        wake: Callable[[], None] = lambda: None,
        operator: OperatorMail | None = None,
    ) -> None:
        """``wake`` is called when there may be mail to send; ``operator`` None: nobody is asked."""
        self._store = store
        self._digests = digests
        self._clock = clock
        self._wake = wake
        self._operator = operator
        self._wakeup = WakeUp()
        self._logged: set[int] = set()  # drafts that the log has told of
        self._asked: set[int] = set()  # drafts that the operator was written to about
        self._retry_at: datetime | None = None
        self._backoff = Backoff(first=RETRY_FIRST, longest=RETRY_LAST)

    async def proposal(self, edition_id: int) -> ApprovalRequest | None:
        """Return an edition with all that a decision on it needs; None if unknown.

        Raises StoreError.
        """
        try:
            edition, articles = await asyncio.to_thread(self._store.edition, edition_id)
        except LookupError:
            return None
        digest = self._digests.get(edition.digest)
        return ApprovalRequest(
            edition=edition,
            digest=digest or Digest(name=edition.digest, title=edition.digest),
            configured=digest is not None,
            articles=articles,
            readers=await asyncio.to_thread(self._store.readers, edition.id, edition.digest),
        )

    async def approve(self, edition_id: int) -> bool:
        """Send a draft to all present subscribers.

        Return False if it is no draft, or its digest is not configured. Raises StoreError.
        """
        edition = await self._edition(edition_id)
        digest = self._digests.get(edition.digest) if edition else None
        if edition is None or digest is None:
            return False
        now = self._clock()
        if not await asyncio.to_thread(self._store.approve, edition_id, digest, now):
            return False
        _log.info("edition approved", digest=edition.digest, edition=edition_id)
        self._wake()
        return True

    async def drop(self, edition_id: int) -> bool:
        """Cancel a draft; return False if it is no draft (any more). Raises StoreError."""
        if not await asyncio.to_thread(self._store.drop, edition_id, self._clock()):
            return False
        _log.info("edition dropped", edition=edition_id)
        return True

    async def cancel(self, edition_id: int) -> bool:
        """Drop a draft, or end the deliveries not sent yet; return False if there are none.

        Raises StoreError.
        """
        edition = await self._edition(edition_id)
        if edition is None:
            return False
        if not await asyncio.to_thread(self._store.cancel, edition_id, self._clock()):
            return False
        _log.info("edition cancelled", digest=edition.digest, edition=edition_id)
        self._wake()
        return True

    async def resend(self, edition_id: int) -> int:
        """Queue failed and expired deliveries again; return their number.

        Return 0 if the digest is not configured, since nothing would send them. Raises StoreError.
        """
        edition = await self._edition(edition_id)
        if edition is None or edition.digest not in self._digests:
            return 0
        queued = await asyncio.to_thread(self._store.resend, edition_id, self._clock())
        if queued:
            _log.info("edition sent again", edition=edition_id, deliveries=queued)
            self._wake()
        return queued

    def wake(self) -> None:
        """Make ``run`` look at the drafts at once."""
        self._wakeup.wake()

    def stop(self) -> None:
        """Make ``run`` return once the present draft is handled."""
        self._wakeup.stop()

    async def run(self) -> None:
        """Ask about drafts and keep their deadlines, until stopped.

        Errors of the store, the mail server and the disk are logged, not raised.
        """
        while not self._wakeup.stopped:
            await self._check_drafts()
            await self._wakeup.wait(LOOK_EVERY)

    async def _check_drafts(self) -> None:
        """Handle each draft; one that fails holds up no other."""
        try:
            drafts = await asyncio.to_thread(self._store.drafts)
        except (DigestError, OSError) as error:
            _log.error("drafts out of reach", error=str(error))
            return
        for edition, announced in drafts:
            try:
                await self._decide(edition, announced=announced)
            except (DigestError, OSError) as error:
                _log.error("draft not attended to", edition=edition.id, error=str(error))

    async def _decide(self, edition: Edition, *, announced: bool) -> None:
        """Decide on a draft whose deadline has passed, or ask the operator about it."""
        digest = self._digests.get(edition.digest)
        deadline = decided_at(edition, digest)
        if digest is None or digest.approval is None or deadline is None:
            self._log_once("draft waits for a command: its digest wants no approval", edition)
        elif not announced and self._operator:
            # Its time counts from then: nothing is decided unasked.
            await self._ask(edition, self._operator)
        elif self._clock() >= deadline:
            _log.warning("nobody decided in time", digest=digest.name, edition=edition.id)
            await (self.approve if digest.approval.sends else self.drop)(edition.id)
        elif not announced:
            self._log_once("draft waits for a command: there is no mail.report_to", edition)

    async def _ask(self, edition: Edition, operator: OperatorMail) -> None:
        """Send the mail about a draft to the operator, once; try again later if it fails."""
        now = self._clock()
        if edition.id in self._asked:  # only that could not be written down
            await asyncio.to_thread(self._store.mark_announced, edition.id, now)
            return
        if self._retry_at is not None and now < self._retry_at <= now + timedelta(
            seconds=RETRY_LAST
        ):
            return
        proposal = await self.proposal(edition.id)
        if proposal is None or not proposal.waits:
            return
        proposal = replace(proposal, edition=replace(proposal.edition, announced_at=now))
        link = operator.link(edition) if operator.link else None
        message = approval_message(proposal, operator.sender, operator.to, now, link=link)
        try:
            await operator.send(message)
        except DeliveryDeferred as error:
            self._retry_at = now + timedelta(seconds=self._backoff.failed())
            _log.warning("operator not asked yet", edition=edition.id, error=str(error))
            return
        except DeliveryError as error:
            _log.error("mail to the operator refused", edition=edition.id, error=str(error))
        else:
            _log.info("operator asked to approve", digest=edition.digest, edition=edition.id)
        self._retry_at = None
        self._backoff.succeeded()
        self._asked.add(edition.id)
        await asyncio.to_thread(self._store.mark_announced, edition.id, now)

    def _log_once(self, why: str, edition: Edition) -> None:
        """Log once why a draft waits for a command."""
        if edition.id not in self._logged:
            self._logged.add(edition.id)
            _log.warning(why, digest=edition.digest, edition=edition.id)

    async def _edition(self, edition_id: int) -> Edition | None:
        try:
            edition, _ = await asyncio.to_thread(self._store.edition, edition_id)
        except LookupError:
            return None
        return edition
