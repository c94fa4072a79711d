"""Front matter is text by key, whatever YAML would make of it; trouble has a line."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.model import Severity
from digest.articles.reading import yaml_front_matter
from digest.articles.reading.fields import MAX_LENGTH, MAX_NESTING, Value
from digest.articles.reading.front_matter import split
from digest.articles.reading.plain_front_matter import read_plain
from digest.errors import SourceError
from tests.effort import effort

PATH = PurePosixPath("a/b.md")


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_front_matter, "LOADER", getattr(yaml, request.param))


def failure(text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        split(text, PATH)
    assert caught.value.path == PATH
    return caught.value


def test_scalars_stay_the_text_that_was_written() -> None:
    text = "---\ntitle: 2021\na: no\nb: 1.0\nc: 2021-01-02\nd: ~\ne:\nf: 0x1F\ng: !!int 3\n---\n"
    assert split(text, PATH).fields == {
        "title": "2021",
        "a": "no",
        "b": "1.0",
        "c": "2021-01-02",
        "d": "",
        "e": "",
        "f": "0x1F",
        "g": "3",
    }


@pytest.mark.parametrize("start", ["", "\n", "\n  \n\t\n", "\ufeff", "\ufeff\n"])
@pytest.mark.parametrize("end", ["---", "...", "---  "])
def test_the_block_may_follow_blank_lines_and_a_mark(start: str, end: str) -> None:
    front = split(f"{start}---\nTitle: 报\n{end}\n\n<p>文</p>", PATH)
    assert front.present
    assert front.fields == {"title": "报"}
    assert front.body == "\n<p>文</p>"
    lines = start.count("\n")
    assert front.lines == {"title": lines + 2}


@pytest.mark.parametrize(
    "text",
    ["", "no front matter", "text\n---\na: 1\n---\n", "----\nno key\n----\n", "----\na: 1\n"],
)
def test_a_file_without_a_block_is_all_body(text: str) -> None:
    front = split(text, PATH)
    assert not front.present
    assert front.fields == {}
    assert front.body == text


@pytest.mark.parametrize("block", ["---\n---", "---\n# nothing\n---\n", "---\n\n...\nbody"])
def test_an_empty_block_is_a_block(block: str) -> None:
    front = split(block, PATH)
    assert front.present
    assert front.fields == {}


def test_lists_and_mappings_nest() -> None:
    text = "---\ncategories:\n - [财经, 银行]\n - 要闻\nauthor: {name: 甲, x: [1]}\n---\n"
    front = split(text, PATH)
    assert front.fields == {
        "categories": [["财经", "银行"], "要闻"],
        "author": {"name": "甲", "x": ["1"]},
    }
    assert front.lines == {"categories": 2, "author": 5}


def test_the_last_of_a_repeated_key_counts() -> None:
    assert split("---\na: 1\nA: 2\n---\n", PATH).fields == {"a": "2"}


def test_template_escapes_are_decoded() -> None:
    text = "---\ntitle: 'a &#123;b&#125;'\ntags: ['&#123;']\n---\n"
    assert split(text, PATH).fields == {"title": "a {b}", "tags": ["{"]}


def test_escapes_bring_no_forbidden_characters() -> None:
    assert split('---\ntitle: "a\\x03b\\0"\n---\n', PATH).fields == {"title": "ab"}


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ('title: """""""\'第3回\'"""""""', "第3回"),
        ("title: 'it's'", "it's"),
        ('title: "He said "no""', 'He said "no"'),
        ("title: 上集: 下集", "上集: 下集"),
        ("title: @handle", "@handle"),
        ("title: `code`", "`code`"),
        ("title: &#123;x&#125; y", "{x} y"),
        ("title: *bold* text", "*bold* text"),
        ("title: [独家", "[独家"),
        ("title: [独家] 消息", "[独家] 消息"),
        ("title: %x", "%x"),
        ("title:   'a' and 'b'", "'a' and 'b'"),
        ('title: "Yes" and "No"', '"Yes" and "No"'),
        ('title: "Never," she said', '"Never," she said'),
        ("title: 'One', 'Two', 'Three'", "'One', 'Two', 'Three'"),
        ('title: "上集"和"下集"', '"上集"和"下集"'),
        ('title: "Ja" oder "Nein"?', '"Ja" oder "Nein"?'),
        ('title: "Him "and" her"', 'Him "and" her'),
        ("title: '", "'"),
    ],
)
def test_a_line_of_text_that_is_no_yaml_is_read_as_it_stands(line: str, title: str) -> None:
    front = split(f"---\nauthor: 乙\n{line}\ncategories:\n - 甲\n---\n正文", PATH)
    assert front.fields == {"author": "乙", "title": title, "categories": ["甲"]}
    assert front.lines["categories"] == 4


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ('title: "报', {"title": "报"}),
        ("title: 'it's", {"title": "it's"}),
        ('title: "报\nauthor: 甲', {"title": "报", "author": "甲"}),
        ('title: "报\nsummary: "短"', {"title": "报", "summary": "短"}),
        ("title: '报\ndate: '2021-08-27\nx: y'", {"title": "报", "date": "2021-08-27", "x": "y'"}),
        ("title:报", {"title": "报"}),
        ("title：报：刊", {"title": "报：刊"}),
        ("date:2021-08-27 12:49", {"date": "2021-08-27 12:49"}),
        ("title: 报\ntitle: 刊", {"title": "刊"}),
        ("tags: a: b", {"tags": "a: b"}),
        ("title:\t报", {"title": "报"}),
        ("\ttitle: 报", {"title": "报"}),
        ("tags:\n\t- 甲\n\t- 乙\nx: y", {"tags": ["甲", "乙"], "x": "y"}),
        ("author:\n\tname: 甲\n\n\turl: x", {"author": {"name": "甲", "url": "x"}}),
        ("summary: |\n\t一\n\t二\n", {"summary": "一\n二\n"}),
        ("tags:\n - 'it's'\n - 甲\n", {"tags": ["it's", "甲"]}),
        ('tags:\n- "甲\n- @乙', {"tags": ["甲", "@乙"]}),
        ("x: [\n  y]\ntags:\n- [甲]\n- @乙", {"x": ["y"], "tags": [["甲"], "@乙"]}),
        ("title: a: b\ncover: {src: x}", {"title": "a: b", "cover": {"src": "x"}}),
    ],
)
def test_what_is_plainly_meant_is_read(lines: str, fields: dict[str, object]) -> None:
    front = split(f"---\n{lines}\n---\n正文", PATH)
    assert front.fields == fields
    assert front.body == "正文"


@pytest.mark.parametrize(
    ("lines", "notes"),
    [
        (
            'title: """""""\'第3回\'"""""""',
            [(2, "title has quotes within quotes; read as 第3回")],
        ),
        ("title: 'it's'", [(2, "title has quotes within quotes; read as it's")]),
        (
            "x: y\nTitle: 上集: 下集",
            [(3, "Title has a colon in it and no quotes around it; read as 上集: 下集")],
        ),
        (
            "title: @handle",
            [(2, "title starts with @ and has no quotes around it; read as @handle")],
        ),
        (
            "title: &#123;x&#125; y",
            [(2, "title starts with & and has no quotes around it; read as {x} y")],
        ),
        ('title: "报', [(2, "title has a quote that is never closed; read as 报")]),
        ("title: '", [(2, "title has a quote that is never closed; read as '")]),
        ('title: "甲" 乙', [(2, 'title goes on behind a closing quote; read as "甲" 乙')]),
        (
            'title: "C:\\书"',
            [(2, "title has a backslash that says nothing; read as C:\\书")],
        ),
        ("title: - 报", [(2, "title is no YAML; read as - 报")]),
        ("date:2021-08-27", [(2, "date has no space behind its colon; read as 2021-08-27")]),
        ("title：报", [(2, "title has a full-width colon; read as 报")]),
        ("title: 报\nx: y\nTITLE: 刊", [(4, "TITLE is there more than once; the last one counts")]),
        (
            "tags:\n\t- 甲\n\t- @乙\nextra:\n\tx: y",
            [
                (3, "tabs indent it; each is read as two spaces"),
                (
                    4,
                    "an item of tags starts with @ and has no quotes around it; read as @乙",
                ),
                (6, "tabs indent it; each is read as two spaces"),
            ],
        ),
        (
            "title: 报\ntitle: a: b\ntags:\n- 'it's'",
            [
                (3, "title has a colon in it and no quotes around it; read as a: b"),
                (3, "title is there more than once; the last one counts"),
                (5, "an item of tags has quotes within quotes; read as it's"),
            ],
        ),
        ('title: """"', [(2, "title has quotes within quotes; read as ''")]),
        ("'': x\n'': y", [(3, "'' is there more than once; the last one counts")]),
        ("- 'it's'", None),
        ("title: 报\nsummary: 'it''s'\ntags: [甲]", []),
    ],
)
def test_what_is_salvaged_is_told_with_its_line(
    lines: str, notes: list[tuple[int, str]] | None
) -> None:
    if notes is None:  # the item can be mended, but an item is no front matter
        assert "key: value" in failure(f"---\n{lines}\n---\n").problem
        return
    front = split(f"---\n{lines}\n---\n正文", PATH)
    assert [(note.line, note.cause) for note in front.notes] == notes
    assert all(note.severity is Severity.SALVAGED for note in front.notes)


