"""`digest build`, `clean`, `problems`, `feeds`, `status`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import Workplace


def test_build_publishes_and_tells(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md", "一篇")
    built = program("build")
    assert built.code == 0
    assert "1 new and 0 updated articles; 1 in 2 categories" in built.out
    assert "一篇" in (workplace.output / "feeds/金融/市场/rss.xml").read_text(encoding="utf-8")


def test_building_twice_writes_nothing_and_a_deleted_folder_comes_back_the_same(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("a.md", "一篇")
    workplace.write("b/c.md", "又一篇", categories=("Notes",), date="Invalid Date")
    program("build")
    before = workplace.published()

    again = json.loads(program("build", "--json").out)
    assert (again["written"], again["removed"]) == (0, 0)

    for path in sorted(workplace.output.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    program("build")
    assert workplace.published() == before


def test_build_ends_with_1_where_a_file_is_a_problem(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("good.md")
    workplace.write_text("bad.md", "---\ntitle: never closed\n")
    built = program("build")
    assert built.code == 1
    assert "1 files are no articles" in built.out


def test_build_tells_of_a_file_that_is_being_written(
    program: Program, workplace: Workplace
) -> None:
    configuration = workplace.configuration.read_text(encoding="utf-8")
    workplace.configure(base=configuration.replace("workers = 1", 'workers = 1\nsettle = "0s"'))
    workplace.write("a.md")
    with (workplace.articles / "a.md").open("a"):
        built = program("build")
    assert built.code == 1
    assert "a.md: somebody is still writing it" in built.err


def test_build_starts_the_digests_quietly(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md")
    program("build")
    assert "there is nothing new" in program("preview", "daily").err
    workplace.write("b.md", "新的")
    program("build")
    assert "新的" in program("preview", "daily", "--format", "text").out


def test_problems_name_path_line_and_cause(program: Program, workplace: Workplace) -> None:
    assert program("problems").out == "No problems.\n"
    workplace.write_text("金融/bad.md", "---\ntitle: x\n")
    program("build")
    (row,) = program("problems").out.splitlines()
    assert row.startswith("金融/bad.md\t")
    (problem,) = json.loads(program("problems", "--json").out)
    assert problem["path"] == "金融/bad.md"
    assert problem["cause"]


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


def test_status_counts(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md")
    program("build")
    program("subscribers", "add", "a@example.org", "--digest", "daily")
    told = json.loads(program("status", "--json").out)
    assert told["articles"] == 1
    assert [(digest["name"], digest["subscribers"]) for digest in told["digests"]] == [
        ("daily", 1),
        ("notes", 0),
    ]
    assert "每日摘要" in program("status").out


def test_clean_prints_clean_html_and_stores_nothing(program: Program, workplace: Workplace) -> None:
    file = workplace.write("a.md", body="<p onclick='x()'>好</p><script>alert(1)</script>")
    assert program("clean", file).out == "<p>好</p>\n"
    assert not (workplace.folder / "data").exists()


def test_clean_tries_rules_by_the_path_in_the_tree(
    program: Program, workplace: Workplace, tmp_path: Path
) -> None:
    workplace.configure('[[rules]]\npath = "金融/*"\ndrop = [".ad"]\n')
    body = "<p>好</p><p class='ad'>广告</p>"
    inside = workplace.write("金融/a.md", body=body)
    outside = workplace.write("../a.md", body=body)
    assert "广告" not in program("clean", inside).out
    assert "广告" in program("clean", outside).out


def test_clean_shows_what_the_rules_change(program: Program, workplace: Workplace) -> None:
    workplace.configure('[[rules]]\npath = "金融/*"\ndrop = [".ad"]\n')
    body = "<p>好 [b]</p>\n<p class='ad'>广告</p>\n<p>完</p>"
    file = workplace.write("金融/a.md", body=body)
    assert program("clean", "--diff", file).out == (
        "--- without rules\n+++ with rules\n@@ -1,3 +1,2 @@\n"
        " <p>好 [b]</p>\n-<p>广告</p>\n <p>完</p>\n"
    )
    other = workplace.write("文化/a.md", body=body)
    assert program("clean", "--diff", other).out == ""


@pytest.mark.parametrize("name", ["gone.md", "empty.md"])
def test_clean_tells_why_a_file_is_no_article(
    program: Program, workplace: Workplace, name: str
) -> None:
    workplace.write_text("empty.md", "")
    ended = program("clean", workplace.articles / name)
    assert ended.code == 1
    assert name in ended.err
