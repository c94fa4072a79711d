"""What mail templates see: plain text and checked addresses, nothing that could break a mail."""

# pure
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from unicodedata import category, normalize
from urllib.parse import urlsplit

from digest.articles.cleaning.images import first_shown, stands_for_articles
from digest.articles.model import Article, CategoryPath
from digest.editions.model import Contents, Edition, Section
from digest.mail.article_body import mail_body, text_lines
from digest.mail.phrases import Phrasebook
from digest.mail.text_layout import cut, one_line
from digest.site import Site

#: Columns, so that no single article can fill a mail.
MAX_TITLE, MAX_SUMMARY, MAX_LEAD_SUMMARY, MAX_SOURCE = 200, 200, 400, 60
#: Characters of a preheader: mail programs show about so many beside the subject.
MIN_PREHEADER, MAX_PREHEADER = 40, 140
#: What a title may end with, and what parts it from the text after it in a summary.
_CLOSING = "»”\"’'）)]】」』"
_STOP = re.compile(r"(?:[.!?…:]+(?=\s|\Z)|[。！？：]+|\s+[·—–-](?=\s)|\s*\Z)\s*")
#: Characters of an address; servers and mail programs begin to fail from here on.
MAX_URL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An article as templates see it. Everything in it is plain text, on one line."""

    number: int  #: 1, 2, 3 … through the mail, the lead first
    title: str
    summary: str
    link: str  #: absolute http(s)
    image: str | None  #: absolute http(s)
    date: str  #: in the digest's zone and the mail's language
    source: str  #: who wrote or published it; empty where unknown, or called as its section is
    language: str  #: BCP 47
    body: str  #: the whole article as safe HTML; empty where the mail has its summary
    paragraphs: tuple[str, ...]  #: the whole article as plain text, in lines; as ``body``
    category: str  #: as its section's label, or the mail's word for pinned ones; may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroup:
    """A section as templates see it."""

    title: str  #: the category's own name, or the mail's word for pinned ones and those without
    label: str  #: the title, with names above it where another section has the same
    path: str  #: the names above it; may be empty
    anchor: str  #: what names its place in the mail: a letter and a number
    articles: tuple[Item, ...]
    pinned: bool = False  #: its articles are those that are pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The contents of a rendered edition: a lead article, and the others by section."""

    lead: Item | None  #: the first pinned article, else the newest; None where there is none
    sections: tuple[ItemGroup, ...]  #: without the lead, and without empty ones


def view(
    contents: Contents, edition: Edition, words: Phrasebook, site: Site, whole: int = 0
) -> View:
    """Return the values for a segment's templates, the first ``whole`` articles with bodies."""
    numbers = count(2)
    first, lead = contents.lead, None
    labels = category_labels(section.category for section in contents.sections if section.category)
    groups: list[ItemGroup] = []
    for section in contents.sections:
        items: list[Item] = []
        for article in section.articles:
            if article is first:
                lead = _item(1, article, section, labels, edition, words, site, whole)
            else:
                items.append(
                    _item(next(numbers), article, section, labels, edition, words, site, whole)
                )
        if items:
            groups.append(_group(len(groups) + 1, section, labels, tuple(items), words))
    return View(lead=lead, sections=tuple(groups))


def web_address(address: str | None) -> str | None:
    """Return an address that a mail may link to; None unless it is absolute http(s) and valid."""
    if address is None or len(address) > MAX_URL or one_line(address).split() != [address]:
        return None
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and host else None


def category_labels(categories: Iterable[CategoryPath]) -> Mapping[CategoryPath, str]:
    """Return the shortest ends of categories' paths that tell them apart, cased or not."""
    named = {path: [cut(one_line(name), MAX_SOURCE) for name in path.names] for path in categories}
    folded = {path: tuple(map(_folded, names)) for path, names in named.items()}
    ends = Counter(
        names[-length:] for names in folded.values() for length in range(1, len(names) + 1)
    )
    labels = {}
    for path, names in named.items():
        length = 1
        while length < len(names) and ends[folded[path][-length:]] > 1:
            length += 1
        labels[path] = " / ".join(names[-length:])
    return labels


