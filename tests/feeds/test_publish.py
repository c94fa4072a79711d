from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import feedparser
import pytest

from digest.articles.model import Article, CategoryPath, Changes, SafeHtml, Tombstone
from digest.errors import OutputError, StoreError, TemplateError
from digest.feeds.encodings import PACK_FROM, SUFFIXES, is_text, packed, plain_name
from digest.feeds.folder import OutputFolder
from digest.feeds.history import content_tag, held
from digest.feeds.publish import BATCH, Published, Publisher
from digest.feeds.selection import ATOM, JSON, RSS, CategorySummary, Feed
from tests.feeds.samples import NOON, PORTS, SHIPS, SITE, TEA, TRADE, Shelf, article


class PlainPages:
    """Pages that say what they were given."""

    def article(self, article: Article) -> bytes:
        return f"{article.title}\n".encode()

    def feed(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        below = ", ".join(f"{one.path} {one.articles}" for one in categories)
        return f"{feed.title}: {len(articles)}; {below}\n".encode()

    def index(
        self, feed: Feed, articles: Sequence[Article], categories: Sequence[CategorySummary]
    ) -> bytes:
        return b"index " + self.feed(feed, articles, categories)

    def assets(self) -> Mapping[str, bytes]:
        return {"assets/style.css": b"a {}"}


def publisher(
    shelf: Shelf,
    output: Path,
    formats: tuple[str, ...] = (RSS, ATOM, JSON),
    pages: PlainPages | None = None,
) -> Publisher:
    return Publisher(
        source=shelf,
        pages=pages or PlainPages(),
        site=SITE,
        output=output,
        limit=3,
        full=True,
        formats=formats,
    )


def tree(root: Path) -> dict[str, bytes]:
    """Return the published files without their companions."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not (path.name.startswith(".") or plain_name(path.name))
    }


def changes(*articles: Article) -> Changes:
    return Changes(
        articles=frozenset(one.key for one in articles),
        categories=frozenset(
            step for one in articles for own in one.categories for step in own.lineage()
        ),
    )


FEED_FILES = ("rss.xml", "atom.xml", "feed.json", "index.html")


def test_everything_is_written_for_every_level(tmp_path: Path) -> None:
    articles = [article(1), article(2, categories=(TEA,))]
    done = publisher(Shelf(articles), tmp_path).publish_all()
    folders = ["", "商业/", "商业/航运/", "商业/航运/港口 & Docks/", "生活/", "生活/茶/"]
    expected = {"index.html", "assets/style.css", "feeds/opml.xml"}
    expected |= {f"feeds/{folder}{name}" for folder in folders for name in FEED_FILES}
    expected |= {f"articles/{one.key}/index.html" for one in articles}
    assert set(tree(tmp_path)) == expected
    assert done == Published(written=len(expected))
    for name in ("rss.xml", "atom.xml"):
        parsed = feedparser.parse((tmp_path / "feeds/商业/航运" / name).read_bytes())
        assert not parsed.bozo
        assert [entry.id for entry in parsed.entries] == [articles[0].id]
    assert all(unicodedata.is_normalized("NFC", path) for path in tree(tmp_path))


def test_pages_are_told_of_the_categories_right_below(tmp_path: Path) -> None:
    publisher(Shelf([article(1), article(2, categories=(SHIPS,))]), tmp_path).publish_all()
    files = tree(tmp_path)
    assert files["feeds/商业/index.html"].decode().endswith(": 2; 商业 / 航运 2\n")
    assert files["feeds/商业/航运/港口 & Docks/index.html"].decode().endswith(": 1; \n")
    every = ": 2; 商业 2, 商业 / 航运 2, 商业 / 航运 / 港口 & Docks 1\n"
    assert files["feeds/index.html"].decode().endswith(every)
    assert files["index.html"].startswith(b"index ")
    assert files["index.html"].decode().endswith(every)


def test_publishing_twice_writes_nothing(tmp_path: Path) -> None:
    shelf = Shelf(article(number) for number in range(7))
    first = publisher(shelf, tmp_path).publish_all()
    again = publisher(shelf, tmp_path).publish_all()
    assert again == Published(unchanged=first.written)


def test_the_bytes_are_the_same_after_the_folder_was_lost(tmp_path: Path) -> None:
    shelf = Shelf(article(number) for number in range(7))
    publisher(shelf, tmp_path / "a").publish_all()
    publisher(shelf, tmp_path / "b").publish_all()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_publishing_what_changed_leads_to_what_publishing_everything_does(tmp_path: Path) -> None:
    shelf = Shelf(article(number) for number in range(4))
    one = publisher(shelf, tmp_path / "a")
    one.publish_all()
    new = article(9, categories=(TEA, SHIPS))
    changed = replace(article(2), title="后来改的")
    shelf.add(new, changed)
    done = one.publish(changes(new, changed))
    publisher(shelf, tmp_path / "b").publish_all()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert done.removed == 0
    assert done.written > 0


def test_only_what_changes_touch_is_looked_at(tmp_path: Path) -> None:
    shelf = Shelf([article(1), article(2, categories=(TEA,))])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    (tmp_path / "feeds/商业/rss.xml").write_text("untouched")
    new = article(3, categories=(TEA,))
    shelf.add(new)
    done = one.publish(changes(new))
    # its page; root, 生活 and 生活/茶 with four files each; the index; the same OPML
    assert done == Published(written=1 + 3 * 4 + 1, unchanged=1)
    assert (tmp_path / "feeds/商业/rss.xml").read_text() == "untouched"


def test_no_changes_write_nothing(tmp_path: Path) -> None:
    assert publisher(Shelf(), tmp_path).publish(Changes(unchanged=3)) == Published()
    assert tree(tmp_path) == {}


def test_a_page_is_there_before_the_feed_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    move = Path.replace

    def noted(self: Path, target: Path) -> Path:
        order.append(target.relative_to(tmp_path).parts[0])
        return move(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    articles = [article(number) for number in range(20)]
    publisher(Shelf(articles), tmp_path).publish(changes(*articles))
    assert order[:20] == ["articles"] * 20
    assert "articles" not in order[20:]
    assert "feeds" in order[20:]


def test_a_category_that_lost_its_last_article_is_removed(tmp_path: Path) -> None:
    moved = article(1)
    shelf = Shelf([moved, article(2, categories=(TRADE,))])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    (tmp_path / "feeds/商业/航运/note.txt").write_text("mine")
    shelf.add(replace(moved, categories=(TEA,)))
    done = one.publish(
        Changes(
            articles=frozenset({moved.key}),
            categories=frozenset({*PORTS.lineage(), *TEA.lineage()}),
        )
    )
    assert done.removed == 2 * 4
    assert not (tmp_path / "feeds/商业/航运/港口 & Docks").exists()
    assert [path.name for path in (tmp_path / "feeds/商业/航运").iterdir()] == ["note.txt"]
    assert (tmp_path / "feeds/生活/茶/rss.xml").exists()
    assert "港口" not in (tmp_path / "feeds/opml.xml").read_text("utf-8")


def test_atom_feeds_tell_what_was_withdrawn(tmp_path: Path) -> None:
    gone = article(1)
    shelf = Shelf([gone, article(2)])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    del shelf.held[gone.key]
    shelf.gone = [Tombstone(id=gone.id, withdrawn_at=NOON)]
    one.publish(changes(gone))
    root = (tmp_path / "feeds/atom.xml").read_text()
    assert f'deleted-entry ref="{gone.id}"' in root
    assert gone.id not in (tmp_path / "feeds/rss.xml").read_text()
    assert not (tmp_path / gone.folder / "index.html").exists()


def test_the_page_of_an_article_that_is_gone_is_removed(tmp_path: Path) -> None:
    gone = article(1)
    shelf = Shelf([gone, article(2)])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    del shelf.held[gone.key]
    assert one.publish(changes(gone)).removed == 1
    assert not (tmp_path / f"articles/{gone.key}").exists()
    assert gone.id.encode() not in (tmp_path / "feeds/rss.xml").read_bytes()


def test_publishing_everything_removes_leftovers_of_its_own_kinds_only(tmp_path: Path) -> None:
    shelf = Shelf([article(1), article(2, categories=(TEA,))])
    publisher(shelf, tmp_path).publish_all()
    mine = ["robots.txt", "feeds/logo.png", "feeds/生活/茶/notes.txt", "articles/readme.txt",
            "old/index.html", "old/rss.xml"]  # fmt: skip
    for path in mine:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("mine")
    stale = ["articles/gone/index.html", "feeds/old/er/rss.xml", "feeds/生活/茶/.digest-0.tmp",
             ".digest-1.tmp"]  # fmt: skip
    for path in stale:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("stale")
        os.utime(tmp_path / path, (0, 0))
    del shelf.held[article(2).key]
    done = publisher(shelf, tmp_path, formats=(ATOM,)).publish_all()
    left = set(tree(tmp_path))
    assert left.issuperset(mine)
    assert left.isdisjoint(stale)
    assert not any(path.endswith((RSS, JSON)) for path in left - set(mine))
    assert not (tmp_path / "articles/gone").exists()
    assert not (tmp_path / "feeds/old").exists()
    # stale ones; two formats of four feeds; 生活 and 茶 with four files; an article's page
    assert done.removed == len(stale) + 2 * 4 + 2 * 4 + 1
    assert b"atom.xml" in (tmp_path / "feeds/opml.xml").read_bytes()


def test_json_alone_can_be_published(tmp_path: Path) -> None:
    publisher(Shelf([article(1)]), tmp_path, formats=(JSON,)).publish_all()
    assert b"feed.json" in (tmp_path / "feeds/opml.xml").read_bytes()


def test_a_feed_holds_the_newest_up_to_its_limit(tmp_path: Path) -> None:
    shelf = Shelf(article(number) for number in range(10))
    publisher(shelf, tmp_path).publish_all()
    parsed = feedparser.parse((tmp_path / "feeds/atom.xml").read_bytes())
    assert [entry.id for entry in parsed.entries] == [article(n).id for n in (9, 8, 7)]


def test_articles_are_read_in_batches_and_progress_is_told(tmp_path: Path) -> None:
    shelf = Shelf(article(number, categories=(TEA,)) for number in range(BATCH + 20))
    told: list[tuple[int, int]] = []
    publisher(shelf, tmp_path).publish_all(lambda done, total: told.append((done, total)))
    assert shelf.asked == [BATCH, 20]
    total = BATCH + 20 + 3  # feeds: root, 生活, 生活/茶
    assert told[:total] == [(done, total) for done in range(1, total + 1)]
    assert set(told[total:]) == {(total, total)}  # while it is noted what the feeds hold


def test_progress_can_end_the_run(tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publisher(Shelf([article(1), article(2)]), tmp_path).publish_all(stop)
    assert not (tmp_path / "feeds").exists()
    assert not [path for path in tree(tmp_path) if path.endswith(".tmp")]


def test_a_file_that_cannot_be_written_does_not_keep_the_others(tmp_path: Path) -> None:
    articles = [article(1), article(2, categories=(TEA,))]
    shelf = Shelf(articles)
    (tmp_path / "feeds/生活").mkdir(parents=True)
    (tmp_path / "feeds/生活/茶").write_text("a file, not a folder")
    one = publisher(shelf, tmp_path)
    with pytest.raises(OutputError) as caught:
        one.publish_all()
    assert caught.value.path == tmp_path / "feeds/生活/茶/rss.xml"
    assert (tmp_path / "feeds/opml.xml").exists()
    assert (tmp_path / "feeds/商业/rss.xml").exists()
    (tmp_path / "feeds/生活/茶").unlink()
    assert one.publish_all() == Published(written=4, unchanged=len(tree(tmp_path)) - 4)


def test_a_full_disk_is_told_and_mended_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf([article(1)])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    before = tree(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    new = article(2)
    shelf.add(new)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="No space left"):
            one.publish(changes(new))
    assert {path: tree(tmp_path).get(path) for path in before} == before
    assert not [path for path in tree(tmp_path) if path.endswith(".tmp")]
    assert one.publish(changes(new)).written > 0
    assert f"articles/{new.key}/index.html" in tree(tmp_path)


def test_leftovers_that_cannot_be_removed_are_told(tmp_path: Path) -> None:
    shelf = Shelf([article(1)])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    del shelf.held[article(1).key]
    page = tmp_path / f"articles/{article(1).key}/index.html"
    page.unlink()
    (page / "inside").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"index\.html"):
        one.publish(changes(article(1)))
    assert not (tmp_path / "feeds/商业").exists()


class BrokenPages(PlainPages):
    def article(self, article: Article) -> bytes:
        raise TemplateError("web/article.html", 3, "broken")


def test_a_broken_template_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(TemplateError):
        publisher(Shelf([article(1)]), tmp_path, pages=BrokenPages()).publish_all()
    assert set(tree(tmp_path)) <= {"assets/style.css"}


class BrokenShelf(Shelf):
    def newest(self, category: CategoryPath | None, limit: int) -> list[Article]:
        raise StoreError("locked")


def test_a_locked_database_ends_the_run_with_whole_files(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        publisher(BrokenShelf([article(1)]), tmp_path).publish(changes(article(1)))
    assert set(tree(tmp_path)) == {f"articles/{article(1).key}/index.html"}


def long(number: int, body: str = "<p>潮水。</p>") -> Article:
    return replace(article(number), body=SafeHtml(body * 200))


def packed_paths(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if plain_name(path.name)}


def test_everything_of_some_length_is_packed_beside_itself(tmp_path: Path) -> None:
    shelf = Shelf([long(1)])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    for number in (2, 3):
        waiting = [one.unpacked]
        one.pack()
        assert [*waiting, one.unpacked] == [True, False]
        files = tree(tmp_path)
        for path, content in files.items():
            for encoding, suffix in SUFFIXES.items():
                variant = tmp_path / (path + suffix)
                assert variant.exists() is (len(content) >= PACK_FROM and is_text(path)), variant
                if variant.exists():
                    assert variant.read_bytes() == packed(encoding, content)
                    assert variant.stat().st_mtime_ns == (tmp_path / path).stat().st_mtime_ns
        assert len(files["feeds/rss.xml"]) >= PACK_FROM
        shelf.add(long(number))
        one.publish(changes(long(number)))
        assert "feeds/rss.xml.gz" not in packed_paths(tmp_path), "of the feed before"


def test_a_folder_of_before_is_packed_after_the_next_start(tmp_path: Path) -> None:
    shelf = Shelf([long(1)])
    publisher(shelf, tmp_path).publish_all()
    again = publisher(shelf, tmp_path)
    assert not again.unpacked
    assert again.publish_all().written == 0
    again.pack()
    assert "feeds/rss.xml.br" in packed_paths(tmp_path)


def test_packing_stops_for_what_is_urgent_and_goes_on_later(tmp_path: Path) -> None:
    one = publisher(Shelf(long(number) for number in range(9)), tmp_path)
    one.publish_all()
    asked = iter([False, True])
    one.pack(lambda: next(asked))
    assert one.unpacked
    first = packed_paths(tmp_path)
    assert not any(path.startswith("articles") for path in first), "feeds come first"
    one.pack()
    assert packed_paths(tmp_path) > first


def test_packing_waits_for_another_publisher_unless_there_is_something_urgent(
    tmp_path: Path,
) -> None:
    one = publisher(Shelf([long(1)]), tmp_path)
    one.publish_all()
    with OutputFolder(tmp_path).alone(lambda: None):
        asked = iter([False, True])
        one.pack(lambda: next(asked))
    assert one.unpacked
    assert packed_paths(tmp_path) == set()


def test_each_version_of_a_feed_is_in_its_history(tmp_path: Path) -> None:
    shelf = Shelf()
    one = publisher(shelf, tmp_path)
    one.publish_all()
    tags = []
    for number in range(1, 6):
        shelf.add(article(number))
        one.publish(changes(article(number)))
        tags.append(content_tag((tmp_path / "feeds/atom.xml").read_bytes()))
    log = (tmp_path / "feeds/.atom.xml.history").read_bytes()
    found = [held(log, tag) for tag in tags]
    assert [len(marks or ()) for marks in found] == [1, 2, 3, 3, 3]  # at most three in a feed
    one.publish_all()
    assert (tmp_path / "feeds/.atom.xml.history").read_bytes() == log


def test_what_accompanies_a_file_goes_with_it(tmp_path: Path) -> None:
    gone = long(1)
    shelf = Shelf([gone])
    one = publisher(shelf, tmp_path)
    one.publish_all()
    one.pack()
    orphan = tmp_path / "feeds/old/rss.xml.br"
    orphan.parent.mkdir()
    orphan.write_bytes(b"its feed was removed by hand")
    del shelf.held[gone.key]
    one.publish_all()
    one.pack()
    left = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()}
    assert not (tmp_path / "articles" / gone.key).exists()
    assert not any("商业" in parts or "old" in parts for parts in left)


@pytest.mark.parametrize("what", ["pack", "record"])
def test_what_cannot_accompany_a_file_is_told_and_mended_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def full(*_: object) -> None:
        raise OutputError(tmp_path, "No space left on device")

    one = publisher(Shelf([long(1)]), tmp_path)

    def run() -> None:
        one.publish_all()
        one.pack()

    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, what, full)
        with pytest.raises(OutputError, match="No space left"):
            run()
    assert (tmp_path / "feeds/rss.xml").exists()
    assert one.publish_all().written == 0
    one.pack()
    assert (tmp_path / "feeds/rss.xml.gz").exists()
    assert (tmp_path / "feeds/.rss.xml.history").exists()
