"""What cleaning promises, sentence by sentence, from a file's bytes to the article's body."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.cleaning import images
from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.rules import Rule
from digest.articles.draft import make_draft
from digest.articles.model import CategoryPath, Draft, SourceFile
from digest.articles.revision import content_digest
from tests.articles.attacks import ATTACKS, violations
from tests.defaults import default_options
from tests.effort import effort

LINK = "https://news.example.org/2024/a.html"
HEAD = f"---\ntitle: 'A & B'\nlink: {LINK}\ncategories: [新闻, 本地]\n---\n\n"
REL = ' rel="noopener noreferrer nofollow"'
REFERRER = ' referrerpolicy="no-referrer"'

engines = pytest.mark.parametrize("engines", ENGINES, ids="+".join)


def made(body: str, engines: tuple[str, ...] = ("nh3",), head: str = HEAD, **options: Any) -> Draft:
    source = SourceFile(path=PurePosixPath("新闻/a.md"), content=(head + body).encode())
    return make_draft(source, default_options(engines=engines, **options))


def cleaned(markup: str, engines: tuple[str, ...] = ("nh3",), **options: Any) -> str:
    """Return the body made of some HTML."""
    return made(f"<div>\n{markup}\n</div>", engines, **options).body


@pytest.mark.parametrize(
    "name", ["data-src", "data-original", "data-original-src", "data-lazy-src"]
)
@engines
def test_lazy_images_are_made_plain(engines: tuple[str, ...], name: str) -> None:
    assert name in images.LAZY_SOURCES
    for before in ("", 'src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" ', 'src="/blank.gif" '):
        body = cleaned(f'<p>x<img {before}{name}="//e.org/i.png"></p>', engines)
        assert body == f'<p>x<img src="https://e.org/i.png"{REFERRER}></p>'


@engines
def test_images_in_several_sizes_are_made_plain(engines: tuple[str, ...]) -> None:
    markup = '<p>x<img src="/s.png" srcset="/m.png 640w, //e.org/l.png 1280w"></p>'
    assert cleaned(markup, engines) == f'<p>x<img src="https://e.org/l.png"{REFERRER}></p>'


@pytest.mark.parametrize(
    ("base", "written", "address"),
    [
        ("", "//e.org/x", "https://e.org/x"),
        ("", "x", "https://news.example.org/2024/x"),
        ("", "../x?a#b", "https://news.example.org/x?a#b"),
        ("", "/x", "https://news.example.org/x"),
        ("", "?p=2", f"{LINK}?p=2"),
        ("<base href='https://old.example/y/'>", "x", "https://old.example/y/x"),
        ("<base href='/y/'>", "x", "https://news.example.org/y/x"),
    ],
)
@engines
def test_addresses_are_made_absolute(
    engines: tuple[str, ...], base: str, written: str, address: str
) -> None:
    body = cleaned(f'{base}<p><a href="{written}">t</a><img src="{written}"></p>', engines)
    assert body == f'<p><a href="{address}"{REL}>t</a><img src="{address}"{REFERRER}></p>'


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://e.org/p.gif" width="1" height="1">',
        '<img src="https://e.org/p.gif" width=0 height=0>',
        '<img src="https://www.google-analytics.com/collect?v=1">',
        '<img data-src="https://hm.baidu.com/hm.gif?si=1" src="data:image/gif;base64,R0">',
        '<img src="https://www.facebook.com/tr?id=1&amp;ev=PageView&amp;noscript=1">',
    ],
)
@engines
def test_tracking_pixels_and_images_of_trackers_are_removed(
    engines: tuple[str, ...], image: str
) -> None:
    assert cleaned(f"<p>x{image}</p><p>{image}</p>", engines) == "<p>x</p>"


@engines
def test_parameters_that_track_are_removed_from_links(engines: tuple[str, ...]) -> None:
    markup = '<p><a href="/x?utm_source=a&amp;id=1&amp;fbclid=b#c">t</a></p>'
    address = "https://news.example.org/x?id=1#c"
    assert cleaned(markup, engines) == f'<p><a href="{address}"{REL}>t</a></p>'


@pytest.mark.parametrize(
    ("markup", "body"),
    [
        ("<p></p><p>x</p><p> <b>&nbsp;</b><br></p>", "<p>x</p>"),
        ("<p>x<br><br><br/>\n<br>y</p>", "<p>x<br><br>y</p>"),
        ("<p><br>x<br><br></p>", "<p>x</p>"),
        ("<span><span style=a><span>x</span></span></span>", "<div>x</div>"),
        ("<div><div class=a><div><p>x</p></div></div></div>", "<p>x</p>"),
        ("<p>　　图书馆<br>　　开放</p>", "<p>图书馆<br>开放</p>"),
        ("<p>\u3000&#12288;<strong>　图书馆</strong></p>", "<p><strong>图书馆</strong></p>"),
    ],
)
@engines
def test_what_says_nothing_is_collapsed(engines: tuple[str, ...], markup: str, body: str) -> None:
    assert cleaned(markup, engines) == body


@engines
def test_frames_of_the_list_become_links_with_a_picture_where_known(
    engines: tuple[str, ...],
) -> None:
    frames = (
        '<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ" title="甲 &amp; 乙"></iframe>'
        '<iframe src="https://player.vimeo.com/video/76979871"></iframe>'
        '<iframe src="https://evil.example/"></iframe>'
    )
    assert cleaned(frames, engines) == (
        f'<p><a href="https://www.youtube.com/watch?v=dQw4w9WgXcQ"{REL}>'
        f'<img src="https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg" alt=""{REFERRER}><br>'
        "甲 &amp; 乙</a></p>"
        f'<p><a href="https://vimeo.com/76979871"{REL}>https://vimeo.com/76979871</a></p>'
        f'<p><a href="https://evil.example/"{REL}>https://evil.example/</a></p>'
    )
    assert cleaned(f"<p>x</p>{frames}", engines, embeds=()).count("<a href") == 3


@pytest.mark.parametrize(
    "markup",
    [
        (
            '<table><caption>c</caption><thead><tr><th scope="col">a</th></tr></thead>'
            '<tbody><tr><td colspan="2">b</td></tr><tr><td></td></tr></tbody></table>'
        ),
        '<pre><code class="language-c">if (a &lt; b)\n\n\n    {c &amp;&amp; d;}\n</code></pre>',
        "<p>use <code>a b</code>, <kbd>c</kbd> and <samp>d</samp></p>",
        (
            f'<figure><img src="https://e.org/i.png" alt="a"{REFERRER}>'
            "<figcaption>c</figcaption></figure>"
        ),
        "<p><ruby>漢<rp>(</rp><rt>hàn</rt><rp>)</rp></ruby></p>",
        "<details><summary>a</summary><p>b</p></details>",
        '<details open=""><summary>a</summary><p>b</p></details>',
        "<blockquote><p>a</p></blockquote><ol><li>b</li></ol><dl><dt>c</dt><dd>d</dd></dl>",
    ],
)
@engines
def test_tables_code_figures_ruby_and_details_are_kept(
    engines: tuple[str, ...], markup: str
) -> None:
    assert cleaned(markup, engines) == markup


@engines
def test_math_is_kept_as_text(engines: tuple[str, ...]) -> None:
    markup = "<p>so <math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math> holds</p>"
    assert cleaned(markup, engines) == "<p>so a&lt;b holds</p>"
    described = '<p><math alttext="x^2"><mi>x</mi></math></p>'
    assert cleaned(described, engines) == "<p>x^2</p>"


@engines
def test_headings_fit_below_the_title(engines: tuple[str, ...]) -> None:
    assert cleaned("<h1>A &amp; B</h1><h1>x</h1><h3>y</h3>", engines) == "<h2>x</h2><h4>y</h4>"
    assert cleaned("<h4>x</h4><h5>y</h5>", engines) == "<h2>x</h2><h3>y</h3>"


@engines
def test_ids_have_a_prefix_and_links_to_them_work(engines: tuple[str, ...]) -> None:
    body = cleaned('<p id="n">x</p><p id="m">y</p><p><a href="#n">z</a></p>', engines)
    start = body.partition('id="')[2].partition('"')[0].removesuffix("n")
    assert body == (f'<p id="{start}n">x</p><p>y</p><p><a href="#{start}n"{REL}>z</a></p>')
    assert start.startswith("a-")
    assert len(start) == 11


@engines
def test_images_have_a_referrer_policy_and_come_through_the_proxy(engines: tuple[str, ...]) -> None:
    body = cleaned(
        "<p>x<img src='//e.org/i.png' referrerpolicy=unsafe-url></p>",
        engines,
        image_proxy="https://img.example/{url}",
        referrer_policy="origin",
    )
    shown = "https://img.example/https%3A%2F%2Fe.org%2Fi.png"
    assert f'src="{shown}"' in body
    assert body.count("referrerpolicy=") == body.count('referrerpolicy="origin"') == 1
    assert 'referrerpolicy="no-referrer"' in cleaned("<p><img src=//e.org/i.png></p>", engines)


@engines
def test_a_placeholder_is_no_image_and_no_change(engines: tuple[str, ...]) -> None:
    def crawl(number: int) -> Draft:
        head = HEAD.replace("---\n\n", f"headimg: https://picsum.photos/400?random={number}\n---\n")
        image = f'<p><img src="https://picsum.photos/1?random={number}"></p>'
        return made(f"<div>{image}<p>x</p></div>", engines, head)

    one, other = crawl(1), crawl(2)
    assert (one.image, one.body) == (None, "<p>x</p>")
    assert one.fingerprint == other.fingerprint
    assert content_digest(one) == content_digest(other)
    assert made("<img src=//p.example/1>", engines, placeholder_hosts=("p.example",)).image is None


@engines
def test_all_rules_that_match_by_category_host_or_path_apply_in_their_order(
    engines: tuple[str, ...],
) -> None:
    def says(pattern: str, text: str, **conditions: Any) -> Rule:
        return Rule(replace=((pattern, text),), **conditions)

    rules = (
        says("0", "1"),
        says("1", "12", category=CategoryPath(("新闻",))),
        says("2", "23", host="*.example.org"),
        says("3", "34", path="新闻/*"),
        says("4", "45", category=CategoryPath(("新闻", "本地")), host="news.*", path="*.md"),
        says("0|1", "no"),
        says("5", "no", category=CategoryPath(("文化",))),
        says("5", "no", host="*.example.net"),
        says("5", "no", path="文化/*"),
        says("5", "no", host="*.example.org", path="文化/*"),
    )
    assert cleaned("<p>0</p>", engines, rules=rules) == "<p>no2345</p>"
    assert cleaned("<p>2</p>", engines, rules=rules[::-1]) == "<p>23</p>"


@engines
def test_rules_drop_unwrap_keep_replace_copy_and_embolden(engines: tuple[str, ...]) -> None:
    rules = (
        Rule(keep=("article",), drop=(".promo", "footer > *"), unwrap=("blockquote",)),
        Rule(strong=("font[cms-style*=strong-Bold]",), attributes=(("data-large", "src"),)),
        Rule(replace=((r"（编辑：\w+）", ""), (r"(\d+)元", r"¥\1"))),
    )
    markup = (
        "<nav>menu</nav><article><p class=promo>buy</p><blockquote><p>a 5元（编辑：某某）</p>"
        '</blockquote><p><font cms-style="font-L strong-Bold">b</font>'
        '<img src="/s.png" data-large="/l.png"></p><footer><i>c</i></footer></article>'
    )
    assert cleaned(markup, engines, rules=rules) == (
        "<article><p>a ¥5</p><p><strong>b</strong>"
        f'<img src="https://news.example.org/l.png"{REFERRER}></p><footer></footer></article>'
    )


FRAGMENTS = st.one_of(
    st.sampled_from(ATTACKS),
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<h1 id=x>",
            "<a href=#x>",
            "<table><tr><td>",
            "<iframe src=//v.qq.com/?vid=a0012abcdef>",
            "<math>",
            "<img data-src=//e.org/i.png>",
            "<base href=javascript:x>",
            "</div>",
            "中",
        ]
    ),
)


@engines
@settings(max_examples=effort(20, soak=60), deadline=None)
@given(st.lists(FRAGMENTS, max_size=6).map("".join))
def test_a_body_holds_only_allowed_elements_attributes_and_schemes(
    engines: tuple[str, ...], markup: str
) -> None:
    text = markup.replace("\0", "").encode("utf-8", "replace").decode()
    printable = "".join(character for character in text if character >= " " or character in "\n\t")
    assert violations(cleaned(printable, engines)) == []
