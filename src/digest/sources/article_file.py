"""Article files of entries: their paths and their contents."""

# pure
from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime
from typing import Any

import yaml
from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line, publishable_markup
from digest.articles.reading.front_matter_keys import (
    ANNOUNCE_KEY,
    SOURCE_NAME_KEY,
    SOURCE_URL_KEY,
)
from digest.articles.summary import summarize, texts
from digest.sources.model import Entry, FeedDocument, Source
from digest.times import rfc3339

#: Graphemes of a title that is made of an entry's text.
_TITLE = 80
#: Characters and bytes of a title in a file's name, which may have 255 bytes in all.
_NAME, _NAME_BYTES = 60, 200
#: Characters of an id that an article takes (``parse.MAX_IDENTITY``, less the source's name), and
#: of a summary.
_MAX_ID, _MAX_SUMMARY = 900, 4_000
_NO_WORD = re.compile(r"[^\w]+")
#: Where a generator's tag may begin: an entry is what readers of its feed see, and has none.
_TAG = re.compile(r"\{(?=[{%#])|\[(?=/?[A-Za-z])")


def file_path(source: Source, entry: Entry, taken_at: datetime) -> str:
    """Return the path of an entry's file, relative to the folder of sources.

    ``<source>/<year>/<month>/<date>-<words of the title>-<hash of the id>.html``: people find it,
    and no two entries of a source share it. The date is the entry's, else that of ``taken_at``.
    """
    day = entry.published_at or entry.updated_at or taken_at
    words = _NO_WORD.sub("-", unicodedata.normalize("NFC", entry.title)).strip("-_")[:_NAME]
    words = words.encode()[:_NAME_BYTES].decode("utf-8", "ignore").strip("-")
    name = "-".join(filter(None, (f"{day:%Y-%m-%d}", words, entry.key[:12])))
    return f"{source.name}/{day:%Y}/{day:%m}/{name}.html"


def article_file(
    source: Source, entry: Entry, document: FeedDocument, *, taken_at: datetime, announced: bool
) -> bytes:
    """Return the content of an entry's article file, in UTF-8; an entry cannot add keys to it.

    The date is that of the update where there is no other, as in many Atom feeds. None, or one
    after ``taken_at``, when the entry was first taken, counts as that moment: what a feed shows is
    no news of tomorrow. Editions leave out an article that is not ``announced``.
    """
    category = list(source.category or (source.name,))
    text, title = publishable_markup(entry.content or entry.summary), document.title
    text = _TAG.sub(lambda sign: f"&#{ord(sign[0])};", text)
    fields: dict[str, Any] = {
        "id": f"{source.name}:{entry.id if len(entry.id) <= _MAX_ID else entry.key}",
        "title": entry.title
        if one_line(entry.title)
        else next(filter(one_line, (_title(text), title)), source.name),
        "link": entry.link or ("" if source.republish else document.home),
        "date": rfc3339(min(entry.published_at or entry.updated_at or taken_at, taken_at)),
        "updated": rfc3339(min(entry.updated_at, taken_at)) if entry.updated_at else "",
        "authors": list(entry.authors),
        "categories": [
            category,
            *([*category, name] for name in entry.categories if name != category[-1]),
        ],
        "lang": entry.language,
        "summary": _summary(entry, document)[:_MAX_SUMMARY],
        "image": entry.image,
        SOURCE_NAME_KEY: entry.source_title or title or source.name,
        SOURCE_URL_KEY: entry.source_link or document.home,
        ANNOUNCE_KEY: "" if announced else False,
    }
    if entry.attachment:
        fields["enclosure"] = {
            "url": entry.attachment.url,
            "type": entry.attachment.media_type,
            **({"length": entry.attachment.length} if entry.attachment.length else {}),
            **({"duration": entry.attachment.duration} if entry.attachment.duration else {}),
        }
    given = {key: value for key, value in fields.items() if value or value is False}
    front = yaml.safe_dump(given, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{front}---\n{text}\n".encode("utf-8", "replace")


def entry_hash(entry: Entry) -> str:
    """Return a hash (hex) of an entry's content, without its dates."""
    parts = (entry.title, entry.link, *entry.authors, *entry.categories)
    parts += (entry.content, entry.summary, entry.image, repr(entry.attachment))
    return file_hash("\x1f".join(parts).encode("utf-8", "replace"))


def file_hash(content: bytes) -> str:
    """Return 128 bits of BLAKE2b over the bytes of a file, as hex."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _summary(entry: Entry, document: FeedDocument) -> str:
    """Return the plain text of a summary, without the line that WordPress puts below it.

    That leads to the entry and to the site, in the words of any language.
    """
    parser = LexborHTMLParser(entry.summary)
    paragraphs = parser.css("p")
    if len(paragraphs) > 1:
        links = paragraphs[-1].css("a[href]")
        targets = {_page(link.attributes.get("href") or "") for link in links}
        if len(links) == 2 and targets == {_page(entry.link), _page(document.home)}:
            paragraphs[-1].decompose()
    return _plain(parser)


def _page(address: str) -> str:
    return address.partition("?")[0].rstrip("/")


def _plain(parser: LexborHTMLParser) -> str:
    parser.strip_tags(["script", "style"])
    parser.unwrap_tags(["span", "font", "bdi"])
    return one_line(" ".join(texts(parser.body.html or ""))) if parser.body else ""


def _title(markup: str) -> str:
    """Return a title made of a text's first words, else of its first picture's ``alt``."""
    parser = LexborHTMLParser(markup)
    shown = parser.css_first("img[alt]")
    words = _plain(parser) or (shown.attributes.get("alt") or "" if shown else "")
    return summarize(one_line(words), _TITLE)


def own_feed(document: FeedDocument, url: str, site_url: str) -> bool:
    """Return whether a feed, read from ``url``, is the site's own, so that following it would loop.

    Other programs may publish on the site; they mostly name themselves.
    """
    site = site_url.rstrip("/")
    here = any(link == site or link.startswith(f"{site}/") for link in (document.home, url))
    generator = document.generator.casefold()
    return here and (not generator or generator.startswith("digest"))
