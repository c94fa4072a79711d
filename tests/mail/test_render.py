from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import css_inline
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from digest.articles.model import Article, SafeHtml
from digest.editions.model import Digest, contents
from digest.errors import TemplateError
from digest.mail.render import MAX_HTML, MailContent, MailTemplates, RenderedEdition
from digest.mail.text_layout import display_width
from tests.mail.samples import CITY, SITE, TEMPLATES, make_article, make_digest, make_edition

UNSUBSCRIBE = "https://digest.example.org/unsubscribe/" + "A" * 32
OWN = MailTemplates(templates=TEMPLATES, site=SITE)
ARTICLES = [
    make_article(1, image="https://img.example.org/1.jpg", link="https://example.org/1?a=1&b=2"),
    make_article(2, categories=(CITY,), image="https://img.example.org/2.jpg", language="en"),
    make_article(3, categories=(), summary=""),
]


def rendition(
    articles: list[Article] | None = None,
    *,
    templates: MailTemplates = OWN,
    digest: Digest | None = None,
    language: str = "zh-CN",
    more: int = 0,
    number: int = 12,
) -> RenderedEdition:
    digest = digest or make_digest()
    made = contents(ARTICLES if articles is None else articles, (), digest.max_items)
    return templates.render(
        digest,
        make_edition(number=number),
        replace(made, more=made.more + more),
        language=language,
        postal_address="Coast Review\n1 Harbour Street",
    )


def letter(
    articles: list[Article] | None = None, *, name: str = "李雷", more: int = 0
) -> MailContent:
    return rendition(articles, more=more).content(unsubscribe=UNSUBSCRIBE, name=name)


def write(folder: Path, **templates: str) -> MailTemplates:
    (folder / "mail").mkdir(exist_ok=True)
    for kind, source in {"html": "<p>x</p>", "txt": "x", **templates}.items():
        (folder / "mail" / f"digest.{kind}").write_text(source, encoding="utf-8")
    return MailTemplates(templates=folder, site=SITE)


def test_the_html_is_what_mail_programs_can_show() -> None:
    page = LexborHTMLParser(letter(more=4).html)
    html = page.css_first("html")
    assert html is not None
    assert html.attributes["lang"] == "zh-CN"
    assert all(table.attributes["role"] == "presentation" for table in page.css("table"))
    for image in page.css("img"):
        assert (image.attributes["src"] or "").startswith("https://img.example.org/")
        assert "alt" in image.attributes
        assert (image.attributes["width"] or "").isdigit()
    places = {node.attributes["id"] for node in page.css("[id]")}
    for link in page.css("a[href]"):
        address = link.attributes["href"] or ""
        assert address.startswith("https://") or address.removeprefix("#") in places
    assert not page.css("script, link, iframe, form")
    assert page.css_first(".preheader") is not None
    heading = page.css_first("h1")
    assert heading is not None
    assert heading.attributes["style"]  # inlined
    style = page.css_first("style")
    assert style is not None
    assert "prefers-color-scheme: dark" in style.text()


def test_the_mail_says_all_that_it_should() -> None:
    both = letter(more=4)
    for content in (both.html, both.text):
        for text in ("晨间摘要", "文章 1", "文章 3", "Cities", "还有 4 篇文章", "第 12 期", "7"):
            assert text in content
        for text in ("李雷，您好", "1 Harbour Street", "海岸书报", "2026年11月23日星期一"):
            assert text in content
    assert both.html.count(f"{UNSUBSCRIBE}?all") == both.text.count(f"{UNSUBSCRIBE}?all") == 1
    assert both.html.count(UNSUBSCRIBE) == 3  # near the top, and in the footer
    assert both.text.count(UNSUBSCRIBE) == 2
    assert "偏好设置" in both.html
    assert 'href="https://example.org/1?a=1&amp;b=2"' in both.html
    assert "\n[1] https://example.org/1?a=1&b=2\n" in both.text
    assert "* 文章 1 [1]\n" in both.text
    assert both.html.count('href="https://digest.example.org/digests/daily/12/"') == 3
    assert "https://digest.example.org/digests/daily/12/\n" in both.text
    assert 'lang="en"' in both.html


