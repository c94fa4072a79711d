"""The documents of archives: what is written, where, when, and what is removed."""

from __future__ import annotations

import errno
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import feedparser
import pytest
from lxml import etree

from digest.articles.model import ARCHIVES, ArticleKey, Tombstone, slug
from digest.errors import OutputError
from digest.feeds.archives import NAMESPACE, Entry, Extent, Held, Version, decide
from digest.feeds.publish.publisher import Publisher
from digest.feeds.selection import ATOM, JSON, RSS, Feed
from tests.feeds.samples import NOON, SITE, TEA, TRADE, Shelf, article
from tests.feeds.publish.test_publisher import PlainPages, changes, tree

LIMIT = 3
FH = f"{{{NAMESPACE}}}"
A = "{http://www.w3.org/2005/Atom}"


class ArchiveShelf(Shelf):
    """A source of articles and of archives, in memory."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        self.sets: dict[str, list[frozenset[int]]] = defaultdict(list)
        self.read: list[int] = []  #: numbers of the archives that were asked for

    def close_archives(
        self, feeds: Sequence[Feed], changed: Collection[ArticleKey] | None
    ) -> list[Extent]:
        return [self._close(feed, changed) for feed in feeds]

    def _close(self, feed: Feed, changed: Collection[ArticleKey] | None) -> Extent:
        entries, sets = self.entries[feed.folder], self.sets[feed.folder]
        versions = [
            Version(
                sequence=one.sequence,
                published_at=one.published_at,
                changed_at=one.updated_at,
                gone=False,
            )
            for one in self.newest(feed.scope, 10_000)
        ]
        before, limit = len(sets), feed.limit
        found = decide(versions[:limit][::-1], versions[limit:], entries, limit)
        entries[:] = [one for one in entries if one not in found.stale]
        for held in found.sets:
            sets.append(frozenset(one.sequence for one in held))
            entries += [
                Entry(
                    archive=len(sets), sequence=one.sequence, changed_at=one.changed_at, gone=False
                )
                for one in held
            ]
        ours = {one.sequence for one in self.held.values() if changed and one.key in changed}
        touched = {
            number
            for number, held in enumerate(sets, 1)
            if changed is None or held & ours or number > before
        }
        if len(sets) > before > 0:
            touched.add(before)
        return Extent(newest=len(sets), touched=tuple(sorted(touched)))

    def archived(self, feed: Feed, number: int) -> Held:
        self.read.append(number)
        members = self.sets[feed.folder][number - 1]
        shown = [one for one in self.newest(feed.scope, 10_000) if one.sequence in members]
        ids = {article(number).id for number in members}
        return Held(articles=shown, gone=[one for one in self.gone if one.id in ids])


def publisher(
    shelf: ArchiveShelf,
    output: Path,
    formats: tuple[str, ...] = (RSS, ATOM, JSON),
    *,
    archives: bool = True,
) -> Publisher:
    return Publisher(
        source=shelf,
        pages=PlainPages(),
        site=SITE,
        output=output,
        limit=LIMIT,
        full=True,
        formats=formats,
        archives=shelf if archives else None,
    )


def archives(root: Path) -> set[str]:
    return {path for path in tree(root) if f"/{ARCHIVES}/" in path}


def links(document: bytes) -> dict[str, str]:
    return {
        link.get("rel", ""): link.get("href", "")
        for link in etree.fromstring(document).iterfind(f"{A}link")
    }


def chain(root: Path, folder: str) -> Iterator[bytes]:
    """Yield the Atom documents of a feed as ``prev-archive`` leads from one to the next."""
    address: str | None = SITE.link(f"{folder}{ATOM}")
    where = {SITE.link(path): path for path in tree(root)}
    while address is not None:
        document = (root / where[address]).read_bytes()
        assert links(document)["self"] == address
        yield document
        address = links(document).get("prev-archive")


def test_documents_lead_from_the_current_one_to_the_first_archive(tmp_path: Path) -> None:
    articles = [article(number, categories=(TEA,)) for number in range(1, 9)]
    publisher(ArchiveShelf(articles), tmp_path).publish_all()
    for folder in ("feeds/", "feeds/生活/", "feeds/生活/茶/"):
        current, second, first = chain(tmp_path, folder)
        parsed = [feedparser.parse(document) for document in (current, second, first)]
        assert not any(one.bozo for one in parsed)
        assert [[entry.id for entry in one.entries] for one in parsed] == [
            [article(number).id for number in numbers]
            for numbers in ((8, 7, 6), (6, 5, 4), (3, 2, 1))
        ]
        assert len({one.feed.id for one in parsed}) == 1
        here = SITE.link(folder)
        assert links(current)["prev-archive"] == f"{here}archive.d/2/atom.xml"
        assert "current" not in links(current)
        assert links(second)["current"] == links(first)["current"] == f"{here}atom.xml"
        assert links(first)["next-archive"] == links(second)["self"]
        assert "next-archive" not in links(second)
        assert etree.fromstring(current).find(f"{FH}archive") is None
        for document in (second, first):
            mark = etree.fromstring(document).find(f"{FH}archive")
            assert mark is not None
            assert mark.getnext() is not None, "it stands before the entries"
    assert b"archive" not in (tmp_path / "feeds/rss.xml").read_bytes()


def test_json_feeds_lead_to_older_items(tmp_path: Path) -> None:
    publisher(ArchiveShelf(map(article, range(1, 9))), tmp_path).publish_all()
    found, path = [], "feeds/feed.json"
    while True:
        document = json.loads((tmp_path / path).read_bytes())
        assert document["feed_url"] == SITE.link(path)
        found.append([item["id"] for item in document["items"]])
        if "next_url" not in document:
            break
        path = document["next_url"].removeprefix(SITE.link(""))
    assert found == [
        [article(number).id for number in numbers] for numbers in ((8, 7, 6), (6, 5, 4), (3, 2, 1))
    ]


def test_an_archive_stays_as_it_is_but_for_the_link_to_the_next(tmp_path: Path) -> None:
    shelf = ArchiveShelf(map(article, range(1, 5)))
    one = publisher(shelf, tmp_path)
    one.publish_all()
    path = tmp_path / "feeds/archive.d/1/atom.xml"
    seen = [path.read_bytes()]
    for number in range(5, 15):
        shelf.read.clear()
        shelf.add(article(number))
        one.publish(changes(article(number)))
        if path.read_bytes() != seen[-1]:
            seen.append(path.read_bytes())
        assert len(shelf.read) in (0, 2 * 4), "none, or the new one and the one before, of 4 feeds"
    assert len(seen) == 2
    link = links(seen[1])["next-archive"]
    assert link == SITE.link("feeds/archive.d/2/atom.xml")
    added = f'<link href="{link}" rel="next-archive" type="application/atom+xml"/>'.encode()
    assert seen[1].replace(added, b"").split() == seen[0].split()


def test_a_correction_is_in_its_archive_and_on_the_way_to_it(tmp_path: Path) -> None:
    shelf = ArchiveShelf(map(article, range(1, 9)))
    one = publisher(shelf, tmp_path)
    one.publish_all()
    corrected = replace(article(1), title="改正", updated_at=NOON.replace(hour=20))
    shelf.add(corrected)
    one.publish(changes(corrected))
    holding = [document for document in chain(tmp_path, "feeds/") if "改正".encode() in document]
    assert [links(one)["self"][-10:] for one in holding] == ["3/atom.xml", "1/atom.xml"]
    publisher(shelf, tmp_path / "new").publish_all()
    rest = {path: content for path, content in tree(tmp_path).items() if path[:4] != "new/"}
    assert rest == tree(tmp_path / "new")


def test_a_withdrawn_article_is_a_tombstone_where_it_was(tmp_path: Path) -> None:
    shelf = ArchiveShelf(map(article, range(1, 9)))
    one = publisher(shelf, tmp_path)
    one.publish_all()
    gone = article(1)
    del shelf.held[gone.key]
    shelf.gone = [Tombstone(id=gone.id, withdrawn_at=NOON)]
    one.publish_all()
    first = (tmp_path / "feeds/archive.d/1/atom.xml").read_text("utf-8")
    assert f'deleted-entry ref="{gone.id}"' in first
    assert gone.title not in first
    assert gone.id not in (tmp_path / "feeds/archive.d/1/feed.json").read_text("utf-8")


def test_the_bytes_are_the_same_after_the_folder_was_lost(tmp_path: Path) -> None:
    shelf = ArchiveShelf()
    one = publisher(shelf, tmp_path / "a")
    one.publish_all()
    for number in range(1, 12):
        new = article(number, categories=(TEA if number % 3 else TRADE,))
        shelf.add(new)
        one.publish(changes(new))
    publisher(shelf, tmp_path / "b").publish_all()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert len(archives(tmp_path / "a")) == 14


def test_only_formats_that_are_written_have_archives(tmp_path: Path) -> None:
    shelf = ArchiveShelf(map(article, range(1, 9)))
    publisher(shelf, tmp_path).publish_all()
    assert {path.rpartition("/")[2] for path in archives(tmp_path)} == {ATOM, JSON}
    publisher(shelf, tmp_path, (RSS, JSON)).publish_all()
    assert {path.rpartition("/")[2] for path in archives(tmp_path)} == {JSON}
    publisher(shelf, tmp_path, (RSS,)).publish_all()
    assert not archives(tmp_path)


def test_without_archives_those_that_are_there_are_removed(tmp_path: Path) -> None:
    shelf = ArchiveShelf(map(article, range(1, 9)))
    publisher(shelf, tmp_path).publish_all()
    before = tree(tmp_path)
    publisher(shelf, tmp_path, archives=False).publish_all()
    assert not archives(tmp_path)
    assert not (tmp_path / "feeds" / ARCHIVES).exists()
    assert b"archive" not in (tmp_path / "feeds/atom.xml").read_bytes()
    assert b"next_url" not in (tmp_path / "feeds/feed.json").read_bytes()
    publisher(shelf, tmp_path).publish_all()
    assert tree(tmp_path) == before


def test_documents_of_archives_that_nobody_knows_are_removed(tmp_path: Path) -> None:
    shelf = ArchiveShelf(map(article, range(1, 9)))
    one = publisher(shelf, tmp_path)
    one.publish_all()
    stray = tmp_path / "feeds/archive.d/77/atom.xml"
    stray.parent.mkdir()
    stray.write_text("stray")
    assert one.publish_all().removed == 1
    assert not stray.parent.exists()


def test_a_category_that_comes_back_has_its_archives_again(tmp_path: Path) -> None:
    tea = [article(number, categories=(TEA,)) for number in range(1, 9)]
    shelf = ArchiveShelf([*tea, article(20)])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    before = archives(tmp_path)
    for gone in tea:
        shelf.add(replace(gone, categories=(TRADE,)))
    one.publish(changes(*tea, *shelf.held.values()))
    assert not (tmp_path / "feeds/生活").exists()
    shelf.add(tea[7])
    one.publish(changes(*tea, *shelf.held.values()))
    assert archives(tmp_path) >= before
    assert len(list(chain(tmp_path, "feeds/生活/茶/"))) >= 3


def test_an_archive_is_there_before_the_document_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    move = Path.replace

    def noted(self: Path, target: Path) -> Path:
        path = target.relative_to(tmp_path).as_posix()
        if path.endswith(ATOM) and ARCHIVES not in path:
            folder = path.removesuffix(ATOM)
            assert {f"{folder}archive.d/{n}/atom.xml" for n in (1, 2)} <= {*written}
        written.append(path)
        return move(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    articles = [article(number) for number in range(1, 9)]
    publisher(ArchiveShelf(articles), tmp_path).publish(changes(*articles))
    assert "feeds/atom.xml" in written


def test_feeds_do_not_wait_for_archives_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = ArchiveShelf(map(article, range(1, 9)))
    one = publisher(shelf, tmp_path)
    one.publish_all()
    written: list[str] = []
    move = Path.replace

    def noted(self: Path, target: Path) -> Path:
        written.append(target.relative_to(tmp_path).as_posix())
        return move(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    corrected = replace(article(1), title="改正", updated_at=NOON.replace(hour=20))
    shelf.add(corrected)
    one.publish(changes(corrected))
    order = [f"feeds/{name}/atom.xml" for name in ("archive.d/3", "archive.d/1")]
    assert written.index(order[0]) < written.index("feeds/atom.xml") < written.index(order[1])


def test_an_archive_that_could_not_be_written_is_made_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = ArchiveShelf(map(article, range(1, 5)))
    one = publisher(shelf, tmp_path)
    one.publish_all()
    burst = [article(number) for number in range(5, 12)]
    shelf.add(*burst)
    sync = os.fsync

    def full(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        if target.match(f"{ARCHIVES}/2/*"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            one.publish(changes(*burst))
    assert not (tmp_path / "feeds/archive.d/2/atom.xml").exists()
    one.publish(changes(burst[-1]))  # not of that archive
    assert len(list(chain(tmp_path, "feeds/"))) == 1 + len(shelf.sets["feeds/"])


def test_progress_counts_archives(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    shelf = ArchiveShelf(article(number, categories=(TEA,)) for number in range(1, 9))
    one = publisher(shelf, tmp_path)
    one.publish_all(lambda done, total: told.append((done, total)))
    total = 8 + 3 + 3 * 2  # articles, feeds, two archives of each
    assert told[:total] == [(done, total) for done in range(1, total + 1)]
    assert set(told[total:]) <= {(total, total)}


def test_a_category_cannot_take_the_place_of_archives() -> None:
    assert slug(ARCHIVES) != ARCHIVES
    assert slug(ARCHIVES.upper()) != ARCHIVES.upper()


def test_an_archive_that_was_closed_and_never_written_is_made_later(tmp_path: Path) -> None:
    shelf = ArchiveShelf(article(number, categories=(TEA,)) for number in range(1, 9))
    publisher(shelf, tmp_path).publish_all()
    lost = {path for path in archives(tmp_path) if f"{ARCHIVES}/2/" in path}
    assert lost
    for path in lost:
        (tmp_path / path).unlink()
    new = article(9, categories=(TEA,))
    shelf.add(new)
    publisher(shelf, tmp_path).publish(changes(new))
    assert archives(tmp_path) >= lost
