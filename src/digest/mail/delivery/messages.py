"""Messages of a batch: look up editions and subscribers, and compose what is still wanted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

import structlog

from digest.articles.model import Article
from digest.editions.delivery import EXPIRES, Delivery, DeliveryResult, DeliveryState
from digest.editions.model import Digest, Edition
from digest.errors import DeliveryRefused, TemplateError
from digest.mail.composer import Composer, NoArticles
from digest.mail.delivery.attempt import ended
from digest.mail.message import Envelope
from digest.times import Clock

#: Seconds after which it is looked up again whether subscribers are active.
_LOOKUP_HOLDS = 1.0

_log = structlog.get_logger(__name__)


class EditionReader(Protocol):
    """Reads editions. Raises StoreError."""

    def edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        """Return an edition and its articles as they are now, in order of sequence."""


class DeliveryReader(Protocol):
    """Reads deliveries. Raises StoreError."""

    def wanted(self, delivery_ids: Collection[int]) -> set[int]:
        """Return the deliveries whose subscribers are active and whose editions go on."""


class Messages:
    """Composes the messages of claimed deliveries; caches editions until ``forget``."""

    def __init__(
        self,
        *,
        editions: EditionReader,
        deliveries: DeliveryReader,
        composer: Composer,
        digests: Mapping[str, Digest],
        clock: Clock,
        deferred: Callable[[Delivery, str, str], DeliveryResult],
    ) -> None:
        """``deferred`` returns the result of a delivery, of a digest, that is tried again."""
        self._reader = editions
        self._deliveries = deliveries
        self._composer = composer
        self._digests = digests
        self._clock = clock
        self._deferred = deferred
        self._compiling = asyncio.Lock()
        self._editions: dict[int, tuple[Edition, list[Article]]] = {}
        self._looking_up = asyncio.Lock()
        self._uncomposed: set[int] = set()  # deliveries of the batch
        self._looked_up: frozenset[int] = frozenset()  # deliveries
        self._wanted: set[int] = set()  # of those looked up
        self._looked_up_at = 0.0  # seconds, monotonic
        self._logged: set[str] = set()  # template errors

    def begin(self, batch: Iterable[Delivery]) -> None:
        """Begin a batch: its subscribers are looked up together."""
        self._looked_up = frozenset()
        self._uncomposed = {delivery.id for delivery in batch}

    def forget(self) -> None:
        """Empty the caches: articles may have changed."""
        self._editions.clear()
        self._logged.clear()
        self._composer.forget()

    def digest_of(self, delivery: Delivery) -> str | None:
        """Return the name of a delivery's digest; None before its edition was looked up."""
        edition = self._editions.get(delivery.edition_id)
        return edition[0].digest if edition else None

    async def compose(self, delivery: Delivery) -> Envelope | DeliveryResult:
        """Return the message of a delivery, or its result if no message is to be sent."""
        edition, articles = await self._edition(delivery.edition_id)
        digest = self._digests.get(edition.digest)
        if self._clock() > delivery.created_at + (digest.expires if digest else EXPIRES):
            return ended(delivery, DeliveryState.EXPIRED, "too old to be sent")
        if digest is None:
            problem = f"the digest {edition.digest} is not configured"
            return self._deferred(delivery, edition.digest, problem)
        try:
            await self._compile(digest, edition, articles, delivery)
            if not await self._still_wanted(delivery):
                return DeliveryResult(delivery_id=delivery.id, state=DeliveryState.SUPPRESSED)
            return self._composer.envelope(digest, edition, articles, delivery)
        except NoArticles as error:
            return DeliveryResult(
                delivery_id=delivery.id, state=DeliveryState.SUPPRESSED, error=str(error)
            )
        except DeliveryRefused as error:
            return ended(delivery, DeliveryState.FAILED, str(error))
        except TemplateError as error:
            if str(error) not in self._logged:
                self._logged.add(str(error))
                _log.error("template broken, its mails wait", digest=digest.name, error=str(error))
            return self._deferred(delivery, digest.name, str(error))

    async def _edition(self, edition_id: int) -> tuple[Edition, list[Article]]:
        if edition_id not in self._editions:
            async with self._compiling:
                if edition_id not in self._editions:
                    self._editions[edition_id] = await asyncio.to_thread(
                        self._reader.edition, edition_id
                    )
        return self._editions[edition_id]

    async def _compile(
        self, digest: Digest, edition: Edition, articles: list[Article], delivery: Delivery
    ) -> None:
        """Compile the message of a segment in a thread; addressing it takes little time."""
        reader, composer = delivery.subscriber, self._composer
        if composer.has_compiled(digest, edition, reader):
            return
        async with self._compiling:
            if not composer.has_compiled(digest, edition, reader):
                composer.cache(
                    await asyncio.to_thread(composer.compile, digest, edition, articles, reader)
                )

    async def _still_wanted(self, delivery: Delivery) -> bool:
        """Return whether a delivery was still wanted within the last second.

        The whole batch is looked up at once.
        """
        if not self._known(delivery):
            async with self._looking_up:
                if not self._known(delivery):
                    ids = frozenset(self._uncomposed | {delivery.id})
                    now = time.monotonic()
                    self._wanted = await asyncio.to_thread(self._deliveries.wanted, ids)
                    self._looked_up, self._looked_up_at = ids, now
        self._uncomposed.discard(delivery.id)
        return delivery.id in self._wanted

    def _known(self, delivery: Delivery) -> bool:
        fresh = time.monotonic() - self._looked_up_at <= _LOOKUP_HOLDS
        return fresh and delivery.id in self._looked_up