def test_several_sections_have_a_table_of_contents() -> None:
    page = LexborHTMLParser(letter().html)
    assert [(link.text(), link.attributes["href"]) for link in page.css(".places a")] == [
        ("Cities", "#s1"),
        ("其他文章", "#s2"),
    ]
    assert [title.text() for title in page.css("h2[id]")] == ["Cities", "其他文章"]
    assert "\n本期内容\n  Cities、其他文章\n" in letter().text
    single = letter(ARTICLES[:2])
    assert not LexborHTMLParser(single.html).css(".places")
    assert "本期内容" not in single.text


@pytest.mark.parametrize(
    ("language", "font"),
    [
        ("zh-CN", "PingFang SC"),
        ("en", "PingFang SC"),
        ("zh-TW", "PingFang TC"),
        ("zh-Hant-SG", "PingFang TC"),
        ("zh-hk", "PingFang TC"),
        ("ja-JP", "Hiragino Sans"),
    ],
)
def test_characters_have_the_forms_of_the_readers_language(language: str, font: str) -> None:
    page = LexborHTMLParser(rendition(language=language).html)
    outermost = page.css_first(".page")
    assert outermost is not None
    assert font in (outermost.attributes["style"] or "")
    heading = page.css("h2")[-1].attributes["style"] or ""
    assert ("Noto Serif CJK SC" in heading) == (font == "PingFang SC")


def test_what_is_pinned_stands_first_in_html_and_text() -> None:
    pinned = [make_article(n, title=f"通知 {n}", pinned=9 - n, categories=(CITY,)) for n in (7, 8)]
    both = letter([*ARTICLES, *pinned])
    page = LexborHTMLParser(both.html)
    assert [title.text() for title in page.css("h2 > a.link, h2[id], h3")] == [
        "通知 7",
        *("置顶", "通知 8"),
        *("观察", "文章 1"),
        *("Cities", "文章 2"),
        *("其他文章", "文章 3"),
    ]
    assert [node.text() for node in page.css(".eyebrow")] == ["置顶"]
    assert [link.text() for link in page.css(".places a")] == ["置顶", "观察", "Cities", "其他文章"]
    places = [
        both.text.index(text)
        for text in ("[置顶]", "* 通知 7 [1]", "\n置顶\n", "* 通知 8 [2]", "\n金融 / 观察\n")
    ]
    assert places == sorted(places)


def test_the_addresses_of_the_text_are_footnotes_in_order() -> None:
    text = letter().text
    body, _, notes = text.partition("\n链接\n")
    assert "https://example.org" not in body
    assert [line.split("]")[0] for line in notes.splitlines() if line.startswith("[")] == [
        "[1",
        "[2",
        "[3",
    ]
    for number in (1, 2, 3):
        assert body.count(f"[{number}]") == 1


def test_the_mail_speaks_the_language_of_the_segment() -> None:
    english = rendition(language="en").content(unsubscribe=UNSUBSCRIBE, name="")
    assert "Unsubscribe" in english.html
    assert "Hello,\nhere are 3 new articles." in english.text
    assert english.language == "en"
    assert english.subject == "晨间摘要 · November 23, 2026"


def test_an_edition_without_number_or_lead_is_rendered_too() -> None:
    assert "第" not in rendition(number=0).text
    assert "晨间摘要" in rendition([]).html


def test_text_lines_fit_72_columns_except_addresses() -> None:
    articles = [
        make_article(n, title="标题 word " * 30, summary="说明，text " * 60) for n in (1, 2)
    ]
    for line in letter(articles).text.splitlines():
        assert display_width(line) <= 72 or "https://" in line


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(title=st.text(min_size=1, max_size=60), name=st.text(max_size=40))
def test_hostile_text_is_shown_as_text(title: str, name: str) -> None:
    title, name = title + "<script>alert(1)</script>{{ 7 * 7 }}", name + "<b>&"
    page = LexborHTMLParser(letter([make_article(1, title=title), make_article(2)], name=name).html)
    assert not page.css("script, b")
    assert page.body is not None
    assert "{{ 7 * 7 }}" in page.body.text()


def test_nothing_but_the_marks_is_filled_in() -> None:
    marker = rendition().marker
    articles = [make_article(1, title=f"{marker}u {marker}g"), make_article(2)]
    made = rendition(articles).content(unsubscribe=UNSUBSCRIBE, name="Anna")
    assert f"{marker}u {marker}g" in made.html  # an article that quotes another mail's marks
    assert rendition(articles).marker != marker
    named = rendition()
    hostile = named.content(unsubscribe=UNSUBSCRIBE, name=f"{named.marker}u {{name}} <i>\r\n")
    assert hostile.text.count(UNSUBSCRIBE) == 2
    assert f"{named.marker[:20]}" in hostile.text
    assert "&lt;i&gt;" in hostile.html
    assert named.marker not in letter().html + letter().text


