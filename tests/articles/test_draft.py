"""From bytes to a clean draft: the same for the same file, whatever a crawl changes around it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

import pytest

from digest.articles import draft as draft_module
from digest.articles import draft_options as options_module
from digest.articles.cleaning import rules as rules_module
from digest.articles.cleaning.policy import ENGINES
from digest.articles.cleaning.rules import Rule
from digest.articles.draft import ArticleFiles, draft_rewritten, make_draft
from digest.articles.draft_options import AssetOptions
from digest.articles.model import (
    AssetState,
    CategoryPath,
    Draft,
    Severity,
    SourceFile,
    UnchangedText,
)
from digest.articles.revision import content_digest
from digest.articles.summary import plain_text
from digest.errors import NotAnArticle, SourceError
from tests.defaults import default_options

CRAWLED = """
---
title: '示例：小镇图书馆_夜间_开放'
categories:\x20
 - 社会
 - 小镇新闻
headimg: 'https://picsum.photos/400/300?random={random}'
author: 小镇新闻
comments: false
date: {date}
thumbnail: 'https://picsum.photos/400/300?random={random}'
---

<div>
<p cms-style="font-L">　　图书馆{indent}从<font cms-style="font-L strong-Bold">九月</font>
起开放到深夜。</p>
<!-- 文末 <b>LEAK</b> -->



<style>
.wrap&#123;border:1px solid #E6E6E6;LEAK&#125;
</style>
<p></p>
<div class="wrap"><img src="https://picsum.photos/1?random={random}"></div>
<p><img data-original-src="//img.example.org/{image}.png" referrerpolicy="no-referrer"></p>
<p>读者说：<a href="/more">很好</a></p>
<p class="editor">责任编辑：某某 </p>

