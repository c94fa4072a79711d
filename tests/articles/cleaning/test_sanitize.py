"""What the sanitizer lets through is what the policy lists, whatever goes in."""

from __future__ import annotations

import html
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from digest.articles.characters import publishable_markup
from digest.articles.cleaning import policy, sanitize
from digest.articles.cleaning.policy import ENGINES, VOID
from digest.articles.cleaning.sanitize import bleach, clean, is_normal, lazily
from digest.articles.model import SafeHtml
from digest.articles.summary import plain_text
from tests.articles.attacks import ATTACKS, VECTORS, violations
from tests.effort import effort

BOTH, NH3 = ENGINES
#: Those whose tags a parser passes over in a body, or that have no end.
NO_ELEMENTS = frozenset({"frameset", "head", "plaintext"})
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


def test_pictures_of_pages_are_fetched_when_they_come_into_view() -> None:
    picture = '<img src="https://example.org/a.png" alt="a &amp; b">'
    cleaned = clean(f'<p id="a">{picture} <a href="#a">x</a> {picture}<br></p>')
    assert lazily(cleaned).count(' loading="lazy"') == 2
    assert lazily(cleaned).replace(' loading="lazy"', "") == cleaned
    assert lazily(clean("<p>none</p>")) == clean("<p>none</p>")
    shown = clean(f"<p title='{picture}'><code>{html.escape(cleaned)}</code><br></p>")
    assert "&lt;img" in shown
    assert lazily(shown) == shown
    unstable = SafeHtml(
        '<p><img referrerpolicy="origin" onerror=x>'
    )  # is none of ours, and is left as it is
    assert lazily(unstable) == unstable


def test_there_are_enough_vectors() -> None:
    assert len(set(ATTACKS)) == sum(map(len, VECTORS.values())) >= 200


def test_the_policy_names_nothing_that_runs_or_loads_by_itself() -> None:
    active = (
        "applet base embed form frame iframe input link math meta object script style svg video"
    )
    assert policy.TAGS.isdisjoint(active.split())
    assert policy.TAGS.isdisjoint(policy.DROPPED)
    assert policy.SCHEMES.isdisjoint({"javascript", "vbscript", "data", "file", "blob", "about"})
    assert all(engines[-1] == "nh3" for engines in policy.ENGINES)


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@pytest.mark.parametrize("vector", ATTACKS)
def test_no_attack_leaves_anything_behind(vector: str, engines: tuple[str, ...]) -> None:
    result = clean(f"<p>before</p>{vector}", engines)
    assert violations(result) == []
    assert result.startswith("<p>before</p>")
    assert clean(result, engines) == result


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize("vector", ATTACKS)
def test_bleach_alone_would_have_sufficed_for_elements(vector: str) -> None:
    assert "<script" not in bleach(vector)
    assert not re.search(
        r"<[^>]*\son[a-z]+\s*=", bleach(vector).replace("\n", " ").split("title=")[0]
    )


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@pytest.mark.parametrize("tag", sorted(policy.DROPPED - policy.VOID - NO_ELEMENTS))
def test_what_goes_goes_with_its_text(tag: str, engines: tuple[str, ...]) -> None:
    result = clean(f"<p>a</p><{tag}>LEAK <x-y>LEAK</x-y></{tag}><p>b</p>", engines)
    assert result == "<p>a</p><p>b</p>"


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@pytest.mark.parametrize(
    "markup",
    [
        "<h1>一</h1><h6>二</h6><p>三<br>四</p><hr>",
        '<blockquote><p>x</p></blockquote><pre><code class="language-c++">a &lt; b</code></pre>',
        '<ol start="3" reversed=""><li value="4">x</li></ol><ul><li>y</li></ul>',
        "<dl><dt>a</dt><dd>b</dd></dl>",
        (
            '<table><caption>c</caption><colgroup><col span="2"></colgroup><thead><tr>'
            '<th scope="col" colspan="2">h</th></tr></thead>'
            '<tbody><tr><td rowspan="2">d</td></tr></tbody></table>'
        ),
        "<figure><figcaption>c</figcaption></figure><ruby>漢<rp>(</rp><rt>hàn</rt><rp>)</rp></ruby>",
        '<details open=""><summary>s</summary>t</details>',
        "<del>a</del><ins>b</ins><sub>c</sub><sup>d</sup><kbd>e</kbd><mark>f</mark>",
        '<time datetime="2024-01-01">g</time>',
        '<p lang="zh-CN" dir="rtl">x</p>',
        '<abbr title="x &amp; &quot;y&quot;">z</abbr>',
        "&lt;b&gt; &amp;amp; “x” 😀 \ue000",
        "a&nbsp;b",
    ],
)
def test_good_markup_is_not_changed(markup: str, engines: tuple[str, ...]) -> None:
    assert clean(markup, engines) == markup


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
def test_links_and_images_are_completed(engines: tuple[str, ...]) -> None:
    markup = (
        '<a href="https://e.org/?a=1&amp;b=2" title="t">l</a><a href="mailto:a@e.org">m</a>'
        '<img src="https://e.org/i.png" alt="a" title="t" width="640" height="50%">'
    )
    assert clean(markup, engines) == (
        f'<a href="https://e.org/?a=1&amp;b=2" title="t" rel="{policy.LINK_REL}">l</a>'
        f'<a href="mailto:a@e.org" rel="{policy.LINK_REL}">m</a>'
        '<img src="https://e.org/i.png" alt="a" title="t" width="640" height="50%"'
        ' referrerpolicy="no-referrer">'
    )


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
def test_unknown_elements_keep_their_text(engines: tuple[str, ...]) -> None:
    assert clean("<o:p>a</o:p><blink>b <b>c</b></blink>", engines) == "ab <b>c</b>"


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
def test_blank_lines_at_the_start_of_code_are_not_eaten_one_by_one(
    engines: tuple[str, ...],
) -> None:
    assert clean("<pre>\n\n\n  a\n\nb</pre>", engines) == "<pre>  a\n\nb</pre>"
    assert clean("<pre><x>\n\n\na</x></pre>", engines) == "<pre>a</pre>"