def test_a_note_is_one_short_line_whatever_it_quotes() -> None:
    front = split(f"---\n\ntitle: a\t&#123;: \u200b{'长' * 500}\n---\n", PATH)
    (note,) = front.notes
    assert note.line == 3
    start = "title has a colon in it and no quotes around it; read as a {: "
    assert note.cause == f"{start}{'长' * 74}…"
    (note,) = split(f'{{"title": "x",\n\n"{"k" * 500}": 1, "{"k" * 500}": 2}}', PATH).notes
    assert (note.line, note.cause) == (
        3,
        f"{'k' * 79}… is there more than once; the last one counts",
    )


def test_lines_stay_what_they_were_where_others_are_salvaged() -> None:
    front = split('---\ntitle: "报\ntags:\n\t- 甲\nauthor: "乙"\n---\n', PATH)
    assert front.lines == {"title": 2, "tags": 3, "author": 5}


def test_a_text_in_quotes_may_go_on_indented() -> None:
    text = "---\ntitle: 'a\n\n  date: b'\nx: \"y\n  z\"\n---\n"
    assert split(text, PATH).fields == {"title": "a\ndate: b", "x": "y z"}


def test_good_lines_are_not_touched_by_the_mending_of_others() -> None:
    front = split("---\ntitle: a: b\nauthor: 'it''s'\nimage: [1]\ndate: x # y\n---\n", PATH)
    assert front.fields == {"title": "a: b", "author": "it's", "image": ["1"], "date": "x"}


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("---\ntitle: x\n", 1, "no closing"),
        ("\n\n---\ntitle: x\n--\n", 3, "no closing"),
        ("---\nunknown: [a: b\n---\n", 3, "expected"),
        ("---\ntitle: x\nother: [a\n---\n", 4, ""),
        ("---\ntitle: a: b\n  continued\n---\n", 2, "mapping values are not allowed"),
        ("---\ntags: [a, b\n---\n", 3, "expected ',' or ']'"),
        ("---\nx: 1\nauthor: {name: x\n---\n", 4, "expected ',' or '}'"),
        ("---\nx: 'a\ny: b'\n---\n", 2, "a quote is not closed"),
        ("---\ntags:\n- a\n\t- b\n---\n", 4, "found"),
        ("---\ntags:\n - a: 'b\n   c\n---\n", 5, "found unexpected end"),
        ("---\ntitle: x\n link: y\n---\n", 3, "mapping values"),
        ("---\n- a\n- b\n---\n", 2, "key: value"),
        ("---\njust text\n---\n", 2, "key: value"),
        ("---\na: 1\n--- \nb: 2\n", 0, ""),
        ("---\na: 1\n--- b\n---\n", 3, "key: value"),
        ("---\n? [a]\n: 1\n---\n", 2, "a key must be plain text"),
        ("---\n? {a: 1}\n: 1\n---\n", 2, "a key must be plain text"),
        ("---\na: &x [1, *x]\n---\n", 2, "within its own value"),
        ("---\na: 1\nb: *x\n---\n", 3, "alias"),
        ("---\na: " + "[" * (MAX_NESTING + 1) + "\n---\n", 2, "nests deeper"),
        ("---\na: " + "[" * 5_000 + "\n---\n", 2, "nests deeper"),
        ("---\na: |\n" + " x\n" * MAX_LENGTH + "---\n", 2, "longer than"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, line: int, cause: str) -> None:
    if line == 0:  # a closing line with spaces is one
        assert split(text, PATH).body == "b: 2\n"
        return
    error = failure(text)
    assert error.line == line
    assert cause in error.problem


