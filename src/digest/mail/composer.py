"""Compose messages: render an edition once per segment, then address it to each reader."""

# pure
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from zoneinfo import ZoneInfo

from markupsafe import escape

from digest.articles.model import Article, CategoryPath
from digest.editions.delivery import Delivery
from digest.editions.model import Contents, Digest, Edition, contents, edition_of, selects
from digest.errors import DigestError
from digest.mail.base64_template import Base64Template
from digest.mail.message import EncodedBody, Envelope, MessageFields, compose
from digest.mail.render import MailContent, MailTemplates, RenderedEdition
from digest.mail.text_layout import breakable
from digest.mail.transports.model import Sender
from digest.site import Site
from digest.subscribers.model import Subscriber
from digest.subscribers.tokens import unsubscribe_token
from digest.times import known_zone, local_moment
from digest.urls import UNSUBSCRIBE_PATH, editions_folder

#: Compiled messages that are cached. Each takes 1.4 to 3 times the bytes of its content.
_CACHED = 512

#: The fields of a template that differ for each recipient, by the last letter of their marker.
_FIELDS = {"u": "unsubscribe", "g": "greeting"}

#: Stands in place of a token in previews. No token has this length.
_NO_TOKEN = "preview"  # noqa: S105 - it is none

#: Categories, language and time zone: readers with the same ones get the same content.
_Segment = tuple[tuple[CategoryPath, ...], str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A message that belongs to no delivery, to be shown or sent as a test."""

    content: MailContent  #: as this reader would see it
    envelope: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledMessage:
    """An edition rendered for a segment, in base64 except for what differs per recipient."""

    edition: Edition
    segment: _Segment
    rendered: RenderedEdition  #: without its bodies
    html: Base64Template
    text: Base64Template

    def body(self, unsubscribe: str, name: str) -> EncodedBody:
        """Return the body for a recipient."""
        greeting = self.rendered.greet(name)
        return EncodedBody(
            subject=self.rendered.subject,
            language=self.rendered.language,
            html=self.html.filled(
                {"unsubscribe": str(escape(unsubscribe)), "greeting": str(breakable(greeting))}
            ),
            text=self.text.filled({"unsubscribe": unsubscribe, "greeting": greeting}),
        )


class NoArticles(DigestError):
    """An edition has no article for this reader."""

    def __str__(self) -> str:
        return "no article of this edition is for this reader"


class Composer:
    """Composes messages of editions. Uses neither store nor network."""

    def __init__(
        self, *, templates: MailTemplates, site: Site, sender: Sender, token_key: bytes
    ) -> None:
        self._templates = templates
        self._site = site
        self._sender = sender
        self._token_key = token_key
        self._compiled: OrderedDict[tuple[Edition, _Segment], CompiledMessage] = OrderedDict()

    def envelope(
        self, digest: Digest, edition: Edition, articles: Sequence[Article], delivery: Delivery
    ) -> Envelope:
        """Return a delivery's message: the same bytes at every attempt while articles stay.

        Raises NoArticles, TemplateError, DeliveryRefused.
        """
        subscriber = delivery.subscriber
        key = edition, _segment(digest, subscriber)
        if key not in self._compiled:
            self.cache(self.compile(digest, edition, articles, subscriber))
        compiled = self._compiled[key]
        self._compiled.move_to_end(key)
        token = unsubscribe_token(self._token_key, subscriber.person, digest.name)
        unsubscribe = self._site.link(UNSUBSCRIBE_PATH + token)
        fields = MessageFields(
            address=subscriber.address,
            name=subscriber.name,
            digest=digest.name,
            reference=_reference(edition, str(delivery.id)),
            campaign=str(edition.id),
            written_at=delivery.created_at,
            archive=self._site.link(editions_folder(digest.name)),
            unsubscribe=unsubscribe,
        )
        mailto = "" if self._sender.pages else self._sender.mail_to_unsubscribe(token)
        body = compiled.body(mailto or unsubscribe, subscriber.name)
        return compose(body, fields, self._sender)

    def has_compiled(self, digest: Digest, edition: Edition, reader: Subscriber) -> bool:
        """Return whether a reader's segment is compiled, so that ``envelope`` takes no time."""
        return (edition, _segment(digest, reader)) in self._compiled

    def compile(
        self, digest: Digest, edition: Edition, articles: Sequence[Article], reader: Subscriber
    ) -> CompiledMessage:
        """Return a reader's segment rendered and encoded. Raises NoArticles, TemplateError.

        It does not use the cache, so it may run in another thread.
        """
        segment = _segment(digest, reader)
        rendered = self._rendered(digest, edition, articles, segment)
        markers = {f"{rendered.marker}{letter}": field for letter, field in _FIELDS.items()}
        return CompiledMessage(
            edition=edition,
            segment=segment,
            rendered=replace(rendered, html="", text=""),
            html=Base64Template(rendered.html, markers),
            text=Base64Template(rendered.text, markers),
        )

    def cache(self, compiled: CompiledMessage) -> None:
        """Cache a compiled message for ``envelope`` and drop the least recently used one."""
        self._compiled[compiled.edition, compiled.segment] = compiled
        if len(self._compiled) > _CACHED:
            self._compiled.popitem(last=False)

    def preview(
        self,
        digest: Digest,
        articles: Sequence[Article],
        *,
        subscriber: Subscriber | None = None,
        address: str | None = None,
        now: datetime,
        as_delivered: bool = False,
        welcome: bool = False,
        note: str = "",
    ) -> Preview:
        """Return the message that an edition of these articles would make.

        It goes to ``address``, else to the subscriber's, else to the sender's own. Its link to
        unsubscribe has no token; the List-Unsubscribe fields are left out, except where
        ``as_delivered``. Raises NoArticles, TemplateError, DeliveryRefused.
        """
        edition = replace(edition_of(digest.name, articles, now), welcome=welcome, note=note)
        to = address or (subscriber.address if subscriber else self._sender.address)
        name = subscriber.name if subscriber else ""
        rendered = self._rendered(digest, edition, articles, _segment(digest, subscriber))
        recipient = blake2b(to.encode("utf-8"), digest_size=8).hexdigest()
        unsubscribe = self._site.link(UNSUBSCRIBE_PATH + _NO_TOKEN)
        fields = MessageFields(
            address=to,
            name=name,
            digest=digest.name,
            reference=_reference(edition, f"preview-{recipient}"),
            campaign="preview",
            written_at=now,
            archive=self._site.link(editions_folder(digest.name)),
            unsubscribe=unsubscribe if as_delivered else None,
        )
        content = rendered.content(unsubscribe=unsubscribe, name=name)
        return Preview(content=content, envelope=compose(content, fields, self._sender))

    def _rendered(
        self, digest: Digest, edition: Edition, articles: Sequence[Article], segment: _Segment
    ) -> RenderedEdition:
        categories, language, timezone = segment
        return self._templates.render(
            replace(digest, timezone=timezone),
            _in_zone(edition, digest.timezone, timezone),
            _selected(digest, articles, categories),
            language=language,
            postal_address=self._sender.postal_address,
            pages=self._sender.pages,
        )

    def forget(self) -> None:
        """Empty the cache: articles may have changed."""
        self._compiled.clear()


def _segment(digest: Digest, subscriber: Subscriber | None) -> _Segment:
    """Return a subscriber's segment; without one, all categories in the digest's language."""
    if subscriber is None:
        return (), digest.language, digest.timezone
    own = subscriber.timezone if digest.local else None
    timezone = own if own and known_zone(own) else digest.timezone
    return subscriber.categories, subscriber.language or digest.language, timezone


def _in_zone(edition: Edition, reference: str, timezone: str) -> Edition:
    """Return an edition as due for readers in a time zone.

    A scheduled one comes when their clocks show its hour, one that was made by hand at once.
    """
    if timezone == reference or edition.due_at == edition.created_at:
        return edition
    due_at = local_moment(edition.due_at, ZoneInfo(reference), ZoneInfo(timezone))
    return replace(edition, due_at=due_at)


def _selected(
    digest: Digest, articles: Sequence[Article], wanted: tuple[CategoryPath, ...]
) -> Contents:
    """Return the digest's articles in a segment's categories. Raises NoArticles."""
    own = [article for article in articles if selects(digest.categories, article)]
    selected = contents(own, wanted or digest.categories, digest.max_items)
    if not selected.shown:
        raise NoArticles
    return selected


def _reference(edition: Edition, suffix: str) -> str:
    """Return the left part of a Message-ID, unique even if a new database counts from 1 again."""
    due = edition.due_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{edition.digest}.{due}.{edition.id}.{suffix}"
