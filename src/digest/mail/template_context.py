"""What mail templates see: plain text and checked addresses, nothing that could break a mail."""

# pure
from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

from digest.articles.model import Article
from digest.editions.model import Contents, Edition, Section
from digest.mail.phrases import Phrasebook
from digest.mail.text_layout import cut, one_line
from digest.site import Site

#: Columns, so that no single article can fill a mail.
MAX_TITLE, MAX_SUMMARY, MAX_LEAD_SUMMARY, MAX_SOURCE = 200, 200, 400, 60
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
    category: str  #: its category's name, or the mail's word for pinned ones; may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroup:
    """A section as templates see it."""

    title: str  #: the category's own name, or the mail's word for pinned ones and those without
    path: str  #: the names above it; may be empty
    anchor: str  #: what names its place in the mail: a letter and a number
    articles: tuple[Item, ...]
    pinned: bool = False  #: its articles are those that are pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The contents of a rendition: one article that leads, the others by section."""

    lead: Item | None  #: the first pinned article, else the newest; None where there is none
    sections: tuple[ItemGroup, ...]  #: without the lead, and without empty ones


def view(contents: Contents, edition: Edition, words: Phrasebook, site: Site) -> View:
    """Return what a segment's templates show."""
    numbers = count(2)
    first, lead = contents.lead, None
    groups: list[ItemGroup] = []
    for section in contents.sections:
        items: list[Item] = []
        for article in section.articles:
            if article is first:
                lead = _item(1, article, section, edition, words, site)
            else:
                items.append(_item(next(numbers), article, section, edition, words, site))
        if items:
            groups.append(_group(len(groups) + 1, section, tuple(items), words))
    return View(lead=lead, sections=tuple(groups))


def web_address(address: str | None) -> str | None:
    """Return an address that a mail may link to; None where it is no sound absolute http(s) one."""
    if address is None or len(address) > MAX_URL or one_line(address).split() != [address]:
        return None
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and host else None


def _group(place: int, section: Section, items: tuple[Item, ...], words: Phrasebook) -> ItemGroup:
    anchor = f"s{place}"
    above = section.category.parent if section.category else None
    return ItemGroup(
        title=_name(section, words) or words.say("uncategorised"),
        path=cut(one_line(str(above)), MAX_SOURCE) if above else "",
        anchor=anchor,
        articles=items,
        pinned=section.pinned,
    )


def _name(section: Section, words: Phrasebook) -> str:
    """Return what a section is called; empty where its articles have no category."""
    if section.pinned:
        return words.say("pinned")
    return cut(one_line(section.category.name), MAX_SOURCE) if section.category else ""


def _item(
    number: int,
    article: Article,
    section: Section,
    edition: Edition,
    words: Phrasebook,
    site: Site,
) -> Item:
    elsewhere = web_address(article.link)
    authors = words.say("separator").join(article.authors)
    source = authors or (_host(elsewhere) if elsewhere else "")
    told = _name(section, words)
    summary = MAX_LEAD_SUMMARY if number == 1 else MAX_SUMMARY
    return Item(
        number=number,
        title=cut(one_line(article.title), MAX_TITLE),
        summary=cut(one_line(article.summary), summary),
        link=elsewhere or site.link(article.folder),
        image=web_address(article.image),
        date=words.moment(article.published_at, edition.due_at),
        source=cut(one_line(source), MAX_SOURCE) if source != told else "",
        language=article.language or site.language,
        category=told,
    )


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").removeprefix("www.")
