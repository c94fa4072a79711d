"""What the sanitizer lets through is what the policy lists, whatever goes in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from digest.articles import policy, sanitize
from digest.articles.bleaching import bleach
from digest.articles.sanitize import ENGINES, clean
from digest.articles.summary import plain_text

BOTH, NH3 = ENGINES
#: Those whose tags a parser passes over in a body, or that have no end.
NO_ELEMENTS = frozenset({"frameset", "head", "plaintext"})

VECTORS: dict[str, list[str]] = {
    "scripts": [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        "<script/x>alert(1)</script >",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<script>//<!--\nalert(1)//--></script>",
        "<script>'</script><img src=x onerror=alert(1)>'</script>",
        "<<script>alert(1)//<</script>",
        "<script",
        "</script><script>alert(1)",
        "<script\x00>alert(1)</script>",
    ],
    "handlers": [
        "<img src=https://e.org/i.png onerror=alert(1)>",
        "<p onclick=alert(1)>x</p>",
        "<p OnMouseOver='alert(1)'>x</p>",
        "<details open ontoggle=alert(1)><summary>x</summary></details>",
        "<img/src='https://e.org/i.png'/onerror='alert(1)'>",
        "<b/onmouseover=alert(1)//>x",
        '<a href="https://e.org/" title="" onclick="alert(1)">x</a>',
        '<img alt="`" title="`onerror=alert(1)" src="https://e.org/i.png">',
        "<body onload=alert(1)>x",
        "<marquee onstart=alert(1)>x</marquee>",
        "<input autofocus onfocus=alert(1)>",
        "<video onloadstart=alert(1)><source onerror=alert(1)></video>",
    ],
    "schemes": [
        "<a href=javascript:alert(1)>x</a>",
        "<a href=' JaVaScRiPt:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<a href='java\x03script:alert(1)'>x</a>",
        "<a href='java&#3;script:alert(1)'>x</a>",
        "<a href='\x01javascript:alert(1)'>x</a>",
        "<a href='&#106;avascript:alert(1)'>x</a>",
        "<a href='&#x6A&#x61vascript&colon;alert(1)'>x</a>",
        "<a href='javascript&Tab;:alert(1)'>x</a>",
        "<a href='javascript&amp;colon;alert(1)'>x</a>",
        "<a href='vbscript:msgbox(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
        "<img src=javascript:alert(1)>",
        "<a href='file:///etc/passwd'>x</a>",
        "<a href='blob:https://e.org/1'>x</a>",
        "<a href='feed:javascript:alert(1)'>x</a>",
        "<a href='view-source:https://e.org/'>x</a>",
        "<a href='//evil.example/'>x</a>",
        "<a href='/relative'>x</a>",
        "<a href='https:evil.example'>x</a>",
        "<a href='https:\\\\evil.example'>x</a>",
        "<a xlink:href='javascript:alert(1)'>x</a>",
        "<img src='mailto:a@e.org'>",
        "<img srcset='javascript:alert(1) 1x' src=x>",
        "<blockquote cite='javascript:alert(1)'>x</blockquote>",
        "<a ping='https://evil.example/' href='https://e.org/'>x</a>",
    ],
    "styles": [
        "<style>@import 'https://evil.example/x.css';</style>",
        "<p style='background:url(javascript:alert(1))'>x</p>",
        "<p style='position:fixed;top:0'>x</p>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<p class='site-button'>x</p>",
        "<code class='language-py evil'>x</code>",
        "<table background=https://evil.example/x><tr><td>x</table>",
        "<style><img src='</style><img src=x onerror=alert(1)>'></style>",
    ],
    "frames and plugins": [
        "<iframe src=https://evil.example/></iframe>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data=https://evil.example/x.swf><param name=x></object>",
        "<embed src=https://evil.example/x.swf>",
        "<applet code=x>x</applet>",
        "<frameset><frame src=javascript:alert(1)></frameset>",
        "<portal src=https://evil.example/></portal>",
        "<base href=https://evil.example/>",
        "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    ],
    "forms": [
        "<form action=https://evil.example/><input name=password><button>x</button></form>",
        "<button formaction=javascript:alert(1)>x</button>",
        "<textarea autofocus onfocus=alert(1)>x</textarea>",
        "<select onchange=alert(1)><option>x</select>",
        "<isindex action=javascript:alert(1) type=image>",
    ],
    "foreign content": [
        "<svg onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<svg><animate onbegin=alert(1) attributeName=x></svg>",
        "<svg></p><style><a id='</style><img src=x onerror=alert(1)>'>",
        (
            "<math><mtext><table><mglyph><style><!--</style>"
            "<img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>"
        ),
        "<math><annotation-xml encoding='text/html'><p onclick=x>x</p></annotation-xml></math>",
        "<svg><foreignObject><body onload=alert(1)></foreignObject></svg>",
        "<svg><title><style><img src=x onerror=alert(1)></style></title></svg>",
    ],
    "mutation": [
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
        "<p><table><a href=x><td></table><svg><desc><p></svg><style><img src=x onerror=alert(1)>",
        "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
        "<noembed><img title='</noembed><img src=x onerror=alert(1)>'></noembed>",
        "<plaintext><img src=x onerror=alert(1)>",
        "<template><img src=x onerror=alert(1)></template>",
        "<a title='<!--'><img title='--><img src=x onerror=alert(1)>'>",
        "<![CDATA[<img src=x onerror=alert(1)>]]>",
        "<!--><img src=x onerror=alert(1)>-->",
        "<!-- --!><img src=x onerror=alert(1)> -->",
        "<?xml version=1.0?><img src=x onerror=alert(1)>",
        "<a href=https://e.org/><table><a href=https://e.org/>x</table>",
    ],
    "clobbering and tracking": [
        "<img name=getElementById src=https://e.org/i.png>",
        "<p id=content>x</p>",
        "<a href=https://e.org/ target=_blank rel=opener>x</a>",
        "<img src=https://e.org/i.png referrerpolicy=unsafe-url>",
        "<img src=https://e.org/i.png width=999999 height=-1>",
        "<td colspan=99999>x</td>",
    ],
    "characters": [
        "a\x00b\x08c",
        "a\ud800b",
        "a&#0;b&#8;c&#xD800;d&#xFFFF;e",
        "&#" + "9" * 5_000 + ";",
        "a\u202eb",
        "\ufdd0\U0010f0d1<b>x</b>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&amp;lt;script&amp;gt;",
        "a\r\nb&#13;c",
    ],
}


def problems(markup: str) -> list[str]:
    """Return what a browser would find in ``markup`` that the policy does not allow."""
    body = LexborHTMLParser("<!doctype html><body>" + markup).body
    assert body is not None
    found = []
    for node in list(body.traverse())[1:]:
        tag = node.tag or "?"
        if tag not in policy.TAGS:
            found.append(tag)
        for name, value in node.attributes.items():
            if name == "rel":
                allowed = tag == "a" and value == policy.LINK_REL
            else:
                allowed = policy.permits(tag, name, value or "")
            if name in ("href", "src"):
                allowed = allowed and bool(re.match(r"(?i)https?://[^/]|mailto:", value or ""))
            if not allowed:
                found.append(f"{tag} {name}={value!r}")
    if re.search("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", markup):
        found.append("a character that XML forbids")
    return found


def test_there_are_enough_vectors() -> None:
    assert sum(map(len, VECTORS.values())) >= 100


@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
@pytest.mark.parametrize("vector", [one for many in VECTORS.values() for one in many])
def test_no_attack_leaves_anything_behind(vector: str, engines: tuple[str, ...]) -> None:
    result = clean(f"<p>before</p>{vector}", engines)
    assert problems(result) == []
    assert result.startswith("<p>before</p>")
    assert clean(result, engines) == result


@pytest.mark.parametrize("vector", [one for many in VECTORS.values() for one in many])
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
    assert problems(clean(DISPUTED, BOTH)) == []


def test_what_does_not_settle_loses_the_elements_that_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "_MAX_PASSES", 1)
    markup = '<a href="https://e.org/"><table><a href="https://e.org/">x</table><p>y</p>'
    result = clean(markup, NH3)
    assert "x" in result
    assert "<p>y</p>" in result
    assert "<a" not in result
    assert problems(result) == []


@pytest.mark.parametrize(
    "engines", [("bleach",), ("nh3", "bleach"), (), ("html5lib", "nh3"), ("nh3", "nh3")]
)
def test_nh3_cannot_be_left_out_nor_followed(engines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="engines must be one of"):
        clean("x", engines)


def test_the_policy_does_not_contradict_itself() -> None:
    assert not policy.TAGS & policy.DROPPED
    assert set(policy.ATTRIBUTES) - {"*"} <= policy.TAGS
    assert not {"style", "id", "onclick", "srcset", "target"} & {
        name for names in policy.ATTRIBUTES.values() for name in names
    }
    assert not policy.permits("a", "href", "https://e.org/" + "a" * 10_000)
    assert not policy.permits("script", "src", "https://e.org/")


def test_cleaning_needs_no_suppressed_warning_and_is_the_same_in_every_process() -> None:
    script = (
        "from digest.articles.sanitize import clean\n"
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
@settings(max_examples=150)
@given(st.lists(TOKENS, max_size=20).map("".join))
@example("<rp><th></em><p><summary><table><dt><button><ul>")
@example("<a href=https://e.org/><marquee><a href=https://e.org/>x")
def test_any_markup_comes_out_clean_and_stays_as_it_is(
    engines: tuple[str, ...], markup: str
) -> None:
    result = clean(markup, engines)
    assert problems(result) == []
    assert clean(result, engines) == result


@pytest.mark.parametrize(
    "markup",
    ["&lt;" * 100_000, "<p>a <b>b</b></p>\n" * 4_000, "&nbsp;" * 50_000],
    ids=lambda markup: markup[:8],
)
def test_long_texts_are_bleached_in_linear_time(markup: str) -> None:
    assert clean(markup, BOTH) == markup.strip(" ")
