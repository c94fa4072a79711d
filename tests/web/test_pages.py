from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, html

from digest.articles.model import CategoryPath, Credit, Facet, FacetKind, SafeHtml
from digest.editions.model import Digest
from digest.errors import TemplateError
from digest.feeds.catalog import FeedSummary
from digest.feeds.model import RSS, CategorySummary
from digest.subscribers.model import SubscriberState
from digest.web import sample_pages as samples
from digest.web.pages import WebPages
from tests.defaults import default_feed, default_plan
from tests.feeds.samples import NOON, PORTS, SHIPS, SITE, TEA, TRADE, article

TEMPLATES = Path(__file__).parents[2] / "templates"
ROOT = default_feed(site=SITE, category=None)
CATEGORIES = [
    CategorySummary(path=path, articles=count)
    for path, count in ((TRADE, 7), (SHIPS, 5), (PORTS, 3))
]


@pytest.fixture(name="pages", scope="module")
def _pages() -> WebPages:
    return WebPages(templates=TEMPLATES, plan=default_plan(site=SITE))


@pytest.fixture(name="templates")
def _templates(tmp_path: Path) -> Path:
    return shutil.copytree(TEMPLATES, tmp_path / "templates")


def page(document: bytes) -> html.HtmlElement:
    return html.document_fromstring(document.decode())


def alternates(document: html.HtmlElement) -> list[str]:
    return [str(link.get("href")) for link in document.xpath("//link[@rel='alternate']")]


def test_every_template_renders_with_sample_data(pages: WebPages) -> None:
    pages.check()


def test_an_article_page_shows_all_of_it(pages: WebPages) -> None:
    one = article(language="en", updated_at=NOON + timedelta(days=2))
    document = page(pages.article(one))
    assert document.get("lang") == "zh-CN"
    (shown,) = document.xpath("//article")
    assert shown.get("lang") == "en"
    assert shown.findtext("header/h1") == one.title
    assert document.findtext("head/title") == f"{one.title} · {SITE.title}"
    assert document.xpath("//link[@rel='canonical']/@href") == [one.link]
    assert document.xpath("//article/footer//a/@href")[0] == one.link
    assert document.xpath("//article//time/@datetime") == [
        "2024-05-20T12:01:07Z",
        "2024-05-22T12:00:07Z",
    ]
    assert document.xpath("//span[@class='authors']/text()") == ["林舟、Ada Whitfield"]
    assert "/feeds/%E5%95%86%E4%B8%9A/%E8%88%AA%E8%BF%90/" in document.xpath("//article//a/@href")
    assert one.body.encode() in pages.article(one)
    assert len(alternates(document)) == 6  # its category's feeds and the site's


@pytest.mark.parametrize("url", [None, "https://harbour.example/"])
def test_an_article_page_credits_the_source(pages: WebPages, url: str | None) -> None:
    document = page(pages.article(article(credit=Credit(name="Harbour <News>", url=url))))
    (byline,) = document.xpath("//p[@class='byline facts']")
    assert "来自 Harbour <News>" in byline.text_content()
    assert byline.xpath("span[not(@class)]/a/@href") == ([url] if url else [])
    publisher = json.loads(document.findtext("head/script[@type='application/ld+json']"))[
        "publisher"
    ]
    assert (publisher["name"], publisher.get("url")) == ("Harbour <News>", url)


@pytest.mark.parametrize(
    ("name", "told"), [("Harbour <News>", "来自 Harbour <News>"), (TRADE.name, "")]
)
def test_lists_credit_the_source_unless_its_category_is_named_so(
    pages: WebPages, name: str, told: str
) -> None:
    taken = article(categories=(TRADE,), credit=Credit(name=name, url="https://harbour.example/"))
    document = page(pages.index(ROOT, [taken], CATEGORIES))
    (meta,) = document.xpath("//li[contains(@class, 'entry')]//p[@class='meta facts']")
    assert ("来自" in meta.text_content()) is bool(told)
    assert told in meta.text_content()
    assert meta.xpath(".//a/@href")[1:] == (["https://harbour.example/"] if told else [])


def test_an_article_with_as_little_as_possible_has_a_page(pages: WebPages) -> None:
    bare = article(authors=(), categories=(), link=None, image=None, summary="", body=SafeHtml(""))
    document = page(pages.article(bare))
    assert document.xpath("//link[@rel='canonical']/@href") == [
        f"https://ferry.example/articles/{bare.key}/"
    ]
    assert len(alternates(document)) == 3


