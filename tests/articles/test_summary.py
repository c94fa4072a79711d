"""Summaries are cut where a reader would cut them, never inside a character."""

from __future__ import annotations

import re

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles import summary
from digest.articles.cleaning.sanitize import clean
from digest.articles.model import SafeHtml
from digest.articles.summary import plain_text, running_text, summarize, summary_of
from tests.effort import effort

FAMILY = "👨\u200d👩\u200d👧"
FLAG = "🇨🇳"


def graphemes(text: str) -> list[str]:
    found: list[str] = regex.findall(r"\X", text)
    return found


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>一</p><p>二</p>", "一 二"),
        ("<h1>Head</h1>text<br>more", "Head text more"),
        ("w<b>or</b>d <i>two</i>", "word two"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("<table><tbody><tr><td>1</td><td>2</td></tr></tbody></table>", "1 2"),
        ("<p>a\n\n  b&nbsp;&amp;&lt;c&gt;</p>", "a b &<c>"),
        ('x<img src="https://e.org/" alt="1 > 2 </p>">y', "x y"),
        ('<a href="https://e.org/?a=%3E" title="a>b">link</a>', "link"),
        ("&amp;lt;", "&lt;"),
        ("", ""),
    ],
)
def test_plain_text_keeps_words_of_blocks_apart(markup: str, text: str) -> None:
    assert plain_text(SafeHtml(markup)) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One.</p><h2>What happens next</h2><p>Two.</p>", "One. Two."),
        ("<p>One.</p><table><tbody><tr><td>2024</td></tr></tbody></table><p>Two!</p>", "One. Two!"),
        ("<p>One?</p><pre><code>x = 1</code></pre><blockquote><p>Two</p></blockquote>", "One? Two"),
        ("<p>We need:</p><ul><li>eggs</li></ul><p>Then it bakes.</p>", "We need… Then it bakes."),
        ("<p>需要：</p><ol><li>鸡蛋</li></ol><p>然后烤。</p>", "需要… 然后烤。"),
        ("<p>She said:</p><p>“No.”</p>", "She said: “No.”"),
        (
            "<p>By the staff</p><p>It (the port) grew.)</p><p>a</p>",
            "By the staff · It (the port) grew.) a",
        ),
        ("<p>一。</p><p>二</p>", "一。 二"),
        ("<div>Loose<br>text.<dl><dt>T</dt><dd>D</dd></dl>More</div>", "Loose text. More"),
        ("<figure><figcaption>Caption</figcaption></figure><p>A <code>b</code> c.</p>", "A b c."),
        ("<ul><li><p>a</p><ul><li>b</li></ul></li></ul><p>c</p>", "c"),
        ("<ul><li>Eggs</li><li>Milk.</li><li>Flour</li></ul>", "Eggs · Milk. Flour"),
        ("<h1>Alone</h1>", "Alone"),
        ('<p>A<sup id="x"><a href="#fn1">[1]</a></sup>, b<sup>2</sup>.</p>', "A, b²."),
        ("<p>A<sup>[1]</sup> b<sup> [a] </sup><sup>[12]</sup>, c [3].</p>", "A b, c [3]."),
        ('<p>A<sup>[<a href="#n">1</a>]</sup> b<a href="#n"><sup>12</sup></a>.</p>', "A b."),
        ('<p>A<sup id="fnref-1">1</sup> <a href="#n">*</a> <a href="#n">see</a></p>', "A see"),
        ('<p>A<a href="#n">[12]</a> [<a href="#n">3</a>] b.</p>', "A b."),
        ('<p>Chapter <a href="#c2">2</a> [<a href="#n">sic</a>]</p>', "Chapter 2 [sic]"),
        ("<p>10<sup>6</sup> m<sup>-2</sup> H<sub>2</sub>O, 1<sup>st</sup></p>", "10⁶ m⁻² H₂O, 1st"),
        ("<p><strong>Note</strong></p><p>Take care.</p>", "Take care."),
        ("<p><b>It is bold.</b></p><p>More.</p>", "It is bold. More."),
        ("<p><b>Alone</b></p>", "Alone"),
        ('<p><a href="https://e.org/a.mp3">https://e.org/a.mp3</a></p><p>Listen.</p>', "Listen."),
        ("<p>$$\na = b\n$$</p><p>So it is.</p>", "So it is."),
        ("<aside>Side</aside><p>Main.</p>", "Main."),
        ("<p>https://e.org/</p>", "https://e.org/"),
        ('<p>Note. <a href="#fnref1">\u21a9\ufe0e</a></p>', "Note."),
        ("<p> </p>", ""),
    ],
)
def test_a_summary_is_made_of_paragraphs_with_sentences_kept_apart(markup: str, text: str) -> None:
    assert running_text(SafeHtml(markup)) == text


