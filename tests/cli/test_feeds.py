"""`digest feeds`: the list of them, and what the program has written of them."""

from __future__ import annotations

import json

from digest.times import utc_now
from tests.cli.conftest import Program
from tests.conftest import Workplace
from tests.feed_validation import validate_published


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


def test_what_is_built_and_what_is_left_of_a_withdrawn_article_is_right(
    program: Program, workplace: Workplace
) -> None:
    site = workplace.settings().site()
    workplace.write("a.md")
    workplace.write("b.md", "另一篇")
    program("build")
    assert validate_published(workplace.published(), site, utc_now()) == []
    assert program("articles", "withdraw", "a.md").code == 0
    published = workplace.published()
    assert b"deleted-entry" in published["feeds/atom.xml"]
    assert validate_published(published, site, utc_now()) == []


def test_a_character_that_was_lost_is_the_only_thing_told(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("a.md", "破损的\ufffd字")
    program("build")
    found = validate_published(workplace.published(), workplace.settings().site(), utc_now())
    assert {finding.rule for _, finding in found} == {"characters-suspect"}
    assert {path.rpartition(".")[2] for path, _ in found} == {"xml", "json"}


def test_readers_are_told_how_often_to_look(program: Program, workplace: Workplace) -> None:
    workplace.configure('\n[feeds]\nttl = "15m"\n')
    workplace.write("a.md")
    program("build")
    assert b"<ttl>15</ttl>" in workplace.published()["feeds/金融/rss.xml"]
