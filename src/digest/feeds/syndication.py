"""RSS 2.0 and Atom 1.0 of a feed, the same bytes for the same articles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import quoteattr

import feedgen.entry
import feedgen.feed
from feedgen.ext.dc import DcEntryExtension, DcExtension
from feedgen.ext.media import MediaEntryExtension, MediaExtension

from digest import __version__
from digest.articles.characters import publishable
from digest.articles.model import Article, ArticleKey, Tombstone
from digest.feeds.archives import ALONE, Mark, Place
from digest.feeds.persons import person
from digest.feeds.plain import as_html, unmistakable
from digest.feeds.rhythm import Syndication, minutes
from digest.feeds.selection import ATOM, MEDIA_TYPES, RSS, Feed, article_link
from digest.feeds.tombstones import Tombstones
from digest.feeds.websub import HubLinks
from digest.site import Site
from digest.times import rfc822

# feedgen's own switches the locale of the whole process at every date, under the feet of every
# other thread.
feedgen.feed.formatRFC2822 = rfc822
feedgen.entry.formatRFC2822 = rfc822

#: Where the stylesheet of raw feeds is published, relative to the site.
STYLESHEET = "assets/feed.css"
#: When a feed without entries was updated: Atom demands a date, and it must not be a clock's.
NEVER = datetime(2000, 1, 1, tzinfo=UTC)

#: What an RSS file is, for whoever finds one (RSS 2.0: docs).
_DOCS = "https://www.rssboard.org/rss-specification"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: A table of our own: the system's differs from machine to machine, and so would the bytes.
_IMAGE_TYPES = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}

_Text = Callable[[str], str]


class Entries:
    """Entries that were built for one feed, kept for others that carry the same articles.

    One is good for feeds of one site that are all full or all summaries, and for one thread: an
    entry's elements move from a feed that was written to the next one.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._kept: dict[tuple[str, ArticleKey], tuple[Article, Any]] = {}

    def take(self, form: str, article: Article, build: Callable[[], Any]) -> Any:
        """Return the article's entry in a format (RSS or ATOM); ``build`` makes one if need be."""
        kept = self._kept.get((form, article.key))
        if kept is not None and kept[0] == article:
            return kept[1]
        entry = build()
        if len(self._kept) >= self._capacity:
            self._kept.clear()
        self._kept[form, article.key] = article, entry
        return entry


def rss(feed: Feed, articles: Sequence[Article], entries: Entries | None = None) -> bytes:
    """Return the feed as RSS 2.0 in UTF-8; entries in the order of ``articles``."""
    return _document(_rss, feed, articles, entries)


def atom(
    feed: Feed,
    articles: Sequence[Article],
    entries: Entries | None = None,
    gone: Sequence[Tombstone] = (),
    place: Place = ALONE,
) -> bytes:
    """Return the feed as Atom 1.0 (RFC 4287) in UTF-8; entries in the order of ``articles``.

    What is ``gone`` is told by tombstones (RFC 6721). ``place`` tells whether it is the current
    document or an archive, and which archives are beside it (RFC 5005).
    """
    return _document(partial(_atom, gone=gone, place=place), feed, articles, entries)


