"""Reading upstream feeds: RSS 0.9x to 2.0, Atom and RDF by feedparser, JSON Feed by ourselves."""

# pure
from __future__ import annotations

import calendar
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

import feedparser
from feedparser.exceptions import CharacterEncodingOverride, NonXMLContentType
from selectolax.lexbor import LexborHTMLParser

from digest.articles.characters import one_line
from digest.articles.cleaning.uris import absolute
from digest.sources.model import Attachment, Entry, FeedDocument, NoFeed

#: Entries of a document that are read; no feed that is alive has more.
MAX_ENTRIES = 20_000
#: Characters of an id or an address, names of an entry.
_MAX_ID, _MAX_NAMES = 2_000, 50
#: Characters of a title or a name: that of the feed is in the file of every entry.
_MAX_LINE = 500
#: Above all sizes and durations that are meant.
_MAX_NUMBER = 10**15
#: Of so many characters beyond ASCII, at most one is broken in a document that is UTF-8.
_SCARS = 4
#: An author as RSS has it.
_MAIL_AND_NAME = re.compile(r"[^\s()]+@[^\s()]+(?:\s*\(([^()]+)\))?")
#: http://web.resource.org/rss/1.0/modules/syndication/
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def read_feed(content: bytes, url: str, media_type: str = "") -> FeedDocument:
    """Return what a feed document says.

    ``url`` resolves relative addresses, ``media_type`` is the ``Content-Type`` that came with the
    document. A document that is broken is read as far as it can be. Raises NoFeed for one that is
    none.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _json_feed(content, url)
    headers = {"content-location": url, "content-type": media_type or "application/xml"}
    if mended := _as_utf8(content):
        content, headers["content-type"] = mended, "application/xml; charset=utf-8"
    # As a stream: feedparser takes text for an address or the name of a file.
    parsed = feedparser.parse(
        BytesIO(content), response_headers=headers, sanitize_html=False, resolve_relative_uris=True
    )
    feed = parsed.feed
    error = parsed.get("bozo_exception")
    # Another encoding or media type than the one told matters to nobody: the document was read.
    harmless = isinstance(error, CharacterEncodingOverride | NonXMLContentType)
    problem = "" if harmless or not parsed.bozo else _short(str(error))
    if not parsed.get("version") and not parsed.entries:
        raise NoFeed(problem or "it is no RSS, Atom, RDF or JSON Feed")
    language = _language(feed.get("language", ""))
    return FeedDocument(
        entries=_distinct(_entry(entry, url, language) for entry in parsed.entries[:MAX_ENTRIES]),
        title=_title(feed),
        home=absolute(feed.get("link", ""), url) or "",
        language=language,
        generator=_short(feed.get("generator")),
        pause=_pause(feed),
        problem=problem,
    )


def _as_utf8(content: bytes) -> bytes:
    """Return a document that is UTF-8, whatever it is declared as; empty for another one.

    A few broken characters are replaced: for them, feedparser would read all others wrongly.
    """
    text = content.decode("utf-8-sig", "replace")
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return text.encode() if beyond and text.count("\ufffd") * _SCARS <= beyond else b""


def _entry(entry: dict[str, Any], url: str, language: str) -> Entry:
    contents = [part for part in entry.get("content", ()) if part.get("value")]
    # An Atom entry may have its text in several types; HTML says the most.
    contents.sort(key=lambda part: "html" not in part.get("type", ""))
    summary = _markup(entry.get("summary_detail") or {"value": entry.get("summary", "")})
    content = _markup(contents[0]) if contents else ""
    link = absolute(_text(entry.get("link")), url) or ""
    said = _text(entry.get("id"))[:_MAX_ID]
    title = _title(entry)
    upstream = entry.get("source") or {}
    return Entry(
        id=said or link or _hash(title, content or summary, _text(entry.get("published"))),
        title=title,
        link=link,
        authors=_authors(entry),
        categories=_names(
            _text(tag.get("label")) or _text(tag.get("term")) for tag in entry.get("tags", ())
        ),
        published_at=_moment(entry.get("published_parsed")) or _moment(entry.get("created_parsed")),
        # Its own get() gives the date of publication where there is no other.
        updated_at=_moment(dict.get(entry, "updated_parsed")),
        language=_language(_text(contents[0].get("language")) if contents else "") or language,
        content=content,
        summary=summary if summary != content else "",
        image=_image(entry, url),
        attachment=_attachment(entry, url),
        source_title=_short(upstream.get("title")),
        source_link=absolute(_text(upstream.get("link")) or _text(upstream.get("href")), url) or "",
    )


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of an entry's authors, without their mail addresses."""
    # feedparser cuts long top-level domains in two.
    if named := _MAIL_AND_NAME.fullmatch(_text(entry.get("author"))):
        return _names([named[1] or ""])
    names = _names(_text(author.get("name")) for author in entry.get("authors", ()))
    return tuple(name for name in names if "@" not in name)