def test_a_rendition_is_the_same_at_every_call() -> None:
    assert rendition() == rendition()


@pytest.mark.full_speed
@pytest.mark.parametrize("summary", ["s" * 400, "长" * 400])
def test_a_large_edition_shows_fewer_articles_and_counts_more(summary: str) -> None:
    image = "https://img.example.org/" + "i" * 900
    articles = [make_article(n, summary=summary, image=image, title=summary) for n in range(300)]
    digest = make_digest(max_items=300)
    made = rendition(articles, digest=digest).content(unsubscribe=UNSUBSCRIBE, name="N" * 500)
    assert 60_000 < len(made.html.encode("utf-8")) < MAX_HTML
    shown = LexborHTMLParser(made.html).css("h3, .lead h2")
    assert 10 < len(shown) < 300
    assert f"还有 {300 - len(shown)} 篇文章" in made.html
    assert f"还有 {300 - len(shown)} 篇文章" in made.text
    assert made.html.rstrip().endswith("</html>")


@pytest.mark.full_speed
def test_what_is_pinned_stays_where_a_large_edition_is_cut() -> None:
    articles = [make_article(n, summary="长" * 200, title="长" * 200) for n in range(300)]
    articles += [make_article(n, title=f"通知 {n}", pinned=1) for n in (400, 401)]
    made = rendition(articles, digest=make_digest(max_items=302))
    page = LexborHTMLParser(made.html)
    shown = [title.text() for title in page.css("h3, .lead h2")]
    assert shown[:2] == ["通知 400", "通知 401"]
    assert 10 < len(shown) < 300


def test_a_template_too_large_for_one_article_is_an_error(tmp_path: Path) -> None:
    templates = write(tmp_path, html="<p>" + "x" * MAX_HTML + "</p>")
    with pytest.raises(TemplateError, match=r"mail/digest\.html: makes \d+ bytes"):
        rendition(templates=templates)


@pytest.mark.parametrize(
    ("subject", "made"),
    [
        ("{{ lead.title }} ({{ count }})", "文章 1 (3)"),
        ("{{ digest.title }}\r\nBcc: a@example.org", "晨间摘要 Bcc: a@example.org"),
        ("{{ edition.number }} <&>", "12 <&>"),
    ],
)
def test_a_subject_is_one_line_of_plain_text(subject: str, made: str) -> None:
    assert rendition(digest=make_digest(subject=subject)).subject == made


@pytest.mark.parametrize(
    ("title", "width", "made"),
    [
        ("长" * 39, 78, "长" * 39),  # just as wide as may be
        ("长" * 40, 78, "长" * 38 + "…"),
        ("long " * 20, 30, "long long long long long long…"),
        ("👩‍👩‍👧‍👦" * 20, 21, "👩‍👩‍👧‍👦" * 10 + "…"),  # a family stays together
        ("e\u0301" * 40, 20, "e\u0301" * 19 + "…"),
    ],
)
def test_a_subject_is_cut_by_columns_and_never_inside_a_grapheme(
    title: str, width: int, made: str
) -> None:
    digest = make_digest(subject="{{ lead.title }}", subject_width=width)
    assert rendition([make_article(1, title=title)], digest=digest).subject == made


def test_a_subject_knows_the_lead_and_the_day() -> None:
    digest = make_digest(subject="{{ digest.title }} · {{ date }} · {{ lead.title }}")
    assert rendition(digest=digest).subject == "晨间摘要 · 2026年11月23日 · 文章 1"