def image_type(url: str) -> str:
    """Return an image's media type by its extension; ``image/jpeg`` where that says nothing."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return _IMAGE_TYPES.get(suffix, "image/jpeg")


def updated_at(articles: Sequence[Article]) -> datetime:
    """Return the newest change among the articles, aware UTC; NEVER where there are none."""
    return max((article.updated_at for article in articles), default=NEVER)


def _document(
    build: Callable[[Feed, Sequence[Article], Entries, _Text], bytes],
    feed: Feed,
    articles: Sequence[Article],
    entries: Entries | None,
) -> bytes:
    try:
        body = build(feed, articles, entries or Entries(), str)
    except ValueError:
        # lxml refuses what XML cannot hold. That is dropped when an article is read, so looking
        # for it beforehand in every text of every feed would be in vain.
        body = build(feed, articles, Entries(), publishable)
    return _prolog(feed.site) + body + b"\n"


def _prolog(site: Site) -> bytes:
    # Without the host, so that it is found under whichever name the feed was opened.
    href = quote(f"{urlsplit(site.url).path}/{STYLESHEET}", safe="/%")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<?xml-stylesheet type="text/css" href={quoteattr(href)}?>\n'
    ).encode()


def _rss(feed: Feed, articles: Sequence[Article], entries: Entries, text: _Text) -> bytes:
    site = feed.site
    title = unmistakable(text(feed.title)) or feed.link()
    generator = _generator(feed, text, title)
    generator.description(as_html(text(feed.title)) or feed.link())
    generator.docs(_DOCS)
    generator.generator(f"Digest {__version__}")
    generator.ttl(minutes(feed.ttl))
    if image := site.logo or site.icon:
        generator.image(url=text(image), title=title, link=feed.link())
    # The last link becomes the channel's <link>.
    generator.link(href=feed.link(RSS), rel="self", type=MEDIA_TYPES[RSS])
    generator.link(href=feed.link(), rel="alternate")
    generator.updated(_seconds(updated_at(articles)))
    if site.email:
        name = text(site.author or site.title)
        generator.managingEditor(f"{text(site.email)} ({name})" if name else text(site.email))
    if not articles:
        generator.register_extension("undated", _Undated)
    generator.register_extension("sy", Syndication)
    generator.sy.every = feed.ttl
    if site.hubs:
        generator.register_extension("hubs", HubLinks, atom=False)
        generator.hubs.hubs = site.hubs
    generator.register_extension("dc", DcExtension)
    generator.register_extension("media", MediaExtension)
    for article in articles:
        item = entries.take(RSS, article, partial(_rss_item, feed, article, text))
        generator.add_entry(item, order="append")
    return bytes(generator.rss_str(xml_declaration=False))


def _rss_item(feed: Feed, article: Article, text: _Text) -> _Entry:
    title, summary = unmistakable(text(article.title)), as_html(text(article.summary))
    item = _entry(feed, article, text, title, summary)
    item.register_extension("dc", DcEntryExtension)
    item.category(
        [
            {"term": unmistakable(text(str(category))), "scheme": feed.taxonomy}
            for category in article.categories
        ]
    )
    item.dc.dc_creator([text(author) for author in article.authors])
    if article.language and article.language != feed.site.language:
        item.dc.dc_language(text(article.language))
    if sound := article.enclosure:  # RSS has place for one
        item.enclosure(text(sound.url), sound.length, sound.media_type)
    elif article.image:
        item.enclosure(text(article.image), 0, image_type(article.image))
    return item


def _atom(
    feed: Feed,
    articles: Sequence[Article],
    entries: Entries,
    text: _Text,
    gone: Sequence[Tombstone],
    place: Place,
) -> bytes:
    site = feed.site
    generator = _generator(feed, text, text(feed.title) or feed.link())
    generator.id(feed.id)
    generator.generator("Digest", version=__version__)
    if site.icon:
        generator.icon(text(site.icon))
    if site.logo:
        generator.logo(text(site.logo))
    generator.link(href=feed.link(place.path(ATOM)), rel="self", type=MEDIA_TYPES[ATOM])
    generator.link(href=feed.link(), rel="alternate", type="text/html")
    for relation, path in place.links(ATOM):
        generator.link(href=feed.link(path), rel=relation, type=MEDIA_TYPES[ATOM])
    for hub in site.hubs if place.number is None else ():
        generator.link(href=hub, rel="hub")
    changed_at = [*map(_distinct, articles), *(_seconds(one.withdrawn_at) for one in gone)]
    generator.updated(max(changed_at, default=NEVER))
    author = person(text(site.author or site.title) or feed.link())
    if site.email:
        author["email"] = text(site.email)
    generator.author(author)
    generator.register_extension("media", MediaExtension)
    if place.number is not None:
        generator.register_extension("archive", Mark)
    if gone:
        generator.register_extension("tombstones", Tombstones)
        generator.tombstones.stand_for(gone)
    for article in articles:
        entry = entries.take(ATOM, article, partial(_atom_entry, feed, article, text))
        generator.add_entry(entry, order="append")
    return bytes(generator.atom_str(xml_declaration=False))


def _atom_entry(feed: Feed, article: Article, text: _Text) -> _Entry:
    entry = _entry(feed, article, text, text(article.title), text(article.summary))
    entry.updated(_distinct(article))
    entry.author([person(text(author)) for author in article.authors])
    entry.category(
        [
            {
                "term": text(category.folder),
                "scheme": feed.taxonomy,
                "label": text(category.name),
            }
            for category in article.categories
        ]
    )
    if article.language and article.language != feed.site.language:
        entry.xml_lang = text(article.language)
    if sound := article.enclosure:
        length = str(sound.length) if sound.length else None
        entry.link(href=text(sound.url), rel="enclosure", type=sound.media_type, length=length)
    if article.image:
        entry.link(href=text(article.image), rel="enclosure", type=image_type(article.image))
    return entry


def _generator(feed: Feed, text: _Text, title: str) -> Any:
    generator = feedgen.feed.FeedGenerator()
    generator.title(title)
    generator.language(text(feed.site.language))
    if feed.site.copyright:
        generator.rights(text(feed.site.copyright))
    return generator


def _entry(feed: Feed, article: Article, text: _Text, title: str, summary: str) -> _Entry:
    """Return an entry with what RSS items and Atom entries have in common."""
    entry = _Entry()
    link = text(article_link(feed.site, article))
    entry.id(text(article.id))
    entry.title(title or link)
    entry.link(href=link, rel="alternate")
    entry.published(_seconds(article.published_at))
    if summary:
        entry.summary(summary)
    if feed.full and article.body:
        entry.content(text(article.body), type="html")
    if article.image:
        image = text(article.image)
        kind = image_type(article.image)
        entry.register_extension("media", MediaEntryExtension)
        entry.media.content(url=image, type=kind, medium="image", group=None)
        entry.media.thumbnail(url=image, group=None)
    return entry


def _distinct(article: Article) -> datetime:
    """Return when an article changed, with its sequence as the fraction of the second.

    Articles of one day's date, or of one scan, changed at the same second, and validators mind
    entries that did (RFC 4287 section 3.3 allows fractions; seconds stay what they are).
    """
    return article.updated_at.replace(microsecond=article.sequence % 1_000_000)


def _seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


class _Undated:
    """Takes feedgen's ``lastBuildDate`` out of an empty channel: RSS needs none."""

    def extend_ns(self) -> dict[str, str]:
        return {}

    def extend_rss(self, feed: Any) -> Any:
        channel = feed[0]
        channel.remove(channel.find("lastBuildDate"))
        return feed


class _Entry(feedgen.entry.FeedEntry):  # type: ignore[misc]  # feedgen has no types
    """An entry that makes its element once, and knows its language."""

    def __init__(self) -> None:
        super().__init__()
        self.xml_lang = ""
        self._element: Any = None

    def rss_entry(self, extensions: bool = True) -> Any:
        if self._element is None:
            self._element = super().rss_entry(extensions)
        return self._element

    def atom_entry(self, extensions: bool = True) -> Any:
        if self._element is None:
            self._element = super().atom_entry(extensions)
            # feedgen writes no more of an entry's links than their address.
            for element, link in zip(self._element.iterfind("link"), self.link(), strict=True):
                element.set("rel", link["rel"])
                for name in ("type", "length"):
                    if link.get(name):
                        element.set(name, link[name])
            if self.xml_lang:
                self._element.set(_XML_LANG, self.xml_lang)
        return self._element