def test_characters_that_yaml_refuses_are_named() -> None:
    error = failure("---\na: \ufffe\n---\n")
    assert error.line == 2
    assert "character" in error.problem


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    assert "nests deeper" in failure("---\n" + "\n".join(lines) + "\n---\n").problem
    wide = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 40)}]" for i in range(1, 4)]
    text = "\n".join(["---", "a0: &a0 x", *wide, "---", ""])
    assert "aliases stand for more than" in failure(text).problem


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        ("a: &x one\nb: *x", {"a": "one", "b": "one"}),
        ("a: &x [1]\nb: *x\nc: [*x, 3]", {"a": ["1"], "b": ["1"], "c": [["1"], "3"]}),
        ("a: &unused one", {"a": "one"}),
        ("b: &b {x: 1}\n<<: *b\ny: 2", {"b": {"x": "1"}, "y": "2", "x": "1"}),
        ("b: &b {x: 1}\nc:\n  <<: *b\n  x: 3", {"b": {"x": "1"}, "c": {"x": "3"}}),
        ("b: &b {x: 1}\nc: &c {x: 2, y: 3}\nd: {<<: [*b, *c]}",
         {"b": {"x": "1"}, "c": {"x": "2", "y": "3"}, "d": {"x": "1", "y": "3"}}),
    ],
)  # fmt: skip
def test_an_alias_stands_for_the_value_of_its_anchor(block: str, fields: object) -> None:
    front = split(f"---\n{block}\n---\n", PATH)
    assert front.fields == fields
    assert set(front.lines) == set(front.fields)


