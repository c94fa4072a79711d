"""RSS 2.0 and Atom 1.0. Deterministic: the same articles give the same bytes."""

# pure
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape, unescape
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import quoteattr

import feedgen.entry
import feedgen.feed
from feedgen.ext.dc import DcEntryExtension, DcExtension
from feedgen.ext.media import MediaEntryExtension, MediaExtension
from lxml import etree

from digest import __version__
from digest.articles.characters import publishable
from digest.articles.cleaning.uris import absolute
from digest.articles.model import Article
from digest.feeds.archive import Content
from digest.feeds.feedgen_extensions import (
    ArchiveMark,
    HubLinks,
    Syndication,
    Tombstones,
    Undated,
    minutes,
)
from digest.feeds.model import ATOM, MEDIA_TYPES, RSS, EntryBytes, Feed, article_link
from digest.site import Site
from digest.times import rfc822
from digest.urls import STYLESHEET

# feedgen's own switches the locale of the whole process at every date, under the feet of every
# other thread.
feedgen.feed.formatRFC2822 = rfc822
feedgen.entry.formatRFC2822 = rfc822

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

#: The roots of documents as feedgen writes them, with the prefixes that entries use.
_MEDIA = "http://search.yahoo.com/mrss/"
_RSS_ROOT: Mapping[str, Any] = {
    "tag": "rss",
    "nsmap": {
        "atom": "http://www.w3.org/2005/Atom",
        "content": "http://purl.org/rss/1.0/modules/content/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "media": _MEDIA,
    },
}
_ATOM_ROOT: Mapping[str, Any] = {"tag": "feed", "nsmap": {"media": _MEDIA}}

#: Invisible, and no letter: what stands behind it is neither a tag nor a reference any more.
WORD_JOINER = "\u2060"
_TAG = re.compile("<(?=[A-Za-z/!?])")
#: Counted, not read: a number of thousands of digits would be an error.
_NUMBER = re.compile("&#(?:[0-9]|[xX][0-9A-Fa-f])")
_REFERENCE = re.compile("&(?=[#A-Za-z])")
_MAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+")

_Text = Callable[[str], str]


def rss_item(feed: Feed, article: Article) -> bytes:
    """Return an article as an item of RSS 2.0 in UTF-8.

    It depends on the article, the site, the feed's language, and whether the feed is full.
    """
    return _serialized(_RSS_ROOT, lambda text: _rss_item(feed, article, text).rss_entry())


def atom_entry(feed: Feed, article: Article) -> bytes:
    """Return an article as an entry of Atom 1.0 (RFC 4287) in UTF-8, like ``rss_item``."""
    return _serialized(_ATOM_ROOT, lambda text: _atom_entry(feed, article, text).atom_entry())


def rss(feed: Feed, items: Sequence[EntryBytes], content: Content) -> bytes:
    """Return the feed as RSS 2.0 in UTF-8, with items of ``rss_item`` in their order."""
    try:
        channel = _rss(feed, content.changed_at, str)
    except ValueError:
        channel = _rss(feed, content.changed_at, publishable)
    return _document(feed.site, channel, items, b"</channel></rss>")


def atom(feed: Feed, entries: Sequence[EntryBytes], content: Content) -> bytes:
    """Return the feed as Atom 1.0 (RFC 4287) in UTF-8, with entries of ``atom_entry``.

    Withdrawn articles are tombstones (RFC 6721); links lead to adjacent archives (RFC 5005).
    """
    try:
        head = _atom(feed, content, str)
    except ValueError:
        head = _atom(feed, content, publishable)
    return _document(feed.site, head, entries, b"</feed>")


def split_rss(document: bytes, full: bool) -> dict[bytes, memoryview]:
    """Return the items of a document of ``rss``, by the tag URIs of their articles.

    With ``full``, only items with a body. Items whose tags are escaped in XML are left out.
    """
    body = b"<content:encoded>" if full else b""
    return _split(document, b"<item>", b"</item>\n", b'<guid isPermaLink="false">', body)


def split_atom(document: bytes, full: bool) -> dict[bytes, memoryview]:
    """Return the entries of a document of ``atom``, like ``split_rss``."""
    return _split(document, b"<entry", b"</entry>\n", b"<id>", b"<content " if full else b"")


def _split(
    document: bytes, start: bytes, end: bytes, mark: bytes, body: bytes
) -> dict[bytes, memoryview]:
    entries = {}
    whole = memoryview(document)
    # What texts say is escaped: no tag stands in them. Nothing is copied but the articles' tags.
    place = document.find(b"\n" + start) + 1
    while (
        place
        and (tag := document.find(mark, place)) >= 0
        and (entry_end := document.find(end, tag)) >= 0
    ):
        tag += len(mark)
        entry_end += len(end) - 1  # without the line break
        if document.find(body, place, entry_end) >= 0:
            entries[document[tag : document.find(b"<", tag)]] = whole[place:entry_end]
        place = entry_end + 1
    return entries


def last_change(changes: Iterable[tuple[datetime, int]]) -> datetime | None:
    """Return the time of the last change of any article, for a feed; None without changes.

    ``changes`` are the moments at which articles changed, aware UTC, with their sequences.
    """
    return max((_distinct(changed_at, sequence) for changed_at, sequence in changes), default=None)


def image_type(url: str) -> str:
    """Return an image's media type by its extension; ``image/jpeg`` for an unknown one."""
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return _IMAGE_TYPES.get(suffix, "image/jpeg")


