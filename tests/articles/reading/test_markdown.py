"""Markdown: words that name a tag stay words, media are closed, bare addresses are links."""

from __future__ import annotations

from time import process_time

import pytest

from digest.articles.cleaning.tidy import tidy
from digest.articles.reading.markdown import engine


def rendered(text: str) -> str:
    return str(engine().render(text)).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Load it with a <script> tag.", "<p>Load it with a &lt;script&gt; tag.</p>"),
        ("<script> loads *it*.\n\nThen </script>.", "<p>&lt;script&gt; loads <em>it</em>.</p>"),
        ("<textarea> is a field.", "<p>&lt;textarea&gt; is a field.</p>"),
        ("From <title> to </title> only.", "<p>From &lt;title&gt; to &lt;/title&gt; only.</p>"),
        (
            "<noembed> and <xmp> are *old*",
            "<p>&lt;noembed&gt; and &lt;xmp&gt; are <em>old</em></p>",
        ),
        ("Never <plaintext>!", "<p>Never &lt;plaintext&gt;!</p>"),
        (
            "An <input>, an <img>, a <div>.",
            "<p>An &lt;input&gt;, an &lt;img&gt;, a &lt;div&gt;.</p>",
        ),
        (
            "`List`: List<String> or <T>",
            "<p><code>List</code>: List&lt;String&gt; or &lt;T&gt;</p>",
        ),
        ("a <b>c</b><br>d <kbd>e</kbd>", "<p>a <b>c</b><br>d <kbd>e</kbd></p>"),
        ("a <select> b *c*", "<p>a &lt;select&gt; b <em>c</em></p>"),
        ("<!-- never closed\n\n*a*", "<p>&lt;!-- never closed</p>\n<p><em>a</em></p>"),
        ("<?php never closed\n\n*a*", "<p>&lt;?php never closed</p>\n<p><em>a</em></p>"),
        ("<![CDATA[ open\n\n*a*", "<p>&lt;![CDATA[ open</p>\n<p><em>a</em></p>"),
        (
            "<!DOCTYPE\n\n*a*\n\n> q",
            "<p>&lt;!DOCTYPE</p>\n<p><em>a</em></p>\n<blockquote>\n<p>q</p>\n</blockquote>",
        ),
        ("a <Foo /> b <li> c", "<p>a <Foo /> b <li> c</p>"),
        ("a <T>b</T>, c", "<p>a <T>b</T>, c</p>"),
        ("a <script>alert(1)</script> b", "<p>a <script>alert(1)</script> b</p>"),
    ],
)
def test_a_tag_that_is_named_stays_a_word(text: str, expected: str) -> None:
    assert rendered(text).startswith(expected)


@pytest.mark.parametrize(
    "element",
    [
        '<iframe src="https://e.org/v" />',
        '<video src="https://e.org/a.mp4" controls />',
        '<audio src="https://e.org/a.mp3"/>',
        '<object data="https://e.org/a.pdf" />',
        '<script src="https://e.org/a.js" />',
        '<canvas id="c" />',
        "<textarea />",
        '<video src="https://e.org/a.mp4">',
        '<iframe src="https://e.org/v">',
    ],
)
def test_an_element_that_closes_itself_hides_nothing(element: str) -> None:
    for text in (f"One.\n\n{element}\n\nTwo *b*.", f"One {element} two *b*."):
        assert "<em>b</em>." in tidy(rendered(text), base=None)


@pytest.mark.parametrize(
    "block",
    [
        "<script>\n\nlet a = 1;\n</script>",
        "<style>\n\n.a { b: c }\n\n</style>",
        "<!-- a\n\nb -->",
        "<?php a\n\nb ?>",
        "<!DOCTYPE html>",
        "<details>\n<summary>s</summary>\n\n</details>",
        "<title>t</title>",
    ],
)
def test_blocks_of_html_are_blocks(block: str) -> None:
    assert rendered(f"{block}\n\n*b*").endswith("<p><em>b</em></p>")
    assert "&lt;" not in rendered(block)


