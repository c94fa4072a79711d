"""A crawler at work: it rewrites, deletes, renames and breaks files, and no reader notices."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from digest.app.wiring import Services
from digest.articles.ingest.ingest import IngestResult
from digest.articles.ingest.tree import Tree
from digest.articles.model import Article
from tests import stores
from tests.conftest import Workplace
from tests.effort import effort

FILES = effort(60, soak=100)
#: The times of the files, in seconds: each is written later than the one before.
TICKS = count(1_700_000_000)


def crawl(workplace: Workplace, *, hour: int, files: int = FILES, shuffled: bool = False) -> None:
    """Write the tree as in this hour: other images, and other dates where the sources had none."""
    chance = random.Random(hour)
    numbers = list(range(files))
    if shuffled:
        chance.shuffle(numbers)
    for number in numbers:
        write(workplace, number, hour, placeholder=chance.randrange(10_000))


def write(
    workplace: Workplace, number: int, hour: int, *, placeholder: int = 1, title: str = ""
) -> str:
    """Write one article of the tree; return its path."""
    dates = (
        f"Fri, 27 Aug 2021 {number % 24:02}:{number % 60:02}:08 GMT",
        f"2026-11-23 {hour % 24:02}:00:{number % 60:02}",  # the source had none: the crawl's own
        "Invalid Date",
    )
    image = f"https://picsum.photos/400/300?random={placeholder}"
    path = f"金融/来源 {number % 5}/栏目/{number}.md"
    file = workplace.write_text(
        path,
        f"\n---\ntitle: '{title or f'第 {number} 篇'}'\n"
        f"categories:\n - 金融\n - 来源 {number % 5}\n"
        f"headimg: '{image}'\nauthor: 记者\ndate: {dates[number % 3]}\n"
        f"thumbnail: '{image}'\n---\n\n"
        f"<div>\n<p>　　第 {number} 篇的正文。</p>\n<p></p>\n<!-- 第 {hour} 次 -->\n"
        f'<img src="{image}">\n</div>\n',
    )
    tick = next(TICKS)
    os.utime(file, (tick, tick))
    return path


def again(workplace: Workplace, services: Services) -> IngestResult:
    """Scan and publish an hour later."""
    workplace.clock.advance(hours=1)
    return workplace.build(services)


def by_title(services: Services) -> dict[str, Article]:
    return {one.title: one for one in stores.newest(services.store, None, 1_000)}


@pytest.fixture
def services_of(workplace: Workplace) -> Workplace:
    workplace.configure('\n[sanitizer]\nengines = ["nh3"]\n')
    return workplace


@pytest.mark.parametrize(
    "before",
    [lambda _: None, lambda place: shutil.rmtree(place.articles / "金融")],
    ids=["rewritten in place", "deleted and written in another order"],
)
def test_an_hourly_crawl_changes_no_byte_and_is_no_news(
    services_of: Workplace, before: Callable[[Workplace], None]
) -> None:
    workplace = services_of
    crawl(workplace, hour=1)
    with workplace.open() as services:
        assert workplace.build(services).changes.new == FILES
        services.store.editions.start_digests(list(services.digests), workplace.clock())
        published = workplace.published()
        newest = stores.newest_sequence(services.store)
        for hour in (2, 3):
            before(workplace)
            crawl(workplace, hour=hour, shuffled=True)
            taken = again(workplace, services)
            assert taken.files == FILES
            assert not taken.changes
            assert workplace.published() == published
        assert stores.newest_sequence(services.store) == newest
        assert stores.since(services.store, newest, ()) == []
        assert services.store.articles.problems() == []


@pytest.mark.soak
def test_an_hourly_rewrite_of_many_files_changes_nothing(services_of: Workplace) -> None:
    workplace = services_of
    files = effort(300, soak=500)
    crawl(workplace, hour=1, files=files)
    with workplace.open() as services:
        assert workplace.build(services).changes.new == files
        services.store.editions.start_digests(list(services.digests), workplace.clock())
        published = workplace.published()
        crawl(workplace, hour=2, files=files, shuffled=True)
        taken = again(workplace, services)
        assert (taken.changes.unchanged, bool(taken.changes)) == (files, False)
        assert workplace.published() == published
        daily = services.digests["daily"]
        edition = services.store.editions.open_edition(daily, workplace.clock(), workplace.clock())
        assert edition is not None
        assert edition.state == "empty", "no digest mentions them"


def test_a_tree_that_is_scanned_while_it_is_gone_comes_back_the_same(
    services_of: Workplace,
) -> None:
    workplace = services_of
    crawl(workplace, hour=1)
    with workplace.open() as services:
        workplace.build(services)
        published = workplace.published()
        shutil.rmtree(workplace.articles / "金融")
        assert again(workplace, services).files == 0
        assert workplace.published() == published, "deletion is not withdrawal"
        crawl(workplace, hour=2, shuffled=True)
        assert not again(workplace, services).changes
        assert workplace.published() == published


def test_a_tree_that_is_emptied_during_a_scan_loses_nothing(
    services_of: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace = services_of
    crawl(workplace, hour=1)
    with workplace.open() as services:
        workplace.build(services)
        published = workplace.published()
        crawl(workplace, hour=2)
        read = Tree.read
        reads = count()

        def read_and_delete(tree: Tree, path: str, *args: Any) -> object:
            if next(reads) == FILES // 3:
                shutil.rmtree(workplace.articles / "金融")
            return read(tree, path, *args)

        with monkeypatch.context() as patch:
            patch.setattr(Tree, "read", read_and_delete)
            assert not again(workplace, services).changes
        assert workplace.published() == published
        assert services.store.articles.problems() == []

        assert again(workplace, services).files == 0
        crawl(workplace, hour=3, shuffled=True)
        assert not again(workplace, services).changes
        assert workplace.published() == published


def test_a_tree_that_is_emptied_while_it_is_walked_loses_nothing(
    services_of: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace = services_of
    crawl(workplace, hour=1)
    with workplace.open() as services:
        workplace.build(services)
        published = workplace.published()
        walk = Tree.walk

        def walk_and_delete(tree: Tree, *args: str, **kwargs: dict[str, OSError]) -> object:
            for seen, found in enumerate(walk(tree, *args, **kwargs)):  # type: ignore[arg-type]
                if seen == FILES // 3:
                    shutil.rmtree(workplace.articles / "金融")
                yield found

        with monkeypatch.context() as patch:
            patch.setattr(Tree, "walk", walk_and_delete)
            again(workplace, services)
        assert workplace.published() == published
        crawl(workplace, hour=3, shuffled=True)
        assert not again(workplace, services).changes
        assert services.store.articles.problems() == []
        assert workplace.published() == published


def test_a_corrected_title_is_one_update_of_the_same_article(services_of: Workplace) -> None:
    workplace = services_of
    crawl(workplace, hour=1, files=12)
    with workplace.open() as services:
        workplace.build(services)
        old = by_title(services)["第 7 篇"]
        newest = stores.newest_sequence(services.store)
        crawl(workplace, hour=2, files=12)
        write(workplace, 7, 2, title="第七篇，更正")
        changes = again(workplace, services).changes
        assert (set(changes.articles), changes.new, changes.updated) == ({old.key}, 0, 1)
        assert stores.newest_sequence(services.store) == newest, "no news for a digest"
        new = by_title(services)["第七篇，更正"]
        assert (new.id, new.folder, new.published_at) == (old.id, old.folder, old.published_at)
        assert old.updated_at < new.updated_at == workplace.clock()
        assert len(by_title(services)) == 12
        assert "第七篇，更正".encode() in workplace.published()["feeds/atom.xml"]
        assert not again(workplace, services).changes


def test_a_renamed_file_keeps_its_article(services_of: Workplace) -> None:
    workplace = services_of
    crawl(workplace, hour=1, files=12)
    with workplace.open() as services:
        workplace.build(services)
        published = workplace.published()
        old = by_title(services)
        for number in (3, 4):
            file = workplace.articles / f"金融/来源 {number}/栏目/{number}.md"
            file.rename(file.with_name(f"{number} 改名.md"))
        assert not again(workplace, services).changes
        assert by_title(services) == old
        assert workplace.published() == published


def test_a_file_that_breaks_and_heals_shows_its_last_good_version(services_of: Workplace) -> None:
    workplace = services_of
    crawl(workplace, hour=1, files=6)
    with workplace.open() as services:
        workplace.build(services)
        published = workplace.published()
        path = "金融/来源 2/栏目/2.md"
        whole = (workplace.articles / path).read_text(encoding="utf-8")
        broken = [
            whole[: whole.index("author:")],
            "",
            "---\ntitle: 题\ncategories: [\n---\n",
            "\0" * 2_000,
        ]
        for hour, text in enumerate(broken, start=2):
            workplace.write_text(path, text)
            assert not again(workplace, services).changes
            assert [problem.path for problem in services.store.articles.problems()] == [path]
            assert workplace.published() == published
            write(workplace, 2, hour)
            assert not again(workplace, services).changes
            assert services.store.articles.problems() == []
            assert workplace.published() == published
        write(workplace, 2, 9, title="终于")
        assert again(workplace, services).changes.updated == 1


SAME = "<p>两个栏目都登了这一篇，字句一样，只有配图和时间不同，在上一级只该看到一次，不多不少。</p>"


def twins(workplace: Workplace, hour: int, *, title: str = "同一篇", both: bool = True) -> None:
    """Write one article into two feeds' folders, as in this hour."""
    for number, feed in enumerate(("国内", "要闻")[: 1 + both]):
        image = f"https://picsum.photos/400/300?random={hour * 10 + number}"
        file = workplace.write_text(
            f"金融/财经/{feed}/同一篇.md",
            f"\n---\ntitle: '{title}'\ncategories:\n - 金融\n - 财经\n - {feed}\n"
            f"headimg: '{image}'\nauthor: 财经\ndate: Mon, 23 Nov 2026 0{number}:10:08 GMT\n"
            f"---\n<div>\n{SAME}\n<img src='{image}'>\n</div>\n",
        )
        tick = next(TICKS)
        os.utime(file, (tick, tick))


