"""The feed of a digest's editions: Atom 1.0 (RFC 4287), an entry for each edition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import feedgen.feed
from markupsafe import Markup

from digest import __version__
from digest.articles.characters import publishable
from digest.editions.model import Contents, Digest, Edition, edition_folder, editions_folder
from digest.feeds.model import ATOM, MEDIA_TYPES
from digest.feeds.rss_atom import NEVER
from digest.mail.phrases import Phrasebook
from digest.mail.template_context import Item, view
from digest.site import Site
from digest.times import rfc3339

#: Editions in the feed, the newest ones.
MAX_EDITIONS = 20


def edition_feed(
    digest: Digest,
    editions: Sequence[tuple[Edition, Contents]],
    words: Phrasebook,
    site: Site,
) -> bytes:
    """Return the feed in UTF-8, entries in the order of ``editions``; the same for the same."""
    folder = editions_folder(digest.name)
    title = publishable(digest.title) or digest.name
    feed: Any = feedgen.feed.FeedGenerator()
    feed.id(site.tag(folder))
    feed.title(title)
    feed.language(publishable(words.language))
    feed.link(href=site.link(folder + ATOM), rel="self", type=MEDIA_TYPES[ATOM])
    feed.link(href=site.link(folder), rel="alternate", type="text/html")
    feed.updated(max((edition.created_at for edition, _ in editions), default=NEVER))
    feed.author(name=publishable(site.author or site.title) or site.url)
    feed.generator("Digest", version=__version__)
    for edition, contents in editions:
        entry = feed.add_entry(order="append")
        # A new database counts from 1 again; the moment stays the edition's own.
        entry.id(site.tag(f"{folder}{rfc3339(edition.due_at)}"))
        number = words.say("number", number=edition.number)
        entry.title(f"{title} · {number} · {words.date(edition.due_at)}")
        entry.link(href=site.link(edition_folder(digest.name, edition.number)), rel="alternate")
        entry.published(edition.created_at)
        entry.updated(edition.created_at)
        entry.summary(words.say("articles", count=contents.shown + contents.more))
        entry.content(_told(contents, edition, words, site), type="html")
    return bytes(feed.atom_str(pretty=False)) + b"\n"


def _told(contents: Contents, edition: Edition, words: Phrasebook, site: Site) -> str:
    shown = view(contents, edition, words, site)
    groups = [Markup("<p>{}</p>").format(_item(shown.lead))] if shown.lead else []
    for group in shown.sections:
        items = Markup("").join(
            Markup("<li>{}</li>").format(_item(item)) for item in group.articles
        )
        groups.append(Markup("<h3>{}</h3><ul>{}</ul>").format(group.title, items))
    return publishable(str(Markup("").join(groups)))


def _item(item: Item) -> Markup:
    link = Markup('<a href="{}">{}</a>').format(item.link, item.title)
    return link + Markup("<br>{}").format(item.summary) if item.summary else link
