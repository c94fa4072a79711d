"""Tidying leaves what a reader came for: no scripts, no clutter, real images, absolute links."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.articles.cleaning.embeds import HOSTS
from digest.articles.cleaning.media import MediaOptions
from digest.articles.cleaning.tidy import compacted, texts_left_out, tidy
from tests.effort import effort

BASE = "https://news.example.org/2024/a.html"
EMPTY = re.compile(r"<(b|p|div)>(?: |&nbsp;|<br>)*</\1>")


def tidied(markup: str, base: str | None = None) -> str:
    return tidy(
        markup, base=base, media=MediaOptions(placeholder_hosts=("picsum.photos",), embeds=HOSTS)
    )


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
        "<embed src=LEAK>",
        "<form><select><option>LEAK</select><textarea>LEAK</textarea><button>LEAK</button></form>",
        "<input value=LEAK>",
        "<head><title>LEAK</title><meta content=LEAK><base href='https://LEAK.example/'></head>",
        "<svg><text>LEAK</text><style>LEAK</style></svg>",
        "<math><annotation>LEAK</annotation><script>LEAK</script><style>LEAK</style></math>",
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
        ("a" + "<div>" * 90 + "<br> &nbsp;" + "</div>" * 90 + "b", "ab"),
        (
            "<ul><li><b><i><u><em> </em></u></i></b><li>a<b><i><u><em></em></u></i></b><li><b><hr>",
            "<ul><li>a</li><li><b><hr></b></li></ul>",
        ),
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
        ('<img src="/s.png" srcset="/m.png 640w, /l.png 1280w">', "https://news.example.org/l.png"),
        (
            '<picture><source srcset="/l.webp 9w" type="image/webp"><img src="/s.png"></picture>',
            "https://news.example.org/l.webp",
        ),
        (
            '<picture><source srcset="/l.avif 9w" type="image/avif"><img src="/s.png"></picture>',
            "https://news.example.org/s.png",
        ),
        ('<picture><source srcset="/l.png"><img></picture>', "https://news.example.org/l.png"),
        (
            '<picture><img src="/s.png"><source srcset="/l.png 900w"></picture>',
            "https://news.example.org/s.png",
        ),
        (
            "<picture>" + '<source srcset="/l.png 900w">' + "<source>" * 16 + '<img src="/s.png">',
            "https://news.example.org/s.png",
        ),
        (
            '<img srcset="https://picsum.photos/9 900w, /m.png 640w">',
            "https://news.example.org/m.png",
        ),
        ('<img src="https://e.org/a.png?utm_source=x&w=9#f">', "https://e.org/a.png?w=9#f"),
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
        '<img src="https://www.facebook.com/tr?id=1&ev=PageView">',
        '<picture><source srcset="https://hm.baidu.com/hm.gif?si=1"><img></picture>',
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
        ('<a href="#note">t</a>', '<a href="https://news.example.org/2024/a.html#note">t</a>'),
        ('<a href="#">t</a>', "t"),
        ('<a href="/b?utm_source=x">t</a>', '<a href="https://news.example.org/b">t</a>'),
        (
            '<a href="mailto:a@e.org?subject=utm_x">t</a>',
            '<a href="mailto:a@e.org?subject=utm_x">t</a>',
        ),
        ('<a name="note">t</a>', "t"),
        ('<a href="ftp://e.org/">t</a>', "t"),
        ('<a href="">t</a>', "t"),
        ('t<a name="x"></a>', "t"),
    ],
)
def test_a_link_is_absolute_or_just_its_text(link: str, expected: str) -> None:
    assert tidied(link, base=BASE) == expected


@pytest.mark.parametrize(
    ("frame", "link"),
    [
        (
            '<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ?rel=0"></iframe>',
            (
                '<a href="https://www.youtube.com/watch?v=dQw4w9WgXcQ">'
                '<img src="https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg" alt=""><br>'
                "https://www.youtube.com/watch?v=dQw4w9WgXcQ</a>"
            ),
        ),
        (
            '<iframe title=" 山 " src="//www.dailymotion.com/embed/video/x7tgad0"></iframe>',
            (
                '<a href="https://www.dailymotion.com/video/x7tgad0">'
                '<img src="https://www.dailymotion.com/thumbnail/video/x7tgad0" alt=""><br>山</a>'
            ),
        ),
        (
            '<iframe title=" 茶 &lt;b&gt;\n山 " data-src=//player.vimeo.com/video/1></iframe>',
            '<a href="https://vimeo.com/1">茶 &lt;b&gt; 山</a>',
        ),
        (
            '<iframe title=t src="//eu.www.youtube.com/a?utm_source=x&b=1">in</iframe>',
            '<a href="https://eu.www.youtube.com/a?b=1">t</a>',
        ),
    ],
)
def test_a_frame_of_a_video_site_becomes_a_link(frame: str, link: str) -> None:
    assert tidied(f"<p>a</p>{frame}<p>b</p>") == f"<p>a</p><p>{link}</p><p>b</p>"
    large = "<hr>" * 600
    assert tidied(large + frame) == f"{large}<p>{link}</p>"


def test_the_picture_of_a_video_comes_through_the_proxy() -> None:
    frame = '<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ"></iframe>'
    result = tidy(
        frame, base=None, media=MediaOptions(embeds=HOSTS, image_proxy="https://img.example/{url}")
    )
    assert '<img src="https://img.example/https%3A%2F%2Fi.ytimg.com%2Fvi%2F' in result
    long = f"https://img.example/{'a' * 8_190}/{{url}}"
    assert "<img" not in tidy(frame, base=None, media=MediaOptions(embeds=HOSTS, image_proxy=long))


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ("<div>a{}b</div>", "<div>a<p>{}</p>b</div>"),
        (
            "<figure>{}<figcaption>c</figcaption></figure>",
            "<figure><p>{}</p><figcaption>c</figcaption></figure>",
        ),
        ("<p>{}</p>", "<p>{}</p>"),
        ("<p>a <b>{}</b></p>", "<p>a <b>{}</b></p>"),
        ("<ul><li>{}</li></ul>", "<ul><li>{}</li></ul>"),
        ("<center>{}</center>", "<div>{}</div>"),
    ],
)
def test_a_video_is_a_paragraph_where_there_is_none(around: str, expected: str) -> None:
    frame = '<iframe title="t" src="https://v.qq.com/a"></iframe>'
    link = '<a href="https://v.qq.com/a">t</a>'
    assert tidied(around.format(frame)) == expected.format(link)


@pytest.mark.parametrize(
    "frame",
    [
        '<iframe src="javascript:alert(1)//www.youtube.com"></iframe>',
        '<iframe srcdoc="<a href=https://www.youtube.com/>x</a>"></iframe>',
        "<iframe></iframe>",
    ],
)
def test_frames_without_an_address_vanish(frame: str) -> None:
    assert tidied(f"<p>a</p>{frame}") == "<p>a</p>"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<math><mi>E</mi><mo>=</mo><mi>m</mi></math>", "E=m"),
        ('<math alttext="x^2 &lt; y"><mi>x</mi></math>', "x^2 &lt; y"),
        ('<math alttext=" "><mi>x</mi></math>', "x"),
        ("<math><semantics><mi>x</mi><annotation>x_0</annotation></semantics></math>", "x"),
        ("<math>\n  <mi>x</mi>\n  <mo>&lt;</mo>\n</math>", "x&lt;"),
        ("<math><!-- c --><mtext>&lt;script&gt;</mtext></math>", "&lt;script&gt;"),
    ],
)
def test_a_formula_becomes_its_text(formula: str, text: str) -> None:
    assert tidied(f"<p>a {formula} b</p>") == f"<p>a {text} b</p>"


def test_a_formula_in_a_large_file_becomes_its_text() -> None:
    large = "<hr>" * 600
    formula = '<math><mi>a</mi><mo>&lt;</mo><<i>b>c</math> <math alttext="d"><mi>e</math>'
    assert tidied(f"{large}<p>{formula}</p>") == f"{large}<p>a&lt;&lt;b&gt;c d</p>"


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ("12", "23"),
        ("22", "22"),
        ("234", "234"),
        ("343", "232"),
        ("6", "2"),
        ("123456", "234566"),
        ("31", "42"),
    ],
)
def test_the_highest_heading_is_an_h2(levels: str, expected: str) -> None:
    def headings(levels: str) -> str:
        return "".join(f'<h{level} lang="zh">节 <i>甲</i></h{level}>' for level in levels)

    assert tidied(headings(levels)) == headings(expected)
    assert tidied(headings(expected)) == headings(expected)


def test_an_empty_heading_is_none() -> None:
    assert tidied("<h1> <b></b></h1><h2>a</h2>") == "<h2>a</h2>"
    assert tidied('<h1><img src="https://e.org/a.png"></h1><h2>a</h2>') == (
        '<h2><img src="https://e.org/a.png"></h2><h3>a</h3>'
    )


def test_details_and_ruby_stay() -> None:
    markup = (
        "<details><summary>a</summary><p>b</p></details>"
        "<p><ruby>漢<rp>(</rp><rt>hàn</rt><rp>)</rp></ruby></p>"
    )
    assert tidied(markup) == markup


@pytest.mark.parametrize(
    ("head", "start"),
    [
        ('<base href="https://old.example/x/y">', "https://old.example/x/"),
        ('<base href="/archive/">', "https://news.example.org/archive/"),
        ('<base href="//cdn.example/">', "https://cdn.example/"),
        ('<base target=_blank><base href="../"><base href="/no/">', "https://news.example.org/"),
        ('<base href="javascript:x//">', "https://news.example.org/2024/"),
        ("<base href>", "https://news.example.org/2024/"),
    ],
)
def test_relative_addresses_start_at_the_documents_base(head: str, start: str) -> None:
    document = f'<html><head>{head}</head><body><a href="b">t</a><img src="i.png"></body></html>'
    assert tidied(document, base=BASE) == f'<a href="{start}b">t</a><img src="{start}i.png">'


def test_a_base_helps_where_there_is_no_link() -> None:
    markup = '<base href="https://e.org/"><a href="b">t</a>'
    assert tidied(markup) == '<a href="https://e.org/b">t</a>'


def test_relative_links_without_a_base_are_just_their_text() -> None:
    assert tidied('<a href="b.html">t</a>') == "t"


def test_what_is_left_out_is_told_where_it_shows_something() -> None:
    markup = "<button> </button><select></select><textarea>Buy</textarea>"
    assert texts_left_out(markup) == ["a <textarea> is left out, and its text: Buy"]


@pytest.mark.sampled
@pytest.mark.full_speed
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
        "<picture>" + "<source>" * 20_000 + "<img>" * 20_000,
        "<math><mi>" * 20_000 + "x",
        "<math>x</math>" * 20_000,
        '<iframe src="//v.qq.com/a"></iframe>' * 10_000,
        "<iframe>" * 20_000,
        ("<b>" * 90 + "</b>" * 90) * 1_000,
        "<h1>" * 20_000 + "x",
        "<h1>x</h1>" * 20_000,
        '<img srcset="' + "a 1w, " * 100_000 + '">',
        '<img srcset="' + "a," * 200_000 + '">',
        '<img srcset="' + " ," * 200_000 + '">',
        '<img srcset="' + "a" * 400_000 + '">',
    ],
    ids=lambda markup: markup[:12],
)
def test_hostile_markup_is_tidied_in_time(markup: str) -> None:
    start = process_time()
    tidied(markup)
    assert process_time() - start < 5


@settings(max_examples=effort(26, soak=80))
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


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<h1>The  Title</h1><p>Text.</p>", "<p>Text.</p>"),
        ("<div>\n<h2>the title</h2>\n<p>Text.</p></div>", "<p>Text.</p>"),
        ("<h1>Another</h1><p>Text.</p>", "<h2>Another</h2><p>Text.</p>"),
        ("<p>Text.</p><h1>The Title</h1>", "<p>Text.</p><h2>The Title</h2>"),
        ("<h1>The Title</h1>", "<h2>The Title</h2>"),
        ("<h1></h1><p>The Title</p>", "<p>The Title</p>"),
    ],
)
def test_a_heading_that_says_the_title_again_goes(markup: str, expected: str) -> None:
    assert tidy(markup, base=None, title="The Title") == expected


class Files:
    """Knows one picture and one document."""

    def address(self, reference: str, *, picture: bool) -> str | None:
        known = "beach.jpg" if picture else "map.pdf"
        return f"https://news.example/assets/{known}" if reference == known else None


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<img src="beach.jpg" alt="x">', "https://news.example/assets/beach.jpg"),
        ('<img src="p.gif" data-src="beach.jpg">', "https://news.example/assets/beach.jpg"),
        ('<img src="other.jpg">', "https://news.example.org/2024/other.jpg"),
        ('<a href="map.pdf">map</a>', "https://news.example/assets/map.pdf"),
        ('<a href="beach.jpg">beach</a>', "https://news.example.org/2024/beach.jpg"),
        ('<a href="other.pdf">other</a>', "https://news.example.org/2024/other.pdf"),
    ],
)
def test_files_beside_the_article_have_addresses(markup: str, expected: str) -> None:
    assert f'"{expected}"' in tidy(
        f"<p>a {markup}</p>", base=BASE, media=MediaOptions(files=Files())
    )


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>" * 50 + " <br>&nbsp;" + "</p>" * 50 + "a", "a"),
        ("<div><p><b><i>x</i><u> </u></b></p></div>", "<div><p><b><i>x</i></b></p></div>"),
        (
            "<div><p><b><i><u><hr></u></i></b></p></div>",
            "<div><p><b><i><u><hr></u></i></b></p></div>",
        ),
        ('<p lang="zh" title="a"></p>b', "b"),
        ('<p><a id="x"></a></p>', '<p><a id="x"></a></p>'),
        ("<div><pre> \n\n a\n</pre></div>", "<div><pre> \n\n a\n</pre></div>"),
        (
            "<div><div><div><div></div></div><pre>a</pre></div></div>",
            "<div><div><pre>a</pre></div></div>",
        ),
        ("<p>　　a<br>　b　</p>", "<p>a<br>b</p>"),
        ("<p>　<b> <i><br>　</i>a</b></p>", "<p><b>a</b></p>"),
        ('<p lang="zh">　<b lang="de"> a b</b></p>', '<p lang="zh"><b lang="de">a b</b></p>'),
        ("a<br><br> <br><br>b", "a<br><br>b"),
    ],
)
def test_what_says_nothing_is_gone(markup: str, expected: str) -> None:
    assert compacted(markup) == expected


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(["b", "p", "div"]),
        st.lists(inner, max_size=3),
    )


@settings(deadline=None)
@given(
    st.recursive(st.sampled_from(["", " ", "x", "<br>", "<hr>", "&nbsp;"]), nested, max_leaves=12)
)
def test_elements_that_only_hold_empty_ones_go_too(markup: str) -> None:
    result = compacted(markup)
    assert not EMPTY.search(result)
    assert result.count("x") == markup.count("x")
    assert result.count("<hr>") == markup.count("<hr>")
    for tag in ("b", "p", "div"):
        assert result.count(f"<{tag}>") == result.count(f"</{tag}>")


def test_a_picture_that_is_written_out_in_the_text_is_told() -> None:
    large = f'<img src="data:image/png;base64,{"A" * 600}" alt="x"'
    told = ["a picture that is written out in the text is left out"]
    assert texts_left_out(f"<p>a {large}> b</p>") == told
    assert texts_left_out(f'<p>a {large} data-src="https://e.org/a.png"> b</p>') == []
    assert texts_left_out('<p>a <img src="data:image/gif;base64,R0lGOD"> b</p>') == []