def test_the_same_article_in_two_feeds_folders_is_one_entry_above_them(
    services_of: Workplace,
) -> None:
    workplace = services_of
    twins(workplace, 1)
    with workplace.open() as services:
        assert workplace.build(services).changes.new == 1
        published = workplace.published()
        for folder in ("", "金融/", "金融/财经/", "金融/财经/国内/", "金融/财经/要闻/"):
            assert published[f"feeds/{folder}atom.xml"].count(b"<entry>") == 1
        (one,) = by_title(services).values()
        assert [str(path) for path in one.categories] == [
            "金融 / 财经 / 国内",
            "金融 / 财经 / 要闻",
        ]
        for hour in (2, 3):
            shutil.rmtree(workplace.articles / "金融")
            again(workplace, services)
            twins(workplace, hour)
            assert not again(workplace, services).changes
            assert workplace.published() == published


def test_a_title_corrected_in_both_files_one_after_the_other_is_one_update(
    services_of: Workplace,
) -> None:
    workplace = services_of
    twins(workplace, 1)
    with workplace.open() as services:
        workplace.build(services)
        (old,) = by_title(services).values()
        twins(workplace, 2, title="同一篇（更正）", both=False)
        assert again(workplace, services).changes.updated == 1
        corrected = workplace.published()
        twins(workplace, 3, title="同一篇（更正）")
        assert not again(workplace, services).changes
        (new,) = by_title(services).values()
        assert (new.id, new.categories) == (old.id, old.categories)
        assert workplace.published() == corrected