@settings(max_examples=effort(20, soak=60))
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_text_comes_back_as_it_was_written(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    marked = clean(f'<p title="{escaped}">{escaped}</p>', ("nh3",))
    expected = "".join(char for char in text if not "\ufdd0" <= char <= "\ufdef")
    assert plain_text(marked) == " ".join(
        expected.replace("\ufffe", "").replace("\uffff", "").split()
    )


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("short", 5, "short"),
        ("央行宣布下调准备金率", 6, "央行宣布下…"),
        ("央行宣布，下调准备金率", 6, "央行宣布…"),
        ("The quick brown fox", 12, "The quick…"),
        ("The quick brown fox", 10, "The quick…"),
        ("The quick, brown fox", 12, "The quick…"),
        ("Incomprehensibilities", 8, "Incompr…"),
        ("in the Incomprehensibilities of", 16, "in the Incompre…"),
        ("央行announces a cut", 8, "央行annou…"),
        ("央行宣布下调announces", 9, "央行宣布下调…"),
        ("don't stop", 5, "don'…"),
        (f"{FAMILY}{FAMILY}{FAMILY}", 2, f"{FAMILY}…"),
        (f"{FLAG}{FLAG}{FLAG}", 3, f"{FLAG}{FLAG}{FLAG}"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("中\u0301文\u0301字\u0301", 2, "中\u0301…"),
        ("กำลังพัฒนา", 3, "กำลั…"),
        ("anything", 1, "…"),
        ("", 3, ""),
    ],
)
def test_the_cut_falls_where_it_may(text: str, length: int, expected: str) -> None:
    assert summarize(text, length) == expected


def test_characters_that_are_counted_one_by_one_are_graphemes() -> None:
    singles = [char for char in map(chr, range(0x10000)) if summary._SINGLE.fullmatch(char)]
    assert len(singles) > 20_000
    for shift in range(0, len(singles), len(singles) // 7):
        text = "".join(singles[shift:] + singles[:shift])
        assert graphemes(text) == graphemes(text[::-1])[::-1] == list(text)


@pytest.mark.parametrize("mark", ["\u0301", "\u200d", "\ufe0f", "\u3099", "\xad", "\n", "字"])
@pytest.mark.parametrize("place", range(7))
def test_the_cut_is_the_same_by_one_count_and_the_other(
    mark: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "一个a字b文"[:place] + mark + "一个a字b文"[place:]
    by_one = [summarize(text, length) for length in range(1, 9)]
    monkeypatch.setattr(summary, "_SINGLE", re.compile("(?!)"))
    assert by_one == [summarize(text, length) for length in range(1, 9)]


def test_marks_without_end_do_not_make_a_summary_without_end() -> None:
    piled = "a" + "\u0301" * 100_000 + "b" * 100
    assert len(summarize(piled, 20)) <= 20 * 16 + 1


@pytest.mark.parametrize("length", [0, -1])
def test_a_summary_of_nothing_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        summarize("text", length)


@settings(max_examples=effort(50, soak=150))
@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "b",
                " ",
                ",",
                "中",
                "文",
                "e\u0301",
                "\u0301",
                FAMILY,
                FLAG,
                "\u200d",
                "ก",
                "ำ",
                "कि",
            ]
        ),
        max_size=30,
    ).map("".join),
    st.integers(min_value=1, max_value=12),
)
def test_a_summary_is_whole_graphemes_of_the_text_and_fits(text: str, length: int) -> None:
    result = summarize(text, length)
    assert len(graphemes(result)) <= length
    if result != text:
        assert result.endswith("…")
        kept = graphemes(result[:-1])
        assert graphemes(text)[: len(kept)] == kept


@pytest.mark.parametrize(
    "markup",
    [
        "<p>one two</p>" * 200,
        "<ul>" + "<li><p>one two three</p></li>" * 50 + "</ul><p>What counts.</p>",
        "<h2>Head</h2><p>第一段：</p><pre>code</pre>" + "<p>第二段。</p>" * 40,
        f"<p>{FAMILY * 30}</p>" * 5,
        "<p>short</p>",
        "text without a paragraph " * 30,
        "<p>w</p>" + "<blockquote>" * 40 + "<p>deep</p>" * 40,
    ],
)
@pytest.mark.parametrize("length", [1, 10, 50])
def test_the_start_of_a_body_gives_the_summary_of_all_of_it(markup: str, length: int) -> None:
    body = SafeHtml(markup)
    assert summary_of(body, length) == summarize(running_text(body), length)


def test_no_more_of_a_long_body_is_read_than_its_summary_needs() -> None:
    assert summary_of(SafeHtml("<p>one two three</p>" * 500_000), 200).endswith("…")


@pytest.mark.parametrize("end", ["。", "？", ".", "!”", '?")', "։", "؟"])
def test_no_dot_follows_a_sentence_that_has_ended(end: str) -> None:
    assert running_text(SafeHtml(f"<p>One{end}</p><p>Two</p>")) == f"One{end} Two"