def test_dates_are_those_of_the_sites_zone(pages: WebPages) -> None:
    late = datetime(2024, 5, 20, 23, 30, tzinfo=UTC)
    document = page(pages.article(article(published_at=late, updated_at=late)))
    assert document.xpath("//time/text()") == ["2024年5月21日"]
    english = WebPages(
        templates=TEMPLATES, plan=default_plan(site=replace(SITE, language="en", timezone="UTC"))
    )
    shown = page(english.article(article(published_at=late, updated_at=late)))
    assert shown.xpath("//time/text()") == ["May 20, 2024"]


def test_the_index_lists_articles_and_the_tree_of_categories(pages: WebPages) -> None:
    articles = [article(number) for number in range(40, 0, -1)]
    document = page(pages.index(ROOT, articles, CATEGORIES))
    assert document.findtext("body/header/h1") == SITE.title
    titles = document.xpath("//ol[@class='entries']//h3/a/text()")
    assert titles == [one.title for one in articles[:30]]
    assert document.xpath("//ol//a[starts-with(@href, '/articles/')]/@href")[0] == (
        f"/articles/{articles[0].key}/"
    )
    tree = document.xpath("//div[@class='tree']")[0]
    assert tree.xpath(".//a[@class='name']/text()") == [path.path.name for path in CATEGORIES]
    assert tree.xpath(".//span[@class='count']/text()") == ["7", "5", "3"]
    assert len(tree.xpath("./ul/li/ul/li/ul/li/div")) == 1
    assert alternates(document) == [
        f"/feeds/{name}" for name in ("rss.xml", "atom.xml", "feed.json")
    ]
    image = document.xpath("//img")[0]
    assert image.get("loading") == "lazy"
    assert image.get("referrerpolicy") == "no-referrer"
    assert document.xpath("//link[@rel='canonical']/@href") == ["https://ferry.example/"]


def test_an_empty_site_has_a_front_page(pages: WebPages) -> None:
    document = page(pages.index(ROOT, [], []))
    assert document.xpath("//p[@class='empty']")
    assert not document.xpath("//aside")


def test_a_feed_page_links_its_feeds_its_parents_and_what_is_below(pages: WebPages) -> None:
    feed = default_feed(site=SITE, category=SHIPS)
    document = page(pages.feed(feed, [article(1)], CATEGORIES[2:]))
    assert document.xpath("//h1/text()") == ["航运"]
    assert document.xpath("//nav[@class='trail']/a/@href") == ["/", "/feeds/%E5%95%86%E4%B8%9A/"]
    (chip,) = document.xpath("//section[@class='chips']//a")
    assert chip.text_content() == "港口 & Docks 3"
    folder = "/feeds/%E5%95%86%E4%B8%9A/%E8%88%AA%E8%BF%90/"
    names = ("rss.xml", "atom.xml", "feed.json")
    assert alternates(document) == [
        f"{place}{name}" for place in (folder, "/feeds/") for name in names
    ]
    assert document.xpath("//ul[@class='formats']//a/@href") == alternates(document)[:3]
    assert document.xpath("//link[@rel='canonical']/@href") == [feed.link()]
    assert page(pages.feed(feed, [], [])).xpath("//p[@class='empty']")


def test_the_sites_feed_page_offers_all_feeds_at_once(pages: WebPages) -> None:
    document = page(pages.feed(ROOT, [article(1)], CATEGORIES))
    assert "/feeds/opml.xml" in document.xpath("//ul[@class='formats']//a/@href")
    assert document.xpath("//h1/text()") == ["全部文章"]


def test_only_formats_that_are_published_are_linked() -> None:
    pages = WebPages(templates=TEMPLATES, plan=default_plan(site=SITE, formats=(RSS,)))
    root = replace(ROOT, formats=(RSS,))
    for document in (
        pages.index(root, [article(1)], CATEGORIES),
        pages.feed(root, [article(1)], CATEGORIES),
        pages.article(article(1)),
    ):
        assert b"atom.xml" not in document
        assert b"feed.json" not in document


def test_authors_are_linked_to_their_feeds_where_they_have_some() -> None:
    pages = WebPages(
        templates=TEMPLATES, plan=default_plan(site=SITE, formats=(RSS,), authors=True)
    )
    document = page(pages.article(article(authors=("林舟", "", "A/B"))))
    assert document.xpath("//span[@class='authors']/a/@href") == [
        "/feeds/%40authors/%E6%9E%97%E8%88%9F/",
        "/feeds/%40authors/A%252FB/",
    ]
    assert alternates(document)[1:] == [
        "/feeds/%40authors/%E6%9E%97%E8%88%9F/rss.xml",
        "/feeds/%40authors/A%252FB/rss.xml",
        "/feeds/rss.xml",
    ]