def _distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries by id, each once: the first is the newest in a feed that lists edits."""
    by_id: dict[str, Entry] = {}
    for entry in entries:
        by_id.setdefault(entry.id, entry)
    return tuple(by_id.values())


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _title(said: Mapping[str, Any]) -> str:
    """Return a title as plain text on one line."""
    detail = said.get("title_detail") or {}
    # The detail may be that of a title further inside, such as a picture's.
    value = _text(said.get("title")) or _text(detail.get("value"))
    if "html" in _text(detail.get("type")) or ("<" in value and ">" in value):
        parser = LexborHTMLParser(value)
        parser.strip_tags(["script", "style"])
        value = parser.body.text() if parser.body else ""
    return _short(value)


def _short(value: object) -> str:
    """Return a text as one line of bounded length."""
    return one_line(_text(value)[: 4 * _MAX_LINE])[:_MAX_LINE].rstrip()


def _markup(detail: Mapping[str, Any]) -> str:
    """Return a text construct as HTML."""
    value = _text(detail.get("value"))
    if _text(detail.get("type")) == "text/plain" and not ("<" in value and ">" in value):
        paragraphs = [part.strip() for part in value.split("\n\n") if part.strip()]
        return "".join(
            f"<p>{html.escape(part, quote=False)}</p>".replace("\n", "<br>") for part in paragraphs
        )
    return value


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    names = (_short(text) for text in texts)
    return tuple(dict.fromkeys(name for name in names if name))[:_MAX_NAMES]


def _language(text: str) -> str:
    tag = text.strip().replace("_", "-")
    return tag if 2 <= len(tag) <= 35 and tag.replace("-", "").isalnum() and tag.isascii() else ""


def _moment(parsed: object) -> datetime | None:
    """Return feedparser's time, which is UTC, as a moment; None for one that is no date."""
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _pause(feed: Mapping[str, Any]) -> timedelta | None:
    """Return how long a feed asks not to be asked again."""
    ttl = _text(feed.get("ttl"))
    if ttl.isdecimal():
        return timedelta(minutes=min(int(ttl[:6]), 525_600))
    period = _PERIODS.get(_text(feed.get("sy_updateperiod")).lower())
    if period is None:
        return None
    times = _text(feed.get("sy_updatefrequency"))
    return period / max(int(times[:6]), 1) if times.isdecimal() else period


def _image(entry: Mapping[str, Any], url: str) -> str:
    """Return the picture that an entry names outside its text."""
    named = [_text(picture.get("url")) for picture in entry.get("media_thumbnail", ())]
    for media in (*entry.get("media_content", ()), *entry.get("enclosures", ())):
        kind = _text(media.get("type")) or _text(media.get("medium"))
        if kind.startswith("image"):
            named.append(_text(media.get("url")) or _text(media.get("href")))
    named.append(_text((entry.get("image") or {}).get("href")))
    return next(filter(None, (absolute(address, url) for address in named if address)), "")