@pytest.mark.parametrize(
    ("opens", "closes", "fields"),
    [
        ("----", "----", "title: T"),
        ("----------", "----------", "title: T"),
        ("-----", "---", "# a comment\ntitle: T"),
        (";;;;;", ";;;;;", '"title": "T"'),
        ("--- # of the post", "---", "title: T"),
    ],
)
def test_a_fence_may_have_more_than_three_signs(opens: str, closes: str, fields: str) -> None:
    front = split(f"{opens}\n{fields}\n{closes}\nText.", PATH)
    assert (front.fields, front.body) == ({"title": "T"}, "Text.")


@settings(max_examples=effort(33, soak=100))
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_block_becomes_text_or_a_source_error(block: str) -> None:
    line: int | None = 1
    try:
        split(f"---\n{block}\n---\n", PATH)
    except SourceError as error:
        line = error.line
    assert line is not None
    assert line >= 1


@pytest.mark.parametrize("start", ["", "\n", "\ufeff\n  \n"])
def test_toml_stands_between_lines_of_plus_signs(start: str) -> None:
    front = split(f'{start}+++\nTitle = "报"\ndate = 2021-08-27\n+++ \n文\n+++\n', PATH)
    assert front.present
    assert front.fields == {"title": "报", "date": "2021-08-27"}
    lines = start.count("\n")
    assert front.lines == {"title": lines + 2, "date": lines + 3}
    assert front.body == "文\n+++\n"


@pytest.mark.parametrize("start", ["", "\n", "\ufeff\n  \n", "  "])
@pytest.mark.parametrize("between", ["\n", "  \n", ""])
def test_json_ends_where_the_object_ends(start: str, between: str) -> None:
    front = split(f'{start}{{\n"Title": "报",\n"n": {{"a": 1}}\n}}{between}<p>{{}}</p>', PATH)
    assert front.present
    assert front.fields == {"title": "报", "n": {"a": "1"}}
    lines = start.count("\n")
    assert front.lines == {"title": lines + 2, "n": lines + 3}
    assert front.body == "<p>{}</p>"


