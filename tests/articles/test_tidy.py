"""Tidying leaves what a reader came for: no scripts, no clutter, real images, absolute links."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import PurePosixPath
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.model import CategoryPath, Manuscript
from digest.articles.tidy import Rule, tidy

BASE = "https://news.example.org/2024/a.html"
MANUSCRIPT = Manuscript(
    identity="a",
    title="标题",
    authors=(),
    categories=(CategoryPath(("财经", "银行", "利率")), CategoryPath(("要闻",))),
    published_at=None,
    link=BASE,
    image=None,
    language=None,
    summary=None,
    markup="",
)
PATH = PurePosixPath("财经/银行/a.md")


def tidied(markup: str, *rules: Rule, base: str | None = None) -> str:
    return tidy(markup, base=base, rules=rules, placeholder_hosts=("picsum.photos",))


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>LEAK</script>",
        "<style>.a&#123;LEAK&#125;</style>",
        "<style><p>LEAK</p></style>",
        "<noscript><p>LEAK</p></noscript>",
        "<template><p>LEAK</p></template>",
        "<!-- LEAK -->",
        "<!-- <b>LEAK</b> --!>",
        "<![CDATA[LEAK]]>",
        "<?php LEAK ?>",
        "<iframe src=x>LEAK</iframe>",
        "<object><p>LEAK</p></object>",
        "<embed src=LEAK>",
        "<form><select><option>LEAK</select><textarea>LEAK</textarea><button>LEAK</button></form>",
        "<input value=LEAK>",
        "<head><title>LEAK</title><meta content=LEAK><base href='https://LEAK.example/'></head>",
        "<svg><text>LEAK</text><style>LEAK</style></svg>",
        "<math><mi>LEAK</mi></math>",
        "<video controls>LEAK</video><audio>LEAK</audio><canvas>LEAK</canvas>",
        "<xmp>LEAK</xmp><noembed>LEAK</noembed><noframes>LEAK</noframes>",
        "<iframe><p>LEAK</p></iframe>",
        "<div hidden onclick='LEAK'></div>",
    ],
)
def test_what_is_no_text_goes_with_its_content(hidden: str) -> None:
    result = tidied(f"<p>before</p>{hidden}<p>after</p>")
    assert "LEAK" not in result
    assert result.replace("\n", "") == "<p>before</p><p>after</p>"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p></p><p> &nbsp;　<br></p><p>a</p>", "<p>a</p>"),
        ("<div><span></span><p><b> </b></p></div>", ""),
        ("<p>　　开头</p>", "<p>开头</p>"),
        ("<p><strong>　　开头</strong></p>", "<p><strong>开头</strong></p>"),
        ("　　开头", "开头"),
        ("<p>一<br>　　二</p>", "<p>一<br>二</p>"),
        ("<p>a<br><br> <br>\n<br/>b</p>", "<p>a<br><br>b</p>"),
        ("<p><br>a<br></p>", "<p>a</p>"),
        ("<p>a &nbsp; </p>", "<p>a</p>"),
        ("<p>a&nbsp;&nbsp;</p>", "<p>a</p>"),
        ("<p>a</p>\n\n\n   \n<p>b</p>", "<p>a</p>\n<p>b</p>"),
        ("a\n   indented\t\ttext", "a\nindented text"),
        ("<pre>a\n\n\n  b</pre>", "<pre>a\n\n\n  b</pre>"),
        ("<p>x  y</p><pre> z  </pre><p>x  y</p>", "<p>x y</p><pre> z  </pre><p>x y</p>"),
        (
            "<table><tr><td></td><td>1</td></tr></table>",
            "<table><tbody><tr><td></td><td>1</td></tr></tbody></table>",
        ),
        ("<span><span><font color=red>a</font></span></span>", "a"),
        ("<div><div><div>a</div></div></div>", "<div>a</div>"),
        ("<div><p>a</p><div><p>b</p></div></div>", "<p>a</p><p>b</p>"),
        ("<div>a<p>b</p></div>", "<div>a<p>b</p></div>"),
        ("<center>a</center><center>b</center>", "<div>a</div><div>b</div>"),
        ("<p class=x id=y style=z lang=zh data-k=1>a</p>", '<p lang="zh">a</p>'),
        (
            '<pre><code class="language-py x">a</code></pre>',
            '<pre><code class="language-py x">a</code></pre>',
        ),
        ("<html><body class=x><p>a</body></html>", "<p>a</p>"),
        ("<frameset><frame src=x></frameset>a", "a"),
        ("<b>1<p>2</b>3", "<b>1</b><p><b>2</b>3</p>"),
        ("", ""),
        ("text only", "text only"),
    ],
)
def test_clutter_is_gone(markup: str, expected: str) -> None:
    assert tidied(markup) == expected


@pytest.mark.parametrize(
    ("image", "src"),
    [
        ('<img src="https://e.org/a.png">', "https://e.org/a.png"),
        ('<img src="//e.org/a.png">', "https://e.org/a.png"),
        ('<img data-src="//e.org/a.png" src="data:image/gif;base64,R0">', "https://e.org/a.png"),
        (
            '<img data-original-src="//e.org/a.png" src="https://e.org/blank.gif">',
            "https://e.org/a.png",
        ),
        ('<img data-original="https://e.org/a.png">', "https://e.org/a.png"),
        ('<img data-lazy-src="https://e.org/a.png" src="">', "https://e.org/a.png"),
        (
            '<img data-src="https://picsum.photos/1" src="https://e.org/a.png">',
            "https://e.org/a.png",
        ),
        ('<img srcset="//e.org/a.png 1x, //e.org/b.png 2x">', "https://e.org/a.png"),
        ('<img srcset="https://e.org/a.png, //e.org/b.png 2x">', "https://e.org/a.png"),
        ('<img src="i.png">', "https://news.example.org/2024/i.png"),
        ('<img src="https://e.org/a.png" width=1 height=600>', "https://e.org/a.png"),
    ],
)
def test_an_image_has_its_real_address(image: str, src: str) -> None:
    found = re.findall(r'<img[^>]* ?src="([^"]*)"', tidied(image, base=BASE))
    assert found == [src]


@pytest.mark.parametrize(
    "image",
    [
        '<img src="https://picsum.photos/400/300?random=7">',
        '<img src="https://fast.picsum.photos/400">',
        '<img src="data:image/png;base64,AAAA">',
        "<img src=i.png>",
        '<img src="javascript:x">',
        "<img>",
        '<img src="https://e.org/t.gif" width="1" height="1">',
        '<img src="https://e.org/t.gif" width=0 height=1>',
    ],
)
def test_an_image_that_shows_nothing_is_gone(image: str) -> None:
    assert tidied(f"<p>a{image}</p><p>{image}</p>") == "<p>a</p>"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<a href="https://e.org/">t</a>', '<a href="https://e.org/">t</a>'),
        ('<a href="b.html">t</a>', '<a href="https://news.example.org/2024/b.html">t</a>'),
        ('<a href="//e.org/路">t</a>', '<a href="https://e.org/%E8%B7%AF">t</a>'),
        ('<a href="mailto:a@e.org" target=x>t</a>', '<a href="mailto:a@e.org">t</a>'),
        ('<a href="javascript:x">t</a>', "t"),
        ('<a href="java&#3;script:x">t</a>', "t"),
        ('<a href="#note">t</a>', "t"),
        ('<a name="note">t</a>', "t"),
        ('<a href="ftp://e.org/">t</a>', "t"),
        ('<a href="">t</a>', "t"),
        ('t<a name="x"></a>', "t"),
    ],
)
def test_a_link_is_absolute_or_just_its_text(link: str, expected: str) -> None:
    assert tidied(link, base=BASE) == expected


def test_relative_links_without_a_base_are_just_their_text() -> None:
    assert tidied('<a href="b.html">t</a>') == "t"


def test_bold_that_is_told_by_an_attribute_becomes_strong() -> None:
    rule = Rule(strong=('font[cms-style~="strong-Bold"]',))
    markup = (
        '<p><font cms-style="font-L strong-Bold">要<b>点</b></font>，'
        "<font cms-style=font-L>其余</font></p>"
    )
    assert tidied(markup, rule) == "<p><strong>要<b>点</b></strong>，其余</p>"


def test_rules_drop_unwrap_and_copy_attributes() -> None:
    rule = Rule(
        drop=(".ad", "p.editor"),
        unwrap=("section", "noscript"),
        attributes=(("data-real", "src"), ("xlink:href", "href"), ("data-none", "x")),
    )
    markup = (
        "<section><p class=ad>广告<b class=ad>x</b></p><p class=editor>编辑</p>"
        '<img data-real="https://e.org/a.png"><a xlink:href="https://e.org/">t</a>'
        "<noscript><p>real</p></noscript></section>"
    )
    assert tidied(markup, rule) == (
        '<img src="https://e.org/a.png"><a href="https://e.org/">t</a><p>real</p>'
    )


def test_an_attribute_without_value_is_copied_as_empty() -> None:
    assert tidied("<ol data-r><li>a</li></ol>", Rule(attributes=(("data-r", "reversed"),))) == (
        '<ol reversed=""><li>a</li></ol>'
    )


def test_kept_parts_stay_in_order_and_nothing_else() -> None:
    markup = "x<div class=a>1<p class=a>2</p></div>y<p class=b>3</p>z"
    assert tidied(markup, Rule(keep=(".a", ".b"))) == "<div>1<p>2</p></div><p>3</p>"


def test_rules_that_keep_what_is_not_there_leave_everything() -> None:
    assert tidied("<p>a</p>", Rule(keep=(".none",))) == "<p>a</p>"


@pytest.mark.parametrize(
    "rule", [Rule(drop=("body",)), Rule(keep=("body",)), Rule(unwrap=("body",))]
)
def test_the_body_itself_is_out_of_reach(rule: Rule) -> None:
    assert tidied("<p>a</p>", rule) == "<p>a</p>"


def test_rules_follow_each_other() -> None:
    first, second = Rule(strong=("i",)), Rule(unwrap=("strong",))
    assert tidied("<i>a</i>", first, second) == "a"
    assert tidied("<i>a</i>", second, first) == "<strong>a</strong>"


@pytest.mark.parametrize("selector", ["div >", "p:nope(", "[[", "", "a,,b"])
@pytest.mark.parametrize("place", ["keep", "drop", "unwrap", "strong"])
def test_a_bad_selector_is_refused_by_name(place: str, selector: str) -> None:
    wrong: dict[str, Any] = {place: ("p", selector)}
    with pytest.raises(ValueError, match=re.escape(repr(selector))):
        Rule(**wrong)


@pytest.mark.parametrize("pair", [("data-src", ""), ("a b", "src"), ("x]", "src"), ("src", "1")])
def test_a_bad_attribute_name_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="not the name of an attribute"):
        Rule(attributes=(pair,))


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (Rule(), True),
        (Rule(category=CategoryPath(("财经",))), True),
        (Rule(category=CategoryPath(("财经", "银行"))), True),
        (Rule(category=CategoryPath(("财经", "银行", "利率"))), True),
        (Rule(category=CategoryPath(("要闻",))), True),
        (Rule(category=CategoryPath(("银行",))), False),
        (Rule(category=CategoryPath(("财经", "银行", "利率", "x"))), False),
        (Rule(host="*.example.org"), True),
        (Rule(host="NEWS.example.org"), True),
        (Rule(host="example.org"), False),
        (Rule(path="财经/*.md"), True),
        (Rule(path="*.html"), False),
        (Rule(category=CategoryPath(("财经",)), host="*.example.org", path="*.md"), True),
        (Rule(category=CategoryPath(("财经",)), host="*.example.com", path="*.md"), False),
    ],
)
def test_a_rule_applies_where_all_its_conditions_hold(rule: Rule, applies: bool) -> None:
    assert rule.applies(MANUSCRIPT, PATH) is applies


def test_a_rule_for_a_host_is_not_for_articles_without_a_link() -> None:
    assert not Rule(host="*.org").applies(replace(MANUSCRIPT, link=None), PATH)


def test_a_rule_goes_to_a_worker_and_back() -> None:
    rule = Rule(category=CategoryPath(("a",)), drop=("p",), attributes=(("a", "b"),))
    assert pickle.loads(pickle.dumps(rule)) == rule


@pytest.mark.parametrize(
    "markup",
    [
        "<b>" * 100_000 + "x",
        "<span>" * 20_000 + "x" + "</span>" * 20_000,
        "<b>" * 500 + "</b>" * 500,
        " " * 300_000 + "x",
        "&nbsp;" * 100_000 + "x",
        "<br> " * 50_000,
        "\n" * 300_000 + "x",
        "<p>" * 20_000,
        '<img alt="' + "<p " * 20_000 + '">',
        "<p " + " ".join(f"a{n}" for n in range(8_000)) + ">x",
        "<font a=1><p>" * 250,
    ],
    ids=lambda markup: markup[:12],
)
def test_hostile_markup_is_tidied_in_time(markup: str) -> None:
    start = process_time()
    tidied(markup)
    assert process_time() - start < 5


@settings(max_examples=80)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<div>",
                "</div>",
                "<br>",
                "\n",
                "　",
                "&nbsp;",
                "一",
                "<b>",
                "</b>",
                "<img src=x>",
            ]
        ),
        max_size=25,
    )
)
def test_no_empty_run_of_blank_lines_is_left(tokens: list[str]) -> None:
    result = tidied("".join(tokens))
    assert not re.search(r"\n\s*\n", result)
    assert "<br><br><br>" not in result
    assert "<p></p>" not in result
    assert result.count("一") == tokens.count("一")
