"""What is promised about reading, each promise from the bytes of a file to its draft."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from digest.articles.draft import make_draft
from digest.articles.model import Draft, Severity, SourceFile
from digest.errors import SourceError
from tests.defaults import default_options

#: XML 1.0 section 2.2, the other way round.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(content: str | bytes, name: str = "a.md") -> Draft:
    raw = content if isinstance(content, bytes) else content.encode()
    source = SourceFile(path=PurePosixPath(name), content=raw)
    return make_draft(source, default_options(engines=("nh3",), timezone="Asia/Shanghai"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", "<!doctype html><title>潮汐表</title><p>今日两次高潮。</p>"),
        ("a.html", "<h1>潮汐表</h1><p>今日两次高潮。</p>"),
        ("a.md", "<div><h1>潮汐表</h1><p>今日两次高潮。</p></div>"),
        ("a.md", "# 潮汐表\n\n今日两次高潮。\n"),
        ("a.md", "潮汐表\n======\n\n今日两次高潮。\n"),
        ("a.txt", "潮汐表\n\n今日两次高潮。\n"),
    ],
)
def test_a_file_without_front_matter_is_an_article_called_by_its_heading(
    name: str, text: str
) -> None:
    made = read(text, name)
    assert (made.title, made.summary) == ("潮汐表", "今日两次高潮。")
    assert "<h1" not in made.body


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("2021", "2021"),
        ("007", "007"),
        ("1.10", "1.10"),
        ("no", "no"),
        ("2021-08-27", "2021-08-27"),
    ],
)
def test_a_number_a_truth_or_a_date_is_a_title_as_it_is_written(written: str, title: str) -> None:
    made = read(f"---\ntitle: {written}\ncategories: [no, 2021, 1e3]\nauthor: off\n---\nx")
    assert made.title == title
    assert [str(path) for path in made.categories] == ["no / 2021 / 1e3"]
    assert made.authors == ("off",)


def test_yaml_builds_no_objects() -> None:
    made = read(
        "---\ntitle: !!python/object/apply:os.system ['id']\n"
        "author: !!python/name:os.system\ncategories: !!set {甲, 乙}\n---\nx"
    )
    assert (made.title, made.authors) == ("id", ())
    assert [str(path) for path in made.categories] == ["甲", "乙"]


def test_yaml_expands_no_bomb() -> None:
    rows = ["a0: &a0 [ha, ha]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    with pytest.raises(SourceError) as caught:
        read("---\ntitle: T\n" + "\n".join(rows) + "\n---\nx")
    assert (caught.value.line, "nests deeper" in caught.value.problem) == (10, True)


def test_what_is_not_plain_is_a_problem_with_its_line() -> None:
    with pytest.raises(SourceError) as caught:
        read("\n---\ntitle: T\ncategories: [甲, 乙\ndate: x\n---\n")
    assert caught.value.line is not None
    assert caught.value.line >= 4


@pytest.mark.parametrize("escape", ["&#123;workpath&#125;", "{workpath}"])
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.md", "<pre>cd ${}</pre>"),
        ("a.md", "文\n\n```sh\ncd ${}\n```"),
        ("a.md", "文\n\n    cd ${}\n"),
        ("a.md", "文 `cd ${}`"),
        ("a.html", "<p>文</p><pre><code>cd ${}</code></pre>"),
        ("a.txt", "文\n\ncd ${}"),
    ],
)
def test_code_shows_the_braces_that_a_template_escaped(name: str, body: str, escape: str) -> None:
    made = read(f"---\ntitle: $&#123;t&#125;\n---\n{body.replace('{}', escape)}", name)
    assert "cd ${workpath}" in made.body
    assert made.title == "${t}"


def test_an_entity_of_the_text_stays_the_character_that_it_stands_for() -> None:
    made = read("---\ntitle: Q&amp;A\nauthor: A &#38; B\n---\n<pre>a &lt;b&gt; &amp;&amp; c</pre>")
    assert (made.title, made.authors) == ("Q&A", ("A & B",))
    assert made.body == "<pre>a &lt;b&gt; &amp;&amp; c</pre>"


@pytest.mark.parametrize("key", ["title", "author", "categories", "summary", "lang", "id", "link"])
def test_a_character_that_xml_forbids_never_gets_out(key: str) -> None:
    for number in (*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF):
        odd = chr(number) if number else ""  # a null byte makes the file binary
        reference = f"&#{number};&#x{number:x};"
        made = read(
            f'---\ntitle: T\n{key}: "a{odd}b{reference}c\\u{number:04x}d"\n---\n'
            f"<p>一{odd}二{reference}三</p><a href='https://e.org/{odd}{reference}'>四</a>"
        )
        texts = [made.title, made.summary, made.body, made.identity, *made.authors]
        texts += [*map(str, made.categories), made.link or "", made.language or ""]
        assert not NOT_XML.search("".join(texts))
        assert "&#" not in made.body


@pytest.mark.parametrize("declared", ["", "utf-8", "gb2312", "big5", "iso-8859-1", "x-unknown"])
@pytest.mark.parametrize(
    ("title", "encoding"),
    [
        ("港口今晨起雾，渡轮全部停航，请旅客改乘火车前往北岸", "utf-8"),
        ("港口今晨起雾，渡轮全部停航，请旅客改乘火车前往北岸", "utf-8-sig"),
        ("港口今晨起雾，渡轮全部停航，请旅客改乘火车前往北岸", "utf-16"),
        ("港口今晨起雾，渡轮全部停航，请旅客改乘火车前往北岸", "gb18030"),
        ("港口今晨起霧，渡輪全部停航，請旅客改乘火車前往北岸", "big5"),
        ("今朝は港に霧が出ていたので、船はすべて止まっています", "shift_jis"),
        ("Der Hafen lag früh im Nebel; alle Fähren fielen für Stunden aus – schön", "windows-1252"),
    ],
)
def test_any_encoding_is_read_whatever_is_declared(
    title: str, encoding: str, declared: str
) -> None:
    meta = f"<meta charset='{declared}'>" if declared else ""
    made = read(
        f"<html><head>{meta}<title>{title}</title></head><p>{title}</p>".encode(encoding), "a.html"
    )
    assert made.title == title
    true = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "gb18030": "gb2312", "big5": "big5"} | {
        "windows-1252": "iso-8859-1"
    }
    utf = encoding.startswith("utf")
    told = declared != true.get(encoding) if declared else not utf
    told = told and encoding != "utf-16"
    assert [note.severity for note in made.notes] == [Severity.NOTED] * told


def test_a_whole_document_is_its_body() -> None:
    made = read(
        "<!doctype html>\n<html lang=zh-cn><head><meta charset=utf-8><title>潮汐表</title>"
        "<style>p { color: red }</style><script>alert(1)</script></head>"
        "<body class=post><h1>潮汐表</h1><p>今日两次高潮。</p></body></html>",
        "a.html",
    )
    assert (made.title, made.language) == ("潮汐表", "zh-CN")
    assert made.body == "<p>今日两次高潮。</p>"


def test_a_fragment_is_its_body() -> None:
    made = read("---\ntitle: T\n---\n<div>\n  <p>一</p>\n\n    <p>二</p>\n</div>\n")
    assert made.body.split() == ["<p>一</p>", "<p>二</p>"]


def test_markdown_has_tables_footnotes_strikethrough_and_fences() -> None:
    made = read(
        "# 记录\n\n| 甲 | 乙 |\n|---|--:|\n| 1 | ~~2~~ |\n\n见注[^一]。\n\n"
        "```toml\na = { b = 1 }\n```\n\n~~~\n| no | table |\n~~~\n\n[^一]: 注在此。\n"
    )
    for piece in ("<th>甲</th>", "<s>2</s>", "[1]", "注在此。", "a = { b = 1 }", "| no | table |"):
        assert piece in made.body
    assert made.body.count("<pre>") == 2
    assert made.body.count("↩") == 1, "the way back from the note"


def test_plain_text_is_paragraphs_and_never_markup() -> None:
    made = read("记录\n\n<b>一</b> & *二*\n三\n\n四\n", "a.txt")
    assert made.body == "<p>&lt;b&gt;一&lt;/b&gt; &amp; *二*<br>三</p>\n<p>四</p>"
