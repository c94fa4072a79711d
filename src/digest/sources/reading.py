"""Read upstream documents: feeds in RSS 0.9x to 2.0, Atom, RDF and JSON Feed; pages of entries."""

# pure
from __future__ import annotations

import calendar
import html
import itertools
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import feedparser
from feedparser.exceptions import CharacterEncodingOverride, NonXMLContentType
from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line
from digest.articles.cleaning.uris import absolute
from digest.articles.reading.dates import parse_date
from digest.articles.reading.decode import (
    CHARACTERS_PER_BROKEN,
    CLEAR,
    SAMPLE,
    decode,
    plausibility,
)
from digest.sources.fields import (
    MAX_ID,
    attachment_of,
    hash_of,
    image_of,
    language_of,
    markup_of,
    names_of,
    persons,
    short,
    text_of,
    title_of,
)
from digest.sources.json_feed import read_json_feed
from digest.sources.model import MAX_ENTRIES, Entry, FeedDocument, NoFeed, distinct

#: An author as RSS has it.
_MAIL_AND_NAME = re.compile(r"[^\s()@]+@[^\s()@]+(?:\s*\(([^()]+)\))?")
_UTC = ZoneInfo("UTC")
#: Descriptions of pictures and recordings beside that of the entry, which feedparser mixes up.
_ADDED = re.compile(rb"<(/?)(media|itunes):(?:description|summary)\b")
#: An ampersand that begins no entity, references to characters by number, and sections that may
#: have either.
_AMPERSAND = re.compile(
    rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<[?!][^>]*+(?:>|\Z)"
    rb"|(?:&#(?:[0-9]++|[xX][0-9A-Fa-f]++);)++|&(?![A-Za-z][A-Za-z0-9]*+;)",
    re.DOTALL,
)
_NUMBER = re.compile(rb"&#(?:0*+([0-9]++)|[xX]0*+([0-9A-Fa-f]++));")
#: Digits of the largest number of a character, in either system, and what stands for a larger one.
_DIGITS, _NO_CHARACTER = 7, 0xFFFD
#: The end of a whole document, and the bytes in which it is.
_END, _END_WITHIN = re.compile(rb"</(?:rss|feed|\w+:RDF|RDF|channel)\s*>", re.IGNORECASE), 1_000
#: A relative reference in HTML, escaped or not.
_RELATIVE = re.compile(
    rb"""\b(?:href|src)=(?:["']|&quot;|&\#34;)(?![a-zA-Z][a-zA-Z0-9+.-]*:|[#/]{2}|\#)"""
)
#: http://web.resource.org/rss/1.0/modules/syndication/
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def read_feed(content: bytes, url: str, media_type: str = "") -> FeedDocument:
    """Return a feed as a document.

    ``url`` resolves relative addresses, ``media_type`` is the ``Content-Type`` that came with the
    document. A broken document is read as far as possible. Raises NoFeed for any other document.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return read_json_feed(content, url)
    if converted := _as_utf8(content, media_type):
        content, media_type = converted, "application/xml; charset=utf-8"
    content = _ADDED.sub(rb"<\1\2:words", _AMPERSAND.sub(_escaped, content.strip()))
    parsed = _parsed(content, url, media_type)
    feed = parsed.feed
    home = absolute(feed.get("link", ""), url) or ""
    if urlsplit(home).netloc not in ("", urlsplit(url).netloc) and _RELATIVE.search(content):
        # It is handed out by another host than the one whose pages its texts refer to.
        url = home
        parsed = _parsed(content, url, media_type)
        feed = parsed.feed
    error = parsed.get("bozo_exception")
    # Another encoding or media type than the one told matters to nobody: the document was read.
    harmless = isinstance(error, CharacterEncodingOverride | NonXMLContentType)
    problem = "" if harmless or not parsed.bozo else short(str(error))
    if not parsed.get("version") and not parsed.entries:
        raise NoFeed(problem or "it is no RSS, Atom, RDF or JSON Feed")
    language = language_of(feed.get("language", ""))
    # RFC 4287 section 4.2.1: those of the feed are those of entries that name none.
    authors = _authors(feed) if text_of(parsed.get("version")).startswith("atom") else ()
    entries = parsed.entries[:MAX_ENTRIES]
    return FeedDocument(
        entries=distinct(_entry(entry, url, language, authors) for entry in entries),
        title=title_of(feed),
        home=home,
        generator=short(feed.get("generator")),
        pause=_pause(feed),
        problem=problem,
        cut_off=bool(problem) and not _END.search(content[-_END_WITHIN:]),
    )


def _parsed(content: bytes, url: str, media_type: str) -> Any:
    headers = {"content-location": url, "content-type": media_type or "application/xml"}
    # As a stream: feedparser takes text for an address or the name of a file.
    return feedparser.parse(
        BytesIO(content), response_headers=headers, sanitize_html=False, resolve_relative_uris=True
    )


def _as_utf8(content: bytes, media_type: str) -> bytes:
    """Return a document in UTF-8, whatever it declares; empty if it is not text.

    A few broken characters are replaced, since they would make feedparser misread all others. The
    server's encoding counts before the document's own, if the text is readable in it.
    """
    text = content.decode("utf-8-sig", "replace")
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    shifted = not beyond and (b"\0" in content or b"\x1b" in content)  # by bytes of ASCII
    if not shifted and text.count("\ufffd") * CHARACTERS_PER_BROKEN <= beyond:
        return text.encode()
    charset = _charset(media_type)
    told = ""
    try:
        told = content.decode(charset or "ascii")
        if plausibility(told[:SAMPLE]) >= CLEAR:
            return told.encode()
    except (LookupError, UnicodeError):
        pass
    try:
        return max(
            told,
            decode(content).text,
            key=lambda text: plausibility(text[:SAMPLE]) if text else -1.0,
        ).encode()
    except ValueError:
        return told.encode("utf-8", "replace")


def _escaped(match: re.Match[bytes]) -> bytes:
    """Return a match with what is no XML mended: a bare ampersand, references to half a character.

    Some programs refer to the halves of UTF-16 of what is beyond 16 bits, such as an emoji, and
    feedparser fails then.
    """
    if match[0] == b"&":
        return b"&amp;"
    return _references(match[0]) if match[0].startswith(b"&#") else match[0]


def _references(text: bytes) -> bytes:
    """Return references to characters by number, two halves of one as one reference."""
    codes = [_code(number) for number in _NUMBER.finditer(text)]
    if not any(0xD800 <= code <= 0xDFFF or code == _NO_CHARACTER for code in codes):
        return text
    halves = "".join(map(chr, codes)).encode("utf-16", "surrogatepass")
    return b"".join(b"&#%d;" % ord(character) for character in halves.decode("utf-16", "replace"))


def _code(number: re.Match[bytes]) -> int:
    digits, base = (number[1], 10) if number[1] else (number[2], 16)
    code = int(digits, base) if len(digits) <= _DIGITS else _NO_CHARACTER
    return code if code <= sys.maxunicode else _NO_CHARACTER


def _entry(entry: dict[str, Any], url: str, language: str, authors: tuple[str, ...]) -> Entry:
    contents = [part for part in entry.get("content", ()) if part.get("value")]
    # An Atom entry may have its text in several types; HTML says the most.
    contents.sort(key=lambda part: "html" not in part.get("type", ""))
    summary = markup_of(entry.get("summary_detail") or {"value": entry.get("summary", "")})
    content = markup_of(contents[0]) if contents else ""
    if not (content or summary):
        words = text_of(entry.get("itunes_words")) or text_of(entry.get("media_words"))
        summary = markup_of({"value": words, "type": "text/plain"})
    link = absolute(text_of(entry.get("link")), url) or ""
    if link:  # notes in a text are on its page
        here, there = (f'href="{html.escape(address)}#' for address in (url, link))
        content, summary = content.replace(here, there), summary.replace(here, there)
    identifier = text_of(entry.get("id"))[:MAX_ID]
    title, attachment = title_of(entry), attachment_of(entry, url)
    upstream = entry.get("source") or {}
    if short(upstream.get("title")) == title:  # forums name the thread
        upstream = {}
    return Entry(
        id=identifier
        or link
        or hash_of(title, content or summary, text_of(entry.get("published")))
        or hash_of(attachment.url if attachment else ""),
        title=title,
        link=link,
        authors=_authors(entry) or authors,
        categories=names_of(
            text_of(tag.get("label")) or text_of(tag.get("term")) for tag in entry.get("tags", ())
        ),
        published_at=_date(entry, "published") or _date(entry, "created"),
        updated_at=_date(entry, "updated"),
        language=language_of(text_of(contents[0].get("language")) if contents else "") or language,
        content=content,
        summary=summary if summary != content else "",
        image=image_of(entry, url),
        attachment=attachment,
        source_title=short(upstream.get("title")),
        source_link=absolute(text_of(upstream.get("link")) or text_of(upstream.get("href")), url)
        or "",
    )


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of an entry's authors, without their mail addresses."""
    # feedparser cuts long top-level domains in two.
    if named := _MAIL_AND_NAME.fullmatch(text_of(entry.get("author"))):
        return names_of([named[1] or ""])
    bylines = (text_of(author.get("name")) for author in entry.get("authors", ()))
    names = names_of(itertools.chain.from_iterable(map(persons, bylines)))
    return tuple(name for name in names if "@" not in name)