def test_a_file_renamed_by_a_crawl_that_rewrites_it_keeps_its_article(
    services_of: Workplace,
) -> None:
    workplace = services_of
    twins(workplace, 1, both=False)
    with workplace.open() as services:
        workplace.build(services)
        published = workplace.published()
        shutil.rmtree(workplace.articles / "金融")
        twins(workplace, 2, both=False)
        file = workplace.articles / "金融/财经/国内/同一篇.md"
        file.rename(file.with_name("又名.md"))
        assert not again(workplace, services).changes
        assert workplace.published() == published


def test_a_deleted_file_withdraws_its_article_after_the_grace_and_brings_it_back(
    workplace: Workplace,
) -> None:
    workplace.configure(
        base=workplace.configuration.read_text(encoding="utf-8").replace(
            "[articles]", '[articles]\non_delete = "withdraw"\ngrace = "3h"'
        )
    )
    crawl(workplace, hour=1, files=4)
    with workplace.open() as services:
        workplace.build(services)
        before = workplace.published()
        gone = by_title(services)["第 2 篇"]
        (workplace.articles / "金融/来源 2/栏目/2.md").unlink()
        assert not again(workplace, services).changes
        for _ in range(2):
            again(workplace, services)
        assert workplace.published() == before, "the grace is not over"
        assert again(workplace, services).changes.articles == {gone.key}
        published = workplace.published()
        assert f"{gone.folder}index.html" not in published
        assert f'deleted-entry ref="{gone.id}"'.encode() in published["feeds/atom.xml"]
        assert "第 2 篇".encode() not in published["feeds/rss.xml"]
        write(workplace, 2, 5)
        assert again(workplace, services).changes.articles == {gone.key}
        assert workplace.published() == before


def test_near_duplicates_of_several_sources_are_folded_where_that_is_configured(
    workplace: Workplace,
) -> None:
    workplace.configure(
        base=workplace.configuration.read_text(encoding="utf-8").replace(
            "[articles]", '[articles]\nduplicates = "fold"'
        )
    )
    wire = "".join(f"<p>第 {number} 段，通讯社的稿子，几家都照登不误。</p>" for number in range(20))
    workplace.write("甲报/1.md", "通讯社的一条消息", categories=("甲报",), body=wire)
    other = wire + "<p>（乙报编辑部稍有补充。）</p>"
    workplace.write("乙报/1.md", "通讯社的一条消息！", categories=("乙报",), body=other)
    workplace.write("丙报/1.md", "通讯社的一条消息", categories=("丙报",), body="<p>另写的。</p>")
    with workplace.open() as services:
        assert workplace.build(services).changes.new == 2
        told = {tuple(map(str, one.categories)) for one in stores.newest(services.store, None, 9)}
        assert {frozenset(names) for names in told} == {
            frozenset({"甲报", "乙报"}),
            frozenset({"丙报"}),
        }