#: bleach ends a list item at the next one inside a summary, the other parsers nest them.
DISPUTED = "<dt>a<summary>b<table><dt>c</table></summary>"


def test_parsers_that_disagree_about_list_items_settle() -> None:
    result = clean(DISPUTED, BOTH)
    assert plain_text(result) == "a b c"
    assert result != clean(DISPUTED, NH3)
    assert clean(result, BOTH) == result


def test_a_dispute_ends_after_so_many_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "_MAX_PASSES", 1)
    assert violations(clean(DISPUTED, BOTH)) == []


def test_what_does_not_settle_loses_the_elements_that_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "_MAX_PASSES", 1)
    markup = '<a href="https://e.org/"><table><a href="https://e.org/">x</table><p>y</p>'
    result = clean(markup, NH3)
    assert "x" in result
    assert "<p>y</p>" in result
    assert "<a" not in result
    assert violations(result) == []


def test_what_nh3_adds_is_no_reason_for_another_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "_MAX_PASSES", 1)  # then links would be lost
    result = clean(
        '<a href="https://e.org/" rel="noopener noreferrer nofollow">a</a>'
        '<a href="https://e.org/b">b</a>'
        '<img src="https://e.org/a.png" referrerpolicy="no-referrer">'
        '<img src="https://e.org/b.png">',
        NH3,
    )
    assert result.count('rel="noopener noreferrer nofollow"') == 2
    assert result.count('referrerpolicy="no-referrer"') == 2


@pytest.mark.parametrize(
    "engines", [("bleach",), ("nh3", "bleach"), (), ("html5lib", "nh3"), ("nh3", "nh3")]
)
def test_nh3_cannot_be_left_out_nor_followed(engines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="engines must be one of"):
        clean("x", engines)


def test_the_policy_does_not_contradict_itself() -> None:
    assert not policy.TAGS & policy.DROPPED
    assert set(policy.ATTRIBUTES) - {"*"} <= policy.TAGS
    assert not {"style", "name", "onclick", "srcset", "target"} & {
        name for names in policy.ATTRIBUTES.values() for name in names
    }
    assert not policy.permits("a", "href", "https://e.org/" + "a" * 10_000)
    assert not policy.permits("script", "src", "https://e.org/")


def test_cleaning_needs_no_suppressed_warning_and_is_the_same_in_every_process() -> None:
    script = (
        "from digest.articles.cleaning.sanitize import clean\n"
        "print(clean('<a title=t href=https://e.org/>x</a><img width=1 alt=a src=https://e.org/i>'"
        "'<td rowspan=2 colspan=3 lang=zh dir=ltr>y'))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


TAGS = st.sampled_from(
    sorted(
        policy.TAGS | policy.DROPPED | {"marquee", "nobr", "foreignObject", "mtext", "font", "span"}
    )
)
ATTRIBUTES = st.sampled_from(
    [
        "",
        ' href="javascript:x"',
        ' href="https://e.org/a?b&amp;c"',
        " src=https://e.org/i.png",
        " src=x",
        " onclick=x",
        ' title="a>b<c&quot;"',
        ' class="language-py"',
        " style=x",
        ' encoding="text/html"',
        " lang=zh",
        " id=x",
        " id=a-abcdefgh-x",
        " href=#a-abcdefgh-x",
        "/",
    ]
)
TOKENS = st.one_of(
    st.builds("<{}{}>".format, TAGS, ATTRIBUTES),
    st.builds("</{}>".format, TAGS),
    st.sampled_from(
        [
            "x",
            " ",
            "\n",
            "中",
            "&amp;",
            "&lt;b&gt;",
            "&",
            "<",
            "<!--",
            "-->",
            "]]>",
            "<![CDATA[",
            "&#13;",
            "\x00",
            "\ud800",
        ]
    ),
    st.text(max_size=5),
)


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@settings(max_examples=effort(50, soak=150))
@given(st.lists(TOKENS, max_size=20).map("".join))
@example("<rp><th></em><p><summary><table><dt><button><ul>")
@example("<a href=https://e.org/><marquee><a href=https://e.org/>x")
def test_any_markup_comes_out_clean_and_stays_as_it_is(
    engines: tuple[str, ...], markup: str
) -> None:
    result = clean(markup, engines)
    assert violations(result) == []
    assert clean(result, engines) == result


@pytest.mark.sampled
@pytest.mark.full_speed
@pytest.mark.parametrize(
    "markup",
    ["&lt;" * 100_000, "<p>a <b>b</b></p>\n" * 4_000, "&nbsp;" * 50_000],
    ids=lambda markup: markup[:8],
)
def test_long_texts_are_bleached_in_linear_time(markup: str) -> None:
    assert clean(markup, BOTH) == markup.strip(" ")


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
        name = chance.choice(_FEW if chance.random() < 0.7 else sorted(policy.TAGS))
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