@pytest.mark.parametrize(
    "text",
    [
        '---json\n{"title": "报",\n"tags": ["甲"]}\n---\n文',
        '--- JSON \n"title": "报",\n"tags": ["甲"]\n---\n文',
        "---toml\ntitle = '报'\ntags = ['甲']\n---\n文",
        "---yaml\ntitle: 报\ntags: [甲]\n---\n文",
        ';;;\n"title": "报",\n"tags": ["甲"]\n;;;\n文',
    ],
)
def test_a_fence_may_name_the_language(text: str) -> None:
    front = split(text, PurePosixPath("a.html"))
    assert front.fields == {"title": "报", "tags": ["甲"]}
    assert (front.lines, front.body) == ({"title": 2, "tags": 3}, "文")


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ('---json\n{"title": "x"}\nmore\n---\n', 2, "behind the object"),
        ('---json\n["title"]\n---\n', 2, "property name"),
        (";;;\n" + "[" * 5_000 + "\n;;;\n", 2, "nests deeper"),
        (';;;\n"title": "x\n;;;\n', 2, "no closing }"),
        (';;;\n"title": "x"\n', 1, "no closing ;;;"),
    ],
)
def test_trouble_behind_a_fence_with_a_language_has_its_line(
    text: str, line: int, cause: str
) -> None:
    error = failure(text)
    assert (error.line, cause in error.problem) == (line, True), error.problem


@pytest.mark.parametrize("start", ["", "\n\n", "\ufeff"])
@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ("title: 报\n", {"title": "报"}),
        ("author: 甲\ndate: 2021-08-27\n", {"author": "甲", "date": "2021-08-27"}),
        ("title: a: b\ntags:\n- 甲\n# x\n  # y\n", {"title": "a: b", "tags": ["甲"]}),
        ('"title": "报",\n"tags": [\n"甲"\n]\n', {"title": "报", "tags": ["甲"]}),
    ],
)
def test_a_fence_may_close_what_none_has_opened_as_with_hexo(
    head: str, fields: dict[str, object], start: str
) -> None:
    fence = ";;;" if head.startswith('"') else "---"
    front = split(f"{start}{head}{fence}\n文", PATH)
    assert front.present
    assert front.fields == fields
    assert front.body == "文"
    assert front.lines[next(iter(fields))] == start.count("\n") + 1
    assert not split(f"{head}{fence}\n文", PurePosixPath("a.txt")).present


def test_trouble_in_a_head_without_an_opening_fence_has_its_line() -> None:
    error = failure("\ntitle: 报\nx: [a\n---\n文")
    assert (error.line, "cannot be read" in error.problem) == (4, True)
    long = failure("title: 报\nx: " + "长" * MAX_LENGTH + "\n---\n文")
    assert (long.line, "longer than" in long.problem) == (1, True)


@pytest.mark.parametrize(
    "text",
    [
        "Note: mind the gap\n---\ntext",
        "Note: one\nRemark: two\n---\ntext",
        "title: 报\nprose\n---\ntext",
        "标题: 报\n---\ntext",
        "title:报\n---\ntext",
        "- title: 报\n---\ntext",
        '"title", she said\n---\ntext',
        "---js\n{ title: 1 }\n---\n",
        "+++json\na = 1\n+++\n",
    ],
)
def test_a_rule_below_a_paragraph_is_no_end_of_a_front_matter(text: str) -> None:
    front = split(text, PATH)
    assert not front.present
    assert front.body == text


@pytest.mark.parametrize(
    "text",
    ["{% raw %}\nx", "{{ x }}", '{"Hello"}, she said', "{独家} 消息", "++++\na = 1\n++++\n", "{"],
)
def test_braces_and_signs_of_a_text_are_no_front_matter(text: str) -> None:
    front = split(text, PATH)
    assert not front.present
    assert front.body == text


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ('\n+++\na = "x"\n', 2, "no closing +++"),
        ("\n+++\na = 1\nb: 2\n+++\n", 4, "Expected '='"),
        ("+++\na = '" + "x" * MAX_LENGTH + "'\n+++\n", 2, "longer than"),
        ('\n\n{"a": 1,\n"b" 2}', 4, "':'"),
        ('{"a": 1\n\ntext', 1, "no closing }"),
    ],
)
def test_trouble_in_toml_and_json_has_its_line_in_the_file(
    text: str, line: int, cause: str
) -> None:
    error = failure(text)
    assert (error.line, cause in error.problem) == (line, True), error.problem


