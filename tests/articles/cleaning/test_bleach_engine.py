"""What bleach is not asked about is what it would give back to the letter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles.characters import publishable_markup
from digest.articles.cleaning import sanitize
from digest.articles.cleaning.bleach_engine import bleach, is_normal
from digest.articles.cleaning.policy import TAGS, VOID
from tests.articles.attacks import ATTACKS

LINK = '<a href="https://example.org/a?b=1&amp;c=2">x</a>'
NORMAL = [
    "",
    "文字 &amp; &lt;b&gt; &nbsp;",
    "<p>a<br>b</p>\n<hr>\n<h2>c</h2>",
    f"<ul>\n<li>{LINK}</li>\n<li><p>b</p><ol><li>c</li></ol></li>\n</ul>",
    "<table>\n<tbody><tr><td>1</td> <th>2</th></tr></tbody></table>",
    '<figure><img src="https://example.org/i.png" alt="x"><figcaption>y</figcaption></figure>',
    '<pre><code class="language-c">a\n\nb</code></pre>',
    "<dl><dt>a</dt><dd><div><b>x</b></div></dd></dl>",
    '<p id="a-abcdefgh-n" lang="en"><em>a <strong>b</strong></em></p>',
]
ODD = [
    "<p>a",
    "a</p>",
    "<p>a</b></p>",
    "<p>a & b</p>",
    "<p>a &copy; b</p>",
    "&\0amp;",
    "a < b",
    "a > b",
    "<p><p>a</p></p>",
    "<b><p>a</p></b>",
    f"<a>{LINK}</a>",
    f'<a href="https://example.org/"><b>{LINK}</b></a>',
    "<table><tr><td>1</td></tr></table>",
    "<table><tbody>text<tr><td>1</td></tr></tbody></table>",
    "<summary><li>x</li></summary>",
    "<pre>\na</pre>",
    '<pre lang="en">\na</pre>',
    "<font>a</font>",
    "<script>a</script>",
    "<!-- a -->",
    "<P>a</P>",
    "<p >a</p>",
    '<p onclick="x">a</p>',
    '<p lang="en" lang="de">a</p>',
    "<p lang=en>a</p>",
    '<a href="javascript:x">a</a>',
    '<a href="http://`">a</a>',
    '<a href="https://e.org/ü">a</a>',
    '<a href="https://e.org/&#x0a;">a</a>',
    '<a title="&#x0a;">a</a>',
    '<a title="&amp;lt;&quot;">a</a>',
    '<img src="mailto:a@example.org">',
    "<ruby>a<rt>b</rt></ruby>",
    "\U0010f0d0",
]


@pytest.mark.parametrize("markup", NORMAL)
def test_plain_markup_is_normal_and_nothing_to_bleach(markup: str) -> None:
    assert is_normal(markup)
    assert bleach(markup) == markup


@pytest.mark.parametrize("markup", ODD)
def test_odd_markup_is_for_bleach(markup: str) -> None:
    assert not is_normal(markup)


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("markup", ATTACKS)
def test_an_attack_that_is_normal_is_none(markup: str) -> None:
    markup = publishable_markup(markup)
    assert not is_normal(markup) or bleach(markup) == markup


def test_normal_markup_never_gets_to_bleach(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(markup: str) -> str:
        raise AssertionError(markup)

    monkeypatch.setattr(sanitize, "bleach", refuse)
    assert sanitize.clean("<p>a</p>") == "<p>a</p>"
    with pytest.raises(AssertionError):
        sanitize.clean("<p>a")


_TEXTS = (
    "x",
    " ",
    "\n  ",
    "&amp;",
    "&lt;b&gt;",
    "&nbsp;",
    "文字",
    '"',
    "'",
    "\u00a0",
    "`",
    "&quot;",
)
_ATTRIBUTES = (
    "",
    ' href="https://e.org/?b=1&amp;c=2"',
    ' href="https://e.org/`[]"',
    ' href="#a-abcdefgh-x"',
    ' title="a &amp; `b`"',
    ' src="https://e.org/i.png"',
    ' id="a-abcdefgh-n"',
    ' dir="rtl" lang="en"',
)
_FEW = ("p", "div", "li", "ul", "table", "tbody", "tr", "td", "a", "b", "h2", "pre", "dl", "dd")


def _written(chance: random.Random, depth: int) -> str:
    """Return markup whose elements are closed in order, wherever they stand."""
    parts = []
    for _ in range(chance.randrange(1, 4)):
        if depth > 4 or chance.random() < 0.4:
            parts.append(chance.choice(_TEXTS))
            continue
        name = chance.choice(_FEW if chance.random() < 0.7 else sorted(TAGS))
        start = f"<{name}{chance.choice(_ATTRIBUTES) if chance.random() < 0.3 else ''}>"
        inner = "" if name in VOID else f"{_written(chance, depth + 1)}</{name}>"
        parts.append(start + inner)
    return "".join(parts)


@given(
    seed=st.integers(0, 2**64), cut=st.none() | st.tuples(st.integers(0, 400), st.text("<>&/pb"))
)
def test_whatever_is_normal_bleach_gives_back(seed: int, cut: tuple[int, str] | None) -> None:
    markup = _written(random.Random(seed), 0)
    if cut is not None:
        markup = markup[: cut[0]] + cut[1] + markup[cut[0] :]
    assert not is_normal(markup) or bleach(markup) == markup
