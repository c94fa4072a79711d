"""Archives of feeds: documents that are rendered when a reader follows ``prev-archive``."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Protocol

from digest.articles.ingest.records import Revision
from digest.articles.model import ARCHIVES, Article, Scope
from digest.feeds.archive import Held, Place
from digest.feeds.formats import FORMATS
from digest.feeds.model import MEDIA_TYPES, Feed
from digest.feeds.publish.documents import FeedDocuments
from digest.web.page import UNLISTED, Missing, Page

#: Seconds for which a client may use what it has: as for the feeds themselves.
_MAX_AGE = 300
#: Where an archive's document is below the folder of its feed.
_ADDRESS = re.compile(rf"(?:(?P<folder>.+)/)?{re.escape(ARCHIVES)}/(?P<number>[1-9][0-9]{{0,8}})")


class ArchiveSource(Protocol):
    """What archives need of the store. Raises StoreError."""

    def of_selection(self, selection: Scope) -> Revision:
        """Return when the articles of a category, a facet or (None) everything changed."""

    def newest_archive(self, feed: Feed) -> int:
        """Return the number of a feed's newest archive; 0 where it has none."""

    def archived(self, feed: Feed, number: int) -> Held:
        """Return what an archive holds, as it is now; what has left the feed is left out."""

    def articles_of(self, sequences: Collection[int]) -> list[Article]:
        """Return the visible articles with these sequences, in any order."""


def archive_address(folder: str) -> tuple[str, int] | None:
    """Return the feed's folder and the number of the archive that a folder is of."""
    match = _ADDRESS.fullmatch(folder)
    return (match["folder"] or "", int(match["number"])) if match else None


def archive_page(
    source: ArchiveSource, feed: Feed, number: int, name: str, max_bytes: int
) -> Page | Missing:
    """Return the document of a feed's archive in the format that the file of this name has.

    It has ``max_bytes`` at most, as a feed has.
    """
    if name not in feed.formats or not FORMATS[name].archived:
        return Missing.UNKNOWN
    newest = source.newest_archive(feed)
    if number > newest:
        return Missing.UNKNOWN
    revision = source.of_selection(feed.scope)
    return Page(
        version=f"{revision.number}.{newest}",
        changed_at=revision.changed_at,
        render=partial(_render, source, feed, number, name, newest, max_bytes),
        media_type=f"{MEDIA_TYPES[name]}; charset=utf-8",
        max_age=_MAX_AGE,
        headers=UNLISTED,
        dated=number < newest,  # the newest one is told of its successor, which is no change
    )


def _render(
    source: ArchiveSource, feed: Feed, number: int, name: str, newest: int, max_bytes: int
) -> bytes:
    documents = FeedDocuments(source.articles_of, max_bytes=max_bytes)
    place = Place(newest=newest, number=number)
    return documents.archive(feed, name, source.archived(feed, number), place)