@pytest.mark.parametrize(
    ("text", "link", "words"),
    [
        ("See https://e.org/a_b_c?d=1&e=2.", "https://e.org/a_b_c?d=1&amp;e=2", "."),
        ("(see www.e.org/x)", "http://www.e.org/x", ")"),
        ("https://en.e.org/wiki/A_(b), then", "https://en.e.org/wiki/A_(b)", ", then"),
        ("见https://e.org/路径。然后", "https://e.org/路径", "。然后"),
        ("**https://e.org/**", "https://e.org/", "</strong>"),
        ("- HTTP://E.org/x!", "HTTP://E.org/x", "!"),
        ("«https://e.org/?q=a;», b", "https://e.org/?q=a;»", ", b"),
    ],
)
def test_a_bare_address_is_a_link(text: str, link: str, words: str) -> None:
    assert f'<a href="{link}">' in rendered(text)
    assert f"</a>{words}" in rendered(text)


@pytest.mark.parametrize(
    "text",
    [
        "`https://e.org/`",
        "    https://e.org/",
        "```\nwww.e.org\n```",
        "https://",
        "http://nohost",
        "www.",
        "awww.e.org",
        "git://e.org/x",
    ],
)
def test_what_is_code_or_no_address_is_none(text: str) -> None:
    assert "<a" not in rendered(text)


def test_the_text_of_a_link_is_not_linked_again() -> None:
    for text in ("[https://e.org](https://f.org)", '<a href="https://f.org">https://e.org</a>'):
        assert rendered(text).count("<a ") == 1


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("{.python .numberLines startFrom='10'}", "python"),
        ("{ .yaml .annotate }", "yaml"),
        ("{#one .haskell}", "haskell"),
        ("{r setup, include=FALSE}", "r"),
        ("{c++}", "c++"),
        ("js{1,3-5}", "js"),
        ("js {1,3}", "js"),
        ("{linenos=true}", "{linenos=true}"),
        ("{=html}", "{=html}"),
    ],
)
def test_the_language_of_code_stands_before_or_within_braces(info: str, language: str) -> None:
    assert f'class="language-{language}"' in rendered(f"```{info}\nx\n```")


def test_the_language_of_indented_code_may_be_in_its_first_line() -> None:
    assert rendered("a\n\n    :::python\n    b = 1\n\nc") == (
        '<p>a</p>\n<pre><code class="language-python">b = 1\n</code></pre>\n<p>c</p>'
    )
    assert rendered("    a\n    :::python") == "<pre><code>a\n:::python\n</code></pre>"


def test_what_nests_deeply_is_read_and_nothing_behind_it_lost() -> None:
    for text in (
        "".join(f"{'  ' * level}- l{level}\n" for level in range(60)) + "\nend",
        "> " * 100 + "l59\n\nend",
        ">" * 30 + "l59\n>- a\n\nend",
        "- " * 100 + "l59\n\n  \n\nend",
    ):
        markup = rendered(text)
        assert "l59" in markup
        assert markup.endswith("<p>end</p>")


@pytest.mark.full_speed
@pytest.mark.parametrize("line", ["> " * 100, "- " * 100, "> - " * 50, "1. " * 80, ">" * 5_000])
def test_deep_blocks_are_read_in_time(line: str) -> None:
    start = process_time()
    rendered(f"{line}a\n" * max(1, 50_000 // len(line)))
    assert process_time() - start < 3


@pytest.mark.parametrize(
    ("row", "last"),
    [
        ("| 1 | `a|b` |", "<code>a|b</code>"),
        ("| 1 | 2 | 3 | 4 |", "2 | 3 | 4"),
        ("1 | 2 | 3", "2 | 3"),
        ("| 1 | 2 \\| 3 |", "2 | 3"),
        ("| 1 | 2 ||", "2"),
        ("| 1 | 2 |", "2"),
    ],
)
def test_what_is_in_a_row_beyond_its_columns_stays_in_its_last_cell(row: str, last: str) -> None:
    markup = rendered(f"| a | b |\n|---|---|\n{row}\n| x | y |\n\nend")
    assert f"<td>1</td>\n<td>{last}</td>\n</tr>\n<tr>\n<td>x</td>\n<td>y</td>" in markup
    assert "<table>" in rendered("x\n\n> | a | b |\n> |---|---|\n")
