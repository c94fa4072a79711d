"""An address leads to its page, to where that is now, or nowhere; to nothing else."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.articles.model import CategoryPath, article_key
from digest.feeds.model import JSON, RSS
from digest.urls import article_folder
from digest.web import routing
from digest.web.model import Missing, Page
from tests.conftest import Workplace
from tests.effort import effort
from tests.store.samples import reading
from tests.web.conftest import Site

ARTICLE = article_folder(article_key("1"))


def take(site: Site, path: str, *categories: tuple[str, ...], **values: object) -> None:
    paths = [CategoryPath(names) for names in categories]
    one = reading(f"{path}.md", title=path, categories=paths, **values)  # type: ignore[arg-type]
    site.services.store.articles.record([one], site.services.clock())


async def landed(site: Site, path: str) -> tuple[int, str]:
    """Return the status of an address, and where one is led to."""
    answer = await site.get(path)
    location = answer.headers.get("location", "")
    return answer.status_code, urljoin(f"/{path}", location) if location else ""


async def test_every_feed_has_a_page_at_its_folder(site: Site) -> None:
    take(site, "a", ("Café", "A/B"), ("@authors", "x"), ("@Custom",), authors=("A/B", "..", "é~1"))
    feeds = [
        "feeds/",
        f"feeds/{quote('Café')}/",
        f"feeds/{quote('Café')}/A%252FB/",
        f"feeds/{quote(unicodedata.normalize('NFD', 'Café'))}/",
        "feeds/%2540authors/",
        "feeds/%2540authors/x/",
        "feeds/%2540Custom/",
        "feeds/@authors/A%252FB/",
        "feeds/%40authors/A%252FB/",
        "feeds/@authors/%252E%252E/",
        f"feeds/@authors/{quote('é~1')}/",
    ]
    for path in feeds:
        assert await landed(site, path) == (200, ""), path
        bare = path.rstrip("/")
        assert await landed(site, bare) == (301, f"/{path}"), bare
        assert await landed(site, f"{path}index.html") == (301, f"/{path}"), path


NOWHERE = [
    "nothing",
    "nothing/",
    "feeds//",
    "feeds/nothing/",
    "feeds/金融//市场/",
    "feeds/%2e%2e/",
    "feeds/%2e/",
    "feeds/.hidden/",
    "feeds/@authors/",
    "feeds/@authors/nobody/",
    "feeds/@Authors/nobody/",
    "feeds/@languages/zh/",
    "feeds/@custom/nothing/",
    "feeds/archive.d/",
    "feeds/archive.d/1/",
    "feeds/archive.d/0/atom.xml",
    "feeds/archive.d/01/atom.xml",
    "feeds/archive.d/9/atom.xml",
    "feeds/archive.d/-1/atom.xml",
    "feeds/archive.d/9999999999999999999/atom.xml",
    "feeds/archive.d/1/rss.xml",
    "feeds/archive.d/1/opml.xml",
    "feeds/archive.d/1/atom.xml/",
    "feeds/archive.d/1/index.html",
    "feeds/nothing/archive.d/1/atom.xml",
    "articles/",
    "articles/index.html",
    "articles/aaaaaaaaaaaaaaaa/",
    f"{ARTICLE.upper()}",
    f"{ARTICLE}x/",
    f"{ARTICLE}rss.xml",
    "articles/%00/",
    "articles/%ff/",
    "articles/..%2f..%2fetc/",
    "assets/",
    "assets/nothing.css",
    "assets/style.css/",
    "index.html/",
    "x//etc/passwd",
    "%2e%2e/",
    "..%5c/",
    "feeds/%00/",
    "feeds/%ff%fe/",
    f"feeds/{'a' * 3000}/",
    f"feeds/{'a/' * 500}",
    f"feeds/@authors/{'~' * 300}/",
]


async def test_nothing_is_where_nothing_is(site: Site) -> None:
    for path in NOWHERE:
        assert (await site.get(path)).status_code == 404, path


async def test_articles_and_the_front_page_have_one_address(site: Site) -> None:
    assert await landed(site, "index.html") == (301, "/")
    assert await landed(site, ARTICLE.rstrip("/")) == (301, f"/{ARTICLE}")
    assert await landed(site, f"{ARTICLE}index.html") == (301, f"/{ARTICLE}")
    assert await landed(site, "digests/daily") == (301, "/digests/daily/")
    assert await landed(site, "digests/daily/1/index.html") == (301, "/digests/daily/1/")


async def test_the_stylesheet_of_feeds_leads_on_from_where_it_was(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "STYLESHEET", "feeds/feed.css")
    assert await landed(site, "assets/feed.css") == (301, "/feeds/feed.css")


async def test_a_category_that_holds_nothing_any_more_has_no_page(site: Site) -> None:
    take(site, "a", ("Empty",))
    assert (await site.get("feeds/Empty/")).status_code == 200
    site.services.store.withdrawals.withdraw([article_key("a")], site.services.clock())
    assert (await site.get("feeds/Empty/")).status_code == 404
    assert (await site.get("feeds/Empty")).status_code == 404


async def test_a_category_that_was_renamed_leads_on(site: Site) -> None:
    # 金融/旧 became 金融/市场 in the configuration.
    new = f"/feeds/{quote('金融')}/{quote('市场')}/"
    old = f"feeds/{quote('金融')}/{quote('旧')}"
    feed = site.services.plan.feed(CategoryPath(("金融", "市场")))
    assert feed is not None
    site.services.store.feeds.contents([feed], None, archives=True)
    for path, target in (
        (f"{old}/", new),
        (old, new),
        (f"{old}/index.html", new),
        (f"{old}/archive.d/1/atom.xml", f"{new}archive.d/1/atom.xml"),
    ):
        assert await landed(site, path) == (301, target), path
    for path in (f"{old}/nothing/", f"{old}x/", f"{old}/archive.d/9/atom.xml"):
        assert (await site.get(path)).status_code == 404
    take(site, "back", ("金融", "旧"))
    assert (await site.get(f"{old}/")).status_code == 200


def test_languages_have_pages_where_there_are_two(workplace: Workplace) -> None:
    workplace.configure("\n[feeds]\nlanguages = true\n")
    with workplace.open() as services:
        store, policy = services.store.articles, services.settings.ingest_policy()
        store.record([reading("a.md", language="zh")], services.clock(), policy)
        assert workplace.see(services, "feeds/@languages/zh/").status_code == 404
        store.record([reading("b.md", language="de-AT")], services.clock(), policy)
        german = workplace.see(services, "feeds/@languages/de/")
        assert german.status_code == 200
        before = german.headers["etag"]
        assert "Deutsch" in workplace.see(services, "feeds/").text
        services.store.withdrawals.withdraw([article_key("a")], services.clock())
        again = workplace.see(services, "feeds/@languages/de/", if_none_match=before)
        assert again.status_code == 404


def test_a_feed_of_the_operators_has_a_page_before_its_first_article(workplace: Workplace) -> None:
    workplace.configure('\n[feeds.custom.banks]\ntitle = "银行"\nwords = ["银行"]\n')
    assert "银行" in workplace.look_at("feeds/@custom/banks/").text
    assert workplace.look_at("feeds/@custom/Banks/").status_code == 404


def test_without_archives_there_are_none(workplace: Workplace) -> None:
    workplace.configure("\n[feeds]\nlimit = 1\narchives = false\n")
    with workplace.open() as services:
        for name in "abc":
            services.store.articles.record([reading(f"{name}.md")], services.clock())
        feed = services.plan.feed(None)
        assert feed is not None
        services.store.feeds.contents([feed], None, archives=True)
        assert workplace.see(services, "feeds/archive.d/1/atom.xml").status_code == 404


def test_an_archive_is_there_in_the_formats_of_its_feed_alone(workplace: Workplace) -> None:
    workplace.configure('\n[feeds]\nlimit = 1\nformats = ["rss", "json"]\n')
    with workplace.open() as services:
        for name in "abc":
            services.store.articles.record([reading(f"{name}.md")], services.clock())
        feed = services.plan.feed(None)
        assert feed is not None
        assert feed.formats == (RSS, JSON)
        services.store.feeds.contents([feed], None, archives=True)
        assert workplace.see(services, "feeds/archive.d/1/feed.json").status_code == 200
        assert workplace.see(services, "feeds/archive.d/1/atom.xml").status_code == 404


SEGMENTS = st.one_of(
    st.sampled_from(
        [
            *("..", ".", "", "feeds", "articles", "digests", "daily", "sample", "1", "archive.d"),
            *("atom.xml", "index.html", "%2e", "\\", "\0", "金融", "旧", "@authors", "%40authors"),
            *("@languages", "\ud800", "é", "a" * 300, "~" * 250, ARTICLE.split("/")[1]),
        ]
    ),
    st.text(max_size=6),
)


@settings(
    max_examples=effort(100, soak=300), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(SEGMENTS, max_size=6), st.integers(0, 3))
def test_no_path_is_an_error(site: Site, segments: list[str], depth: int) -> None:
    addresses = site.pages._addresses
    path = "/".join(segments)
    addresses.are_pages(path)
    with site.services.store.pages.snapshot() as source:
        found = addresses.find(source, path, depth)
        if isinstance(found, str):
            assert not found.startswith(("/", "\\"))
            assert ".." not in found.removeprefix("../" * depth)
            assert "//" not in found
        elif isinstance(found, Page):
            assert found.render()
        else:
            assert isinstance(found, Missing)


def test_a_path_of_thousands_of_folders_leads_nowhere(site: Site) -> None:
    addresses = site.pages._addresses
    assert addresses.are_pages("feeds/" + "a/" * 2_000)
    assert not addresses.are_pages("feeds/" + "a/" * 30_000)