def _folded(name: str) -> str:
    return normalize("NFKC", normalize("NFKC", name).casefold())


def preheader(lead: Item | None, sections: Iterable[ItemGroup], more: Iterable[str]) -> str:
    """Return the line that mail programs show beside the subject, of 40 to 140 characters.

    It has titles, the lead's and each section's first, then ``more`` if these are too short.
    """
    firsts = [group.articles[0].title for group in sections]
    line = " · ".join(filter(None, [lead.title if lead else "", *firsts[:3]]))
    for text in filter(None, [lead.summary if lead else "", *more]):
        if len(line) >= MIN_PREHEADER:
            break
        line = f"{line} · {text}" if line else text
    width = MAX_PREHEADER
    while len(short := cut(line, width)) > MAX_PREHEADER:  # marks take characters, no columns
        width -= 10
    return short


def _group(
    place: int,
    section: Section,
    labels: Mapping[CategoryPath, str],
    items: tuple[Item, ...],
    words: Phrasebook,
) -> ItemGroup:
    anchor = f"s{place}"
    above = section.category.parent if section.category else None
    title = _name(section, words) or words.say("uncategorised")
    return ItemGroup(
        title=title,
        label=labels[section.category] if section.category else title,
        path=cut(one_line(str(above)), MAX_SOURCE) if above else "",
        anchor=anchor,
        articles=items,
        pinned=section.pinned,
    )


def _name(section: Section, words: Phrasebook) -> str:
    """Return the name of a section; empty where its articles have no category."""
    if section.pinned:
        return words.say("pinned")
    return cut(one_line(section.category.name), MAX_SOURCE) if section.category else ""


def _item(
    number: int,
    article: Article,
    section: Section,
    labels: Mapping[CategoryPath, str],
    edition: Edition,
    words: Phrasebook,
    site: Site,
    whole: int,
) -> Item:
    elsewhere = web_address(article.link)
    authors = words.say("separator").join(article.authors)
    heading = _name(section, words)
    if (credit := article.credit) and credit.name not in (heading, authors):
        source = words.say("from_source", name=cut(one_line(credit.name), MAX_SOURCE))
        source = f"{authors} · {source}" if authors else source
    else:
        source = authors or (_host(elsewhere) if elsewhere and not credit else "")
    width = MAX_LEAD_SUMMARY if number == 1 else MAX_SUMMARY
    title = one_line(article.title)
    return Item(
        number=number,
        title=cut(title, MAX_TITLE),
        summary=cut(without_title(one_line(article.summary), title), width),
        link=elsewhere or site.link(article.folder),
        image=_image(article),
        date=words.moment(article.published_at, edition.due_at),
        source=cut(one_line(source), MAX_SOURCE) if source != heading else "",
        language=article.language or site.language,
        body=mail_body(article.body) if number <= whole else "",
        paragraphs=tuple(text_lines(article.body)) if number <= whole else (),
        category=labels[section.category] if section.category else heading,
    )


def _image(article: Article) -> str | None:
    """Return an article's picture, or the first one of its text that mail programs show."""
    image = web_address(article.image)
    if image is None or stands_for_articles(image):
        return image
    return web_address(first_shown(article.body))


def without_title(summary: str, title: str) -> str:
    """Return a summary without the title that it repeats or begins with; both on one line.

    Case, spaces, quotation marks and other punctuation make no difference.
    """
    wanted = _letters(title)
    if summary.endswith("…") and wanted.startswith(_letters(summary)):
        return ""
    left = wanted
    for place, char in enumerate(summary, 1):
        letters = _letters(char)
        if not left.startswith(letters):
            break
        left = left.removeprefix(letters)
        if wanted and not left:
            rest = summary[place:].lstrip(_CLOSING)
            stop = _STOP.match(rest)
            return rest[stop.end() :] if stop else summary
    return summary


def _letters(text: str) -> str:
    """Return the letters, digits and symbols of a text, without case."""
    return "".join(char for char in _folded(text) if category(char)[0] in "LNS")


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").removeprefix("www.")
