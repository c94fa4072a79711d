"""Mails that ask to confirm a subscription or a new address, and notices to the former one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from digest.backoff import Backoff
from digest.editions.model import Digest
from digest.errors import DeliveryDeferred, DeliveryError, DigestError, ServerUnavailable
from digest.mail.message import Envelope
from digest.mail.operator_mail import text_message
from digest.mail.render import MailTemplates
from digest.mail.transports.model import Sender
from digest.subscribers.address import wire_address
from digest.subscribers.signup import Signup
from digest.subscribers.tokens import confirmation_token
from digest.times import Clock
from digest.urls import CONFIRM_PATH
from digest.wakeup import WakeUp

if TYPE_CHECKING:
    from digest.app.wiring import Services

#: Seconds between two looks at the requests where nobody wakes the service.
_LOOK_EVERY = 30.0
#: How long after the server was away all are tried again, at first and at most; seconds.
_RETRY_FIRST, _RETRY_LAST = 30.0, 1_800.0
#: How long after a single mail was not taken it is tried again.
_RETRY_ONE = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class Requests(Protocol):
    """The store of requests. Called in threads; raises StoreError."""

    def waiting(self, now: datetime) -> list[Signup]:
        """Return the requests whose mail is to be sent, oldest first."""

    def mark_sent(self, identifier: str, now: datetime) -> None:
        """Record that the mail of a request was sent, or cannot be."""


class SignupMailer:
    """Sends the mails of requests to subscribe and to change an address, and of notices."""

    def __init__(
        self,
        *,
        requests: Requests,
        templates: MailTemplates,
        digests: Mapping[str, Digest],
        sender: Sender,
        send: Callable[[Envelope], Awaitable[None]],
        link: Callable[[Signup], str],
        clock: Clock,
    ) -> None:
        """``send`` sends a message and raises DeliveryError.

        ``link`` returns the address of the page that confirms a request.
        """
        self._requests = requests
        self._templates = templates
        self._digests = digests
        self._sender = sender
        self._send = send
        self._link = link
        self._clock = clock
        self._wakeup = WakeUp()
        self._backoff = Backoff(first=_RETRY_FIRST, longest=_RETRY_LAST)
        self._sent: set[str] = set()  # whose mail is sent, and could not be marked
        self._retry_at: dict[str, datetime] = {}  # by identifier, of mails that were deferred
        self._last: set[str] = set()  # at whose mail the server went away: sent behind the others

    def wake(self) -> None:
        """Make ``run`` look at the requests at once, unless it waits for a server."""
        self._wakeup.wake()

    def stop(self) -> None:
        """Make ``run`` return once the present mail is sent."""
        self._wakeup.stop()

    async def run(self) -> None:
        """Send the mails of requests until stopped; errors are logged, not raised."""
        while not self._wakeup.stopped:
            try:
                await self._send_waiting()
            except (DigestError, OSError) as error:
                wait = self._backoff.failed()
                _log.error("confirmation mails wait", error=str(error), seconds=wait)
                await self._wakeup.rest(wait)
            else:
                self._backoff.succeeded()
                await self._wakeup.wait(_LOOK_EVERY)

    async def _send_waiting(self) -> None:
        """Send the mails that wait. Raises ServerUnavailable, StoreError, TemplateError.

        A mail at which the server goes away each time holds up no other one.
        """
        requests = await asyncio.to_thread(self._requests.waiting, self._clock())
        waiting = {request.identifier for request in requests}
        self._retry_at = {key: at for key, at in self._retry_at.items() if key in waiting}
        self._last &= waiting
        requests.sort(key=lambda request: request.identifier in self._last)
        answered = False
        for request in requests:
            if self._wakeup.stopped:
                return
            key, now = request.identifier, self._clock()
            if now < self._retry_at.get(key, now):
                continue
            if key not in self._sent:
                try:
                    await self._send_confirmation(request)
                except DeliveryDeferred as error:
                    if isinstance(error, ServerUnavailable) and not (
                        answered and key in self._last
                    ):
                        self._last.add(key)
                        raise
                    # This recipient's: others are not held up.
                    _log.warning("confirmation mail deferred", error=str(error))
                    self._retry_at[key] = now + _RETRY_ONE
                    continue
                self._sent.add(key)
                answered = True
            await asyncio.to_thread(self._requests.mark_sent, key, self._clock())
            self._sent.discard(key)

    async def _send_confirmation(self, request: Signup) -> None:
        """Send a mail; a refusal is logged. Raises DeliveryDeferred, TemplateError."""
        digests = [self._digests[name] for name in request.digests if name in self._digests]
        if not digests and request.person is None:
            _log.warning("request to subscribe dropped: its digest is not configured")
            return
        subject, text = await asyncio.to_thread(
            self._templates.confirmation,
            [] if request.person else [digest.title for digest in digests],
            self._link(request),
            request.language or (digests[0].language if digests else ""),
            digests[0].timezone if digests else None,
            request.expires_at,
            notice=request.notice,
        )
        message = text_message(
            self._sender,
            wire_address(request.address),
            subject=subject,
            text=text,
            reference=f"{request.identifier}.confirm",
            now=self._clock(),
        )
        try:
            await self._send(message)
        except DeliveryDeferred:
            raise
        except DeliveryError as error:
            _log.warning("confirmation mail refused", error=str(error))
        else:
            _log.info("confirmation mail sent")


def make_signup_mailer(
    services: Services, send: Callable[[Envelope], Awaitable[None]]
) -> SignupMailer:
    """Return the service that sends the mails of requests made on the web by ``send``."""

    def link(signup: Signup) -> str:
        token = confirmation_token(services.token_keys[0], signup.identifier, signup.expires_at)
        return services.site.link(f"{CONFIRM_PATH}{token}")

    return SignupMailer(
        requests=services.store.signups,
        templates=services.mail_templates,
        digests=services.digests,
        sender=services.settings.sender(),
        send=send,
        link=link,
        clock=services.clock,
    )
