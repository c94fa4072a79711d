from __future__ import annotations

import errno
import json
import os
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import feedparser
import pytest
from digest.feeds.writing import Published

from digest.articles.model import Article, Changes, SafeHtml, Scope, Tombstone
from digest.articles.sieve import Criteria, Sieve
from digest.articles.strands import Strand, StrandKind
from digest.errors import OutputError, StoreError, TemplateError
from digest.feeds.encodings import PACK_FROM, SUFFIXES, is_text, packed, plain_name
from digest.feeds.history import content_tag, held
from digest.feeds.plan import CustomFeed, FeedSummary
from digest.feeds.publish.output_folder import OutputFolder
from digest.feeds.publish.publisher import BATCH, Publisher
from digest.feeds.selection import ATOM, JSON, RSS, CategorySummary, Feed
from tests.feeds.samples import NOON, PORTS, SHIPS, SITE, TEA, TRADE, Shelf, article


class PlainPages:
    """Pages that say what they were given."""

    def article(self, article: Article) -> bytes:
        return f"{article.title}\n".encode()

    def feed(
        self,
        feed: Feed,
        articles: Sequence[Article],
        categories: Sequence[CategorySummary],
        others: Sequence[FeedSummary] = (),
    ) -> bytes:
        below = ", ".join(f"{one.path} {one.articles}" for one in categories)
        beside = "".join(f"; {one.feed.title} {one.articles}" for one in others)
        return f"{feed.title}: {len(articles)}; {below}{beside}\n".encode()

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
    **more: Any,
) -> Publisher:
    return Publisher(
        source=shelf,
        pages=pages or PlainPages(),
        site=SITE,
        output=output,
        limit=3,
        full=True,
        formats=formats,
        **more,
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


def test_a_feed_never_names_a_page_that_another_process_did_not_get_to_write(
    tmp_path: Path,
) -> None:
    left, new = article(1), article(2)
    shelf = Shelf([left])
    shelf.add(new)  # the first was stored by a process that ended before it published
    publisher(shelf, tmp_path).publish(changes(new))
    for one in (left, new):
        assert (tmp_path / one.folder / "index.html").exists()


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
    def newest(self, scope: Scope, limit: int) -> list[Article]:
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


def test_each_run_says_which_files_hold_other_bytes(tmp_path: Path) -> None:
    runs: list[Collection[str]] = []
    shelf = Shelf([article(1), article(2, categories=(TEA,))])
    one = publisher(shelf, tmp_path, changed=runs.append)
    one.publish_all()
    assert set(runs.pop()) == set(tree(tmp_path))

    new = article(3, categories=(TEA,))
    shelf.add(new)
    one.publish(changes(new))
    (paths,) = runs
    assert {path for path in paths if not path.endswith(".html")} == {
        f"feeds/{folder}{name}"
        for folder in ("", "生活/", "生活/茶/")
        for name in ("rss.xml", "atom.xml", "feed.json")
    }
    assert len(paths) == len(set(paths))

    one.publish(changes(new))
    one.publish_all()
    assert len(runs) == 1  # nothing changed, nothing to say


def test_a_run_that_fails_says_what_it_did_write(tmp_path: Path) -> None:
    runs: list[Collection[str]] = []
    one = publisher(Shelf([article(1)]), tmp_path, changed=runs.append)
    blocked = tmp_path / "feeds/商业/rss.xml"
    blocked.mkdir(parents=True)
    with pytest.raises(OutputError):
        one.publish_all()
    assert set(runs.pop()) == set(tree(tmp_path))

    def stop(done: int, _total: int) -> None:
        if done:
            raise InterruptedError

    runs.clear()
    shelf = Shelf([article(7)])
    with pytest.raises(InterruptedError):
        publisher(shelf, tmp_path / "b", changed=runs.append).publish_all(stop)
    assert {path for paths in runs for path in paths} == set(tree(tmp_path / "b"))


EVERY_KIND: dict[str, Any] = {"authors": True, "languages": True}
ADA, LIN = Strand(StrandKind.AUTHOR, "Ada Whitfield"), Strand(StrandKind.AUTHOR, "林舟")
CHINESE, ENGLISH = Strand(StrandKind.LANGUAGE, "zh"), Strand(StrandKind.LANGUAGE, "en")
DOCKS = Strand(StrandKind.CUSTOM, "docks")


def woven(shelf: Shelf, *articles: Article) -> Changes:
    strands = frozenset(strand for one in articles for strand in shelf.strands_of(one))
    return replace(changes(*articles), strands=strands)


def feed_ids(output: Path, path: str) -> list[str]:
    return [entry.id for entry in feedparser.parse((output / path).read_bytes()).entries]


def test_every_author_and_every_language_has_feeds(tmp_path: Path) -> None:
    one, two = article(1, authors=("林舟",)), article(2, language="en", authors=("A/B",))
    done = publisher(Shelf([one, two]), tmp_path, **EVERY_KIND).publish_all()
    assert feed_ids(tmp_path, "feeds/@authors/林舟/atom.xml") == [one.id]
    assert feed_ids(tmp_path, "feeds/@authors/A%2FB/rss.xml") == [two.id]
    assert feed_ids(tmp_path, "feeds/@languages/zh/rss.xml") == [one.id]
    assert feed_ids(tmp_path, "feeds/@languages/en/rss.xml") == [two.id]
    named = f"; 中文 · {SITE.title} 1\n"
    assert (tmp_path / "feeds/index.html").read_text("utf-8").endswith(named)
    opml = (tmp_path / "feeds/opml.xml").read_text()
    assert "feeds/%40authors/%E6%9E%97%E8%88%9F/rss.xml" in opml
    assert publisher(Shelf([one, two]), tmp_path, **EVERY_KIND).publish_all() == Published(
        unchanged=done.written
    )
    removed = publisher(Shelf([one, two]), tmp_path).publish_all().removed
    assert removed == 4 * 4
    assert not (tmp_path / "feeds/@authors").exists()


def test_a_site_of_one_language_has_no_feeds_of_languages(tmp_path: Path) -> None:
    publisher(Shelf([article(1)]), tmp_path, **EVERY_KIND).publish_all()
    assert not (tmp_path / "feeds/@languages").exists()


def test_a_feed_of_a_language_is_in_that_language(tmp_path: Path) -> None:
    shelf = Shelf([article(1), article(2, language="en", authors=())])
    publisher(shelf, tmp_path, **EVERY_KIND).publish_all()
    for name in (RSS, ATOM):
        english = feedparser.parse((tmp_path / "feeds/@languages/en" / name).read_bytes())
        assert english.feed.language == "en"
        content = (tmp_path / "feeds/@languages/en" / name).read_bytes()
        assert b"dc:language" not in content
        assert content.count(b"xml:lang") <= 1, "the entries need not say so again"
    assert b"dc:language" in (tmp_path / "feeds/rss.xml").read_bytes()
    own = feedparser.parse((tmp_path / "feeds/@languages/zh" / RSS).read_bytes())
    assert own.feed.language == SITE.language, "its region is known"
    document = json.loads((tmp_path / "feeds/@languages/en" / JSON).read_bytes())
    assert document["language"] == "en"
    assert "language" not in document["items"][0]


def test_feeds_of_languages_come_with_the_second_and_go_with_it(tmp_path: Path) -> None:
    home, away = article(1), article(2, language="en")
    shelf = Shelf([home])
    one = publisher(shelf, tmp_path, **EVERY_KIND)
    one.publish_all()
    shelf.add(away)
    one.publish(woven(shelf, away))
    assert feed_ids(tmp_path, "feeds/@languages/en/rss.xml") == [away.id]
    assert feed_ids(tmp_path, "feeds/@languages/zh/rss.xml") == [home.id], "nothing touched it"
    del shelf.held[away.key]
    one.publish(woven(shelf, away))
    assert not (tmp_path / "feeds/@languages").exists()


def test_changes_rewrite_the_feeds_of_their_strands_and_no_others(tmp_path: Path) -> None:
    shelf = Shelf([article(1, authors=("林舟",)), article(2, authors=("Ada Whitfield",))])
    one = publisher(shelf, tmp_path, **EVERY_KIND)
    one.publish_all()
    (tmp_path / "feeds/@authors/林舟/rss.xml").write_text("untouched")
    new = article(3, authors=("Ada Whitfield",))
    shelf.add(new)
    one.publish(woven(shelf, new))
    assert feed_ids(tmp_path, "feeds/@authors/Ada Whitfield/rss.xml")[0] == new.id
    assert (tmp_path / "feeds/@authors/林舟/rss.xml").read_text() == "untouched"


def test_an_author_without_articles_is_removed_and_listed_no_more(tmp_path: Path) -> None:
    gone = article(1, authors=("林舟",))
    shelf = Shelf([gone, article(2, authors=("Ada Whitfield",))])
    one = publisher(shelf, tmp_path, **EVERY_KIND)
    one.publish_all()
    changed = woven(shelf, gone)
    shelf.add(replace(gone, authors=("Ada Whitfield",)))
    one.publish(replace(changed, strands=changed.strands | {ADA}))
    assert not (tmp_path / "feeds/@authors/林舟").exists()
    assert "林舟" not in (tmp_path / "feeds/opml.xml").read_text()
    assert {one.feed.scope for one in one.feeds()} >= {None, ADA}
    assert LIN not in {one.feed.scope for one in one.feeds()}


def test_strands_without_feeds_are_left_alone(tmp_path: Path) -> None:
    shelf = Shelf([article(1)])
    one = publisher(shelf, tmp_path)
    one.publish(replace(changes(article(1)), strands=frozenset({LIN, CHINESE, DOCKS})))
    assert {path.name for path in (tmp_path / "feeds").iterdir() if path.is_dir()} == {"商业"}


def test_a_feed_of_the_operators_is_written_its_own_way(tmp_path: Path) -> None:
    docks = CustomFeed(name="docks", title="港口", full=False, formats=(ATOM,), limit=2)
    shelf = Shelf(article(number, body=SafeHtml(f"<p>Docks {number}</p>")) for number in range(5))
    shelf.add(article(9, categories=(TEA,), body=SafeHtml("<p>tea</p>")))
    shelf.sieves = (Sieve(name="docks", wanted=Criteria(words=("docks",))),)
    one = publisher(shelf, tmp_path, custom=(docks,))
    one.publish_all()
    folder = tmp_path / "feeds/@custom/docks"
    assert {path.name for path in folder.glob("[!.]*")} == {ATOM, "index.html"}
    assert feed_ids(tmp_path, "feeds/@custom/docks/atom.xml") == [article(4).id, article(3).id]
    parsed = feedparser.parse((folder / ATOM).read_bytes())
    assert parsed.feed.title == "港口"
    assert b"Docks 4" not in (folder / ATOM).read_bytes(), "summaries alone"
    assert b"Docks 4" in (tmp_path / "feeds" / ATOM).read_bytes()
    assert "feeds/%40custom/docks/atom.xml" in (tmp_path / "feeds/opml.xml").read_text()
    assert (tmp_path / "feeds/index.html").read_text().endswith("; 港口 5\n")
    (listed,) = (each for each in one.feeds() if each.feed.scope == DOCKS)
    assert (listed.articles, listed.feed.limit) == (5, 2)


def test_a_feed_of_the_operators_is_there_before_its_first_article(tmp_path: Path) -> None:
    shelf = Shelf()
    publisher(shelf, tmp_path, custom=(CustomFeed(name="docks"),)).publish_all()
    assert feed_ids(tmp_path, "feeds/@custom/docks/rss.xml") == []
    publisher(shelf, tmp_path).publish_all()
    assert not (tmp_path / "feeds/@custom").exists(), "the configuration has it no more"


def test_strands_alone_are_changes_too(tmp_path: Path) -> None:
    shelf = Shelf([article(1)])
    shelf.sieves = (Sieve(name="docks", wanted=Criteria(categories=(PORTS,))),)
    one = publisher(shelf, tmp_path, custom=(CustomFeed(name="docks"),))
    one.publish(Changes(strands=frozenset({DOCKS})))
    assert feed_ids(tmp_path, "feeds/@custom/docks/rss.xml") == [article(1).id]


def test_what_changed_leads_to_what_everything_does_with_strands_too(tmp_path: Path) -> None:
    shelf = Shelf(article(number) for number in range(4))
    shelf.sieves = (Sieve(name="docks", wanted=Criteria(words=("茶",))),)
    plan: dict[str, Any] = {**EVERY_KIND, "custom": (CustomFeed(name="docks"),)}
    one = publisher(shelf, tmp_path / "a", **plan)
    one.publish_all()
    new = article(9, categories=(TEA,), language="en", authors=("某人",), title="茶 tea")
    shelf.add(new)
    one.publish(woven(shelf, new))
    publisher(shelf, tmp_path / "b", **plan).publish_all()
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