@pytest.mark.parametrize(
    "text",
    [
        """+++
title = "T"
[taxonomies]
tags = ["甲"]
[extra]
link = "x"
tags = ["乙"]
id = 7
title = "U"
+++
""",
        """---
title: T
taxonomies: {tags: [甲]}

extra: {link: x, tags: [乙], id: 7, title: U}
---
""",
        """{"title": "T",

"taxonomies": {"tags": ["甲"]},

"params": {"link": "x", "tags": ["乙"], "guid": 7, "title": "U"}}""",
    ],
)
def test_tables_of_zola_and_hugo_say_what_the_top_does_not(text: str) -> None:
    front = split(text, PATH)
    told = {key: front.fields[key] for key in ("title", "tags", "link")}
    assert told == {"title": "T", "tags": ["甲"], "link": "x"}
    assert not {"id", "guid"} & set(front.fields)
    assert (front.lines["tags"], front.lines["link"]) == (3, 5)


def test_a_table_that_is_none_says_nothing() -> None:
    assert split("---\nextra: [link]\nparams: x\n---\n", PATH).fields == {
        "extra": ["link"],
        "params": "x",
    }


def test_lines_of_keys_are_the_front_matter_of_markdown_only() -> None:
    text = "\ufeff\n\nTitle: 报\nStatus: draft\n\n文"
    front = split(text, PATH)
    assert front.fields == {"title": "报", "status": "draft"}
    assert front.lines == {"title": 3, "status": 4}
    assert (front.body, front.present) == ("\n文", True)
    assert split(text, PurePosixPath("a.txt")).body == text


def test_lines_of_keys_are_a_head_up_to_an_empty_line() -> None:
    text = (
        "Title: a: b &#123;\n  DATE:  2021-08-27 \nSummary: one\n    two\n\tthree\nSlug:\n\nbody\n"
    )
    found = read_plain(text)
    assert found is not None
    fields, end = found
    assert fields.values == {
        "title": "a: b {",
        "date": "2021-08-27",
        "summary": "one\ntwo\nthree",
        "slug": "",
    }
    assert fields.lines == {"title": 0, "date": 1, "summary": 2, "slug": 5}
    assert text[end:] == "\nbody\n"


def test_the_last_of_a_repeated_key_line_counts() -> None:
    found = read_plain("Title: a\ntitle: b\n    c")
    assert found is not None
    assert (found[0].values, found[0].lines, found[1]) == ({"title": "b\nc"}, {"title": 1}, 23)
    (repair,) = found[0].repairs
    assert (repair.line, repair.cause) == (1, "title is there more than once; the last one counts")


@pytest.mark.parametrize("text", ["Title: x", "Title: x\n", "Date: 2021-08-27\nAuthor: x\n \nbody"])
def test_a_title_or_two_known_keys_make_a_head(text: str) -> None:
    assert read_plain(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\nTitle: x",
        "Note: mind the gap",
        "Note: one\nRemark: two\n\nbody",
        "Date: today we met\n\nbody",
        "Title: x\nthe body at once",
        "Title:x",
        "    Title: x",
        "标题: x",
        "https://example.org/",
        "Title: " + "x" * MAX_LENGTH,
        "Title: x\n" * MAX_LENGTH,
    ],
)
def test_anything_else_is_text(text: str) -> None:
    assert read_plain(text) is None


@pytest.mark.parametrize(
    ("text", "fields", "body"),
    [
        ("% Cranes\n\nText", {"title": "Cranes"}, "\n\nText"),
        ("\n% Cranes\n% Ann Lee\n% 2024-01-05\n\nText",
         {"title": "Cranes", "author": ["Ann Lee"], "date": "2024-01-05"}, "\n\nText"),
        ("% Cranes\n  at night\n% Ann Lee; Bob\n  Eve\n%\n\nText",
         {"title": "Cranes at night", "author": ["Ann Lee", "Bob", "Eve"]}, "\n\nText"),
        ("% Cranes\n%\n% January 5, 2024\n",
         {"title": "Cranes", "date": "January 5, 2024"}, "\n"),
        ("% Cranes", {"title": "Cranes"}, ""),
    ],
)  # fmt: skip
def test_a_title_block_is_read(text: str, fields: dict[str, Value], body: str) -> None:
    front = split(text, PurePosixPath("a.md"))
    assert (front.present, front.fields, front.body) == (True, fields, body)


