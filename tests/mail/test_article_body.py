from __future__ import annotations

import pytest

from digest.articles.model import SafeHtml
from digest.mail.article_body import mail_body, text_lines
from digest.mail.text_layout import display_width


@pytest.mark.parametrize(
    ("image", "made"),
    [
        ('<img src="https://e.org/a">', '<img src="https://e.org/a" alt="" width="528">'),
        (
            '<img src="https://e.org/a" width="1200" height="600" alt="A > b">',
            '<img src="https://e.org/a" alt="A > b" width="528">',
        ),
        ('<img alt="" width="200">', '<img alt="" width="200">'),
        ('<img alt="" width="50%">', '<img alt="" width="528">'),
        ('<img alt="" width="0">', '<img alt="" width="528">'),
    ],
)
def test_a_picture_of_a_body_has_a_width_that_fits_a_mail(image: str, made: str) -> None:
    assert mail_body(SafeHtml(f"<p>{image} text</p>")) == f"<p>{made} text</p>"


def test_a_body_as_text_keeps_paragraphs_items_cells_and_lines_of_code_apart() -> None:
    body = SafeHtml(
        "<h2>Head</h2><p>One &amp; two.</p><ul><li>a</li><li><p>b</p></li></ul>"
        "<table><tbody><tr><td>2024</td>\n<td>15</td></tr></tbody></table>"
        '<pre><code class="x">if a &lt; b:\n\treturn\n</code></pre><p> </p>'
    )
    assert text_lines(body) == [
        "  Head",
        "  One & two.",
        "  - a",
        "  - b",
        "  2024 | 15",
        "    if a < b:\n        return",
    ]


def test_items_of_an_ordered_list_have_their_numbers() -> None:
    body = SafeHtml(
        "<p>See<sup>[2]</sup>.</p><ol><li>a<ul><li>x</li></ul></li><li><pre>code\n</pre></li>"
        '<li value="7">c</li><li><p>d</p></li></ol><ol start="0"><li id="fn:1" value="x">'
        '<p>Note. <a href="#fnref:1">\u21a9\ufe0e</a></p></li></ol><li>alone</li></ul>'
    )
    assert text_lines(body) == [
        *("  See[2].", "  1. a", "  - x", "  2.", "    code", "  7. c", "  8. d"),
        *("  0. Note.", "  - alone"),
    ]


def test_links_pictures_and_quotations_are_told_in_text() -> None:
    body = SafeHtml(
        '<p><a href="https://e.org/a_(b)?q=1&amp;r=2" rel="nofollow">The <b>link</b></a>, '
        '<a href="https://e.org/bare/">e.org/bare</a>, <a href="mailto:a@e.org">a@e.org</a>, '
        f'<a href="https://e.org/{"x" * 300}">too long</a>, <a href="#n">here</a>'
        '<a href="https://e.org/"></a>.</p>'
        "<blockquote><p>One<br>line</p><blockquote><p>Two</p></blockquote>"
        "<pre>code</pre></blockquote></blockquote><p>After</p>"
        '<figure><img src="https://e.org/1" alt="A boat"><figcaption>A boat</figcaption></figure>'
        '<p><a href="https://e.org/p"><img src="https://e.org/2" alt="Two &amp; one"></a>'
        '<img src="https://e.org/3" alt=""><img src="https://e.org/4"></p>'
    )
    assert text_lines(body) == [
        "  The link <https://e.org/a_(b)?q=1&r=2>, e.org/bare, a@e.org, too long,\n  here.",
        *("  > One line", "  > > Two", "    code", "  After", "  A boat"),
        "  [Two & one] <https://e.org/p>",
    ]


@pytest.mark.parametrize(
    ("image", "made"),
    [
        ('<img src="https://e.org/a.svg" alt="A > b">', "A > b"),
        ('<img src="https://e.org/a%20b.avif?x=1">', "a b.avif"),
        ('<img src="https://e.org/a&amp;b.svg" width="900" alt=" ">', "a&amp;b.svg"),
    ],
)
def test_a_picture_that_mail_programs_do_not_show_is_a_link_to_it(image: str, made: str) -> None:
    address = image.partition('src="')[2].partition('"')[0]
    rel = "noopener noreferrer nofollow"
    assert mail_body(SafeHtml(f"<p><a>x</a>{image}</p>")) == (
        f'<p><a>x</a><a href="{address}" rel="{rel}">{made}</a></p>'
    )


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://e.org/smile.svg" width="20" alt=":-)">',
        '</p><p><a href="https://e.org/"><img src="https://e.org/a.SVG" alt=":-)"></a>',
    ],
)
def test_of_an_icon_or_a_link_the_words_are_left(image: str) -> None:
    made = mail_body(SafeHtml(f"<p>{image}</p>"))
    assert "<img" not in made
    assert ":-)" in made
    assert made.count("<a ") == image.count("<a ")


def test_no_line_of_code_is_wider_than_a_mail() -> None:
    (code,) = text_lines(SafeHtml(f"<pre>{'x' * 200} {'長' * 80}</pre>"))
    assert max(map(display_width, code.split("\n"))) <= 72


def test_a_table_is_as_wide_as_it_needs_to_be() -> None:
    body = SafeHtml(
        '<table width="1200" summary="a > b"><tbody><tr height="9"><td width="800" colspan="2">a'
        '</td></tr></tbody></table><p title=" width=">b</p>'
    )
    assert mail_body(body) == (
        '<table summary="a > b"><tbody><tr><td colspan="2">a</td></tr></tbody></table>'
        '<p title=" width=">b</p>'
    )
