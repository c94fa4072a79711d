"""The press: an edition is rendered once per segment and addressed to each of its readers."""

# pure
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b

from markupsafe import escape

from digest.articles.model import Article, CategoryPath
from digest.editions.delivery import Delivery
from digest.editions.model import (
    Contents,
    Digest,
    Edition,
    contents,
    edition_of,
    editions_folder,
    selects,
)
from digest.errors import DigestError
from digest.mail.base64_template import Stencil
from digest.mail.message import Envelope, Packed, Slip, compose
from digest.mail.render import Letter, MailTemplates, Rendition
from digest.mail.transports.model import Sender
from digest.site import Site
from digest.subscribers.model import Subscriber
from digest.subscribers.tokens import UNSUBSCRIBE_PATH, unsubscribe_token

#: Plates that are kept, each about 1.4 times its letter, at most three times that.
_KEPT = 512

#: The places of a letter that differ for each recipient, by the mark's last letter.
_PLACES = {"u": "unsubscribe", "g": "greeting"}

#: Stands where a token would; nobody's, as it has another length.
_NOBODY = "preview"

#: What makes a segment: its categories and its language.
_Segment = tuple[tuple[CategoryPath, ...], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A message that is shown, or sent to be looked at, and belongs to no delivery."""

    letter: Letter  #: as this reader would see it
    envelope: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A rendition ready to print: encoded but for what differs for each recipient."""

    edition: Edition
    segment: _Segment
    rendition: Rendition  #: without its bodies
    html: Stencil
    text: Stencil

    def packed(self, unsubscribe: str, name: str) -> Packed:
        """Return the letter for a recipient."""
        greeting = self.rendition.greet(name)
        return Packed(
            subject=self.rendition.subject,
            language=self.rendition.language,
            html=self.html.filled(
                {"unsubscribe": str(escape(unsubscribe)), "greeting": str(escape(greeting))}
            ),
            text=self.text.filled({"unsubscribe": unsubscribe, "greeting": greeting}),
        )


class NothingToTell(DigestError):
    """An edition holds no article for this reader; the operator may take more articles."""

    def __str__(self) -> str:
        return "no article of this edition is for this reader"


class Press:
    """Makes letters and messages. Touches neither store nor network."""

    def __init__(
        self, *, templates: MailTemplates, site: Site, sender: Sender, token_key: bytes
    ) -> None:
        self._templates = templates
        self._site = site
        self._sender = sender
        self._token_key = token_key
        self._plates: OrderedDict[tuple[Edition, _Segment], Plate] = OrderedDict()

    def envelope(
        self, digest: Digest, edition: Edition, articles: Sequence[Article], delivery: Delivery
    ) -> Envelope:
        """Return a delivery's message: the same bytes at every attempt while articles stay.

        Raises NothingToTell, TemplateError, DeliveryRefused.
        """
        subscriber = delivery.subscriber
        key = edition, _segment(digest, subscriber)
        if key not in self._plates:
            self.keep(self.engrave(digest, edition, articles, subscriber))
        plate = self._plates[key]
        self._plates.move_to_end(key)
        token = unsubscribe_token(self._token_key, subscriber.person, digest.name)
        unsubscribe = self._site.link(UNSUBSCRIBE_PATH + token)
        slip = Slip(
            address=subscriber.address,
            name=subscriber.name,
            digest=digest.name,
            reference=_reference(edition, str(delivery.id)),
            campaign=str(edition.id),
            written_at=delivery.created_at,
            archive=self._site.link(editions_folder(digest.name)),
            unsubscribe=unsubscribe,
        )
        return compose(plate.packed(unsubscribe, subscriber.name), slip, self._sender)

    def has_plate(self, digest: Digest, edition: Edition, reader: Subscriber) -> bool:
        """Tell whether a reader's segment is rendered, so that ``envelope`` takes no time."""
        return (edition, _segment(digest, reader)) in self._plates

    def engrave(
        self, digest: Digest, edition: Edition, articles: Sequence[Article], reader: Subscriber
    ) -> Plate:
        """Return a reader's segment rendered, to be kept. Raises NothingToTell, TemplateError.

        It touches nothing that is kept, so another thread may do it.
        """
        segment = _segment(digest, reader)
        rendition = self._rendered(digest, edition, articles, segment)
        marks = {f"{rendition.seal}{letter}": place for letter, place in _PLACES.items()}
        return Plate(
            edition=edition,
            segment=segment,
            rendition=replace(rendition, html="", text=""),
            html=Stencil(rendition.html, marks),
            text=Stencil(rendition.text, marks),
        )

    def keep(self, plate: Plate) -> None:
        """Keep a plate for ``envelope``, and forget the one that was not used for longest."""
        self._plates[plate.edition, plate.segment] = plate
        if len(self._plates) > _KEPT:
            self._plates.popitem(last=False)

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
    ) -> Preview:
        """Return what an edition of these articles would look like, to anyone or to a subscriber.

        It goes to ``address``, else to the subscriber's, else to the sender's own. Its links to
        unsubscribe lead nowhere, and its fields do not offer to, but ``as_delivered``: then they
        say what a delivery's say. Raises NothingToTell, TemplateError, DeliveryRefused.
        """
        edition = replace(edition_of(digest.name, articles, now), welcome=welcome)
        to = address or (subscriber.address if subscriber else self._sender.address)
        name = subscriber.name if subscriber else ""
        rendition = self._rendered(digest, edition, articles, _segment(digest, subscriber))
        mark = blake2b(to.encode("utf-8"), digest_size=8).hexdigest()
        unsubscribe = self._site.link(UNSUBSCRIBE_PATH + _NOBODY)
        slip = Slip(
            address=to,
            name=name,
            digest=digest.name,
            reference=_reference(edition, f"preview-{mark}"),
            campaign="preview",
            written_at=now,
            archive=self._site.link(editions_folder(digest.name)),
            unsubscribe=unsubscribe if as_delivered else None,
        )
        letter = rendition.letter(unsubscribe=unsubscribe, name=name)
        return Preview(letter=letter, envelope=compose(letter, slip, self._sender))

    def _rendered(
        self, digest: Digest, edition: Edition, articles: Sequence[Article], segment: _Segment
    ) -> Rendition:
        categories, language = segment
        return self._templates.render(
            digest,
            edition,
            _selected(digest, articles, categories),
            language=language,
            postal_address=self._sender.postal_address,
        )

    def forget(self) -> None:
        """Forget all renditions: articles may have changed since."""
        self._plates.clear()


def _segment(digest: Digest, subscriber: Subscriber | None) -> _Segment:
    """Return the segment of a subscriber, or of whoever reads all in the digest's language."""
    if subscriber is None:
        return (), digest.language
    return subscriber.categories, subscriber.language or digest.language


def _selected(
    digest: Digest, articles: Sequence[Article], wanted: tuple[CategoryPath, ...]
) -> Contents:
    """Return what a segment reads: the digest's articles in the segment's categories."""
    own = [article for article in articles if selects(digest.categories, article)]
    selected = contents(own, wanted or digest.categories, digest.max_items)
    if not selected.shown:
        raise NothingToTell
    return selected


def _reference(edition: Edition, mark: str) -> str:
    """Return what no other message has, even where a new database counts from 1 again."""
    due = edition.due_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{edition.digest}.{due}.{edition.id}.{mark}"
