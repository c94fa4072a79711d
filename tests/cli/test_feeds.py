"""`digest feeds` and `digest feeds validate`."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Program
from tests.conftest import Workplace


def test_feeds_lists_every_category(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md")
    program("build")
    rows = [line.split("\t") for line in program("feeds").out.splitlines()]
    assert [row[:3] for row in rows] == [
        ["(everything)", "1", "everything"],
        ["金融", "1", "category"],
        ["金融 / 市场", "1", "category"],
        ["记者", "1", "author"],
    ]
    everything, *_, author = json.loads(program("feeds", "--json").out)
    assert everything["category"] is None
    assert (author["kind"], author["name"]) == ("author", "记者")
    assert author["page"] == "http://127.0.0.1:8000/feeds/%40authors/%E8%AE%B0%E8%80%85/"
    assert everything["feeds"] == [
        f"http://127.0.0.1:8000/feeds/{name}" for name in ("rss.xml", "atom.xml", "feed.json")
    ]


def test_feeds_of_the_operators_follow_the_configuration(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("a.md", "银行的消息")
    workplace.write("b.md", "别的")
    workplace.configure('[feeds]\nauthors = false\n[feeds.custom.banks]\nwords = ["银行"]\n')
    program("build")
    assert "银行" in (workplace.output / "feeds/@custom/banks/rss.xml").read_text("utf-8")
    assert not (workplace.output / "feeds/@authors").exists()

    def listed() -> list[tuple[str, int]]:
        found = json.loads(program("feeds", "--json").out)
        return [(one["name"], one["articles"]) for one in found if one["kind"] == "custom"]

    assert listed() == [("banks", 1)]
    workplace.configure('[feeds.custom.banks.exclude]\nwords = ["银行"]\n')
    built = json.loads(program("build", "--json").out)
    assert built["new"] == built["updated"] == 0
    assert "别的" in (workplace.output / "feeds/@custom/banks/rss.xml").read_text("utf-8")
    assert listed() == [("banks", 1)]


def test_what_was_built_is_right(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md")
    program("build")
    ended = program("feeds", "validate")
    assert ended.code == 0
    assert ended.out == "13 files: 0 errors, 0 warnings.\n"
    assert json.loads(program("feeds", "validate", "--json").out) == {
        "files": 13,
        "errors": 0,
        "warnings": 0,
        "findings": [],
    }


def test_what_is_left_of_a_withdrawn_article_is_right(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("a.md")
    workplace.write("b.md", "另一篇")
    program("build")
    assert program("articles", "withdraw", "a.md").code == 0
    assert b"deleted-entry" in workplace.published()["feeds/atom.xml"]
    assert json.loads(program("feeds", "validate", "--json").out)["findings"] == []


def test_readers_are_told_how_often_to_look(program: Program, workplace: Workplace) -> None:
    workplace.configure('\n[feeds]\nttl = "15m"\n')
    workplace.write("a.md")
    program("build")
    assert b"<ttl>15</ttl>" in workplace.published()["feeds/金融/rss.xml"]


def test_an_error_in_a_feed_is_told_with_its_file_and_ends_with_1(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("a.md", "一篇")
    program("build")
    feed = workplace.output / "feeds/金融/rss.xml"
    feed.write_text(feed.read_text("utf-8").replace("<item>", "<item><summary/>"), "utf-8")
    ended = program("feeds", "validate")
    assert ended.code == 1
    row, summary = ended.out.splitlines()
    assert row.split("\t")[:3] == ["feeds/金融/rss.xml", "error", "rss-unknown"]
    assert "summary: expected elements of RSS 2.0" in row
    assert summary == "13 files: 1 errors, 0 warnings."
    (finding,) = json.loads(program("feeds", "validate", "--json").out)["findings"]
    assert finding["file"] == "feeds/金融/rss.xml"
    assert finding["element"] == "summary"
    assert finding["source"] == "RSS 2.0 specification: extending RSS"


def test_warnings_alone_end_with_0(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md", "破损的\ufffd字")
    program("build")
    ended = program("feeds", "validate")
    assert ended.code == 0
    assert "characters-suspect" in ended.out
    assert "0 errors, 12 warnings" in ended.out


def test_a_feed_at_another_address_is_told(
    program: Program, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("a.md")
    program("build")
    monkeypatch.setenv("DIGEST_SITE__URL", "https://elsewhere.example")
    ended = program("feeds", "validate", "--json")
    assert ended.code == 1
    rules = {finding["rule"] for finding in json.loads(ended.out)["findings"]}
    assert rules == {"self-address", "json-self"}


def test_without_feeds_there_is_nothing_to_check(program: Program) -> None:
    ended = program("feeds", "validate")
    assert ended.code == 1
    assert "holds no feeds; `digest build` writes them" in ended.err
