"""`digest build`, `clean`, `problems`, `status`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.conftest import CONFIGURATION, Workplace


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


def test_articles_of_a_folder_that_got_a_name_follow_their_files(
    program: Program, workplace: Workplace
) -> None:
    text = (
        "<p>"
        + "同一篇文章，字数够多，换了文件夹的名字也认得出来，改了标题也要跟着改。" * 2
        + "</p>"
    )
    workplace.write("a.md", "旧题", body=text)
    program("build")
    workplace.configure('\n[paths.articles]\nnews = "articles"\n')
    assert json.loads(program("build", "--json").out)["articles"] == 1
    workplace.write("a.md", "新题", body=text)
    program("build")
    assert "新题".encode() in workplace.published()["feeds/rss.xml"]
    assert "Away" not in program("status").out


def test_build_ends_with_1_where_a_file_is_a_problem(
    program: Program, workplace: Workplace
) -> None:
    workplace.write("good.md")
    workplace.write_text("bad.md", "---\ntitle: never closed\n")
    built = program("build")
    assert built.code == 1
    assert "1 file is no article;" in built.out


def test_a_draft_is_noted_and_no_problem(program: Program, workplace: Workplace) -> None:
    workplace.write("good.md")
    workplace.write_text("draft.md", "---\ntitle: Quay\ndraft: true\n---\nText\n")
    workplace.write_text("image.md", "---\ndraft: true\n---\n![crane](crane.png)\n")
    built = program("build")
    assert built.code == 0
    assert "1 new" in built.out
    told = "No problems; 2 files have notes (`digest problems --notes`).\n"
    assert program("problems").out == told
    assert program("problems", "--notes").out.count("it is a draft") == 2


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


def test_status_tells_when_the_last_full_scan_was_and_how_long_it_took(
    program: Program, workplace: Workplace
) -> None:
    assert "Last scan    never" in program("status").out
    assert json.loads(program("status", "--json").out)["last_scan"] is None

    workplace.write("a.md")
    program("build")  # another process, as far as the database knows

    assert re.search(r"Last scan    20\d\d-.{14} UTC: 1 file in \d+\.\d s", program("status").out)
    told = json.loads(program("status", "--json").out)["last_scan"]
    assert told["files"] == 1
    assert told["seconds"] >= 0
    assert told["away"] == {}


def test_status_and_problems_tell_which_root_is_away(
    program: Program, workplace: Workplace
) -> None:
    blog = workplace.two_roots()
    workplace.write("a.md", "一")
    workplace.write("../blog/b.md", "二")
    program("build")
    blog.rename(workplace.folder / "unmounted")

    assert program("build").code == 1
    assert f"Away         {blog}: No such file or directory" in program("status").out
    assert program("problems").out.startswith("blog\t\tfailed\tNo such file or directory")
    assert json.loads(program("feeds", "--json").out)[0]["articles"] == 2

    (workplace.folder / "unmounted").rename(blog)
    assert program("build").code == 0
    assert "Away" not in program("status").out


def test_clean_prints_clean_html_and_stores_nothing(program: Program, workplace: Workplace) -> None:
    file = workplace.write("a.md", body="<p onclick='x()'>好</p><script>alert(1)</script>")
    assert program("clean", file).out == "<p>好</p>\n"
    assert not (workplace.folder / "data").exists()
    assert "has more than 4,194,304 bytes" in program("clean", "/dev/zero").err


def test_clean_tries_rules_by_the_path_in_the_tree(
    program: Program, workplace: Workplace, tmp_path: Path
) -> None:
    workplace.configure('[[rules]]\npath = "金融/*"\ndrop = [".ad"]\n')
    body = "<p>好</p><p class='ad'>广告</p>"
    inside = workplace.write("金融/a.md", body=body)
    outside = workplace.write("../a.md", body=body)
    assert "广告" not in program("clean", inside).out
    assert "广告" in program("clean", outside).out


def test_clean_tries_rules_by_the_path_in_a_named_root(
    program: Program, workplace: Workplace
) -> None:
    workplace.two_roots('[[rules]]\npath = "blog/*"\ndrop = [".ad"]\n')
    body = "<p>好</p><p class='ad'>广告</p>"
    assert "广告" not in program("clean", workplace.write("../blog/a.md", body=body)).out
    assert "广告" in program("clean", workplace.write("a.md", body=body)).out


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


def test_status_tells_that_a_template_cannot_be_used(
    program: Program, workplace: Workplace
) -> None:
    own = workplace.folder / "templates/web"
    own.mkdir(parents=True)
    workplace.configure('[paths]\ntemplates = "templates"\n')
    program("build")
    assert json.loads(program("status", "--json").out)["templates"] is None
    assert "Templates" not in program("status").out
    (own / "article.html").write_text("{% if %}", encoding="utf-8")
    told = program("status")
    assert told.code == 0
    assert "Templates    template web/article.html:1: " in told.out
    assert "web/article.html" in json.loads(program("status", "--json").out)["templates"]


def test_pictures_for_which_there_is_no_room_are_told_until_there_is(
    program: Program, workplace: Workplace
) -> None:
    pictures = [b"\x89PNG\r\n\x1a\n" + bytes([number]) * 700_000 for number in range(2)]
    for number, picture in enumerate(pictures):
        workplace.write(f"{number}.md", f"第{number}篇", body=f'<p>图<img src="{number}.png"></p>')
        (workplace.articles / f"{number}.png").write_bytes(picture)
    few = "[articles]\nmax_asset_bytes = 1048576\nmax_asset_folder_bytes = {}\n"
    workplace.configure(base=CONFIGURATION.replace("[articles]\n", few.format(1_048_576)))
    copies = workplace.folder / "data/assets"

    with workplace.open() as services:
        workplace.build(services)
        (note,) = services.store.articles.problems(noted=True)
    assert "1.png' has no room in the 1,048,576 bytes" in note.cause
    assert len(list(copies.glob("*.png"))) == 1
    told = "1 file left out: the folder has no more room ([articles] max_asset_folder_bytes;"
    assert told in program("status").out

    workplace.configure(base=CONFIGURATION.replace("[articles]\n", few.format(3_000_000)))
    program("build")
    assert {copy.read_bytes() for copy in copies.glob("*.png")} == set(pictures)


def test_status_tells_what_cannot_be_written(program: Program, workplace: Workplace) -> None:
    workplace.write("a.md")
    program("build")
    told = json.loads(program("status", "--json").out)
    assert (told["not_written"], told["files_without_assets"]) == ({}, 0)
    rss = workplace.folder / "public/feeds/rss.xml"
    rss.unlink()
    (rss / "inside").mkdir(parents=True)
    workplace.write("b.md", "又一篇")
    assert program("build").code == 1
    problem = "there is a folder where a file should be"
    told = program("status")
    assert f"Not written  feeds/rss.xml: {problem}" in told.out
    assert json.loads(program("status", "--json").out)["not_written"] == {"feeds/rss.xml": problem}