@pytest.mark.parametrize(
    ("facet", "label", "name"),
    [
        (Facet(FacetKind.AUTHOR, "林舟"), "作者", "林舟"),
        (Facet(FacetKind.LANGUAGE, "en"), "语言", "English"),
        (Facet(FacetKind.CUSTOM, "docks"), "专题", "docks"),
    ],
)
def test_the_feed_of_a_facet_has_a_page(
    pages: WebPages, facet: Facet, label: str, name: str
) -> None:
    feed = default_feed(site=SITE, facet=facet, formats=(RSS,))
    document = page(pages.feed(feed, [article(1)], ()))
    assert document.xpath("//h1/text()") == [name]
    assert document.findtext("head/title") == f"{name} · {SITE.title}"
    assert label in document.xpath("string(//nav[@class='trail'])")
    assert alternates(document)[0] == f"/{quote(feed.folder)}rss.xml"
    assert document.xpath("//ul[@class='formats']//a/@href") == alternates(document)[:1]


def test_the_sites_feed_page_names_languages_and_the_operators_feeds(pages: WebPages) -> None:
    feed = default_feed(site=SITE, facet=Facet(FacetKind.CUSTOM, "docks"), called="港口")
    document = page(pages.feed(ROOT, [], [], [FeedSummary(feed=feed, articles=3)]))
    (chip,) = document.xpath("//section[@class='chips']//a")
    assert (chip.text_content(), chip.get("href")) == ("港口 3", "/feeds/%40custom/docks/")


def test_every_page_tells_readers_of_the_sites_feeds(pages: WebPages) -> None:
    person = samples.sample_subscriber(SubscriberState.ACTIVE)
    for document in (
        pages.article(article()),
        pages.feed(default_feed(site=SITE, category=TEA), [], []),
        pages.index(ROOT, [], []),
        pages.unsubscribe(person, None),
        pages.unsubscribed(person, None),
        pages.not_found(),
    ):
        found = alternates(page(document))
        assert found[-3:] == [f"/feeds/{name}" for name in ("rss.xml", "atom.xml", "feed.json")]
        assert len(found) == len(set(found)), "each once"


def test_a_site_below_a_path_links_below_it() -> None:
    site = replace(SITE, url="https://ferry.example/news")
    pages = WebPages(templates=TEMPLATES, plan=default_plan(site=site))
    document = page(pages.index(default_feed(site=site, category=None), [article(1)], CATEGORIES))
    local = [href for href in document.xpath("//@href") if href.startswith("/")]
    assert local
    assert all(href.startswith("/news/") for href in local)


def test_links_hold_no_host_so_that_any_name_of_the_server_works(pages: WebPages) -> None:
    document = page(pages.index(ROOT, [article(1)], CATEGORIES))
    assert not [link for link in document.xpath("//a/@href") if link.startswith(SITE.url)]


MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"


def test_markup_in_names_is_shown_as_text() -> None:
    site = replace(SITE, title=MARKUP, author=MARKUP)
    pages = WebPages(templates=TEMPLATES, plan=default_plan(site=site))
    hostile = article(
        title=MARKUP,
        authors=(MARKUP,),
        summary=MARKUP,
        categories=(CategoryPath((MARKUP,)),),
        link='https://elsewhere.example/"><script>alert(1)</script>',
        image='https://img.example/"onload=alert(1)',
        language='en" onclick="alert(1)',
    )
    feed = default_feed(site=site, category=CategoryPath((MARKUP,)))
    summary = CategorySummary(path=CategoryPath((MARKUP, MARKUP)), articles=1)
    person = replace(
        samples.sample_subscriber(SubscriberState.ACTIVE),
        address=f"{MARKUP}@x.example",
        digest=MARKUP,
    )
    for document in (
        pages.article(hostile),
        pages.feed(feed, [hostile], [summary]),
        pages.index(
            replace(feed, category=None), [hostile], [replace(summary, path=feed.category or TEA)]
        ),
        pages.unsubscribe(person, None),
        pages.unsubscribed(person, None),
        pages.not_found(),
        pages.gone(),
    ):
        parsed = page(document)
        assert not parsed.xpath("//script[not(@type='application/ld+json')]")
        assert not parsed.xpath("//@onerror | //@onload | //@onclick | //@style")
        assert b"49" not in document
        assert MARKUP in parsed.text_content()