def _date(entry: dict[str, Any], name: str) -> datetime | None:
    """Return a date of an entry, read as in article files, else as by feedparser."""
    # Its own get() gives the date of publication where there is no other.
    text = text_of(dict.get(entry, name))
    parsed = parse_date(text, _UTC) if text else None
    return parsed.at if parsed else _moment(dict.get(entry, f"{name}_parsed"))


def _moment(parsed: object) -> datetime | None:
    """Return feedparser's time, which is UTC, as a datetime; None if it is no date."""
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _pause(feed: Mapping[str, Any]) -> timedelta | None:
    """Return the interval for which a feed asks not to be fetched again; None without."""
    ttl = text_of(feed.get("ttl"))
    if ttl.isdecimal():
        return timedelta(minutes=min(int(ttl[:6]), 525_600))
    period = _PERIODS.get(text_of(feed.get("sy_updateperiod")).lower())
    if period is None:
        return None
    times = text_of(feed.get("sy_updatefrequency"))
    return period / max(int(times[:6]), 1) if times.isdecimal() else period


def article_text(content: bytes, url: str, media_type: str, least: str) -> str:
    """Return the article of a page as HTML with absolute addresses, not sanitized.

    Raises NoFeed if it has no more text than ``least``, which is HTML, too: a page that needs
    scripts, a paywall.
    """
    from readability import Document  # it takes megabytes, and most sources want no pages

    text = Document(_decoded(content, media_type), url=url).summary(html_partial=True)
    if _length(text) <= _length(least):
        raise NoFeed("its page says no more than the feed")
    return str(text)


def _decoded(content: bytes, media_type: str) -> str:
    charset = _charset(media_type)
    if charset:
        try:
            return content.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return decode(content).text
    except ValueError as error:
        raise NoFeed(f"its page cannot be read: {error}") from error


def _length(markup: str) -> int:
    body = LexborHTMLParser(markup).body if markup else None
    return len(one_line(body.text(separator=" "))) if body else 0


def _charset(media_type: str) -> str:
    """Return the encoding in a ``Content-Type``; empty if it has none."""
    return media_type.lower().partition("charset=")[2].partition(";")[0].strip("\"' ")