def _attachment(entry: Mapping[str, Any], url: str) -> Attachment | None:
    """Return the first recording of an entry."""
    for media in (*entry.get("enclosures", ()), *entry.get("media_content", ())):
        kind = _text(media.get("type"))
        address = absolute(_text(media.get("href")) or _text(media.get("url")), url)
        if address and kind.startswith(("audio/", "video/")):
            length = _text(media.get("length")) or _text(media.get("filesize"))
            return Attachment(
                url=address,
                media_type=kind,
                length=int(length[:15]) if length.isdecimal() else 0,
                duration=_text(entry.get("itunes_duration")),
            )
    return None


def _json_feed(content: bytes, url: str) -> FeedDocument:
    """Return what a JSON Feed says (https://www.jsonfeed.org/version/1.1/)."""
    try:
        feed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoFeed(f"it is no JSON: {error}") from error
    version = _text(feed.get("version")) if isinstance(feed, dict) else ""
    if "jsonfeed.org/version/" not in version:
        raise NoFeed("it is JSON, but no JSON Feed: its version does not say so")
    items = feed.get("items")
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    language = _language(_text(feed.get("language")))
    return FeedDocument(
        entries=_distinct(_item(item, url, language) for item in entries[:MAX_ENTRIES]),
        title=_short(feed.get("title")),
        home=absolute(_text(feed.get("home_page_url")), url) or "",
        language=language,
        generator=_short(feed.get("generator")),
    )


def _item(item: Mapping[str, Any], url: str, language: str) -> Entry:
    said = item.get("id")
    identity = str(said) if isinstance(said, int | float) else _text(said)
    link = absolute(_text(item.get("url")) or _text(item.get("external_url")), url) or ""
    plain = _text(item.get("content_text"))
    content = _text(item.get("content_html")) or _markup({"value": plain, "type": "text/plain"})
    authors = [author for author in _list(item.get("authors")) if isinstance(author, dict)]
    if isinstance(item.get("author"), dict):  # version 1.0
        authors.append(item["author"])
    title = _short(item.get("title"))
    return Entry(
        id=identity[:_MAX_ID] or link or _hash(title, content, _text(item.get("date_published"))),
        title=title,
        link=link,
        authors=_names(_text(author.get("name")) for author in authors),
        categories=_names(_text(tag) for tag in _list(item.get("tags"))),
        published_at=_rfc3339(item.get("date_published")),
        updated_at=_rfc3339(item.get("date_modified")),
        language=_language(_text(item.get("language"))) or language,
        content=_with_absolute_addresses(content, url),
        summary=_markup({"value": _text(item.get("summary")), "type": "text/plain"}),
        image=absolute(_text(item.get("image")) or _text(item.get("banner_image")), url) or "",
        attachment=_item_attachment(item, url),
    )


def _with_absolute_addresses(content: str, url: str) -> str:
    """Return HTML whose relative addresses of links and pictures are absolute."""
    if 'href="' not in content and 'src="' not in content:
        return content
    parser = LexborHTMLParser(content)
    for name in ("href", "src"):
        for node in parser.css(f"[{name}]"):
            try:
                node.attrs[name] = urljoin(url, node.attributes.get(name) or "")
            except ValueError:  # no address at all; cleaning drops it
                continue
    return parser.body.inner_html or "" if parser.body else ""


def _item_attachment(item: Mapping[str, Any], url: str) -> Attachment | None:
    for media in _list(item.get("attachments")):
        if not isinstance(media, dict):
            continue
        address, kind = absolute(_text(media.get("url")), url), _text(media.get("mime_type"))
        if address and kind.startswith(("audio/", "video/")):
            duration = _whole(media.get("duration_in_seconds"))
            return Attachment(
                url=address,
                media_type=kind,
                length=_whole(media.get("size_in_bytes")),
                duration=str(duration) if duration else "",
            )
    return None


def _whole(value: object) -> int:
    """Return a positive number as a whole one; 0 for anything else, NaN and Infinity too."""
    return int(value) if isinstance(value, int | float) and 0 < value < _MAX_NUMBER else 0


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _rfc3339(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _hash(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