@settings(max_examples=40)
@given(st.text(min_size=1), st.text(), st.text())
def test_whatever_an_article_says_the_page_keeps_its_shape(
    title: str, summary: str, author: str
) -> None:
    pages = WebPages(templates=TEMPLATES, plan=default_plan(site=SITE))
    plain = [element.tag for element in page(pages.article(article())).iter("*")]
    one = article(title=title, summary=summary or "x", authors=(author,))
    assert [element.tag for element in page(pages.article(one)).iter("*")] == plain


def test_pages_run_no_scripts_and_carry_no_styles_of_their_own(pages: WebPages) -> None:
    for document in (pages.article(article()), pages.index(ROOT, [article()], CATEGORIES)):
        parsed = page(document)
        assert not parsed.xpath("//script[not(@type='application/ld+json')] | //style | //@style")
        assert parsed.xpath("//link[@rel='stylesheet']/@href") == ["/assets/style.css"]


def test_the_same_input_gives_the_same_page(pages: WebPages) -> None:
    other = WebPages(templates=TEMPLATES, plan=default_plan(site=SITE))
    articles = [article(number) for number in range(9)]
    assert pages.index(ROOT, articles, CATEGORIES) == other.index(ROOT, articles, CATEGORIES)


def test_assets_are_what_pages_and_feeds_refer_to(pages: WebPages) -> None:
    assert b"rss" in pages.style_sheet()
    assert b"body" in pages.style()


def test_unsubscribing_takes_a_button_and_shows_no_whole_address(pages: WebPages) -> None:
    person = samples.sample_subscriber(SubscriberState.ACTIVE)
    document = pages.unsubscribe(person, None)
    parsed = page(document)
    (form,) = parsed.xpath("//form")
    assert form.get("method") == "post"
    assert form.get("action") is None  # so the token stands nowhere in the page
    assert form.xpath("button/@value") == ["unsubscribe"]
    assert parsed.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert person.address.encode() not in document
    assert b"r\xe2\x80\xa6@example.org" in document
    assert not parsed.xpath("//p[@role='status']")
    assert page(pages.unsubscribe(person, None, again=True)).xpath("//p[@role='status']")


def test_who_left_may_come_back_but_not_an_address_that_bounces(pages: WebPages) -> None:
    gone = page(pages.unsubscribed(samples.sample_subscriber(SubscriberState.UNSUBSCRIBED), None))
    assert gone.xpath("//form/button/@value") == ["resubscribe"]
    bounced = page(pages.unsubscribed(samples.sample_subscriber(SubscriberState.SUPPRESSED), None))
    assert not bounced.xpath("//form")


@pytest.mark.parametrize(
    ("languages", "language", "direction", "heading"),
    [
        (("de",), "de", "ltr", "Sie erhalten keine E-Mail mehr"),
        (("de-AT", "fr"), "de-AT", "ltr", "Sie erhalten keine E-Mail mehr"),
        (("fi", "fr-CA", "en"), "fr-CA", "ltr", "Vous ne recevrez plus de courriel"),
        (("ar-EG",), "ar-EG", "rtl", "لن تصلك رسائل أخرى"),
        (("zh-tw",), "zh-TW", "ltr", "您不會再收到郵件"),
        (("zh-Hant-SG",), "zh-Hant-SG", "ltr", "您不會再收到郵件"),
        (("zh-SG", "en"), "zh-SG", "ltr", "您不会再收到邮件"),
        (("ja",), "ja", "ltr", "今後メールは届きません"),
        (("es-419",), "es-419", "ltr", "No recibirá más correo"),
        (("en-GB", "de"), "en-GB", "ltr", "You get no more mail"),
        (("*", "<b>", "x" * 400, "fi"), "zh-CN", "ltr", "您不会再收到邮件"),  # the site's
        ((), "zh-CN", "ltr", "您不会再收到邮件"),
    ],
)
def test_pages_behind_mails_speak_the_readers_language(
    pages: WebPages, languages: tuple[str, ...], language: str, direction: str, heading: str
) -> None:
    digest = Digest(name="d1", title="Morgen <b>post</b>", language="de")
    parsed = page(pages.not_subscribed(digest, languages))
    assert (parsed.get("lang"), parsed.get("dir")) == (language, direction)
    assert parsed.findtext(".//h1") == heading
    assert parsed.xpath("//p[@class='label']/text()") == ["Morgen <b>post</b>"]


