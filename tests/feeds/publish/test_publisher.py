"""What is written when, what ends, and what a folder that is not as it was written becomes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import threading
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import feedparser
import pytest
from structlog.testing import capture_logs

from digest.articles.filters import ArticleFilter, Criteria
from digest.articles.model import CategoryPath, Facet, FacetKind
from digest.errors import OutputError, StoreError
from digest.feeds.catalog import CustomFeed
from digest.feeds.encodings import PACK_FROM, SUFFIXES, packed, plain_name
from digest.feeds.model import ATOM, JSON, PAGE, RSS, Feed
from digest.feeds.publish import output_folder
from digest.feeds.publish import publisher as publisher_module
from digest.feeds.publish.model import Published
from digest.feeds.publish.output_folder import OutputFolder, Written
from digest.feeds.publish.power_loss import process_space
from digest.feeds.publish.publisher import BATCH
from digest.feeds.versions import content_tag
from digest.urls import ARCHIVES
from tests import stores
from tests.defaults import default_feed
from tests.feeds.publish.conftest import Bench, hidden, long_body, tree
from tests.feeds.samples import PORTS, SHIPS, SITE, TEA, TRADE, held

FORMATS = (RSS, ATOM, JSON)
LISTS = {"feeds/opml.xml", "feeds/feed.css"}


def files(*folders: str) -> set[str]:
    return {f"feeds/{folder}{name}" for folder in folders for name in FORMATS}


def names(count: int) -> list[CategoryPath]:
    return [CategoryPath((f"分类 {number}",)) for number in range(count)]


# What is written


def test_every_level_has_a_feed_in_every_format(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    done = bench.build()
    folders = ["", "商业/", "商业/航运/", "商业/航运/港口 & Docks/", "生活/", "生活/茶/"]
    expected = files(*folders) | LISTS
    assert set(tree(bench.output)) == expected
    assert done == Published(written=len(expected))
    for name in (RSS, ATOM):
        assert bench.ids(f"feeds/商业/航运/{name}") == [1]
    assert all(unicodedata.is_normalized("NFC", path) for path in tree(bench.output))
    assert (bench.output / "feeds/feed.css").read_bytes() == b"feed {}"


#: The first part of every address that is no feed's.
ROUTES = (
    "articles",
    "archives",
    "digests",
    "approve",
    "unsubscribe",
    "assets",
    "status",
    "healthz",
    "readyz",
)


@pytest.mark.full_speed
def test_no_category_or_author_takes_the_place_of_a_file(bench: Bench) -> None:
    bench.take(1, body=long_body(1))
    bench.build(authors=True)
    written = {
        part for path in bench.output.rglob("*") for part in path.relative_to(bench.output).parts
    } - {*PORTS.names, "林舟"}
    assert {"rss.xml", "rss.xml.br", "rss.xml.gz", "feeds", "opml.xml", "feed.css"} <= written
    later = {f"{name}{suffix}" for name in written for suffix in (".br", ".zst", ".dcz")}
    taken = sorted({*written, *later, *ROUTES, ARCHIVES, PAGE, f"{ARCHIVES}.br", "RSS.XML.br"})
    for number, name in enumerate(taken, 2):
        bench.take(number, categories=(CategoryPath((name, name)),), authors=(name,))
    bench.build(authors=True)
    for number, name in enumerate(taken, 2):
        for feed in (
            default_feed(site=SITE, category=CategoryPath((name,))),
            default_feed(site=SITE, category=CategoryPath((name, name))),
            default_feed(site=SITE, facet=Facet(FacetKind.AUTHOR, name)),
        ):
            assert bench.ids(feed.folder + ATOM) == [number], feed.folder
    assert bench.ids("feeds/rss.xml")[0] == len(taken) + 1
    assert tree(bench.output) == bench.fresh(authors=True)


def test_feeds_over_the_limit_are_not_written_and_that_is_told(bench: Bench) -> None:
    for number, name in enumerate(names(4), 1):
        bench.take(number, categories=(name,))
    with capture_logs() as logs:
        publisher = bench.publisher(max_feeds=3, fingerprint="few")
        bench.publish(publisher)
        bench.take(5, categories=(CategoryPath(("分类 5",)),))
        bench.publish(publisher)
    assert {path for path in tree(bench.output) if path.endswith(RSS)} == {
        "feeds/rss.xml",
        "feeds/分类 0/rss.xml",
        "feeds/分类 1/rss.xml",
    }
    assert bench.ids("feeds/rss.xml") == [5, 4, 3]
    assert [one["left_out"] for one in logs if one["event"].startswith("too many feeds")] == [2, 1]
    assert "%203" not in (bench.output / "feeds/opml.xml").read_text()
    assert bench.failures() == {"feeds": "3 feeds more than max_feeds (3)"}
    bench.withdraw(1, 2)
    bench.publish(publisher)
    bench.take(6, categories=(CategoryPath(("分类 5",)),))
    bench.publish(publisher)
    assert bench.ids("feeds/分类 5/rss.xml") == [6, 5]
    assert "%205" in (bench.output / "feeds/opml.xml").read_text()


def test_a_feed_holds_the_newest_up_to_its_limit(bench: Bench) -> None:
    bench.take(*range(1, 11))
    bench.build()
    assert bench.ids("feeds/atom.xml") == bench.ids("feeds/rss.xml") == [10, 9, 8]
    document = json.loads((bench.output / "feeds/feed.json").read_bytes())
    assert [item["id"] for item in document["items"]] == [bench.id(n) for n in (10, 9, 8)]


def test_a_site_without_articles_has_its_feed(bench: Bench) -> None:
    bench.build()
    assert set(tree(bench.output)) == files("") | LISTS
    assert bench.ids("feeds/atom.xml") == []


def test_json_alone_can_be_published(bench: Bench) -> None:
    bench.take(1)
    bench.build(formats=(JSON,))
    assert b"feed.json" in (bench.output / "feeds/opml.xml").read_bytes()
    assert not (bench.output / "feeds/rss.xml").exists()


def test_a_start_with_nothing_new_writes_nothing(bench: Bench) -> None:
    bench.take(*range(1, 8))
    bench.build()
    before = {path: path.stat().st_mtime_ns for path in bench.output.rglob("*")}
    bench.told.clear()
    assert bench.build() == Published()
    assert {path: path.stat().st_mtime_ns for path in bench.output.rglob("*")} == before
    assert bench.told == []


def test_what_changed_leads_to_the_same_bytes_as_a_new_folder(bench: Bench) -> None:
    bench.take(*range(1, 5))
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.take(9, categories=(TEA, SHIPS))
    bench.take(2, title="后来改的")
    bench.withdraw(3)
    done = bench.publish(publisher)
    assert done.removed == 0
    assert done.written > 0
    assert tree(bench.output) == bench.fresh()


def test_only_what_changed_is_read_where_the_files_have_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1, 2)
    bench.build()
    asked: list[set[int]] = []
    real = type(bench.store.feeds).articles_of

    def listen(feeds: Any, sequences: Any) -> Any:
        asked.append(set(sequences))
        return real(feeds, sequences)

    monkeypatch.setattr(type(bench.store.feeds), "articles_of", listen)
    bench.take(3)
    bench.build()
    assert asked == [{3}]
    bench.take(2, body="<p>anders</p>")
    bench.build()
    assert asked == [{3}, {2}]
    assert tree(bench.output) == bench.fresh()


def test_a_file_that_is_replaced_is_read_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1, 2)
    publisher = bench.publisher()
    bench.publish(publisher)
    asked: list[str] = []
    real = output_folder.file_content

    def listen(target: Path) -> bytes | None:
        asked.append(target.name)
        return real(target)

    monkeypatch.setattr(output_folder, "file_content", listen)
    monkeypatch.setattr(publisher_module, "file_content", listen)
    bench.take(3)
    done = bench.publish(publisher)
    assert len(asked) == done.written > 0
    assert tree(bench.output) == bench.fresh()


def test_entries_of_a_file_that_somebody_changed_are_not_taken_over(bench: Bench) -> None:
    bench.take(1, 2)
    publisher = bench.publisher()
    bench.publish(publisher)
    for name in FORMATS:
        file = bench.output / "feeds" / name
        file.write_bytes(file.read_bytes().replace("潮水".encode(), "污染".encode()))
    bench.take(3)
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()


def test_entries_that_another_configuration_wrote_are_not_taken_over(bench: Bench) -> None:
    bench.take(1, 2)
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.build(full=False)
    bench.take(3)
    bench.publish(publisher)
    assert b"content_html" in (bench.output / "feeds/feed.json").read_bytes()
    assert b"content_text" not in (bench.output / "feeds/feed.json").read_bytes()


def test_only_feeds_that_select_what_changed_are_looked_at(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    publisher = bench.publisher()
    bench.publish(publisher)
    (bench.output / "feeds/商业/rss.xml").write_text("untouched")
    bench.take(3, categories=(TEA,))
    assert bench.publish(publisher) == Published(written=3 * 3)
    assert (bench.output / "feeds/商业/rss.xml").read_text() == "untouched"
    assert bench.publish(publisher) == Published()


def test_progress_is_told_feed_by_feed_and_can_end_the_run(bench: Bench) -> None:
    for number, name in enumerate(names(BATCH + 8), 1):
        bench.take(number, categories=(name,))
    told: list[tuple[int, int]] = []
    publisher = bench.publisher()
    total = BATCH + 8 + 1

    def stop(done: int, _total: int) -> None:
        told.append((done, _total))
        if done == BATCH:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        publisher.publish(stop)
    assert told == [(BATCH, total)]
    assert not hidden(bench.output)
    bench.clock.pass_()
    publisher.publish(lambda done, total: told.append((done, total)))
    assert told[1:] == [(BATCH, total), (total, total)]
    assert tree(bench.output) == bench.fresh()


def test_a_file_that_another_process_replaced_meanwhile_is_recorded_by_that_one(
    bench: Bench,
) -> None:
    bench.take(1)
    publisher = bench.publisher()
    publisher.start()
    feed = bench.output / "feeds" / "rss.xml"

    def replace_it(done: int, total: int) -> None:
        if done == total:
            token = OutputFolder(bench.output).token()
            assert token is not None
            os.utime(feed, ns=(1, 1))
            size = feed.stat().st_size
            path = "feeds/rss.xml"
            written = Written(path=path, changed=True, previous=None, size=size, mtime_ns=1)
            bench.store.feeds.record_output(token, [written], [], None, "", everything=False)

    bench.clock.pass_()
    publisher.publish(replace_it)
    publisher.pack()
    publisher.close()
    assert bench.build() == Published(), "all is recorded as it is"


def test_what_a_run_wrote_that_was_ended_is_told_by_the_next_one(bench: Bench) -> None:
    for number, name in enumerate(names(BATCH + 8), 1):
        bench.take(number, categories=(name,))
    publisher = bench.publisher()

    def stop(done: int, _total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        publisher.publish(stop)
    assert bench.told == []
    bench.publish(publisher)
    topics = {path for path in tree(bench.output) if path.endswith(FORMATS)}
    assert set(bench.told) == topics - LISTS
    bench.told.clear()
    assert bench.publish(bench.publisher()) == Published()
    assert bench.told == []


def test_the_store_that_fails_ends_the_run_and_what_was_written_is_told_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(names(BATCH + 8), 1):
        bench.take(number, categories=(name,))
    publisher = bench.publisher()
    calls = []
    contents = bench.store.feeds.contents

    def broken(*arguments: Any, **more: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise StoreError("locked")
        return contents(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(bench.store.feeds, "contents", broken)
        with pytest.raises(StoreError):
            publisher.publish()
    assert len(tree(bench.output)) == BATCH * 3
    bench.publish(publisher)
    assert set(bench.told) == set(tree(bench.output)) - LISTS
    assert tree(bench.output) == bench.fresh()


# A second


def test_a_feed_changes_at_once_and_then_once_a_second(bench: Bench) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.take(2)
    done = publisher.publish()
    assert done == Published(wait=0.75), "a quarter of the second is over"
    assert bench.ids("feeds/rss.xml") == [1]
    bench.clock.pass_(0.75)
    assert publisher.publish().wait is None
    assert bench.ids("feeds/rss.xml") == [2, 1]
    written = (bench.output / "feeds/rss.xml").stat().st_mtime_ns
    assert written == bench.clock(), "no date that is to come"


def test_feeds_that_were_not_written_this_second_do_not_wait_for_those_that_were(
    bench: Bench,
) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.clock.pass_()
    bench.take(3)
    publisher.publish()
    bench.take(4, categories=(TEA,))
    done = publisher.publish()
    assert done.written == 2 * 3, "生活 and 茶"
    assert done.wait is not None
    assert bench.ids("feeds/生活/茶/rss.xml") == [4, 2]
    assert bench.ids("feeds/rss.xml") == [3, 2, 1]
    bench.clock.pass_(done.wait)
    assert publisher.publish() == Published(written=3), "of everything; the others are done"
    assert tree(bench.output) == bench.fresh()


def test_the_list_of_feeds_changes_once_a_second_too(bench: Bench) -> None:
    publisher = bench.publisher()
    bench.publish(publisher)
    for number, name in enumerate(names(5), 1):
        bench.take(number, categories=(name,))
        assert publisher.publish().wait == 0.75
    assert (bench.output / "feeds/分类 4/rss.xml").exists()
    bench.clock.pass_()
    assert publisher.publish().wait is None
    assert (bench.output / "feeds/opml.xml").stat().st_mtime_ns == bench.clock()
    assert tree(bench.output) == bench.fresh()


def test_a_clock_that_goes_back_keeps_no_feed_waiting_and_no_date_twice(bench: Bench) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    first = (bench.output / "feeds/rss.xml").stat().st_mtime
    bench.clock.pass_(-3600)
    bench.take(2)
    assert publisher.publish().wait is None
    second = (bench.output / "feeds/rss.xml").stat().st_mtime
    assert int(second) == int(first) + 1
    assert bench.ids("feeds/rss.xml") == [2, 1]
    assert bench.build() == Published(), "that was noted"


# What ends, and what begins


def test_a_category_that_lost_its_last_article_ends_and_can_begin_again(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TRADE,))
    publisher = bench.publisher()
    bench.publish(publisher)
    (bench.output / "feeds/商业/航运/note.txt").write_text("mine")
    bench.take(1, categories=(TEA,))
    assert bench.publish(publisher).removed == 2 * 3
    assert not (bench.output / "feeds/商业/航运/港口 & Docks").exists()
    assert [path.name for path in (bench.output / "feeds/商业/航运").iterdir()] == ["note.txt"]
    assert "港口" not in (bench.output / "feeds/opml.xml").read_text("utf-8")
    (bench.output / "feeds/商业/航运/note.txt").unlink()
    assert tree(bench.output) == bench.fresh()

    bench.take(1)
    bench.publish(publisher)
    assert bench.ids("feeds/商业/航运/港口 & Docks/rss.xml") == [1]
    assert not (bench.output / "feeds/生活").exists()
    assert tree(bench.output) == bench.fresh()
    assert bench.build() == Published()


def test_what_happens_to_a_category_while_it_has_no_feed_is_told_when_it_begins_again(
    bench: Bench,
) -> None:
    bench.take(*range(1, 6), categories=(TEA,))
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.withdraw(*range(1, 6))
    bench.publish(publisher)
    assert not (bench.output / "feeds/生活").exists()
    bench.restore(*range(1, 6))
    bench.take(1, categories=(TEA,), body="<p>anders</p>")
    bench.publish(publisher)
    assert bench.ids("feeds/生活/茶/atom.xml") == [5, 4, 3]
    feed = default_feed(site=SITE, category=TEA, limit=3)
    newest = archives(bench, feed)
    told = {one.sequence for n in range(1, newest + 1) for one in archived(bench, feed, n)}
    assert len(told) >= 2, "what the feed does not hold"


def archives(bench: Bench, feed: Feed) -> int:
    (found,) = bench.store.feeds.contents([feed], None, archives=True)
    return found.newest_archive


def archived(bench: Bench, feed: Feed, number: int) -> Any:
    return stores.archived(bench.store, feed, number).articles


def test_atom_feeds_tell_what_was_withdrawn(bench: Bench) -> None:
    bench.take(1, 2)
    publisher = bench.publisher()
    bench.publish(publisher)
    gone = bench.id(1)
    bench.withdraw(1)
    bench.publish(publisher)
    atom = (bench.output / "feeds/atom.xml").read_text()
    assert f'deleted-entry ref="{gone}"' in atom
    assert gone not in (bench.output / "feeds/rss.xml").read_text()
    assert tree(bench.output) == bench.fresh()


def test_feeds_lead_to_their_archives_only_where_there_are_some(bench: Bench) -> None:
    bench.take(*range(1, 9))
    bench.build()
    atom = (bench.output / "feeds/atom.xml").read_text()
    assert f'href="{SITE.url}/feeds/archive.d/2/atom.xml" rel="prev-archive"' in atom
    assert "archive.d/2/feed.json" in (bench.output / "feeds/feed.json").read_text()
    assert "archive" not in (bench.output / "feeds/rss.xml").read_text()
    bench.build(archives=False)
    for name in FORMATS:
        assert b"archive" not in (bench.output / "feeds" / name).read_bytes()


# Languages, authors, the operator's feeds

EVERY_KIND: dict[str, Any] = {"authors": True, "languages": True}


def test_every_author_and_every_language_has_feeds(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, language="en", authors=("A/B",))
    bench.build(**EVERY_KIND)
    assert bench.ids("feeds/@authors/林舟/atom.xml") == [1]
    assert bench.ids("feeds/@authors/A%2FB/rss.xml") == [2]
    assert bench.ids("feeds/@languages/zh/rss.xml") == [1]
    assert bench.ids("feeds/@languages/en/rss.xml") == [2]
    opml = (bench.output / "feeds/opml.xml").read_text()
    assert "feeds/%40authors/%E6%9E%97%E8%88%9F/rss.xml" in opml
    assert bench.build(**EVERY_KIND) == Published()
    assert bench.build().removed == 4 * 3
    assert not (bench.output / "feeds/@authors").exists()
    assert "@authors" not in (bench.output / "feeds/opml.xml").read_text()


def test_a_feed_of_a_language_is_in_that_language(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, language="en", authors=())
    bench.build(**EVERY_KIND)
    for name in (RSS, ATOM):
        english = feedparser.parse((bench.output / "feeds/@languages/en" / name).read_bytes())
        assert english.feed.language == "en"
        content = (bench.output / "feeds/@languages/en" / name).read_bytes()
        assert b"dc:language" not in content
        assert content.count(b"xml:lang") <= 1, "the entries need not say so again"
    assert b"dc:language" in (bench.output / "feeds/rss.xml").read_bytes()
    own = feedparser.parse((bench.output / "feeds/@languages/zh" / RSS).read_bytes())
    assert own.feed.language == SITE.language, "its region is known"
    document = json.loads((bench.output / "feeds/@languages/en" / JSON).read_bytes())
    assert document["language"] == "en"
    assert "language" not in document["items"][0]


def test_feeds_of_languages_come_with_the_second_and_go_with_it(bench: Bench) -> None:
    bench.take(1)
    publisher = bench.publisher(**EVERY_KIND)
    bench.publish(publisher)
    assert not (bench.output / "feeds/@languages").exists()
    bench.take(2, language="en")
    bench.publish(publisher)
    assert bench.ids("feeds/@languages/en/rss.xml") == [2]
    assert bench.ids("feeds/@languages/zh/rss.xml") == [1], "nothing touched it"
    assert tree(bench.output) == bench.fresh(**EVERY_KIND)
    bench.withdraw(2)
    bench.publish(publisher)
    assert not (bench.output / "feeds/@languages").exists()
    assert tree(bench.output) == bench.fresh(**EVERY_KIND)
    assert bench.build(**EVERY_KIND) == Published()
    bench.restore(2)
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh(**EVERY_KIND)


def test_the_last_language_ends_with_all_articles(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, language="en")
    publisher = bench.publisher(**EVERY_KIND)
    bench.publish(publisher)
    bench.withdraw(1, 2)
    bench.publish(publisher)
    assert set(tree(bench.output)) == files("") | LISTS


def test_facets_that_have_no_feeds_are_left_alone(bench: Bench) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.take(2, language="en")
    bench.publish(publisher)
    assert {path.name for path in (bench.output / "feeds").iterdir() if path.is_dir()} == {"商业"}


def test_changes_rewrite_the_feeds_of_their_authors_and_no_others(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, authors=("Ada Whitfield",))
    publisher = bench.publisher(**EVERY_KIND)
    bench.publish(publisher)
    (bench.output / "feeds/@authors/林舟/rss.xml").write_text("untouched")
    bench.take(3, authors=("Ada Whitfield",))
    bench.publish(publisher)
    assert bench.ids("feeds/@authors/Ada Whitfield/rss.xml")[0] == 3
    assert (bench.output / "feeds/@authors/林舟/rss.xml").read_text() == "untouched"
    bench.take(1, authors=("Ada Whitfield",))
    bench.publish(publisher)
    assert not (bench.output / "feeds/@authors/林舟").exists()
    assert "%E6%9E%97%E8%88%9F" not in (bench.output / "feeds/opml.xml").read_text()


def test_a_feed_of_the_operators_is_written_its_own_way(bench: Bench) -> None:
    docks = CustomFeed(name="docks", title="港口", full=False, formats=(ATOM,), limit=2)
    bench.filters(ArticleFilter(name="docks", wanted=Criteria(words=("docks",))))
    for number in range(1, 6):
        bench.take(number, body=f"<p>Docks {number}</p>")
    bench.take(9, categories=(TEA,), body="<p>tea</p>")
    bench.build(custom=(docks,))
    folder = bench.output / "feeds/@custom/docks"
    assert not (folder / RSS).exists()
    assert bench.ids("feeds/@custom/docks/atom.xml") == [5, 4]
    assert feedparser.parse((folder / ATOM).read_bytes()).feed.title == "港口"
    assert b"Docks 5" not in (folder / ATOM).read_bytes(), "summaries alone"
    assert b"Docks 5" in (bench.output / "feeds/商业" / ATOM).read_bytes()
    assert "feeds/%40custom/docks/atom.xml" in (bench.output / "feeds/opml.xml").read_text()


def test_a_feed_of_the_operators_is_there_before_its_first_article_and_stays(
    bench: Bench,
) -> None:
    docks = (CustomFeed(name="docks"),)
    bench.build(custom=docks)
    assert bench.ids("feeds/@custom/docks/rss.xml") == []
    before = tree(bench.output)
    bench.build(custom=docks, fingerprint="another program")
    assert tree(bench.output) == before
    bench.filters(ArticleFilter(name="docks", wanted=Criteria(words=("docks",))))
    bench.take(1, body="<p>docks</p>")
    publisher = bench.publisher(custom=docks)
    bench.publish(publisher)
    assert bench.ids("feeds/@custom/docks/rss.xml") == [1]
    bench.withdraw(1)
    bench.publish(publisher)
    assert bench.ids("feeds/@custom/docks/rss.xml") == []
    assert tree(bench.output) == bench.fresh(custom=docks)
    bench.build()
    assert not (bench.output / "feeds/@custom").exists(), "the configuration has it no more"


# What is not as it was written


@pytest.mark.parametrize("path", ["feeds/rss.xml", "feeds/生活/茶/atom.xml", "feeds/opml.xml",
                                  "feeds/feed.css"])  # fmt: skip
@pytest.mark.parametrize("deed", ["changed", "deleted", "touched"])
def test_what_somebody_did_to_a_file_is_mended_by_the_next_start(
    bench: Bench, path: str, deed: str
) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,), body=long_body(2))
    bench.build()
    before = tree(bench.output)
    file = bench.output / path
    if deed == "deleted":
        file.unlink()
    elif deed == "changed":
        file.write_bytes(b"by somebody else")
    else:
        os.utime(file, (1, 1))
    bench.build()
    assert tree(bench.output) == before
    assert bench.build() == Published(), "and that is all"
    for variant in bench.output.rglob("*.br"):
        content = before[variant.relative_to(bench.output).as_posix().removesuffix(".br")]
        assert variant.read_bytes() == packed("br", content)


def test_a_feed_of_the_operators_that_was_deleted_comes_back_without_articles(
    bench: Bench,
) -> None:
    docks = (CustomFeed(name="docks"),)
    bench.build(custom=docks)
    before = tree(bench.output)
    shutil.rmtree(bench.output / "feeds/@custom")
    bench.build(custom=docks)
    assert tree(bench.output) == before


def test_a_file_that_was_deleted_before_its_feed_ended_is_forgotten(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    bench.build()
    (bench.output / "feeds/生活/茶/rss.xml").unlink()
    bench.withdraw(2)
    bench.build()
    assert not (bench.output / "feeds/生活").exists()
    assert bench.build() == Published()


def test_a_deleted_output_comes_back_whole(bench: Bench) -> None:
    bench.take(1, 2)
    bench.build()
    before = tree(bench.output)
    shutil.rmtree(bench.output)
    bench.told.clear()
    assert bench.build() == Published(written=len(before))
    assert tree(bench.output) == before
    assert set(bench.told) == set(before) - LISTS


def test_an_output_that_vanishes_under_a_running_publisher_comes_back_whole(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    publisher = bench.publisher()
    bench.publish(publisher)
    shutil.rmtree(bench.output)
    bench.take(3)
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()


def test_another_folder_in_the_place_of_the_output_is_brought_up_to_date(
    bench: Bench, tmp_path: Path
) -> None:
    bench.take(1)
    bench.build()
    bench.output.rename(tmp_path / "away")
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.take(2)
    shutil.rmtree(bench.output)
    (tmp_path / "away").rename(bench.output)
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()


def test_nothing_is_written_while_the_file_system_of_the_output_is_away(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    bench.output.rename(tmp_path / "unmounted")
    bench.output.mkdir()
    bench.take(2)
    with monkeypatch.context() as patch:
        patch.setattr(output_folder, "_device", lambda _: 4711)
        with pytest.raises(OutputError, match="not mounted any more"):
            bench.publish(publisher)
    assert list(bench.output.iterdir()) == []
    bench.output.rmdir()
    (tmp_path / "unmounted").rename(bench.output)
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()


def test_the_output_of_another_database_is_taken_over(bench: Bench, tmp_path: Path) -> None:
    bench.take(1)
    other = OutputFolder(bench.output)
    other.make_token()
    other.write("feeds/rss.xml", b"of another site")
    other.write("feeds/old/rss.xml", b"of another site")
    other.write("feeds/old/notes.txt", b"of somebody")
    done = bench.build()
    assert done.removed == 1
    assert (bench.output / "feeds/old/notes.txt").read_bytes() == b"of somebody"
    (bench.output / "feeds/old/notes.txt").unlink()
    assert tree(bench.output) == bench.fresh()


def test_a_restored_database_mends_what_is_newer_than_itself(bench: Bench) -> None:
    bench.take(1, 2)
    bench.take(3, categories=(SHIPS,))
    bench.build()
    database = bench.folder / "digest.db"
    backup = bench.folder / "backup.db"
    with closing(sqlite3.connect(database)) as of, closing(sqlite3.connect(backup)) as to:
        of.backup(to)
    bench.take(4, categories=(TEA,))
    bench.withdraw(3)
    bench.build()
    assert (bench.output / "feeds/生活").exists()
    bench.store.close()
    for rest in ("-wal", "-shm"):
        database.with_name(database.name + rest).unlink(missing_ok=True)
    shutil.copyfile(backup, database)
    bench.build()
    assert not (bench.output / "feeds/生活").exists(), "that database has no such articles"
    assert tree(bench.output) == bench.fresh()
    assert bench.build() == Published()
    bench.take(5, categories=(TEA,))
    bench.build()
    assert "%E8%8C%B6" in (bench.output / "feeds/opml.xml").read_text()
    assert tree(bench.output) == bench.fresh()


def test_another_style_sheet_is_written_and_feeds_stay(bench: Bench) -> None:
    bench.take(1)
    bench.build()
    done = bench.build(style_sheet=b"feed { color: red }", fingerprint="red")
    assert (done.written, done.removed) == (1, 0)
    assert (bench.output / "feeds/feed.css").read_bytes() == b"feed { color: red }"


def test_another_configuration_writes_what_differs_and_removes_its_own_leftovers(
    bench: Bench,
) -> None:
    bench.take(1, 2)
    bench.take(3, categories=(TEA,))
    bench.build()
    mine = ["robots.txt", "feeds/logo.png", "feeds/生活/茶/notes.txt", "old/rss.xml"]
    for path in mine:
        (bench.output / path).parent.mkdir(exist_ok=True)
        (bench.output / path).write_text("mine")
    done = bench.build(formats=(ATOM,), full=False)
    left = set(tree(bench.output)) - set(mine)
    assert not any(path.endswith((RSS, JSON)) for path in left)
    assert set(tree(bench.output)).issuperset(mine)
    assert done.removed == 2 * 6
    assert b"atom.xml" in (bench.output / "feeds/opml.xml").read_bytes()
    assert (
        b'type="html"'
        not in (bench.output / "feeds/atom.xml").read_bytes().partition(b"<content")[2]
    )


def test_two_configurations_in_turns_leave_no_file_of_the_other(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    daemon = bench.publisher()
    bench.publish(daemon)
    bench.build(full=False)
    bench.take(3)
    bench.publish(daemon)
    bench.build()
    assert tree(bench.output) == bench.fresh()


def test_a_configuration_that_could_not_be_written_whole_leaves_nothing_behind(
    bench: Bench,
) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    bench.build()
    blocked = bench.output / "feeds/商业/rss.xml"
    blocked.unlink()
    (blocked / "inside").mkdir(parents=True)
    with pytest.raises(OutputError):
        bench.build(full=False)
    shutil.rmtree(blocked)
    bench.build()
    assert tree(bench.output) == bench.fresh()


# What cannot be written


def test_a_publisher_that_could_not_start_starts_when_it_publishes(bench: Bench) -> None:
    bench.take(1)
    bench.output.write_text("a file")
    publisher = bench.publisher(start=False)
    for _ in range(2):
        with pytest.raises(OutputError):
            publisher.publish()
    bench.output.unlink()
    older(bench.output)
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()
    publisher.close()
    assert bench.build() == Published()


def test_a_publisher_that_starts_anew_in_another_folder_marks_that(bench: Bench) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    shutil.rmtree(bench.output)
    publisher.start()
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()


def test_a_feed_that_another_process_ended_meanwhile_is_not_begun_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,), authors=())
    slow = bench.publisher(**EVERY_KIND)
    bench.publish(slow)
    bench.take(3, categories=(TEA,), authors=("Ada Whitfield",))
    locked = OutputFolder.locked

    def overtaken(*args: Any) -> Any:
        monkeypatch.undo()
        bench.withdraw(2, 3)
        bench.build(**EVERY_KIND)
        return locked(*args)

    monkeypatch.setattr(OutputFolder, "locked", overtaken)
    bench.clock.pass_()
    slow.publish()
    slow.close()
    assert not (bench.output / "feeds/生活").exists()
    assert not (bench.output / "feeds/@authors/Ada Whitfield").exists()
    bench.build(**EVERY_KIND)
    assert tree(bench.output) == bench.fresh(**EVERY_KIND)


def test_a_feed_that_another_process_began_anew_meanwhile_is_not_removed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    slow = bench.publisher()
    bench.publish(slow)
    bench.withdraw(2)
    locked = OutputFolder.locked

    def overtaken(*args: Any) -> Any:
        monkeypatch.undo()
        bench.restore(2)
        bench.build()
        return locked(*args)

    monkeypatch.setattr(OutputFolder, "locked", overtaken)
    bench.clock.pass_(5)
    slow.publish()
    slow.close()
    assert bench.ids("feeds/生活/茶/rss.xml") == [2]
    assert bench.build().removed == 0
    assert tree(bench.output) == bench.fresh()


def test_a_feed_that_another_process_begins_while_everything_is_compared_is_not_removed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1)
    daemon = bench.publisher()
    bench.publish(daemon)
    slow = bench.publisher(fingerprint="another configuration")
    locked = OutputFolder.locked

    def overtaken(*args: Any) -> Any:
        monkeypatch.undo()
        bench.take(2, categories=(TEA,))
        bench.publish(daemon)
        return locked(*args)

    monkeypatch.setattr(OutputFolder, "locked", overtaken)
    bench.clock.pass_(5)
    slow.publish()
    slow.close()
    assert bench.ids("feeds/生活/茶/rss.xml") == [2]


def test_a_file_that_cannot_be_written_does_not_keep_the_others(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    (bench.output / "feeds/生活").mkdir(parents=True)
    (bench.output / "feeds/生活/茶").write_text("a file, not a folder")
    publisher = bench.publisher()
    with pytest.raises(OutputError) as caught:
        publisher.publish()
    assert caught.value.path == bench.output / "feeds/生活/茶/rss.xml"
    written = files("", "商业/", "商业/航运/", "商业/航运/港口 & Docks/", "生活/") | LISTS
    assert set(tree(bench.output)) == written | {"feeds/生活/茶"}
    assert set(bench.told) == written - LISTS
    why = dict.fromkeys(sorted(files("生活/茶/")), "there is a file where a folder should be")
    assert bench.failures() == why
    with capture_logs() as logs, pytest.raises(OutputError):
        bench.publish(publisher)
    assert logs == [], "told once"
    (bench.output / "feeds/生活/茶").unlink()
    assert bench.publish(publisher) == Published(written=3, unchanged=2)
    assert bench.failures() == {}
    assert tree(bench.output) == bench.fresh()


@pytest.mark.parametrize("again", ["goes on", "starts again"])
def test_a_list_that_cannot_be_written_is_written_later(bench: Bench, again: str) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    opml = bench.output / "feeds/opml.xml"
    opml.unlink()
    (opml / "inside").mkdir(parents=True)
    bench.take(2, categories=(TEA,))
    with pytest.raises(OutputError):
        bench.publish(publisher)
    shutil.rmtree(opml)
    bench.publish(publisher if again == "goes on" else bench.publisher())
    assert "%E8%8C%B6" in opml.read_text()
    assert bench.build() == Published()


def test_a_full_disk_leaves_every_file_as_it_was_and_heals(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    before = tree(bench.output)

    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bench.take(2)
    bench.told.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        for _ in range(2):
            with pytest.raises(OutputError, match="No space left"):
                bench.publish(publisher)
    assert tree(bench.output) == before
    assert not hidden(bench.output)
    assert bench.told == []
    bench.publish(publisher)
    assert tree(bench.output) == bench.fresh()


def test_an_output_that_cannot_be_opened_is_told_and_heals(bench: Bench) -> None:
    bench.take(1)
    publisher = bench.publisher()
    shutil.rmtree(bench.output)
    bench.output.write_text("a file")
    with pytest.raises(OutputError):
        bench.publish(publisher)
    with pytest.raises(OutputError):
        bench.publisher()
    bench.output.unlink()
    bench.build()
    assert tree(bench.output) == bench.fresh()


def test_a_feed_that_cannot_be_removed_is_told_and_removed_later(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    publisher = bench.publisher()
    bench.publish(publisher)
    rss = bench.output / "feeds/生活/茶/rss.xml"
    rss.unlink()
    (rss / "inside").mkdir(parents=True)
    bench.withdraw(2)
    with pytest.raises(OutputError):
        bench.publish(publisher)
    assert not (bench.output / "feeds/生活/茶/atom.xml").exists(), "the others are gone"
    shutil.rmtree(rss)
    bench.publish(publisher)
    assert bench.build() == Published()
    assert "%E8%8C%B6" not in (bench.output / "feeds/opml.xml").read_text()


def test_a_category_of_endless_names_keeps_no_other_feed_from_being_written(
    bench: Bench,
) -> None:
    bench.take(1, categories=(CategoryPath(("很" * 300,)),))
    bench.take(2, categories=(TEA,))
    publisher = bench.publisher()
    try:
        bench.publish(publisher)
    except OutputError as error:
        assert "long" in str(error)  # noqa: PT017 - where names are cut short there is none
    assert bench.ids("feeds/生活/茶/rss.xml") == [2]
    assert bench.ids("feeds/rss.xml") == [2, 1]


# The limit of bytes


@pytest.mark.parametrize("full", [True, False])
def test_what_does_not_fit_into_a_feed_gives_its_summary(bench: Bench, full: bool) -> None:
    for number in range(1, 31):
        bench.take(number, body=long_body(number, 10_000))
    limit = 100_000
    with capture_logs() as logs:
        publisher = bench.publisher(limit=30, max_bytes=limit, full=full)
        bench.publish(publisher)
        bench.take(31, body=long_body(31, 50_000))
        bench.publish(publisher)
    for path, content in tree(bench.output).items():
        assert len(content) <= limit, path
    for name in (RSS, ATOM):
        assert bench.ids(f"feeds/{name}") == list(range(31, 1, -1)), "all are there"
    parsed = feedparser.parse((bench.output / "feeds/atom.xml").read_bytes())
    assert not parsed.bozo
    bodies = ["content" in entry for entry in parsed.entries]
    document = json.loads((bench.output / "feeds/feed.json").read_bytes())
    assert len(document["items"]) == 30
    if full:
        assert bodies[0], "the newest come first"
        assert not bodies[-1]
        assert all("content_html" in item or "content_text" in item for item in document["items"])
        told = [entry["feed"] for entry in logs]
        assert sorted(told) == sorted(set(told)), "told once for each feed"
        assert logs[0]["limit"] == limit
    else:
        assert logs == []
    assert tree(bench.output) == bench.fresh(limit=30, max_bytes=limit, full=full)


def test_many_tombstones_count_as_well(bench: Bench) -> None:
    limit = 100_000
    bench.take(*range(1, 151), body=long_body(1, 600))
    publisher = bench.publisher(limit=150, max_bytes=limit, formats=(ATOM,), archives=False)
    bench.withdraw(*range(1, 151))
    bench.take(*range(1001, 1151), body=long_body(2, 600))
    bench.publish(publisher)
    atom = bench.output / "feeds/atom.xml"
    assert atom.stat().st_size <= limit
    assert atom.read_bytes().count(b"deleted-entry") == 150
    assert not feedparser.parse(atom.read_bytes()).bozo


def test_what_has_no_room_at_all_is_left_out_and_told(bench: Bench) -> None:
    for number in range(1, 11):
        bench.take(number, title="长" * 6_000)
    with capture_logs() as logs:
        bench.build(limit=10, max_bytes=100_000, formats=(RSS,))
    assert (bench.output / "feeds/rss.xml").stat().st_size <= 100_000
    assert bench.ids("feeds/rss.xml") == [10, 9, 8, 7, 6]
    assert logs[0]["left_out"] == 5


# Packed variants and histories


def variants(bench: Bench) -> set[str]:
    return {
        path.relative_to(bench.output).as_posix()
        for path in bench.output.rglob("*")
        if plain_name(path.name)
    }


def test_everything_of_some_length_is_packed_beside_itself(bench: Bench) -> None:
    bench.take(1, body=long_body(1))
    publisher = bench.publisher()
    bench.publish(publisher)
    for number in (2, 3):
        waiting = [publisher.unpacked]
        publisher.pack()
        assert [*waiting, publisher.unpacked] == [True, False]
        for path, content in tree(bench.output).items():
            for encoding, suffix in SUFFIXES.items():
                variant = bench.output / (path + suffix)
                assert variant.exists() is (len(content) >= PACK_FROM), variant
                if variant.exists():
                    assert variant.read_bytes() == packed(encoding, content)
        bench.take(number, body=long_body(number))
        bench.publish(publisher)
        assert "feeds/rss.xml.gz" not in variants(bench), "of the feed before"


def test_what_was_not_packed_before_the_end_is_packed_after_the_next_start(bench: Bench) -> None:
    bench.take(1, body=long_body(1))
    bench.publish(bench.publisher())
    again = bench.publisher()
    assert again.unpacked
    bench.publish(again)
    again.pack()
    assert "feeds/rss.xml.br" in variants(bench)
    for variant in bench.output.rglob("*.br"):
        variant.unlink()
    bench.build(fingerprint="another program")
    assert "feeds/rss.xml.br" in variants(bench)


def test_without_a_thread_packing_fails_and_goes_on_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    bench.take(1, body=long_body(1))
    publisher = bench.publisher()
    bench.publish(publisher)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(OutputError, match="can't start new thread"):
            publisher.pack()
    publisher.pack()
    assert "feeds/rss.xml.br" in variants(bench)
    assert not publisher.unpacked


def test_packing_stops_for_what_is_urgent_and_goes_on_later(bench: Bench) -> None:
    for number in range(1, 4):
        bench.take(number, body=long_body(number), categories=(TEA, SHIPS))
    publisher = bench.publisher()
    bench.publish(publisher)
    asked = iter([False, True])
    publisher.pack(lambda: next(asked))
    assert publisher.unpacked
    first = variants(bench)
    assert first
    publisher.pack()
    assert variants(bench) > first


def test_packing_waits_for_another_publisher_unless_there_is_something_urgent(
    bench: Bench,
) -> None:
    bench.take(1, body=long_body(1))
    publisher = bench.publisher()
    bench.publish(publisher)
    with OutputFolder(bench.output).locked(lambda: None):
        asked = iter([False, False, True])
        publisher.pack(lambda: next(asked))
    assert publisher.unpacked
    assert variants(bench) == set()


def test_each_version_of_a_feed_is_in_its_history(bench: Bench) -> None:
    publisher = bench.publisher()
    bench.publish(publisher)
    tags = []
    for number in range(1, 6):
        bench.take(number)
        tags.append(content_tag((bench.output / "feeds/atom.xml").read_bytes()))
        bench.publish(publisher)
    log = (bench.output / "feeds/.atom.xml.history").read_bytes()
    found = [held(log, tag) for tag in tags]
    assert [len(marks or ()) for marks in found] == [0, 1, 2, 3, 3]
    bench.build(fingerprint="another program")
    assert (bench.output / "feeds/.atom.xml.history").read_bytes() == log


def test_what_accompanies_a_feed_goes_with_it(bench: Bench) -> None:
    bench.take(1, body=long_body(1))
    bench.build()
    bench.take(2, body=long_body(2))
    bench.build()
    orphan = bench.output / "feeds/old/rss.xml.br"
    orphan.parent.mkdir()
    orphan.write_bytes(b"its feed was removed by hand")
    bench.withdraw(1, 2)
    bench.build()
    assert {path.name for path in (bench.output / "feeds").iterdir() if path.is_dir()} == set()


@pytest.mark.parametrize("what", ["pack", "record"])
def test_what_cannot_accompany_a_file_is_told_and_mended_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def full(*_: object) -> None:
        raise OutputError(bench.output, "No space left on device")

    bench.take(1, body=long_body(1))
    bench.build()
    bench.take(2, body=long_body(2))
    with monkeypatch.context() as patch:
        patch.setattr(OutputFolder, what, full)
        with pytest.raises(OutputError, match="No space left"):
            bench.build()
    assert bench.ids("feeds/rss.xml") == [2, 1]
    bench.build()
    assert (bench.output / "feeds/rss.xml.gz").exists()
    assert bench.build() == Published()


# Who is told


def test_each_run_tells_which_feeds_hold_other_bytes_and_nothing_else(bench: Bench) -> None:
    bench.take(1)
    bench.take(2, categories=(TEA,))
    publisher = bench.publisher()
    bench.publish(publisher)
    assert set(bench.told) == set(tree(bench.output)) - LISTS
    bench.told.clear()
    bench.take(3, categories=(TEA,))
    bench.publish(publisher)
    assert sorted(bench.told) == sorted(files("", "生活/", "生活/茶/"))
    bench.told.clear()
    bench.publish(publisher)
    bench.build(fingerprint="another program")
    assert bench.told == []


# Loss of power


def boot(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(publisher_module, "boot_id", lambda: name)


def lose(bench: Bench, path: str) -> None:
    """Leave a file with its size and time, but none of its bytes, as a loss of power may."""
    file = bench.output / path
    before = file.stat()
    file.write_bytes(bytes(before.st_size))
    os.utime(file, ns=(before.st_mtime_ns, before.st_mtime_ns))


def test_another_boot_without_a_clean_end_has_every_feed_compared(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1, body=long_body(1))
    publisher = bench.publisher()
    bench.publish(publisher)
    publisher.pack()
    before = {path: path.read_bytes() for path in bench.output.rglob("*.*") if path.is_file()}
    for path in ("feeds/rss.xml", "feeds/商业/atom.xml.gz", "feeds/商业/rss.xml.br"):
        lose(bench, path)
    assert bench.publish(bench.publisher()) == Published(), "of the same boot: it is not noticed"
    boot(monkeypatch, "second")
    with capture_logs() as logs:
        bench.build()
    assert [entry["event"] for entry in logs] == [
        "the machine may have lost power; every feed is compared"
    ]
    after = {path: path.read_bytes() for path in bench.output.rglob("*.*") if path.is_file()}
    assert after.items() >= before.items()
    boot(monkeypatch, "third")
    with capture_logs() as logs:
        assert bench.build() == Published()
    assert logs == []


def test_another_boot_after_a_clean_end_costs_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1, body=long_body(1))
    bench.build()
    lose(bench, "feeds/rss.xml")
    boot(monkeypatch, "second")
    assert bench.build() == Published(), "nothing was compared"


def test_a_kill_while_everything_is_compared_does_not_hide_the_loss_of_power(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1)
    bench.publish(bench.publisher())
    lose(bench, "feeds/商业/rss.xml")
    boot(monkeypatch, "second")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.publisher().publish(killed)  # the same process number, as in a container
    bench.build()
    assert tree(bench.output) == bench.fresh()


def test_where_the_system_tells_no_boot_id_everything_is_compared_without_a_clean_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "")
    bench.take(1)
    bench.publish(bench.publisher())
    lose(bench, "feeds/商业/rss.xml")
    bench.build()
    assert tree(bench.output) == bench.fresh()
    lose(bench, "feeds/商业/rss.xml")
    assert bench.build() == Published()


def test_variants_that_were_packed_at_the_next_start_are_suspect_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1, body=long_body(1))
    publisher = bench.publisher()
    bench.publish(publisher)
    publisher.close()
    again = bench.publisher()
    bench.publish(again)
    again.pack()
    lose(bench, "feeds/rss.xml.gz")
    boot(monkeypatch, "second")
    bench.build()
    content = (bench.output / "feeds/rss.xml").read_bytes()
    assert (bench.output / "feeds/rss.xml.gz").read_bytes() == packed("gzip", content)


def test_a_disk_that_cannot_be_synced_leaves_the_mark(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("digest.feeds.publish.output_folder.sync_file_system", fail)
        with pytest.raises(OutputError):
            publisher.close()
    boot(monkeypatch, "second")
    lose(bench, "feeds/rss.xml")
    bench.build()
    assert tree(bench.output) == bench.fresh()


def test_what_ended_by_itself_is_not_taken_for_another_that_still_writes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1)
    publisher = bench.publisher()
    bench.publish(publisher)
    token = OutputFolder(bench.output).token()
    assert token is not None
    here, container = f"first {process_space()}", "first pid:[1]"
    bench.store.feeds.begin_writing(token, here, os.getppid())
    bench.store.feeds.begin_writing(token, here, 2**22 + 1)  # no process has this number
    bench.store.feeds.begin_writing(token, container, os.getpid())
    bench.store.feeds.begin_writing(token, container, 2**22 + 1)  # it may have one there
    publisher.close()
    record = bench.store.feeds.output(token)
    assert record is not None
    assert set(record.unsynced) == {
        (here, os.getppid()),
        (container, os.getpid()),
        (container, 2**22 + 1),
    }


def test_an_end_while_another_thread_still_writes_leaves_the_mark(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot(monkeypatch, "first")
    bench.take(1)
    publisher = bench.publisher()

    def end(_done: int, _total: int) -> None:
        thread = threading.Thread(target=publisher.close)
        thread.start()
        thread.join()

    bench.clock.pass_()
    publisher.publish(end)
    token = OutputFolder(bench.output).token()
    assert token is not None
    record = bench.store.feeds.output(token)
    assert record is not None
    assert set(record.unsynced) == {(f"first {process_space()}", os.getpid())}


def test_ending_twice_and_without_a_start_does_nothing(bench: Bench) -> None:
    publisher = bench.publisher()
    publisher.close()
    bench.publish(publisher)
    publisher.close()
    publisher.close()


# What an older version has left


def test_an_older_layout_is_removed_at_the_first_start(bench: Bench) -> None:
    older(bench.output)
    (bench.output / "robots.txt").write_text("mine")
    bench.take(1)
    publisher_ = bench.publisher()
    assert OutputFolder(bench.output).token()
    bench.publish(publisher_)
    (bench.output / "robots.txt").unlink()
    assert tree(bench.output) == bench.fresh()


def older(root: Path) -> None:
    for path in ("index.html", "feeds/index.html", "assets/feed.css", "assets/style.css",
                 "articles/aaaaaaaaaaaaaaaa/index.html", "feeds/rss.xml"):  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("older")