def unmistakable(text: str) -> str:
    """Return ``text`` in a form that readers show alike as plain text and as HTML.

    Titles of RSS are plain text, but many readers look for markup in them: of ``<b>`` in a title
    about HTML they would show nothing. A word joiner behind the mark keeps them from that; a text
    without such marks stays as it is.
    """
    if "<" in text:
        text = _TAG.sub("<" + WORD_JOINER, text)
    if "&" in text and (_NUMBER.search(text) or unescape(text) != text):
        text = _REFERENCE.sub("&" + WORD_JOINER, text)
    return text


def as_html(text: str) -> str:
    """Return HTML that shows ``text``: descriptions of RSS are HTML."""
    return escape(text, quote=False)


def person(name: str) -> dict[str, str]:
    """Return an author's name, and ``email`` or ``uri`` if the name is an address.

    RFC 4287 section 3.2: an address has elements of its own, and the name is for people.
    """
    if _MAIL.fullmatch(name):
        return {"name": name.partition("@")[0], "email": name}
    if name.lower().startswith(("http://", "https://")) and (address := absolute(name)):
        return {"name": urlsplit(address).hostname or address, "uri": address}
    return {"name": name}


def _serialized(root: Mapping[str, Any], build: Callable[[_Text], etree._Element]) -> bytes:
    """Return an element in UTF-8, without the namespaces that the document's root declares."""
    parent = etree.Element(root["tag"], nsmap=root["nsmap"])
    try:
        parent.append(build(str))
    except ValueError:
        # lxml refuses what XML cannot hold. That is dropped when an article is read, so looking
        # for it beforehand in every text would be in vain.
        parent.append(build(publishable))
    written: bytes = etree.tostring(parent, encoding="UTF-8", xml_declaration=False)
    return written[written.index(b">") + 1 : written.rindex(b"</")]


def _document(site: Site, head: bytes, entries: Sequence[EntryBytes], end: bytes) -> bytes:
    """Return a document: feedgen's output for a feed without entries, and the entries in it."""
    cut = head.rindex(end)
    return b"\n".join((_prolog(site) + head[:cut], *entries, head[cut:], b""))


def _prolog(site: Site) -> bytes:
    # Without the host, so that it is found under whichever name the feed was opened.
    href = quote(f"{urlsplit(site.url).path}/{STYLESHEET}", safe="/%")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<?xml-stylesheet type="text/css" href={quoteattr(href)}?>\n'
    ).encode()


def _rss(feed: Feed, changed_at: datetime | None, text: _Text) -> bytes:
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
    generator.updated(_seconds(changed_at or NEVER))
    if site.email:
        name = text(site.author or site.title)
        generator.managingEditor(f"{text(site.email)} ({name})" if name else text(site.email))
    if changed_at is None:
        generator.register_extension("undated", Undated)
    generator.register_extension("sy", Syndication)
    generator.sy.every = feed.ttl
    if site.hubs:
        generator.register_extension("hubs", HubLinks, atom=False)
        generator.hubs.hubs = site.hubs
    generator.register_extension("dc", DcExtension)
    generator.register_extension("media", MediaExtension)
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


def _atom(feed: Feed, content: Content, text: _Text) -> bytes:
    site, gone, place = feed.site, content.gone, content.place
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
    withdrawals = (_seconds(tombstone.withdrawn_at) for tombstone in gone)
    generator.updated(max([content.changed_at or NEVER, *withdrawals]))
    author = person(text(site.author or site.title) or feed.link())
    if site.email:
        author["email"] = text(site.email)
    generator.author(author)
    generator.register_extension("media", MediaExtension)
    if place.number is not None:
        generator.register_extension("archive", ArchiveMark)
    if gone:
        generator.register_extension("tombstones", Tombstones)
        generator.tombstones.gone = gone
    return bytes(generator.atom_str(xml_declaration=False))


def _atom_entry(feed: Feed, article: Article, text: _Text) -> _Entry:
    entry = _entry(feed, article, text, text(article.title), text(article.summary))
    entry.updated(_distinct(article.updated_at, article.sequence))
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
    if credit := article.credit:
        entry.source(text(credit.url or link), text(credit.name))
    if article.image:
        image = text(article.image)
        kind = image_type(article.image)
        entry.register_extension("media", MediaEntryExtension)
        entry.media.content(url=image, type=kind, medium="image", group=None)
        entry.media.thumbnail(url=image, group=None)
    return entry


def _distinct(changed_at: datetime, sequence: int) -> datetime:
    """Return when an article changed, with its sequence as the fraction of the second.

    Articles of one day's date, or of one scan, changed at the same second, and validators mind
    entries that did (RFC 4287 section 3.3 allows fractions; seconds stay what they are).
    """
    return changed_at.replace(microsecond=sequence % 1_000_000)


def _seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


class _Entry(feedgen.entry.FeedEntry):  # type: ignore[misc]  # feedgen has no types
    """An entry with its language and all of its links."""

    def __init__(self) -> None:
        super().__init__()
        self.xml_lang = ""

    def atom_entry(self, extensions: bool = True) -> Any:
        element = super().atom_entry(extensions)
        # feedgen writes no more of an entry's links than their address.
        for written, link in zip(element.iterfind("link"), self.link(), strict=True):
            written.set("rel", link["rel"])
            for name in ("type", "length"):
                if link.get(name):
                    written.set(name, link[name])
        for source in element.iterfind("source"):
            page = source.find("link")
            page.set("rel", "alternate")
            etree.SubElement(source, "id").text = page.get("href")
        if self.xml_lang:
            element.set(_XML_LANG, self.xml_lang)
        return element
