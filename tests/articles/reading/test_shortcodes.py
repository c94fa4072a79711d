"""Shortcodes of WordPress's plugins: what they hold stays, what they lead to is linked."""

from __future__ import annotations

from time import process_time

import pytest

from digest.articles.characters import publishable_markup
from digest.articles.cleaning.sanitize import clean
from tests.articles.attacks import ATTACKS, violations
from tests.articles.reading.test_markdown_marks import read, shown


@pytest.mark.parametrize(
    ("shortcode", "result"),
    [
        ("[su_button url='https://x.example/']Go[/su_button]",
         '<a href="https://x.example/">Go</a>'),
        ("[vc_row][vc_column width='1/2']Text[/vc_column][/vc_row]", "Text"),
        ("[dropcap]D[/dropcap]rop", "Drop"),
        ("[one_half title=Head]Text[/one_half]", "<p><strong>Head</strong></p>Text"),
        ("[contact-form-7 id='1' title='Write']", ""),
        ("[table id=1 /]", ""),
        ("[su_youtube url='https://x.example/v']",
         '<a href="https://x.example/v">https://x.example/v</a>'),
        ("[ez-toc]", ""),
        ("[tweet https://x.example/1]", '<a href="https://x.example/1">https://x.example/1</a>'),
        ("[youtube https://x.example/1] [youtube]https://x.example/2[/youtube]",
         ('<a href="https://x.example/1">https://x.example/1</a> '
         '<a href="https://x.example/2">https://x.example/2</a>')),
        ("[sic], [1], [citation needed], [x], [gist], [GitHub Actions], a[0], [/b]", None),
        ("[b=1] [Note that] [[escaped]]", None),
    ],
)  # fmt: skip
def test_what_shortcodes_hold_stays(shortcode: str, result: str | None) -> None:
    text = (
        shown(f"<b>a</b> {shortcode}", "a.html").replace("<p><a", "<a").replace("</a></p>", "</a>")
    )
    assert text == f"<b>a</b> {shortcode if result is None else result}".strip()


@pytest.mark.parametrize(
    ("shortcode", "result"),
    [
        ("[su_note]Text[/su_note]", "<blockquote><p><strong>Note</strong></p>Text</blockquote>"),
        ("[quote]Text[/quote]", "<blockquote>Text</blockquote>"),
        ("[quote author='Ann']Text[/quote]",
         "<blockquote>Text<footer>— Ann</footer></blockquote>"),
        ("[spoiler title='More']Text[/spoiler]",
         "<details><summary>More</summary>Text</details>"),
        ("[php]if (a &lt; b) {}[/php]",
         '<pre><code class="language-php">if (a &lt; b) {}</code></pre>'),
        ("[crayon lang=go]x[/crayon]", '<pre><code class="language-go">x</code></pre>'),
        ('<div class="wp-block-embed__wrapper">\nhttps://x.example/v\n</div>',
         '<div><a href="https://x.example/v">https://x.example/v</a></div>'),
        ("<p>https://x.example/v</p><p>x</p><p>https://x.example/ y</p>",
         ('<p><a href="https://x.example/v">https://x.example/v</a></p><p>x</p>'
         "<p>https://x.example/ y</p>")),
        ("<p>https://[</p>", "<p>https://[</p>"),
    ],
)  # fmt: skip
def test_blocks_of_plugins(shortcode: str, result: str) -> None:
    assert shown(shortcode, "a.html") == result


def test_code_of_plugins_in_markdown() -> None:
    assert shown("[php]\na < b\n[/php]") == (
        '<pre><code class="language-php">a &lt; b</code></pre>'
    )


def test_an_unknown_shortcode_is_told_once() -> None:
    body = read("a\n[one_half]b[/one_half] [one_half]c[/one_half]\n[form id=1]", "a.html")
    assert [(remark.line, remark.cause) for remark in body.remarks] == [
        (1, "the shortcode one_half is not known; what it holds stays"),
        (2, "the shortcode form is left out"),
    ]


@pytest.mark.parametrize(
    ("use", "label"),
    [
        ("[talk][video]", "video"),
        ("[video]", "video"),
        ("[Code]", "code"),
        ("[try it][embed of it]", "embed of it"),
        ("[video of 2024], [gallery]", "video of 2024"),
    ],
)
def test_a_label_of_markdown_is_no_shortcode(use: str, label: str) -> None:
    text = shown(f"{use}\n\n[{label}]: https://x.example/")
    assert 'href="https://x.example/"' in text
    assert "[" not in text.replace("[gallery]", "")


@pytest.mark.parametrize("vector", ATTACKS[::7])
def test_no_shortcode_carries_an_attack(vector: str) -> None:
    vector = publishable_markup(vector)
    text = f"[su_box title='{vector}']{vector}[/su_box] [php]{vector}[/php] [a b='{vector}']"
    for name in ("a.md", "a.html"):
        assert violations(clean(shown(text, name))) == []


@pytest.mark.parametrize("picture", ["![x]()", "![x]( )", "![]( \n)"])
def test_a_caption_of_a_picture_without_an_address_stays_as_it_is(picture: str) -> None:
    assert "words" in shown(f"[caption]{picture} words[/caption]", "a.md")


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize(
    "text", ["[aa]" * 10_000 + "[/aa]", "[aa b=1]" * 8_000, "[/aa]" * 10_000, "[youtube]" * 8_000]
)
def test_hostile_shortcodes_are_read_in_time(text: str) -> None:
    began = process_time()
    read(text, "a.html")
    assert process_time() - began < 5