@pytest.mark.parametrize(
    ("subject", "problem"),
    [
        ("{{ nonsense }}", "digests.daily.subject:1: 'nonsense' is undefined"),
        ("{{ digest.", "digests.daily.subject:1:"),
        ("{{ '' }}", "makes an empty subject"),
    ],
)
def test_a_subject_that_cannot_be_made_names_its_key(subject: str, problem: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendition(digest=make_digest(subject=subject))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("html", "line", "problem"),
    [
        ("a\nb {{ nonsense }}", 2, "undefined"),
        ("a\n\n{% if %}", 3, "Expected"),
        ("a\n{{ 1 / 0 }}", 2, "division"),
        ("{{ ''.__class__ }}", 1, "unsafe"),
        ("{{ digest.__init__.__globals__ }}", 1, "unsafe"),
        ("{{ say('nonsense') }}", 1, "nonsense"),
        ("{% include 'mail/absent.html' %}", None, "there is no file mail/absent.html"),
        ("{% for n in range(10 ** 9) %}{% endfor %}", 1, "range"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    tmp_path: Path, html: str, line: int | None, problem: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        rendition(templates=write(tmp_path, html=html))
    assert caught.value.template == "mail/digest.html"
    assert caught.value.line == line
    assert problem in caught.value.problem


def test_one_template_can_be_overridden_alone(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail/digest.txt").write_text("Only {{ lead.title }}", encoding="utf-8")
    templates = MailTemplates(templates=tmp_path, site=SITE, default_templates=TEMPLATES)
    made = rendition(templates=templates)
    assert made.text == "Only 文章 1\n"
    assert made.html == rendition().html.replace(rendition().marker, made.marker)
    (tmp_path / "mail/digest.css").write_text("h1 { color: #123456 }", encoding="utf-8")
    restyled = MailTemplates(templates=tmp_path, site=SITE, default_templates=TEMPLATES)
    assert "#123456" in rendition(templates=restyled).html


def test_a_broken_part_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "part.html").write_text("\n\n{{ nonsense }}")
    templates = write(tmp_path, html="{% include 'mail/part.html' %}")
    with pytest.raises(TemplateError) as caught:
        rendition(templates=templates)
    assert (caught.value.template, caught.value.line) == ("mail/part.html", 3)


def test_a_template_that_is_no_utf8_or_absent_is_an_error(tmp_path: Path) -> None:
    templates = write(tmp_path)
    (tmp_path / "mail" / "digest.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match=r"mail/digest\.txt"):
        rendition(templates=templates)
    with pytest.raises(TemplateError, match="there is no file"):
        rendition(digest=make_digest(template="absent"))


def test_style_that_cannot_be_inlined_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Inliner:
        def inline(self, html: str) -> str:
            raise css_inline.InlineError("no such color")

    templates = MailTemplates(templates=TEMPLATES, site=SITE)
    monkeypatch.setattr(templates, "_inliner", Inliner())
    with pytest.raises(TemplateError, match="cannot be inlined: no such color"):
        rendition(templates=templates)


def test_no_style_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "outside.css").write_text("p { color: red }")
    link = f'<link rel="stylesheet" href="file://{tmp_path}/outside.css">'
    remote = '<link rel="stylesheet" href="http://127.0.0.1:9/absent.css">'
    made = rendition(templates=write(tmp_path, html=f"{link}{remote}<p>x</p>"))
    assert "red" not in made.html


def test_only_html_is_escaped(tmp_path: Path) -> None:
    source = "{{ '<&>' }}"
    made = rendition(templates=write(tmp_path, html=source, txt=source))
    assert "&lt;&amp;&gt;" in made.html
    assert made.text == "<&>\n"


def test_lone_surrogates_do_not_break_the_mail(tmp_path: Path) -> None:
    made = rendition(templates=write(tmp_path, html="{{ '\\ud800' }}", txt="a{{ '\\udfff' }}"))
    assert made.text.encode("utf-8") == b"a?\n"


def test_check_renders_the_templates_with_sample_articles(tmp_path: Path) -> None:
    OWN.check(make_digest(language="en"))
    with pytest.raises(TemplateError):
        write(tmp_path, txt="{{ nonsense }}").check(make_digest())


@pytest.mark.parametrize(
    ("language", "subject", "line"),
    [
        ("zh-CN", "欢迎订阅“晨间摘要”", "感谢您订阅“晨间摘要”。"),
        ("en", "Welcome to 晨间摘要", "welcome to “晨间摘要”."),
    ],
)
def test_a_welcome_says_so_and_has_no_number_and_no_page(
    language: str, subject: str, line: str
) -> None:
    edition = replace(make_edition(number=0), welcome=True)
    made = OWN.render(make_digest(), edition, contents(ARTICLES, (), 9), language=language)
    assert made.subject == subject
    read = made.content(unsubscribe=UNSUBSCRIBE, name="")
    for part in (read.html, read.text):
        assert line in part.replace("\n", " ")
        assert "/digests/daily/" in part
        assert "sample" not in part
        assert "第 0 期" not in part


def test_marks_of_footnotes_are_no_numbers_of_links_in_the_text() -> None:
    articles = [make_article(1, title="On [2]", summary="Text[1] here."), make_article(2)]
    body = rendition(articles).text.partition("链接")[0]
    assert "On (2) [1]" in body
    assert "Text(1) here." in body
    assert [body.count(f"[{number}]") for number in (1, 2)] == [1, 1]


def test_an_arabic_mail_reads_from_right_to_left() -> None:
    made = rendition(
        [make_article(1, language="ar"), make_article(2, language="en")], language="ar"
    )
    page = LexborHTMLParser(made.html)
    directions = [(node.tag, node.attributes.get("dir")) for node in page.css("html, .page, h3")]
    assert directions == [("html", "rtl"), ("table", "rtl"), ("h3", "auto")]
    lead = page.css_first(".lead h2")
    assert lead is not None
    assert lead.attributes["dir"] == "rtl"
    assert "إلغاء الاشتراك" in made.text


LONG = SafeHtml("<p>" + "Whole words. " * 30 + "</p><p>The end.</p>")


@pytest.mark.parametrize(("content", "whole"), [("summary", 0), ("lead", 1), ("full", 3)])
def test_a_mail_holds_as_many_articles_whole_as_its_digest_wants(
    content: Literal["summary", "lead", "full"], whole: int
) -> None:
    articles = [replace(article, body=LONG) for article in ARTICLES]
    made = rendition(articles, digest=replace(make_digest(), content=content))
    page = LexborHTMLParser(made.html)
    assert len(page.css(".body")) == made.text.count("  The end.") == whole
    assert len(page.css("h3, .lead h2")) == 3


def test_a_large_mail_has_fewer_whole_articles_and_never_a_cut_one() -> None:
    body = SafeHtml(f"<p>{'word ' * 3_000}</p><p>The end.</p>")
    articles = [replace(make_article(n), body=body) for n in range(1, 21)]
    made = rendition(articles, digest=replace(make_digest(), content="full"))
    assert len(made.html.encode()) < MAX_HTML
    page = LexborHTMLParser(made.html)
    bodies = [" ".join(node.text().split()) for node in page.css(".body")]
    assert 3 <= len(bodies) < 20
    assert all(text.endswith("word The end.") for text in bodies)
    assert len(page.css("h3, .lead h2")) == 20  # the others are short


def test_an_article_larger_than_a_mail_is_short() -> None:
    article = replace(make_article(1), body=SafeHtml(f"<p>{'x ' * MAX_HTML}</p>"))
    made = rendition([article], digest=replace(make_digest(), content="lead"))
    assert not LexborHTMLParser(made.html).css(".body")


def test_a_picture_that_a_whole_article_shows_is_not_shown_twice() -> None:
    image = "https://img.example.org/1.jpg?w=9&h=9"
    shown = image.replace("&", "&amp;")
    body = SafeHtml(f'<p><img src="{shown}">Text.</p>')
    article = replace(make_article(1, image=image), body=body)
    made = rendition([article], digest=replace(make_digest(), content="lead"))
    assert made.html.count(shown) == 1


def test_a_whole_article_without_pictures_shows_its_own() -> None:
    image, shown = "https://img.example.org/1.jpg", "https://img.example.org/2.jpg"
    articles = [
        replace(make_article(1), body=SafeHtml("<p>Lead.</p>")),
        replace(make_article(2, image=image), body=SafeHtml("<p>Text.</p>")),
        replace(make_article(3, image=image), body=SafeHtml(f'<p><img src="{shown}"></p>')),
    ]
    made = rendition(articles, digest=replace(make_digest(), content="full"))
    assert (made.html.count(image), made.html.count(shown)) == (1, 1)


def test_a_title_in_another_script_than_the_mail_keeps_its_direction() -> None:
    made = rendition(
        [make_article(1)], digest=make_digest(title="The Port <1>", language="ar"), language="ar"
    )
    (heading,) = LexborHTMLParser(made.html).css("h1")
    assert heading.attributes["dir"] == "auto"
