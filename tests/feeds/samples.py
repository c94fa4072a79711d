"""Articles and a source of them, for the tests of feeds and pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from digest.articles.filters import ArticleFilter, FilterInput, facets_of
from digest.articles.model import (
    Article,
    ArticleId,
    ArticleKey,
    CategoryPath,
    Facet,
    FacetKind,
    SafeHtml,
    Scope,
    Tombstone,
    article_key,
)
from digest.feeds.archive import ALONE, Content, Place
from digest.feeds.formats import FORMATS
from digest.feeds.model import ATOM, JSON, RSS, CategorySummary, FacetSummary, Feed
from digest.feeds.rss_atom import last_change
from digest.feeds.versions import Deltas
from digest.site import Site

NOON = datetime(2024, 5, 20, 12, 0, 7, 250_000, tzinfo=UTC)
TRADE = CategoryPath(("商业",))
SHIPS = CategoryPath(("商业", "航运"))
PORTS = CategoryPath(("商业", "航运", "港口 & Docks"))
TEA = CategoryPath(("生活", "茶"))

SITE = Site(
    title="夜航船 <Night> & Ferry",
    url="https://ferry.example",
    language="zh-CN",
    timezone="Asia/Shanghai",
    author="编辑部",
    email="",
    authority="ferry.example,2024",
)


def article(number: int = 1, **changes: Any) -> Article:
    """Return an article; a higher number is a newer one."""
    identity = f"articles/{number}"
    values: dict[str, Any] = {
        "id": ArticleId(SITE.tag(identity)),
        "key": article_key(identity),
        "sequence": number,
        "title": f"第 {number} 班船 <b> & co",
        "authors": ("林舟", "Ada Whitfield"),
        "categories": (PORTS,),
        "link": f"https://elsewhere.example/ships?n={number}&lang=zh",
        "image": f"https://img.example/{number}.PNG?size=1",
        "language": None,
        "summary": f"从午夜到清晨，吊机的灯一直亮着：{number} < {number + 1}",
        "body": SafeHtml(f"<p>潮水 ]]&gt; &amp; <b>合同</b> {number} ]]></p>"),
        "published_at": NOON + timedelta(minutes=number),
        "updated_at": NOON + timedelta(minutes=number, seconds=30),
    }
    values.update(changes)
    return Article(**values)


class Shelf:
    """An article source in memory."""

    def __init__(self, articles: Iterable[Article] = ()) -> None:
        self.held: dict[ArticleKey, Article] = {}
        self.asked: list[int] = []  #: sizes of the batches of keys
        self.gone: list[Tombstone] = []
        self.filters: tuple[ArticleFilter, ...] = ()
        self.add(*articles)

    def add(self, *articles: Article) -> None:
        self.held.update((one.key, one) for one in articles)

    def categories(self) -> list[CategorySummary]:
        levels = (
            {step for own in one.categories for step in own.lineage()} for one in self.held.values()
        )
        found = Counter(chain.from_iterable(levels))
        return [CategorySummary(path=path, articles=found[path]) for path in sorted(found)]

    def facets(self, kinds: Collection[FacetKind]) -> list[FacetSummary]:
        found = Counter(chain.from_iterable(map(self.facets_of, self.held.values())))
        return [
            FacetSummary(facet=one, articles=found[one])
            for one in sorted(found)
            if one.kind in kinds
        ]

    def facets_of(self, one: Article) -> set[Facet]:
        filter_input = FilterInput(
            title=one.title,
            authors=one.authors,
            categories=one.categories,
            language=one.language,
            body=one.body,
        )
        return facets_of(filter_input, self.filters, SITE.language)

    def newest(self, scope: Scope, limit: int) -> list[Article]:
        inside = [
            one
            for one in self.held.values()
            if scope is None
            or scope in self.facets_of(one)
            or any(step == scope for own in one.categories for step in own.lineage())
        ]
        inside.sort(key=lambda one: (one.published_at, one.sequence), reverse=True)
        return inside[:limit]

    def articles(self, keys: Collection[ArticleKey]) -> list[Article]:
        self.asked.append(len(keys))
        return sorted(
            (self.held[key] for key in keys if key in self.held), key=lambda one: one.sequence
        )

    def article_keys(self) -> list[ArticleKey]:
        return [one.key for one in sorted(self.held.values(), key=lambda one: one.sequence)]

    def tombstones(self, scope: Scope, limit: int) -> list[Tombstone]:
        return self.gone[:limit] if scope is None else []


def document(
    name: str,
    feed: Feed,
    articles: Sequence[Article],
    gone: Sequence[Tombstone] = (),
    place: Place = ALONE,
) -> bytes:
    """Return a document of a feed in the format whose file has this name."""
    content = Content(
        changed_at=last_change((one.updated_at, one.sequence) for one in articles),
        gone=gone,
        place=place,
    )
    entries = [FORMATS[name].entry(feed, article) for article in articles]
    return FORMATS[name].document(feed, entries, content)


def rss(feed: Feed, articles: Sequence[Article]) -> bytes:
    """Return the RSS document of these articles."""
    return document(RSS, feed, articles)


def atom(
    feed: Feed,
    articles: Sequence[Article],
    gone: Sequence[Tombstone] = (),
    place: Place = ALONE,
) -> bytes:
    """Return the Atom document of these articles."""
    return document(ATOM, feed, articles, gone, place)


def json_feed(feed: Feed, articles: Sequence[Article], place: Place = ALONE) -> bytes:
    """Return the JSON Feed of these articles."""
    return document(JSON, feed, articles, place=place)


def held(log: bytes, tag: str) -> frozenset[str] | None:
    """Return what a log of versions knows of the one with this tag."""
    return Deltas(log, b"<x/>").marks(tag)