</div>
            """
NH3 = ("nh3",)


def crawled(
    *,
    random: int = 1,
    date: str = "Invalid Date",
    image: str = "a",
    indent: str = "",
    name: str = "社会/小镇新闻/a.md",
) -> SourceFile:
    text = (
        CRAWLED.replace("{random}", str(random))
        .replace("{date}", date)
        .replace("{image}", image)
        .replace("{indent}", indent)
    )
    return SourceFile(path=PurePosixPath(name), content=text.encode())


def article(text: str, **options: Any) -> Draft:
    source = SourceFile(path=PurePosixPath("a.md"), content=text.encode())
    return make_draft(source, default_options(**options))


@pytest.mark.parametrize("engines", [("bleach", "nh3"), NH3], ids="+".join)
def test_a_crawled_file_becomes_a_clean_draft(engines: tuple[str, ...]) -> None:
    rules = (
        Rule(strong=("font[cms-style~=strong-Bold]",)),
        Rule(category=CategoryPath(("社会",)), drop=(".editor",)),
    )
    options = default_options(engines=engines, rules=rules, timezone="Asia/Shanghai")
    made = make_draft(crawled(date="2023-03-05 09:02:03"), options)
    assert made == Draft(
        identity="社会/小镇新闻/a",
        title="示例：小镇图书馆_夜间_开放",
        authors=("小镇新闻",),
        categories=made.categories,
        published_at=datetime(2023, 3, 5, 1, 2, 3, tzinfo=UTC),
        link=None,
        image="https://img.example.org/a.png",
        language=None,
        summary="图书馆从九月 起开放到深夜。 读者说：很好",
        body=made.body,
        fingerprint=made.fingerprint,
        content=content_digest(made),
        text_hash=made.text_hash,
        signature=made.signature,
    )
    assert [str(path) for path in made.categories] == ["社会 / 小镇新闻"]
    assert made.body == (
        "<p>图书馆从<strong>九月</strong>\n起开放到深夜。</p>\n"
        '<p><img referrerpolicy="no-referrer" src="https://img.example.org/a.png"></p>\n'
        "<p>读者说：很好</p>"
    )


def test_categories_are_what_the_options_make_of_them() -> None:
    text = "---\ntitle: T\ncategories: [AI, 广告, C#]\n---\nx"
    options: dict[str, Any] = {
        "category_style": "flat",
        "category_map": (("ai", "人工智能/综合"), ("广告", "")),
    }
    assert [str(path) for path in article(text).categories] == ["AI / 广告 / C#"]
    made = article(text, **options)
    assert [str(path) for path in made.categories] == ["人工智能 / 综合", "C#"]
    assert made.fingerprint != article(text, category_style="flat").fingerprint


@pytest.mark.parametrize("category", ["旧", "新"])
@pytest.mark.parametrize("name", ["新", ""])
def test_a_rule_applies_by_the_old_and_the_new_name_of_a_category(name: str, category: str) -> None:
    made = article(
        "---\ntitle: T\ncategory: 旧\n---\n<p>一</p><p class=x>二</p>",
        category_map=(("旧", name),),
        rules=(Rule(category=CategoryPath((category,)), drop=(".x",)),),
    )
    assert ("二" in made.body) == (name == "" and category == "新")


def test_a_text_of_which_nothing_can_be_shown_is_told() -> None:
    told = "nothing of its text can be shown"
    for text, noted in (("<canvas>x</canvas>", True), ("<p>x</p>", False), ("", False)):
        draft = article(f"---\ntitle: T\n---\n{text}")
        assert (told in [note.cause for note in draft.notes]) is noted


def test_notes_of_the_file_go_with_its_draft() -> None:
    (note,) = article("---\ntitle: 'it's'\n---\nx").notes
    assert (note.severity, note.line) == (Severity.SALVAGED, 2)


def test_crawling_again_changes_nothing() -> None:
    one = make_draft(
        crawled(random=1, date="Sun, 05 Mar 2023 01:02:03 GMT"), default_options(engines=NH3)
    )
    other = make_draft(
        crawled(random=2, date="Sun, 05 Mar 2023 02:02:03 GMT"), default_options(engines=NH3)
    )
    assert one.published_at != other.published_at
    assert one.fingerprint == other.fingerprint
    assert content_digest(one) == content_digest(other)


def test_another_image_or_white_space_is_no_other_article() -> None:
    one = make_draft(crawled(), default_options(engines=NH3))
    for other in (crawled(image="b"), crawled(indent=" \n ")):
        made = make_draft(other, default_options(engines=NH3))
        assert made.fingerprint == one.fingerprint
        assert content_digest(made) != content_digest(one)


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: U\n---\nx",
        "---\ntitle: T\n---\ny",
        "---\ntitle: T\nauthor: 甲\n---\nx",
        "---\ntitle: T\nauthor: [甲, 乙]\n---\nx",
        "---\ntitle: T\nauthor: 甲乙\n---\nx",
        "---\ntitle: T\ncategories: [甲, 乙]\n---\nx",
        "---\ntitle: T\ncategories: [[甲], [乙]]\n---\nx",
        "---\ntitle: T\nlink: https://e.org/\n---\nx",
    ],
)
def test_title_text_authors_categories_and_link_make_another_article(text: str) -> None:
    assert article(text).fingerprint != article("---\ntitle: T\n---\nx").fingerprint


def test_parts_cannot_run_into_each_other() -> None:
    assert (
        article("---\ntitle: ab\n---\nc").fingerprint
        != article("---\ntitle: a\n---\nbc").fingerprint
    )


def test_a_link_is_the_base_of_those_in_the_body() -> None:
    text = (
        '---\ntitle: T\nlink: https://e.org/2024/a\n---\n<p><a href="b">x</a><img src="i.png"></p>'
    )
    made = article(text)
    assert 'href="https://e.org/2024/b"' in made.body
    assert made.image == "https://e.org/2024/i.png"


def test_the_front_matter_has_the_first_word_on_image_and_summary() -> None:
    text = (
        "---\ntitle: T\nimage: https://e.org/a.png\nsummary: 短\n---\n"
        '<p>长<img alt="x > y" src="https://e.org/b.png?c&amp;d"></p>'
    )
    made = article(text)
    assert (made.image, made.summary) == ("https://e.org/a.png", "短")
    bare = article(text.replace("image:", "x:").replace("summary:", "y:"))
    assert (bare.image, bare.summary) == ("https://e.org/b.png?c&d", "长")


def test_a_body_without_image_has_none() -> None:
    assert article("# T\n\nx").image is None


def test_a_summary_is_as_long_as_the_options_say() -> None:
    assert article("# T\n\n" + "文" * 50, summary_length=10).summary == "文" * 9 + "…"


def test_placeholder_hosts_are_the_operators_choice() -> None:
    text = "---\ntitle: T\nimage: https://p.example/1\n---\n<img src=https://picsum.photos/2>"
    assert article(text).image == "https://p.example/1"
    other = article(
        "---\ntitle: T\n---\n<div><img src=https://picsum.photos/2></div>", placeholder_hosts=()
    )
    assert other.image == "https://picsum.photos/2"


def test_images_are_shown_through_the_operators_proxy() -> None:
    text = (
        "---\ntitle: T\nimage: https://e.org/a.png?b=1&utm_id=2\n---\n"
        '<p><img src="https://e.org/c.png"><a href="https://e.org/d.png">d</a></p>'
    )
    made = article(text, image_proxy="https://img.example/{url}")
    assert made.image == "https://img.example/https%3A%2F%2Fe.org%2Fa.png%3Fb%3D1"
    assert 'src="https://img.example/https%3A%2F%2Fe.org%2Fc.png"' in made.body
    assert 'href="https://e.org/d.png"' in made.body
    other = article(text.replace("image:", "x:"), image_proxy="https://img.example/{url}")
    assert other.image == "https://img.example/https%3A%2F%2Fe.org%2Fc.png"
    assert made.fingerprint == article(text).fingerprint
    assert article(text).image == "https://e.org/a.png?b=1"


def test_what_hosts_of_images_get_to_know_is_the_operators_choice() -> None:
    text = "# T\n\n<img src=https://e.org/i.png referrerpolicy=unsafe-url>"
    assert 'referrerpolicy="no-referrer"' in article(text).body
    for engines in ENGINES:
        body = article(text, engines=engines, referrer_policy="strict-origin").body
        assert body.count("referrerpolicy=") == body.count('referrerpolicy="strict-origin"') == 1


def test_frames_lead_to_videos_where_the_operator_wants_it() -> None:
    text = (
        "---\ntitle: T\n---\n<p>甲</p>"
        '<iframe src="//player.bilibili.com/player.html?bvid=BV1aa411c7mD&page=1"></iframe>'
    )
    assert ">https://www.bilibili.com/video/BV1aa411c7mD</a></p>" in article(text).body
    assert ">https://player.bilibili.com/player.html?" in article(text, embeds=()).body


def test_an_article_without_image_shows_the_picture_of_its_video() -> None:
    text = "# T\n\n<iframe src='https://www.youtube.com/embed/dQw4w9WgXcQ'></iframe>"
    assert article(text).image == "https://i.ytimg.com/vi/dQw4w9WgXcQ/hqdefault.jpg"


@pytest.mark.parametrize(
    "other",
    [
        '<img src="https://e.org/icon.png" width="16" height="16">',
        '<img src="https://e.org/icon.png" width="48">',
        '<img src="https://e.org/line.png" width="600" height="20">',
        '<img src="https://img.shields.io/badge/a-b-green">',
        '<img src="https://s0.wp.com/latex.php?latex=x" alt="x">',
        '<img src="https://www.zhihu.com/equation?tex=x" alt="x">',
        '<img src="https://travis-ci.org/a/b.png?branch=main">',
        '<img src="https://codecov.io/gh/a/b/branch/main/graph/badge">',
        '<img src="https://github.com/a/b/actions/workflows/ci.yml/badge.svg">',
        '<img src="https://github.com/a/b/workflows/CI/badge.png">',
        '<img src="https://badge.fury.io/py/a.png">',
        '<img src="https://ci.appveyor.com/api/projects/status/1">',
        '<img src="https://e.org/drawing.svg">',
        '<img src="https://e.org/photo.avif?x=1">',
        '<img src="https://s.w.org/images/core/emoji/14/72x72/1f600.png">',
        '<img src="https://cdn.jsdelivr.net/gh/a/twemoji@14/assets/72x72/1f680.png">',
        '<img src="https://e.org/favicon.png">',
        '<img src="https://e.org/static/apple-touch-icon-180.png">',
        '<img src="https://e.org/uploads/rss-32x32.png">',
        '<img src="https://e.org/images/icons/share.png">',
        '<img src="https://www.gravatar.com/avatar/0?s=48">',
        '<img src="https://e.org/spacer.gif">',
        '<img src="https://e.org/share-icon.png">',
        '<img src="https://e.org/avatar.jpg?v=2">',
        '<img src="https://e.org/assets/site-logo.png">',
        '<img src="https://e.org/wechat_qrcode.png">',
        '<img src="https://e.org/img/blank.gif">',
        '<img src="https://feeds.example.org/~r/x/~4/abc">',
    ],
)
def test_the_picture_of_an_article_is_no_icon_badge_or_drawing(other: str) -> None:
    picture = '<img src="https://e.org/badger.jpg" width="640" height="50%">'
    assert article(f"---\ntitle: T\n---\n{other}\n\n{picture}\n").image == (
        "https://e.org/badger.jpg"
    )
    assert article(f"---\ntitle: T\n---\na {other}\n").image is None


@pytest.mark.parametrize(
    "name",
    ["iconic-bridge.jpg", "logos-of-the-port.jpg", "new-logo.jpg", "silicon.png", "share.jpg"],
)
def test_pictures_named_alike_are_pictures(name: str) -> None:
    text = f"---\ntitle: T\n---\n![](https://e.org/{name})\n"
    assert article(text).image == f"https://e.org/{name}"


@pytest.mark.parametrize("language", ["ar", "he", "fa-IR", "ur", "ps", "sd", "yi", "dv", "ckb"])
@pytest.mark.parametrize("engines", ENGINES, ids="+".join)
def test_a_text_from_right_to_left_says_so(language: str, engines: tuple[str, ...]) -> None:
    body = article(f"---\ntitle: T\nlang: {language}\n---\nא *b*\n", engines=engines).body
    assert body == '<div dir="rtl"><p>א <em>b</em></p></div>'


def test_the_direction_of_a_text_without_language_is_told_by_its_letters_or_the_site() -> None:
    text = "---\ntitle: T\n---\nמילה one\n"
    assert article(text).body == '<div dir="auto"><p>מילה one</p></div>'
    assert article(text, language="he").body == '<div dir="rtl"><p>מילה one</p></div>'
    assert article("---\ntitle: T\nlang: en\n---\nמילה\n").body == "<p>מילה</p>"
    assert article("---\ntitle: T\nlang: ar\n---\n").body == ""


def test_markdown_with_raw_html_is_cleaned_like_any_other() -> None:
    made = article("# T\n\n*a* <b onclick=x>b</b> <script>LEAK</script>\n\n[c](javascript:x)")
    assert made.body == "<p><em>a</em> <b>b</b></p>\n<p>[c](javascript:x)</p>"


def test_a_text_that_would_keep_an_engine_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft_module, "MAX_LOOKING", 400)
    for piece in ("a &amp; b", "a&nbsp;b"):
        paragraphs = f"<p>{piece}</p>" * 20
        assert plain_text(article("# T\n\n" + paragraphs).body).count("b") == 20
        with pytest.raises(SourceError, match="too many escaped characters"):
            article("# T\n\n<p>" + piece * 20)
        with pytest.raises(SourceError, match="too many escaped characters"):
            article("# T\n\n<p>" + f"<x-y>{piece}</x-y>" * 20)
    assert article("# T\n\n" + "&lt;" * 50).body == "<p>" + "&lt;" * 50 + "</p>"
    monkeypatch.setattr(draft_module, "MAX_REFERENCES", 49)
    with pytest.raises(SourceError, match="too many escaped characters"):
        article("# T\n\n" + "&lt;" * 50)


def test_long_escaped_code_is_no_problem() -> None:
    code = "if (a &amp;&amp; b &lt; c) { return &quot;x &gt; y&quot;; }&nbsp;\n" * 4_000
    assert article(f"# T\n\n<pre>{code}</pre>", engines=NH3).body.count("&amp;&amp;") == 4_000


def test_a_pattern_that_finds_no_end_makes_a_problem_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules_module, "TIME_LIMIT", 0.05)
    rule = Rule(path="*.md", replace=((r"((?:a|aa)+)+\d", ""),))
    with pytest.raises(SourceError, match=r"^a\.md: the rule for path '\*\.md': .* 0\.05 s$"):
        article("# T\n\n" + "a" * 5_000, rules=(rule,))
    other = Rule(path="*.txt", replace=rule.replace)
    assert article("# T\n\n" + "a" * 5_000, rules=(other,)).title == "T"


def test_a_draft_whose_body_cannot_be_read_is_held_back_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("digest.articles.draft.MAX_REFERENCES", 0)
    with pytest.raises(NotAnArticle, match=r"^a\.md:3: it is a draft: .* draft: true$"):
        article("---\ntitle: T\ndraft: true\n---\nA &amp; B")
    assert article("---\ntitle: T\ndraft: true\n---\nText").availability is not None


def test_another_word_on_who_may_read_it_is_told_from_the_same_text() -> None:
    plain, draft, over = (
        article(f"---\ntitle: T\n{line}\n---\nText").text_hash
        for line in ("x: y", "draft: true", "expires: 2024-01-01")
    )
    assert len({plain, draft, over}) == 3


def test_a_file_that_is_no_article_is_a_source_error() -> None:
    with pytest.raises(SourceError):
        article("---\nauthor: x\n")


@pytest.mark.parametrize(
    "options",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"timezone": ""},
        {"engines": ("bleach",)},
        {"engines": ("nh3", "bleach")},
        {"engines": ()},
        {"summary_length": 0},
        {"image_proxy": "https://img.example/"},
        {"referrer_policy": "never"},
        {"referrer_policy": ""},
        {"category_style": "tree"},
        {"category_map": (("a", "a//b"),)},
    ],
)
def test_options_that_cannot_be_followed_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=f"{next(iter(options)).rstrip('s')}|time zone|url|names joined"
    ):
        default_options(**options)


def test_the_fingerprint_of_options_tells_every_option(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = default_options()
    others = [
        default_options(timezone="Asia/Shanghai"),
        default_options(engines=NH3),
        default_options(rules=(Rule(drop=("p",)),)),
        default_options(rules=(Rule(unwrap=("p",)),)),
        default_options(rules=(Rule(replace=(("p", ""),)),)),
        default_options(summary_length=201),
        default_options(placeholder_hosts=()),
        default_options(embeds=()),
        default_options(image_proxy="https://img.example/{url}"),
        default_options(referrer_policy="origin"),
        default_options(category_style="flat"),
        default_options(category_map=(("a", "b"),)),
        default_options(category_map=(("a", "b"), ("c", ""))),
    ]
    prints = [options.fingerprint() for options in (plain, *others)]
    assert len(set(prints)) == len(prints)
    assert replace(plain).fingerprint() == plain.fingerprint()
    assert set(plain.fingerprint()) <= set("0123456789abcdef")
    monkeypatch.setattr(options_module, "PIPELINE", options_module.PIPELINE + 1)
    assert plain.fingerprint() not in prints


def test_source_options_and_draft_go_to_a_worker_and_back() -> None:
    options = default_options(rules=(Rule(drop=(".editor",)),), engines=NH3)
    source, options_back = pickle.loads(pickle.dumps((crawled(), options)))
    made = make_draft(source, options_back)
    assert pickle.loads(pickle.dumps(made)) == make_draft(crawled(), options)


def test_an_article_is_in_a_limited_number_of_feeds_and_the_rest_is_noted() -> None:
    levels = [[f"{number}-{level}" for level in range(12)] for number in range(50)]
    authors = [f"A{number}" for number in range(50)]
    front = f"title: T\ncategories: {json.dumps(levels)}\nauthor: {json.dumps(authors)}"
    text = f"---\n{front}\n---\ntext"
    made = article(text, engines=NH3)
    feeds = {level for path in made.categories for level in path.lineage()}
    assert len(made.authors) == 32
    assert made.categories == tuple(CategoryPath(tuple(names)) for names in levels[:2])
    assert len(feeds) + len(made.authors) <= 64
    (note,) = made.notes
    assert note.severity is Severity.NOTED
    assert "over 64 feeds (articles.max_feeds)" in note.cause
    more = article(text, engines=NH3, max_feeds=1000)
    assert (len(more.categories), len(more.authors), more.notes) == (50, 50, ())


def test_categories_above_others_are_counted_once() -> None:
    text = "---\ntitle: T\ncategories: [[A, B, C], [A, B, D]]\n---\ntext"
    assert len(article(text, engines=NH3, max_feeds=4).categories) == 2


def test_what_leaves_an_article_out_of_feeds_is_told_however_often_it_is_written() -> None:
    text = "---\ntitle: T\nauthor: [甲, 乙]\ncategories: [[A, B, C], [D]]\n---\ntext"
    options = default_options(engines=NH3, max_feeds=4)
    source = SourceFile(path=PurePosixPath("a.md"), content=text.encode())
    made = make_draft(source, options)
    assert [str(path) for path in made.categories] == ["D"]
    dated = text.replace("title", "date: 2023-12-31\ntitle")
    again = replace(source, content=dated.encode(), text_hash=made.text_hash)
    same = draft_rewritten(again, options, datetime(2024, 1, 1, tzinfo=UTC))
    assert isinstance(same, UnchangedText)
    assert same.volatile is not None
    assert same.volatile.notes == made.notes != ()


class Files:
    """Files beside an article: one picture, which is there, and another that is not."""

    states = (AssetState(path="/articles/beach.jpg", size=3, mtime_ns=1, name="beach"),)
    problems: Mapping[str, str] = MappingProxyType(
        {"hills.jpg": "is not there; it is left out", "x": "is gone"}
    )

    def address(self, reference: str, *, picture: bool) -> str | None:
        return "https://news.example/assets/beach.jpg" if reference == "beach.jpg" else None


def draft_with(source: SourceFile, files: ArticleFiles) -> Draft:
    """Return the draft of a file, as workers make it: with the files that it refers to."""
    draft = draft_rewritten(source, default_options(), datetime(2024, 1, 1, tzinfo=UTC), files)
    assert isinstance(draft, Draft)
    return draft


def test_a_draft_tells_which_files_it_needs_and_lacks() -> None:
    content = b"---\ntitle: Holiday\n---\n![](beach.jpg)\n\n![](hills.jpg)\n"
    source = SourceFile(path=PurePosixPath("a.md"), content=content)
    draft = draft_with(source, Files())
    assert draft.assets == Files.states
    assert draft.image == "https://news.example/assets/beach.jpg"
    assert [(note.line, note.cause) for note in draft.notes] == [
        (6, "the file 'hills.jpg' is not there; it is left out"),
        (None, "the file 'x' is gone"),
    ]
    rewritten = draft_rewritten(
        source, default_options(), datetime(2026, 11, 23, tzinfo=UTC), Files()
    )
    assert isinstance(rewritten, Draft)
    assert rewritten.assets == Files.states


def test_where_folders_lie_changes_no_draft() -> None:
    def fingerprint(**changes: Any) -> str:
        assets = AssetOptions(
            url="https://a.example/assets/",
            target="/a",
            roots=((".", "/r"),),
            folders=(),
            hidden=(),
            linked=(),
            max_bytes=1_000,
            max_folder_bytes=1_000_000,
        )
        return default_options(assets=replace(assets, **changes)).fingerprint()

    assert (
        fingerprint(target="/b")
        == fingerprint(max_folder_bytes=7)
        == fingerprint(roots=((".", "/s"), ("x", "/t")))
    )
    assert fingerprint(linked=("pdf",)) != fingerprint()
    assert default_options(assets=None).fingerprint() != fingerprint()
    assert default_options().fingerprint() != fingerprint()


@pytest.mark.parametrize(
    ("value", "image", "causes"),
    [
        ("beach.jpg", "https://news.example/assets/beach.jpg", 0),
        ("{ image: beach.jpg }", "https://news.example/assets/beach.jpg", 0),
        ("true", None, 0),
        ("elsewhere.jpg", None, 0),
    ],
)
def test_the_front_matter_may_name_a_picture_beside_the_file(
    value: str, image: str | None, causes: int
) -> None:
    class Beach(Files):
        problems: Mapping[str, str] = MappingProxyType({})

    content = f"---\ntitle: Holiday\ncover: {value}\n---\nText.\n".encode()
    source = SourceFile(path=PurePosixPath("a.md"), content=content)
    draft = draft_with(source, Beach())
    assert draft.image == image
    assert len(draft.notes) == causes
    without = make_draft(source, default_options())
    assert without.image is None
    other = replace(source, content=content.replace(b"beach", b"hills"))
    assert (draft_with(other, Beach()).text_hash == draft.text_hash) == (b"beach" not in content)