def test_the_lines_of_a_title_block_are_known() -> None:
    front = split("\n% A\n  b\n% Ann\n% soon\n\nText", PurePosixPath("a.md"))
    assert front.lines == {"title": 2, "author": 4, "date": 5}


@pytest.mark.parametrize(
    "text",
    [
        "%%\nhidden\n%%\n\nText",
        "%YAML 1.2\n\nText",
        "% of readers\nwho came\n\nText",
        "%\n% Ann\n\nText",
        "% A\n% B\n% C\n% D\n\nText",
        "Text\n\n% Cranes\n",
    ],
)
def test_other_signs_of_percent_are_text(text: str) -> None:
    assert not split(text, PurePosixPath("a.md")).present


def test_a_title_block_is_of_markdown() -> None:
    assert not split("% Cranes\n\nText", PurePosixPath("a.html")).present


@pytest.mark.parametrize(
    ("before", "fence", "end"),
    [
        (" ", "---", "---"),
        ("\n   ", "---", "   ---"),
        ("<!-- a comment -->\n", "---", "---"),
        ("<!-- two\nlines -->\n\n<!-- x -->\n", "---", "---"),
        ("\u200b", "---", "---"),
        ("\u200b\n \u2060", "---", "---"),
        ("", "\u2014", "\u2014"),
        ("", "\u2014-", "---"),
        ("", "\u2013\u2013\u2013", "\u2013\u2013\u2013"),
        ("\n", "\uff0d\uff0d\uff0d", "\uff0d\uff0d\uff0d"),
    ],
)
def test_a_front_matter_that_is_almost_where_it_should_be_is_read(
    before: str, fence: str, end: str
) -> None:
    front = split(f"{before}{fence}\ntitle: x\ndraft: true\n{end}\nText", PATH)
    assert (front.fields, front.body) == ({"title": "x", "draft": "true"}, "Text")
    line = before.count("\n") + 1
    assert front.lines["title"] == line + 1
    (note,) = front.notes
    assert (note.severity, note.line) == (Severity.SALVAGED, line)
    assert note.cause == "the front matter begins with no plain --- at the start of the file"


def test_toml_may_be_behind_a_comment_too() -> None:
    front = split('<!-- x -->\n+++\ntitle = "a"\n+++\nText', PATH)
    assert (front.fields, front.body) == ({"title": "a"}, "Text")
    assert "no plain +++" in front.notes[0].cause


@pytest.mark.parametrize(
    "text",
    [
        " ---\nA sentence.\n---\nText",
        " ---\nnote: x\n---\nText",
        " ---\ntitle: x\nText",
        "    ---\n    title: x\n    ---\nText",
        "<!-- never closed\n---\ntitle: x\n---\n",
        "\u2014 a dash\ntitle: x\n\u2014\n",
        "--\ntitle: x\n--\n",
    ],
)
def test_what_only_looks_like_a_fence_is_text(text: str) -> None:
    assert not split(text, PATH).present


def test_a_longer_fence_may_close_a_front_matter() -> None:
    front = split("---\ntitle: x\n-----\nText", PATH)
    assert (front.fields, front.body) == ({"title": "x"}, "Text")
    front = split("---\ntitle: x\n---\nHead\n----\n", PATH)
    assert front.body == "Head\n----\n"


@pytest.mark.parametrize("value", ["a: b", "@handle", "`code`", "%a", "half - one: two"])
def test_a_key_that_nobody_knows_keeps_no_file_from_being_read(value: str) -> None:
    front = split(f"---\ntitle: x\nsub-title: {value}\ndate: 2024-01-05\n---\n", PATH)
    assert front.fields == {"title": "x", "sub-title": value, "date": "2024-01-05"}
    (note,) = front.notes
    assert (note.severity, note.line) == (Severity.SALVAGED, 3)
    assert note.cause.startswith("sub-title ")
    assert note.cause.endswith(f"; read as {value}")


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", " \u3000 "])
def test_blanks_that_yaml_takes_for_letters_are_blanks_before_a_key(blank: str) -> None:
    front = split(f"---\n{blank}title: a\u3000b\n{blank}draft: true\n---\n", PATH)
    assert front.fields == {"title": "a\u3000b", "draft": "true"}
