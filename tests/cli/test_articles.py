"""`digest articles`: looking, withdrawing, restoring."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Program
from tests.conftest import Workplace


@pytest.fixture
def built(program: Program, workplace: Workplace) -> Program:
    workplace.write("金融/a.md", "一篇")
    workplace.write("b.md", "又一篇", categories=("Notes",))
    program("build")
    return program


def told(program: Program, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(program("articles", *arguments, "--json").out)
    return found


def test_list_shows_the_newest_of_all_or_of_a_category(built: Program) -> None:
    assert [one["title"] for one in told(built, "list")] == ["一篇", "又一篇"]
    assert [one["title"] for one in told(built, "list", "--limit", "1")] == ["一篇"]
    (row,) = built("articles", "list", "--category", "Notes").out.splitlines()
    key, published, title, category = row.split("\t")
    assert (len(key), published, title, category) == (16, "2021-08-27 12:49 UTC", "又一篇", "Notes")
    assert built("articles", "list", "--category", "a//b").code == 2


def test_show_tells_all_there_is_by_any_name(built: Program) -> None:
    (one,) = told(built, "show", "金融/a.md")
    assert one["files"] == ["金融/a.md"]
    assert one["categories"] == ["金融 / 市场"]
    assert told(built, "show", str(one["key"]), str(one["id"])) == [one, one]
    text = built("articles", "show", str(one["key"]), str(one["key"])).out
    assert "Title         一篇" in text
    assert f"Id            {one['id']}" in text
    assert "Link" not in text, "there is none"


def test_show_tells_how_far_ahead_an_article_is_pinned(
    program: Program, workplace: Workplace
) -> None:
    workplace.write_text("c.md", "---\ntitle: 通知\nsticky: 100\n---\n正文\n")
    program("build")
    assert [one["pinned"] for one in told(program, "show", "c.md")] == [100]
    workplace.write_text("c.md", "---\ntitle: 通知\nsticky: 0\n---\n正文\n")
    program("build")
    assert [one["pinned"] for one in told(program, "show", "c.md")] == [0]


def test_withdraw_takes_an_article_out_and_restore_puts_it_back(
    built: Program, workplace: Workplace
) -> None:
    before = workplace.published()
    (one,) = told(built, "show", "b.md")
    done = built("articles", "withdraw", "b.md")
    assert done.code == 0
    assert done.out.startswith("1 withdrawn; ")
    published = workplace.published()
    assert "又一篇".encode() not in published["feeds/rss.xml"]
    assert f'ref="{one["id"]}"'.encode() in published["feeds/atom.xml"]
    assert f"articles/{one['key']}/index.html" not in published
    assert "feeds/Notes/rss.xml" not in published
    assert [gone["title"] for gone in told(built, "list", "--withdrawn")] == ["又一篇"]
    assert "Withdrawn    1 article\n" in built("status").out

    assert built("build").code == 0
    assert workplace.published() == published, "its file is still there"

    assert built("articles", "restore", str(one["key"])).out.startswith("1 restored; ")
    assert workplace.published() == before


def test_withdrawing_twice_does_nothing(built: Program) -> None:
    built("articles", "withdraw", "b.md")
    assert built("articles", "withdraw", "b.md").out.startswith("0 withdrawn; 0 files")


def test_withdrawing_again_publishes_what_failed_the_first_time(
    built: Program, workplace: Workplace
) -> None:
    with workplace.open() as services:
        key = services.store.withdrawals.find("b.md")[0].article.key
        services.store.withdrawals.withdraw([key], workplace.clock())
    assert "又一篇".encode() in workplace.published()["feeds/rss.xml"]
    assert built("articles", "withdraw", "b.md").code == 0
    assert "又一篇".encode() not in workplace.published()["feeds/rss.xml"]


def test_a_name_that_is_no_utf_8_is_asked_for_as_it_is_kept(built: Program) -> None:
    done = built("articles", "show", "a\udcff.md")
    assert done.code == 1
    assert "a\\xff.md: no article" in done.err


@pytest.mark.parametrize("command", ["show", "withdraw", "restore"])
def test_a_name_of_nothing_changes_nothing(
    built: Program, workplace: Workplace, command: str
) -> None:
    before = workplace.published()
    done = built("articles", command, "b.md", "nothing.md")
    assert done.code == 1
    assert "nothing.md: no article has this key, id, link or file" in done.err
    assert workplace.published() == before


def test_a_link_of_several_articles_asks_for_a_key(built: Program, workplace: Workplace) -> None:
    link = "https://example.org/list"
    for number in range(2):
        workplace.write_text(f"{number}.md", f"---\ntitle: 第{number}篇\nlink: {link}\n---\n文。\n")
    built("build")
    done = built("articles", "withdraw", link)
    assert done.code == 1
    assert "several articles have this link; name one by its key: " in done.err


def test_files_that_wait_for_their_date_are_listed(built: Program, workplace: Workplace) -> None:
    assert built("articles", "list", "--waiting").out == "No file waits for its date.\n"
    month = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    workplace.write("d.md", "以后", date=month.isoformat())
    assert "1 file waits for its date" in built("build").out
    shown = f"{month:%Y-%m-%d %H:%M} UTC"
    assert built("articles", "list", "--waiting").out == f"{shown}\td.md\n"
    waiting = told(built, "list", "--waiting")
    assert waiting == [{"path": "d.md", "appears_at": f"{month}"}]