@pytest.mark.parametrize(
    ("language", "word"),
    [("zh-CN", "最新文章"), ("zh-Hant-TW", "最新文章"), ("en-GB", "Latest"), ("xx-YY", "Latest"),
     ("not a tag", "Latest"), ("fr", "À la une"), ("it", "Latest")],
)  # fmt: skip
def test_pages_speak_the_sites_language_else_english(language: str, word: str) -> None:
    site = replace(SITE, language=language)
    pages = WebPages(templates=TEMPLATES, plan=default_plan(site=site))
    document = page(pages.index(default_feed(site=site, category=None), [article()], []))
    assert document.xpath("//h2[@id='latest']/text()") == [word]


def test_a_language_may_be_added_with_gaps(templates: Path) -> None:
    with (templates / "web/words.toml").open("a", encoding="utf-8") as file:
        file.write('\n[it]\nlatest = "Ultimi articoli"\n')
    pages = WebPages(templates=templates, plan=default_plan(site=replace(SITE, language="it-CH")))
    document = page(pages.index(ROOT, [article()], CATEGORIES))
    assert document.xpath("//h2/text()") == ["Ultimi articoli", "Categories"]


def spoil(text: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        lines = file.read_text("utf-8").splitlines()
        lines.insert(3, text)
        file.write_text("\n".join(lines), "utf-8")

    return change


@pytest.mark.parametrize(
    ("name", "change", "line", "problem"),
    [
        ("web/article.html", spoil("{% if %}"), 4, "Expected an expression"),
        ("web/layout.html", spoil("{{ nothing }}"), 4, "'nothing' is undefined"),
        ("web/parts.html", spoil("{{ 1 / 0 }}"), 4, "division by zero"),
        ("web/layout.html", spoil("{{ ''.__class__.__mro__ }}"), 4, "unsafe"),
        ("web/layout.html", spoil("{{ site.nothing }}"), 4, "has no attribute 'nothing'"),
        ("web/unsubscribe.html", Path.unlink, None, "there is no file web/unsubscribe.html"),
        ("feed.css", Path.unlink, None, "No such file"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    templates: Path, name: str, change: Callable[[Path], None], line: int | None, problem: str
) -> None:
    change(templates / name)
    pages = WebPages(templates=templates, plan=default_plan(site=SITE))
    with pytest.raises(TemplateError, match=problem) as caught:
        pages.check()
    assert caught.value.template == name
    assert caught.value.line == line


@pytest.mark.parametrize("text", ["[en\n", "x = 1\n", "en = 3\n", "\udcff"])
def test_broken_words_are_named(templates: Path, text: str) -> None:
    (templates / "web/words.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(TemplateError, match=r"web/words\.toml"):
        WebPages(templates=templates, plan=default_plan(site=SITE))


def test_missing_words_are_named(templates: Path) -> None:
    (templates / "web/words.toml").unlink()
    with pytest.raises(TemplateError, match="No such file"):
        WebPages(templates=templates, plan=default_plan(site=SITE))


def test_the_icon_is_an_image(pages: WebPages) -> None:
    (icon,) = page(pages.not_found()).xpath("//link[@rel='icon']")
    assert icon.get("href").endswith("/favicon.ico")
    assert etree.fromstring(pages.favicon()).tag == "{http://www.w3.org/2000/svg}svg"


def test_what_an_operator_does_not_override_comes_with_the_program(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    words = '[en]\ncategories = "Fields"\n[zh]\nhome = "回家"\n'
    (tmp_path / "web/words.toml").write_text(words, encoding="utf-8")
    (tmp_path / "web/not_found.html").write_text(
        "{{ words.home }} {{ words.back }} {{ words.categories }}", encoding="utf-8"
    )
    pages = WebPages(templates=tmp_path, plan=default_plan(site=SITE), default_templates=TEMPLATES)
    pages.check()
    assert pages.not_found().decode() == "回家 回到首页 栏目"
    english = replace(SITE, language="en")
    pages = WebPages(
        templates=tmp_path, plan=default_plan(site=english), default_templates=TEMPLATES
    )
    assert pages.not_found().decode() == "Home Back to the front page Fields"


def test_a_feeds_page_leads_to_readers_and_names_its_digests() -> None:
    digest = Digest(name="daily", title="每日<摘要>")
    pages = WebPages(templates=TEMPLATES, plan=default_plan(site=SITE), digests=[digest])
    page = pages.feed(default_feed(site=SITE, category=None), [], []).decode()
    assert 'href="https://feedly.com/i/subscription/feed%2Fhttps%3A%2F%2F' in page
    assert '<a href="/digests/daily/">每日&lt;摘要&gt;</a>' in page
    bare = WebPages(templates=TEMPLATES, plan=default_plan(site=SITE), readers={})
    assert "elsewhere" not in bare.feed(default_feed(site=SITE, category=None), [], []).decode()
